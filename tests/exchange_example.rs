//! The example `exchange`, which is there to be tried with one's own file.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[allow(dead_code, reason = "its `main` is for the terminal")]
#[path = "../examples/exchange.rs"]
mod example;

use std::fs;
use std::path::Path;
use std::time::Duration;

use adobe_ims::ErrorKind;
use adobe_ims::testing::MockIms;

fn options<'a>(arguments: impl IntoIterator<Item = &'a str>) -> example::Options {
    example::Options::parse(arguments.into_iter().map(str::to_owned))
}

fn written(folder: &Path, json: String) -> String {
    let path = folder.join("credentials.json");
    fs::write(&path, json).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Every kind of file gets a token; only the development token asks nobody.
#[tokio::test]
async fn the_example_takes_every_kind_of_file() {
    let (mock, folder) = (MockIms::start().await.unwrap(), tempfile::tempdir().unwrap());
    let files = [
        ("service credentials", mock.credentials_json(), 1),
        ("OAuth Server-to-Server", mock.oauth_credentials_json(), 1),
        ("project", mock.project_json(), 1),
        ("aio JWT context", mock.aio_jwt_context_json(), 1),
        ("aio OAuth context", mock.aio_oauth_context_json(), 1),
        ("development token", mock.development_token_json(), 0),
    ];
    for (kind, json, requests) in files {
        let before = mock.request_count();
        let file = written(folder.path(), json);
        let token = example::exchange(&options([file.as_str(), "--endpoint", mock.endpoint()])).await;
        let token = token.unwrap_or_else(|error| panic!("{kind}: {}", error.report()));
        assert!(token.remaining() > Duration::from_secs(3600), "{kind}");
        assert_eq!(mock.request_count() - before, requests, "{kind}");
    }
}

/// Of several credentials in a file, the selected one is used.
#[tokio::test]
async fn the_example_takes_the_selected_credential() {
    let (mock, folder) = (MockIms::start().await.unwrap(), tempfile::tempdir().unwrap());
    let project = mock.project_json().replace("\"Key\"", "\"Other\"");
    let file = written(folder.path(), project);
    let selected = options(["--select", "S2S credential", "--endpoint", mock.endpoint(), &file]);
    assert!(example::exchange(&selected).await.is_ok());
    let selected = options([file.as_str(), "--select", "Nothing", "--endpoint", mock.endpoint()]);
    assert_eq!(example::exchange(&selected).await.unwrap_err().kind(), ErrorKind::Credentials);
    assert_eq!(mock.request_count(), 1);
}

/// Without a file it asks a mock of its own; an endpoint without a URL asks nobody.
#[tokio::test]
async fn the_example_needs_no_file_and_never_asks_adobe_by_mistake() {
    assert!(example::exchange(&options([])).await.is_ok());
    let (mock, folder) = (MockIms::start().await.unwrap(), tempfile::tempdir().unwrap());
    let file = written(folder.path(), mock.credentials_json());
    let error = example::exchange(&options([file.as_str(), "--endpoint"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
