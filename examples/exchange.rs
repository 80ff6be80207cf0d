//! The main job: a credentials file in, an access token out.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]
#![allow(clippy::disallowed_methods, reason = "and looks at the clock")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use adobe_ims::testing::MockIms;
use adobe_ims::{Error, ImsClient, ServiceCredentials, Token};

const HELP: &str = "\
Exchanges AEM service credentials for an access token.

    cargo run --example exchange                        against a stand-in for IMS, made on the spot
    cargo run --example exchange -- service_token.json  against Adobe

Options:
    --endpoint URL   connect there instead of the host in the file
    --print-token    print the token, and nothing else, on standard output
    --help           this text";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match Options::read(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(complaint) => {
            eprintln!("{complaint}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&options).await {
        Ok(token) => {
            if options.print_token {
                println!("{}", token.expose_secret());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {}", error.report());
            ExitCode::FAILURE
        }
    }
}

/// The main job, step by step.
async fn run(options: &Options) -> Result<Token, Error> {
    let say = |step: String| if options.print_token { eprintln!("{step}") } else { println!("{step}") };

    // The stand-in must live as long as it is asked.
    let (credentials, stand_in) = match &options.file {
        Some(path) => {
            say(format!("1. reading {}", path.display()));
            (ServiceCredentials::from_file(path)?, None)
        }
        None => {
            say("1. no credentials given: starting a stand-in for IMS, with throw-away credentials".to_owned());
            let stand_in = MockIms::start().await?;
            (stand_in.credentials(), Some(stand_in))
        }
    };
    say(format!("   client id          {}", credentials.client_id()));
    say(format!("   technical account  {}", credentials.technical_account_id()));
    say(format!("   metascopes         {}", credentials.metascopes().collect::<Vec<_>>().join(", ")));
    if let Some(certificate) = credentials.certificate() {
        say(format!("   certificate        {}", described(certificate)));
    }

    let mut builder = ImsClient::builder(credentials);
    let stand_in_address = stand_in.as_ref().map(MockIms::endpoint);
    let asked = match options.endpoint.as_deref().or(stand_in_address) {
        Some(endpoint) => {
            builder = builder.danger_endpoint(endpoint);
            endpoint.to_owned()
        }
        None => "IMS".to_owned(),
    };
    let ims = builder.build()?;

    say(format!("2. signing an assertion and exchanging it at {asked}"));
    let token = ims.exchange().await?;
    say(format!(
        "3. got an access token of {} characters, good for {}",
        token.expose_secret().len(),
        spoken(token.remaining())
    ));
    say("   use it as `Authorization: Bearer …`; `--print-token` prints it".to_owned());
    Ok(token)
}

fn described(certificate: &adobe_ims::Certificate) -> String {
    let left = certificate.remaining(SystemTime::now());
    let fits = if certificate.matches_key() { "" } else { ", and does not belong to the private key" };
    match left.is_zero() {
        true => format!("has ended{fits}"),
        false => format!("ends in {} days{fits}", left.as_secs() / 86_400),
    }
}

fn spoken(duration: Duration) -> String {
    let minutes = duration.as_secs() / 60;
    format!("{} h {} min", minutes / 60, minutes % 60)
}

struct Options {
    file: Option<PathBuf>,
    endpoint: Option<String>,
    print_token: bool,
}

impl Options {
    /// `None` where help was asked for.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self { file: None, endpoint: None, print_token: false };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--print-token" => options.print_token = true,
                "--endpoint" => options.endpoint = Some(arguments.next().ok_or("--endpoint wants a URL")?),
                unknown if unknown.starts_with('-') => return Err(format!("unknown option {unknown}")),
                path if options.file.is_none() => options.file = Some(path.into()),
                _ => return Err("more than one file given".to_owned()),
            }
        }
        Ok(Some(options))
    }
}
