//! Exchanges a credentials file for an access token.
//!
//! ```text
//! cargo run --example exchange                          # asks a mock IMS with disposable credentials
//! cargo run --example exchange -- service_token.json    # asks Adobe
//! ```
//!
//! The file may be of any kind: service credentials, OAuth Server-to-Server, a development token, a
//! project of the Developer Console, a context of `aio`. `--select NAME` chooses one of several
//! credentials in it. `--print-token` prints the token and nothing else; `--endpoint URL` connects there
//! instead of the host in the file.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

use std::process::ExitCode;

use adobe_ims::testing::MockIms;
use adobe_ims::{Credentials, Error, ImsClient, Token};

#[derive(Default)]
pub(crate) struct Options {
    pub(crate) file: Option<String>,
    pub(crate) select: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) print_token: bool,
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--print-token" => options.print_token = true,
                "--select" => options.select = arguments.next(),
                // Without a URL the empty one, which is refused: the file's host must not be asked by mistake.
                "--endpoint" => options.endpoint = Some(arguments.next().unwrap_or_default()),
                _ => options.file = Some(argument),
            }
        }
        options
    }
}

pub(crate) async fn exchange(options: &Options) -> Result<Token, Error> {
    let Some(file) = &options.file else {
        let mock = MockIms::start().await?;
        let endpoint = options.endpoint.as_deref().unwrap_or_else(|| mock.endpoint());
        return ImsClient::builder(mock.credentials()).danger_endpoint(endpoint).build()?.exchange().await;
    };
    let mut reader = Credentials::reader();
    if let Some(name) = &options.select {
        reader = reader.select(name);
    }
    let mut builder = ImsClient::builder(reader.from_file(file)?);
    if let Some(endpoint) = &options.endpoint {
        builder = builder.danger_endpoint(endpoint);
    }
    builder.build()?.exchange().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse(std::env::args().skip(1));
    match exchange(&options).await {
        Ok(token) if options.print_token => println!("{}", token.expose_secret()),
        Ok(token) => println!("got an access token, valid for {} minutes", token.remaining().as_secs() / 60),
        Err(error) => {
            eprintln!("error: {}", error.report());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
