//! What the client's settings do, and which can't be.
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
use support::material::CredentialsFile;
use support::raw::{RawServer, Step};

/// T22: the life of an assertion is what the setting says.
#[tokio::test]
async fn an_assertion_lives_as_long_as_it_was_told() {
    let (mock, clock) = (MockIms::start().await.unwrap(), ManualClock::new());
    for lifetime in [1, 60, 86_400] {
        let lifetime = Duration::from_secs(lifetime);
        let ims = with(&mock).clock(clock.clone()).assertion_lifetime(lifetime).build().unwrap();
        ims.exchange().await.unwrap();
        let end = mock.requests().last().unwrap().expires_at().unwrap();
        let left = end.duration_since(clock.now()).unwrap();
        assert!(lifetime - left < Duration::from_secs(1), "{left:?} of {lifetime:?}");
    }
}

/// What can't work is refused when the client is built, by the name of the setting.
#[test]
fn an_impossible_setting_is_refused_by_its_name() {
    let day = Duration::from_secs(86_400);
    let cases: [(&str, ImsClientBuilder); 12] = [
        ("connect_timeout", builder().connect_timeout(Duration::ZERO)),
        ("attempt_timeout", builder().attempt_timeout(Duration::ZERO)),
        ("timeout", builder().timeout(Duration::ZERO)),
        ("max_attempts", builder().max_attempts(0)),
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
        assert!(error.to_string().starts_with(&format!("setting {name} is unusable: ")), "{error}");
    }
}

/// N3: plain http to another machine is refused when the client is built, before any packet.
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

/// N3: a stand-in on this machine may speak plain http.
#[test]
fn plain_http_is_taken_for_loopback() {
    for endpoint in ["http://127.0.0.1:1", "http://127.8.9.10:1", "http://[::1]:1", "http://localhost:1"] {
        assert!(builder().danger_endpoint(endpoint).build().is_ok(), "{endpoint}");
    }
}

/// N3: what is no http address at all is refused when the client is built.
#[test]
fn an_endpoint_that_is_no_http_address_is_refused() {
    for endpoint in ["", "127.0.0.1", "ftp://127.0.0.1", "http://", "file:///etc/hosts"] {
        let error = builder().danger_endpoint(endpoint).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{endpoint:?}");
    }
}

/// N18: a proxy would see the secret of a plain-http endpoint, so the two together are refused.
#[test]
fn a_plain_http_endpoint_is_never_given_a_proxy() {
    let error = builder().danger_endpoint("http://127.0.0.1:1").proxy("http://127.0.0.1:2").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

/// N4: a host that takes the connection and then says nothing of TLS is not waited for longer than the connect limit.
#[tokio::test]
async fn a_silent_handshake_ends_at_the_connect_limit() {
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
    assert!(error.to_string().ends_with("was not reached in time"), "{error}");
}

/// R8: an exchange is at home in a task of its own.
#[tokio::test]
async fn an_exchange_runs_in_a_task_of_its_own() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client().unwrap();
    assert!(tokio::spawn(async move { ims.exchange().await }).await.unwrap().is_ok());
}

/// R7: one thread is enough for client and stand-in.
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

/// R5, P8: a call without a runtime is told, not punished with a panic.
#[test]
fn a_call_without_a_runtime_says_what_it_needs() {
    let ims = builder().danger_endpoint("http://127.0.0.1:1").build().unwrap();
    let hint = "call it from within a tokio runtime made with `enable_all`, such as `#[tokio::main]`";
    for error in [poll(ims.exchange()), poll(ims.token()), poll(ims.token_valid_for(Duration::from_secs(1)))] {
        assert_eq!((error.kind(), error.hint()), (ErrorKind::Usage, Some(hint)));
    }
}

/// A scripted answer that can't be given fails the test that scripted it, and is not tried again.
#[tokio::test]
async fn an_answer_that_can_not_be_given_is_told_at_once() {
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
