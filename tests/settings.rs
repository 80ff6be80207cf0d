//! What the client's settings do, and which are refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::time::Duration;

use adobe_ims::testing::{ManualClock, MockAnswer, MockIms};
use adobe_ims::{Clock, Error, ErrorKind, ImsClient, ImsClientBuilder};
use support::child;
use support::material::{
    CLIENT_ID, CLIENT_SECRET, CredentialsFile, IMS_HOST, METASCOPE, ORG_ID, RSA_2048_PKCS1, TECHNICAL_ACCOUNT_ID,
    printed,
};
use support::raw::{RawServer, Step};
use support::raw_exchange::good;

/// T22: an assertion is valid for as long as the setting says.
#[tokio::test]
async fn an_assertion_is_valid_for_as_long_as_set() {
    let (mock, clock) = (MockIms::start().await.unwrap(), ManualClock::new());
    for lifetime in [1, 60, 86_400] {
        let lifetime = Duration::from_secs(lifetime);
        let ims = with(&mock).clock(clock.clone()).assertion_lifetime(lifetime).build().unwrap();
        ims.exchange().await.unwrap();
        let expires_at = mock.requests().last().unwrap().expires_at().unwrap();
        let left = expires_at.duration_since(clock.now()).unwrap();
        assert!(lifetime - left < Duration::from_secs(1), "{left:?} of {lifetime:?}");
    }
}

/// `build` refuses a setting that cannot work by its name, with a hint.
#[test]
fn an_impossible_setting_is_refused_by_its_name() {
    let day = Duration::from_secs(86_400);
    let cases: [(&str, ImsClientBuilder); 13] = [
        ("connect_timeout", builder().connect_timeout(Duration::ZERO)),
        ("attempt_timeout", builder().attempt_timeout(Duration::ZERO)),
        ("timeout", builder().timeout(Duration::ZERO)),
        ("max_attempts", builder().max_attempts(0)),
        ("refresh_before", builder().refresh_before(Duration::from_secs(59))),
        ("assertion_lifetime", builder().assertion_lifetime(Duration::from_millis(999))),
        ("assertion_lifetime", builder().assertion_lifetime(day + Duration::from_secs(1))),
        ("user_agent", builder().user_agent("a\nb")),
        ("proxy", builder().proxy("http://proxy.example").no_proxy()),
        ("proxy", builder().proxy("socks5://proxy.example")),
        ("proxy", builder().proxy("proxy.example:8080")),
        ("root_certificate", builder().root_certificate("x")),
        ("root_certificate", builder().root_certificate(vec![b' '; 1024 * 1024 + 1])),
    ];
    for (name, builder) in cases {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{name}");
        assert!(error.to_string().starts_with(&format!("setting {name} cannot be used: ")), "{error}");
        assert!(error.hint().is_some() && !error.is_transient(), "{error:?}");
    }
}

/// N3: `build` refuses plain http to another machine, before any packet.
#[test]
fn plain_http_is_refused_for_every_host_but_loopback() {
    for endpoint in [
        "http://ims-na1.adobelogin.com",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://128.0.0.1",
        "http://169.254.169.254",
        "http://[::]",
        "http://[2001:db8::1]",
        "http://[::ffff:10.0.0.1]",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://127.0.0.1@ims.example",
    ] {
        let error = builder().danger_endpoint(endpoint).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{endpoint}");
    }
}

/// N3: a mock on this machine may speak plain http.
#[test]
fn plain_http_is_accepted_for_loopback() {
    for endpoint in ["http://127.0.0.1:1", "http://127.8.9.10:1", "http://[::1]:1", "http://localhost:1"] {
        assert!(builder().danger_endpoint(endpoint).build().is_ok(), "{endpoint}");
    }
}

/// N3: `build` refuses an endpoint that is not an http address, and says what is wrong with it.
#[test]
fn an_endpoint_that_is_not_an_http_address_is_refused() {
    let no_scheme = "it lacks `https://` or `http://` in front";
    for (endpoint, problem) in [
        ("", no_scheme),
        ("127.0.0.1", no_scheme),
        ("localhost:8089", no_scheme),
        ("http://", "it is not a URL"),
        ("ftp://127.0.0.1", "its scheme is neither https nor http"),
        ("file:///etc/hosts", "it has no host"),
        ("https://ims.example/?a=b", "it holds a query or a fragment"),
        ("https://user@ims.example", "it holds a user or a password"),
        ("http://ims.example", "plain http is only allowed for loopback: 127.0.0.0/8, [::1], localhost"),
    ] {
        let error = builder().danger_endpoint(endpoint).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{endpoint:?}");
        assert_eq!(error.to_string(), format!("endpoint cannot be used: {problem}"), "{endpoint:?}");
    }
}

/// S17: whatever slips into a setting, neither an error nor a report nor `Debug` repeats it: the text of the credentials file,
/// the key, the secret itself, or a path with line breaks and escape sequences.
#[test]
fn no_setting_is_repeated_in_an_error_or_in_debug() {
    let json = CredentialsFile::new().to_json();
    let path = "/run/secrets/\u{1b}[31mims\r\n/service_token_MARKER.json";
    let assertion = include_str!("fixtures/assertion.golden.jwt").trim_end();
    for slip in [json.as_str(), RSA_2048_PKCS1, CLIENT_SECRET, path, assertion] {
        let in_url = |scheme: &str| format!("{scheme}://ims.example/{slip}");
        let mut builders = vec![
            builder().danger_endpoint(slip),
            builder().danger_endpoint(in_url("http")),
            builder().proxy(slip),
            builder().proxy(in_url("socks5")),
            builder().proxy(format!("http://user:{slip}@proxy.example:3128")),
            builder().user_agent(slip),
            builder().root_certificate(slip),
        ];
        if slip != path {
            // The path of a URL is shown if it is not a credential.
            builders.push(builder().danger_endpoint(in_url("https")));
            builders.push(builder().danger_endpoint(format!("https://{slip}@ims.example")));
        }
        for (at, builder) in builders.into_iter().enumerate() {
            let mut shown = format!("{builder:?}{builder:#?}");
            match builder.build() {
                Ok(client) => shown += &format!("{client:?}{client:#?}"),
                Err(error) => shown += &format!("{}{}", printed(&error), error.report()),
            }
            // What the settings themselves show.
            let shown = shown.replace(CLIENT_ID, "").replace(ORG_ID, "").replace("-----BEGIN CERTIFICATE-----", "");
            let shown = shown.replace(METASCOPE, "").replace(IMS_HOST, "").replace(TECHNICAL_ACCOUNT_ID, "");
            let piece = slip.as_bytes().windows(PIECE).find_map(|piece| {
                let piece = str::from_utf8(piece).unwrap();
                shown.contains(piece).then_some(piece)
            });
            assert_eq!(piece, None, "setting {at} to {slip:?}: {shown}");
            assert!(!shown.contains('\u{1b}'), "setting {at}: {shown}");
        }
    }
}

/// So many characters of a secret are too many.
const PIECE: usize = 12;

/// The whole URL of a token endpoint works, as other OAuth libraries expect it.
#[tokio::test]
async fn the_url_of_a_token_endpoint_is_accepted_as_an_endpoint() {
    let mock = MockIms::start().await.unwrap();
    for path in ["/ims/exchange/jwt", "/ims/exchange/jwt/", "/ims/exchange/v1/jwt", "/ims/token/v3"] {
        let ims = with(&mock).danger_endpoint(format!("{}{path}", mock.endpoint())).build().unwrap();
        ims.exchange().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
    }
    assert_eq!(mock.request_count(), 4);
}

/// N18: a proxy would see the secret of a plain-http endpoint, so the two together are refused.
#[test]
fn a_plain_http_endpoint_is_never_given_a_proxy() {
    let error = builder().danger_endpoint("http://127.0.0.1:1").proxy("http://127.0.0.1:2").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

/// S15: `from_env` reads the environment, and the HTTP client its proxies; nothing else does. Credentials from elsewhere
/// are not mixed with variables.
#[tokio::test]
async fn credentials_from_a_file_ignore_the_environment() {
    if let Some(endpoint) = child::argument("ENDPOINT") {
        builder().danger_endpoint(endpoint).build().unwrap().exchange().await.unwrap();
        return;
    }
    let server = RawServer::start([good()]);
    let environment = [
        ("ADOBE_IMS_CREDENTIALS", "nonsense"),
        ("AIO_COMMERCE_AUTH_IMS_CLIENT_ID", "other"),
        ("IMS_CLIENTID", "other"),
        ("IMS_CLIENTSECRET", "other"),
        ("OAUTH_CLIENT_ID", "other"),
        ("OAUTH_CLIENT_SECRET", "other"),
        ("IMS_ENVIRONMENT", "stage"),
    ];
    let arguments = [("ENDPOINT", server.endpoint())];
    let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));

    child::run("credentials_from_a_file_ignore_the_environment", &arguments, &environment).await;

    let [request] = server.requests().try_into().unwrap();
    let form = request.form();
    assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), (CLIENT_ID, CLIENT_SECRET));
}

/// N4: a server that accepts the connection and never completes the TLS handshake: `connect_timeout` ends it, and the
/// message names it as it was set.
#[tokio::test]
async fn a_silent_handshake_ends_at_the_connect_timeout() {
    let server = RawServer::start([vec![Step::Hold]]);
    let ims = builder()
        .danger_endpoint(server.endpoint().replace("http", "https"))
        .connect_timeout(Duration::from_millis(200))
        .max_attempts(1)
        .build()
        .unwrap();
    let error: Error = tokio::time::timeout(Duration::from_secs(8), ims.exchange()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_transient());
    let expected = format!("connecting to 127.0.0.1:{} timed out after 200 ms", server.port());
    assert_eq!(error.to_string(), expected);
}

/// R8: an exchange can be spawned.
#[tokio::test]
async fn an_exchange_runs_in_a_task_of_its_own() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client().unwrap();
    assert!(tokio::spawn(async move { ims.exchange().await }).await.unwrap().is_ok());
}

/// R7: one thread is enough for client and mock.
#[tokio::test(flavor = "current_thread")]
async fn an_exchange_works_on_a_runtime_of_one_thread() {
    let mock = MockIms::start().await.unwrap();
    assert!(mock.client().unwrap().exchange().await.is_ok());
}

/// R5: building needs no runtime.
#[test]
fn a_client_is_built_without_a_runtime() {
    builder().danger_endpoint("http://127.0.0.1:1").build().unwrap();
}

/// R5, P8: a call without a runtime is an error, not a panic.
#[test]
fn a_call_without_a_runtime_says_what_it_needs() {
    let ims = builder().danger_endpoint("http://127.0.0.1:1").build().unwrap();
    let hint = "call it from within a tokio runtime made with `enable_all`, such as `#[tokio::main]`";
    for error in [poll(ims.exchange()), poll(ims.token()), poll(ims.token_valid_for(Duration::from_secs(1)))] {
        assert_eq!((error.kind(), error.hint()), (ErrorKind::Usage, Some(hint)));
    }
}

/// A scripted response that HTTP cannot carry fails the test that scripted it, and is not retried.
#[tokio::test]
async fn a_response_that_cannot_be_sent_fails_at_once() {
    let mock = MockIms::start().await.unwrap();
    mock.answer_next(MockAnswer::status(700));
    let error = mock.client().unwrap().exchange().await.unwrap_err();
    assert_eq!((error.code(), mock.request_count()), (Some("unusable_mock_answer"), 1));
}

#[track_caller]
fn poll(call: impl Future<Output = Result<adobe_ims::Token, Error>>) -> Error {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(call).poll(&mut context) {
        std::task::Poll::Ready(outcome) => outcome.unwrap_err(),
        std::task::Poll::Pending => panic!("it waits for something"),
    }
}

fn builder() -> ImsClientBuilder {
    ImsClient::builder(CredentialsFile::new().read().unwrap())
}

fn with(mock: &MockIms) -> ImsClientBuilder {
    ImsClient::builder(mock.credentials()).danger_endpoint(mock.endpoint())
}
