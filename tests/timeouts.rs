//! A server that is slow, silent or without an end: every call ends within its timeouts.
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

use adobe_ims::{Error, ErrorKind};
use support::raw::{RawServer, Step};
use support::raw_exchange::{ACCESS_TOKEN, builder, ends, good};

/// N4: the attempt to a server that accepts and says nothing ends at its timeout. The message names it as it was set.
#[tokio::test]
async fn a_silent_server_is_given_up_at_the_attempt_timeout() {
    let server = RawServer::start([vec![Step::Read, Step::Hold]]);

    let error = one_short_attempt(&server).await;

    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_transient());
    assert_eq!(error.to_string(), format!("127.0.0.1:{} did not respond within 500 ms", server.port()));
    assert_eq!(server.requests().len(), 1);
}

/// N4: headers that come byte by byte do not stretch the attempt.
#[tokio::test]
async fn dripping_headers_are_given_up_at_the_attempt_timeout() {
    let server = RawServer::start([vec![
        Step::Read,
        Step::write("HTTP/1.1 200 OK\r\nx: "),
        Step::Drip(b"y".repeat(60_000), PAUSE),
    ]]);

    let error = one_short_attempt(&server).await;

    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(server.is_idle().await, "the connection is still open");
}

/// N5: a body that comes byte by byte does not stretch the attempt.
#[tokio::test]
async fn a_dripping_body_is_given_up_at_the_attempt_timeout() {
    for framing in ["content-length: 60000", "connection: close"] {
        let server = RawServer::start([vec![
            Step::Read,
            Step::write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n")),
            Step::Drip(b" ".repeat(60_000), PAUSE),
        ]]);

        let error = one_short_attempt(&server).await;

        assert_eq!(error.kind(), ErrorKind::Timeout, "{framing}");
        assert!(server.is_idle().await, "{framing}: the connection is still open");
    }
}

/// N5: a refusal whose body never comes does not stretch the attempt either.
#[tokio::test]
async fn a_refusal_with_a_dripping_body_ends() {
    let server = RawServer::start([vec![
        Step::Read,
        Step::write("HTTP/1.1 400 Bad Request\r\ncontent-length: 60000\r\n\r\n"),
        Step::Drip(b" ".repeat(60_000), PAUSE),
    ]]);

    one_short_attempt(&server).await;

    assert_eq!(server.requests().len(), 1);
    assert!(server.is_idle().await, "the connection is still open");
}

/// B9: an attempt that timed out is retried while the call has time left.
#[tokio::test]
async fn a_timed_out_attempt_is_retried() {
    let server = RawServer::start([vec![Step::Read, Step::Hold], good()]);
    let client = builder(&server).attempt_timeout(Duration::from_secs(2)).build().unwrap();

    let token = ends(&client).await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(server.requests().len(), 2);
}

/// B9: the whole call ends at its own timeout, however many attempts are left.
#[tokio::test]
async fn a_call_ends_at_its_own_timeout() {
    let server = RawServer::start([vec![Step::Read, Step::Hold]]);
    let client = builder(&server)
        .attempt_timeout(Duration::from_millis(200))
        .timeout(Duration::from_secs(1))
        .max_attempts(1_000_000)
        .build()
        .unwrap();

    let error = ends(&client).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_transient());
}

/// B9: one long attempt does not outlive the call. The message names the timeout as it was set, for `token` too, whose
/// exchange ends a little earlier.
#[tokio::test]
async fn an_attempt_ends_with_its_call() {
    let server = RawServer::start([vec![Step::Read, Step::Hold]]);
    let client =
        builder(&server).attempt_timeout(Duration::from_secs(3600)).timeout(Duration::from_secs(1)).build().unwrap();

    for error in [ends(&client).await.unwrap_err(), client.token().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert_eq!(error.to_string(), format!("no response from 127.0.0.1:{} within 1 s", server.port()));
    }
    assert_eq!(server.requests().len(), 2);
}

/// Between two bytes that drip.
const PAUSE: Duration = Duration::from_millis(20);

/// The error of a call with one attempt of half a second.
async fn one_short_attempt(server: &RawServer) -> Error {
    let client = builder(server).attempt_timeout(Duration::from_millis(500)).max_attempts(1).build().unwrap();
    ends(&client).await.unwrap_err()
}
