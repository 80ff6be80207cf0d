//! S1, S2: no form of a diagnosis shows a secret, for any kind of credential, whatever happened.

use std::fmt::{Debug, Display};
use std::fs;
use std::hash::Hash;
use std::time::Duration;

use adobe_ims::testing::{MockAnswer, MockIms};
use adobe_ims::{Check, CheckState, Diagnosis, Error, ImsClient};
use serde::Serialize;
use serde_json::Value;
use static_assertions::{assert_impl_all, assert_not_impl_any};

// It goes wherever an error goes, and no trait of serde is promised.
assert_impl_all!(Diagnosis: Send, Sync, Clone, Debug, Display, From<Error>);
assert_impl_all!(Check: Send, Sync, Clone, Debug, Display);
assert_impl_all!(CheckState: Send, Sync, Copy, Debug, Display, Eq, Hash);
assert_not_impl_any!(Diagnosis: Serialize);
assert_not_impl_any!(Check: Serialize);

/// Text, JSON, `Debug` plain and pretty, and every accessor: with secrets that are echoed, and with a secret in the place
/// of a path.
#[tokio::test]
async fn no_form_of_a_diagnosis_shows_a_secret() {
    let mock = MockIms::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let token = format!("eyJhbGciOiJub25lIn0.e30.{}", "TOKEN-MARKER".repeat(4));
    for file in [mock.credentials_json(), mock.oauth_credentials_json(), mock.development_token_json()] {
        let path = folder.path().join("credentials.json");
        fs::write(&path, &file).unwrap();
        let secrets = secrets(&file);
        let echo = secrets.last().unwrap().clone();
        let mut shown = shown(&Diagnosis::of_file(&file).await);
        shown += &self::shown(&Diagnosis::of_file(&echo).await);
        for answer in [
            MockAnswer::grant().access_token(&token),
            MockAnswer::refuse("invalid_client", &echo),
            MockAnswer::refuse(&echo, "invalid client_secret parameter"),
            MockAnswer::throttle(Duration::from_secs(1)).body(format!(r#"{{"error":"{echo}"}}"#)),
            MockAnswer::status(400).body(format!(r#"{{"error":"x","access_token":"{token}"}}"#)),
            MockAnswer::status(302).header("location", format!("https://{echo}.example/{echo}")),
            MockAnswer::status(503).header("x-debug-id", &echo),
        ] {
            mock.answer_always(answer);
            let endpoint = mock.endpoint().to_owned();
            let builder = Diagnosis::builder().client(|client| client.danger_endpoint(endpoint));
            shown += &self::shown(&builder.of_file(&path).await);
        }
        for secret in secrets.iter().chain([&token]) {
            for piece in secret.as_bytes().chunks_exact(12) {
                let piece = String::from_utf8_lossy(piece);
                assert!(!shown.contains(&*piece), "{piece} of {secret} in {shown}");
            }
        }
    }
}

/// The same for the password of a proxy.
#[tokio::test]
async fn no_form_of_a_diagnosis_shows_the_password_of_a_proxy() {
    let mock = MockIms::start().await.unwrap();
    let proxy = super::servers::demanding_proxy().replace("http://", "http://user:PROXY-PASSWORD-MARKER@");
    let endpoint = "https://ims.invalid";
    let client = ImsClient::builder(mock.credentials()).danger_endpoint(endpoint).proxy(&proxy).build().unwrap();
    let error = mock.client_builder().proxy(proxy).build().unwrap_err();
    let shown = [shown(&client.diagnose().await), shown(&Diagnosis::from(error))].concat();
    assert!(shown.contains("407") && shown.contains("plain-http"), "{shown}");
    assert!(!shown.contains("PASSWORD-MAR"), "{shown}");
}

fn shown(diagnosis: &Diagnosis) -> String {
    let mut shown = format!("{diagnosis}\n{diagnosis:?}\n{diagnosis:#?}\n{}\n", diagnosis.to_json());
    for check in diagnosis.checks() {
        shown += &format!("{check}\n{check:?}\n{}\n{:?}\n", check.seen(), check.hint());
        shown += &check.error().map(|error| error.report().to_string()).unwrap_or_default();
    }
    shown
}

/// Client secret, lines of the private key, or signature of the token: what a request carries comes last.
fn secrets(file: &str) -> Vec<String> {
    let json: Value = serde_json::from_str(file).unwrap();
    let key = json["integration"]["privateKey"].as_str().unwrap_or_default();
    let key = key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned);
    let client_secrets = [&json["integration"]["technicalAccount"]["clientSecret"], &json["CLIENT_SECRETS"][0]];
    let client_secrets = client_secrets.into_iter().filter_map(Value::as_str).map(str::to_owned);
    let token = json["accessToken"].as_str().map(|token| token.rsplit('.').next().unwrap().to_owned());
    let secrets: Vec<String> = key.chain(client_secrets).chain(token).collect();
    assert!(!secrets.is_empty());
    secrets
}
