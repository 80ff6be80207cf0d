//! The program `adobe-ims`: gets tokens for the shell, and diagnoses why there is none.
#![forbid(unsafe_code)]

mod arguments;
mod output;

use std::fmt;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use adobe_ims::{CheckState, Diagnosis, Error, ImsClient, TokenClaims};

use self::arguments::{Command, HELP, Options};
use self::output::{ClaimsJson, TokenJson, print, print_json};

fn main() -> ExitCode {
    let outcome = Command::parse(lexopt::Parser::from_env()).and_then(run);
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            // If standard error is closed, the message is lost.
            let _ = writeln!(io::stderr(), "adobe-ims: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Why the exit status is not 0.
enum Failure {
    /// Wrong arguments. Only short words are repeated: another argument may be a secret.
    Usage(String),
    Ims(Error),
    Claims(&'static str),
    Io(io::Error),
}

fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Help => print(HELP).map(|()| 0),
        Command::Version => print(concat!("adobe-ims ", env!("CARGO_PKG_VERSION"))).map(|()| 0),
        Command::Token(options) => token(options).map(|()| 0),
        Command::Doctor(options) => doctor(options),
        Command::Which(options) => which(options),
        Command::Claims(options) => claims(&options).map(|()| 0),
    }
}

fn token(options: Options) -> Result<(), Failure> {
    let credentials = options.credentials()?;
    let mut builder = ImsClient::builder(credentials);
    if let Some(endpoint) = options.endpoint {
        builder = builder.danger_endpoint(endpoint);
    }
    let client = builder.build()?;
    let token = block_on(client.exchange())??;
    if options.is_header {
        return print(format_args!("Authorization: {} {}", token.token_type(), token.expose_secret()));
    }
    if options.is_json {
        return print_json(&TokenJson::of(&token));
    }
    print(token.expose_secret())
}

fn doctor(options: Options) -> Result<u8, Failure> {
    let is_json = options.is_json;
    let diagnosis = diagnosis(options, false)?;
    match is_json {
        true => print(diagnosis.to_json())?,
        false => print(&diagnosis)?,
    }
    Ok(diagnosis.exit_code())
}

fn which(options: Options) -> Result<u8, Failure> {
    let is_json = options.is_json;
    let diagnosis = diagnosis(options, true)?;
    if is_json {
        print(diagnosis.to_json())?;
        return Ok(diagnosis.exit_code());
    }
    for check in diagnosis.checks().filter(|check| check.state() != CheckState::Skipped) {
        print(check)?;
    }
    Ok(diagnosis.exit_code())
}

/// Prints the claims of a token on standard input, which may be a whole header.
fn claims(options: &Options) -> Result<(), Failure> {
    let mut text = String::new();
    io::stdin().take(MAX_TOKEN).read_to_string(&mut text)?;
    // The last word: skips `Authorization: Bearer`. A token has no spaces.
    let token = text.split_whitespace().next_back().unwrap_or_default();
    let claims =
        TokenClaims::decode(token).ok_or(Failure::Claims("what is on standard input is not an access token"))?;
    writeln!(io::stderr(), "not verified: anybody can write such claims")?;
    let claims = ClaimsJson::of(&claims);
    match options.is_json {
        true => print_json(&claims),
        false => print(&claims),
    }
}

fn diagnosis(options: Options, is_offline: bool) -> Result<Diagnosis, Failure> {
    let mut builder = Diagnosis::builder().reader(options.reader());
    if is_offline {
        builder = builder.offline();
    }
    if let Some(endpoint) = options.endpoint {
        builder = builder.client(|client| client.danger_endpoint(endpoint));
    }
    block_on(async {
        match &options.file {
            Some(path) => builder.of_file(path).await,
            None => builder.of_env().await,
        }
    })
}

/// Runs the one call that the program makes.
fn block_on<T>(call: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(call);
    // Does not wait for the thread of a DNS lookup that hangs.
    runtime.shutdown_background();
    Ok(done)
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Ims(_) | Self::Claims(_) | Self::Io(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(problem) => write!(f, "{problem}; see adobe-ims --help"),
            Self::Ims(error) => write!(f, "{}", error.report()),
            Self::Claims(problem) => f.write_str(problem),
            Self::Io(error) => write!(f, "{error}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ims(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// About ten times the longest token of IMS.
const MAX_TOKEN: u64 = 64 * 1024;
