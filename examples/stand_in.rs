//! The stand-in for IMS as a program: for curl, and for clients in other languages.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

use std::future::pending;
use std::path::PathBuf;
use std::process::ExitCode;

use adobe_ims::testing::{MockIms, MockImsBuilder};

const HELP: &str = "\
Runs a strict stand-in for Adobe IMS on this machine until it is stopped.

    cargo run --example stand_in -- --port 8089 --credentials service_token.json

Options:
    --port N              listen on 127.0.0.1, port N; without it, on a free port
    --credentials FILE    write the credentials file that fits: throw-away, good for this run alone
    --accept-own-address  also accept `aud` and scope claims built from the stand-in's own address,
                          as Adobe's clients sign them when they are pointed at it
    --help                this text

Ask it with this crate:

    cargo run --example exchange -- service_token.json --endpoint http://127.0.0.1:8089

with Adobe's client for Node.js (npm install @adobe/jwt-auth, and --accept-own-address here):

    const auth = require('@adobe/jwt-auth');
    const { integration } = require('./service_token.json');
    auth({
      clientId: integration.technicalAccount.clientId,
      clientSecret: integration.technicalAccount.clientSecret,
      technicalAccountId: integration.id,
      orgId: integration.org,
      metaScopes: integration.metascopes.split(','),
      privateKey: integration.privateKey,
      ims: 'http://127.0.0.1:8089',
    }).then(console.log);

or with curl, to see what a refusal looks like:

    curl -i http://127.0.0.1:8089/ims/exchange/jwt -d client_id=nobody -d client_secret=x -d jwt_token=x";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let (builder, credentials) = match options(std::env::args().skip(1)) {
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
    match run(builder, credentials).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(cause) = error.source() {
                eprintln!("  because: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(builder: MockImsBuilder, credentials: Option<PathBuf>) -> Result<(), Box<dyn std::error::Error>> {
    let stand_in = builder.start().await?;
    if let Some(path) = credentials {
        std::fs::write(&path, stand_in.credentials_json())?;
        println!("credentials in {}", path.display());
    }
    println!("listening on {}", stand_in.endpoint());
    pending().await
}

/// `None` where help was asked for.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<(MockImsBuilder, Option<PathBuf>)>, String> {
    let mut builder = MockIms::builder();
    let mut credentials = None;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(None),
            "--port" => {
                let port = arguments.next().and_then(|port| port.parse().ok());
                builder = builder.port(port.ok_or("--port wants a number from 0 to 65535")?);
            }
            "--credentials" => credentials = Some(arguments.next().ok_or("--credentials wants a file")?.into()),
            "--accept-own-address" => builder = builder.accept_own_address(true),
            unknown => return Err(format!("unknown option {unknown}")),
        }
    }
    Ok(Some((builder, credentials)))
}
