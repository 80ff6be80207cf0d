//! The mock of IMS as a program: for curl, and for clients in other languages.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

use std::future::pending;
use std::path::PathBuf;
use std::process::ExitCode;

use adobe_ims::testing::{MockIms, MockImsBuilder};

const HELP: &str = "\
Runs a strict mock of Adobe IMS on this machine until it is stopped.

    cargo run --example stand_in -- --port 8089 --credentials service_token.json --oauth oauth.json

or, to install it as a program:

    cargo install adobe-ims --example stand_in --features testing

It listens only on 127.0.0.1, so other machines and containers cannot reach it. What it writes is
disposable and valid only until it stops.

Options:
    --port N                  listen on port N; without it, on a free port
    --credentials FILE        write the service credentials of AEM's Developer Console
    --development-token FILE  write a local development token of AEM's Developer Console
    --oauth FILE              write the OAuth Server-to-Server credential of Adobe Developer Console
    --project FILE            write the download of a project with that credential
    --accept-own-address      also accept `aud` and scope claims built from the mock's own address,
                              as Adobe's clients sign them when they are pointed at it
    --help                    print this text

Get a token with this crate:

    cargo run --example exchange -- service_token.json --endpoint http://127.0.0.1:8089

with Adobe's clients for Node.js, a JWT exchange (npm install @adobe/jwt-auth, and run the mock with
--accept-own-address):

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

and client credentials (npm install @adobe/aio-lib-ims):

    const { Ims } = require('@adobe/aio-lib-ims');
    const file = require('./oauth.json');
    const ims = new Ims();
    ims.endpoint = 'http://127.0.0.1:8089';
    ims.getAccessTokenByClientCredentials(
      file.CLIENT_ID, file.CLIENT_SECRETS[0], file.ORG_ID, file.SCOPES,
    ).then(console.log);

or with curl, to see what a refusal looks like:

    curl -i http://127.0.0.1:8089/ims/token/v3 -d grant_type=client_credentials -d client_id=nobody";

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
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if let Some(cause) = error.source() {
                eprintln!("  caused by: {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let Options { builder, files } = options;
    let mock = builder.start().await?;
    for (path, content) in files {
        std::fs::write(&path, content(&mock)).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        println!("wrote {}", path.display());
    }
    println!("listening on {}", mock.endpoint());
    pending().await
}

struct Options {
    builder: MockImsBuilder,
    files: Vec<(PathBuf, Content)>,
}

type Content = fn(&MockIms) -> String;

impl Options {
    /// `None` where help was asked for.
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self { builder: MockIms::builder(), files: Vec::new() };
        while let Some(argument) = arguments.next() {
            let content: Content = match argument.as_str() {
                "--help" | "-h" => return Ok(None),
                "--accept-own-address" => {
                    options.builder = options.builder.accept_own_address(true);
                    continue;
                }
                "--port" => {
                    let port = arguments.next().and_then(|port| port.parse().ok());
                    options.builder = options.builder.port(port.ok_or("--port needs a number from 0 to 65535")?);
                    continue;
                }
                "--credentials" => MockIms::credentials_json,
                "--development-token" => MockIms::development_token_json,
                "--oauth" => MockIms::oauth_credentials_json,
                "--project" => MockIms::project_json,
                unknown => return Err(format!("unknown option {unknown}")),
            };
            let path = arguments.next().ok_or(format!("{argument} needs a file"))?;
            options.files.push((path.into(), content));
        }
        Ok(Some(options))
    }
}
