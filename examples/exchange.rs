//! Exchanges a credentials file for an access token.
//!
//! ```text
//! cargo run --example exchange                          # asks a mock IMS with disposable credentials
//! cargo run --example exchange -- service_token.json    # asks Adobe
//! ```
//!
//! `--print-token` prints the token and nothing else; `--endpoint URL` connects there instead of
//! the host in the file.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

use std::process::ExitCode;

use adobe_ims::testing::MockIms;
use adobe_ims::{Error, ImsClient, ServiceCredentials, Token};

async fn exchange(file: Option<String>, endpoint: Option<String>) -> Result<Token, Error> {
    let Some(file) = file else {
        let mock = MockIms::start().await?;
        let endpoint = endpoint.unwrap_or_else(|| mock.endpoint().to_owned());
        return ImsClient::builder(mock.credentials()).danger_endpoint(endpoint).build()?.exchange().await;
    };
    let mut builder = ImsClient::builder(ServiceCredentials::from_file(file)?);
    if let Some(endpoint) = endpoint {
        builder = builder.danger_endpoint(endpoint);
    }
    builder.build()?.exchange().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (mut file, mut endpoint, mut print_token) = (None, None, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--print-token" => print_token = true,
            // Without a URL the empty one, which is refused: the file's host must not be asked by mistake.
            "--endpoint" => endpoint = Some(arguments.next().unwrap_or_default()),
            _ => file = Some(argument),
        }
    }
    match exchange(file, endpoint).await {
        Ok(token) if print_token => println!("{}", token.expose_secret()),
        Ok(token) => println!("got an access token, valid for {} minutes", token.remaining().as_secs() / 60),
        Err(error) => {
            eprintln!("error: {}", error.report());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
