//! Everything that may stand between credentials and a token: the whole report of each.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod credentials;
mod network;
mod response;
mod secrets;
mod servers;

use std::time::{Duration, SystemTime};

use adobe_ims::testing::{ManualClock, MockIms};
use adobe_ims::{CheckState, Diagnosis, ImsClient, OAuthCredentials};

/// Half past a second, as the `Date` header is understood.
fn clock() -> ManualClock {
    ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_500))
}

async fn mock(clock: &ManualClock) -> MockIms {
    MockIms::builder().clock(clock.clone()).start().await.unwrap()
}

fn jwt(mock: &MockIms, clock: &ManualClock) -> ImsClient {
    mock.client_builder().clock(clock.clone()).build().unwrap()
}

fn oauth(mock: &MockIms, clock: &ManualClock) -> ImsClient {
    let credentials = OAuthCredentials::from_json(mock.oauth_credentials_json()).unwrap();
    ImsClient::builder(credentials).danger_endpoint(mock.endpoint()).clock(clock.clone()).build().unwrap()
}

/// The whole text, in which `IMS:PORT` stands for the address of the mock and `DEBUG-ID` for an id; and JSON says the same.
#[track_caller]
fn assert_report(diagnosis: &Diagnosis, parts: &[&str]) {
    let text = diagnosis.to_string();
    let lines = text.lines().map(|line| match line.split_once("Adobe's support: ") {
        Some((label, _)) => format!("{label}Adobe's support: DEBUG-ID"),
        None => without_port(line),
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    assert_eq!(text, parts.concat().trim_end(), "\n{text}");
    assert_same_in_json(diagnosis);
}

fn without_port(line: &str) -> String {
    match line.split_once("127.0.0.1:") {
        Some((before, after)) => format!("{before}IMS:PORT{}", after.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => line.to_owned(),
    }
}

#[track_caller]
fn assert_same_in_json(diagnosis: &Diagnosis) {
    let json: serde_json::Value = serde_json::from_str(&diagnosis.to_json()).unwrap();
    assert_eq!(json["state"], diagnosis.state().to_string());
    assert_eq!(json["exit_code"], diagnosis.exit_code());
    assert_eq!(diagnosis.exit_code() == 1, diagnosis.state() == CheckState::Failed);
    let checks = json["checks"].as_array().unwrap();
    let ids: Vec<_> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert_eq!(ids, IDS);
    for (json, check) in checks.iter().zip(diagnosis.checks()) {
        assert_eq!(json["id"], check.id());
        assert_eq!(json["state"], check.state().to_string());
        assert_eq!(json["seen"], check.seen());
        assert_eq!(json["hint"].as_str(), check.hint());
        let error = check.error();
        assert_eq!(json["error"]["kind"].as_str(), error.map(|error| error.kind().to_string()).as_deref());
        assert_eq!(json["error"]["transient"].as_bool(), error.map(|error| error.is_transient()));
        assert_eq!(json["error"]["debug_id"].as_str(), error.and_then(|error| error.debug_id()));
        let status = error.and_then(|error| error.status()).map(|status| u64::from(status.as_u16()));
        assert_eq!(json["error"]["status"].as_u64(), status);
        let wait = error.and_then(|error| error.retry_after()).map(|wait| wait.as_secs());
        assert_eq!(json["error"]["retry_after_seconds"].as_u64(), wait);
    }
}

const IDS: [&str; 10] =
    ["source", "kind", "fields", "key", "certificate", "settings", "clock", "connection", "response", "claims"];

/// How the report of the mock's technical account begins.
const JWT: &str = "\
ok       source       given by the application
ok       kind         JWT credentials
ok       fields       client id cm-p11111-e22222-integration, organization
                      1111222233334444AAAA5555@AdobeOrg, technical account
                      AAAABBBBCCCCDDDD0A49AAAA@techacct.adobe.com, IMS host ims-na1.adobelogin.com,
                      metascopes ent_aem_cloud_api
ok       key          RSA, 2048 bits
";
const CERTIFICATE: &str = "\
ok       certificate  belongs to the private key, expires on Tue, 21 Sep 2027 14:13:20 GMT
";
const OAUTH_KIND: &str = "\
ok       source       given by the application
ok       kind         OAuth Server-to-Server credentials
";
const NO_KEY: &str = "\
skipped  key          these credentials have none
skipped  certificate  these credentials have none, or none that can be read
";
const SETTINGS: &str = "\
ok       settings     connects to IMS:PORT in place of ims-na1.adobelogin.com
";
const CLOCK: &str = "\
ok       clock        within 30 s of IMS
";
const NO_CLOCK: &str = "\
skipped  clock        no response of IMS to compare it with
";
const CONNECTION: &str = "\
ok       connection   IMS:PORT responded
";
const RESPONSE: &str = "\
ok       response     IMS issued a token for 24 h
";
const CLAIMS: &str = "\
ok       claims       as requested, client id cm-p11111-e22222-integration, issued by ims-na1,
                      scopes ent_aem_cloud_api
";
const RESPONSE_FAILED: &str = "\
skipped  claims       response failed
result: failed
";
const CONNECTION_FAILED: &str = "\
skipped  response     connection failed
skipped  claims       connection failed
result: failed
";
