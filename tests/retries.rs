//! Which failures are retried, and after how long.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use adobe_ims::{Clock, ErrorKind};
use support::server::{
    ACCESS_TOKEN, assertions, builder, client, fails_with, first_then, now, requests, responding, token,
};
use wiremock::ResponseTemplate;

/// B2: an overload is retried, three attempts in all and two for a 500.
#[tokio::test]
async fn an_overload_is_retried() {
    for (status, attempts, kind) in [
        (408, 3, ErrorKind::Server),
        (429, 3, ErrorKind::Throttled),
        (500, 2, ErrorKind::Server),
        (502, 3, ErrorKind::Server),
        (503, 3, ErrorKind::Server),
        (504, 3, ErrorKind::Server),
    ] {
        let error = fails_with(kind, attempts, ResponseTemplate::new(status), &format!("{status}")).await;
        assert_eq!(error.status().unwrap(), status);
        assert!(error.is_transient(), "{status}");
    }
}

/// B2: when the overload is over, the call succeeds.
#[tokio::test]
async fn an_overload_that_passes_is_invisible() {
    for status in [408, 429, 500, 502, 503, 504] {
        let server = first_then(ResponseTemplate::new(status), token()).await;

        let token = client(&server).exchange().await.unwrap();

        assert_eq!(token.expose_secret(), ACCESS_TOKEN, "{status}");
        assert_eq!(requests(&server).await, 2, "{status}");
    }
}

/// B2: each attempt has an assertion of its own.
#[tokio::test]
async fn each_attempt_is_signed_anew() {
    let server = responding(ResponseTemplate::new(503)).await;
    let client = builder(&server).clock(Hasty::new()).build().unwrap();

    client.exchange().await.unwrap_err();

    let mut assertions = assertions(&server).await;
    assertions.dedup();
    assert_eq!(assertions.len(), 3);
}

/// B3: a status that a second attempt does not change is final.
#[tokio::test]
async fn an_odd_status_is_never_retried() {
    for (status, kind) in [
        (300, ErrorKind::Response),
        (304, ErrorKind::Response),
        (305, ErrorKind::Response),
        (399, ErrorKind::Response),
        (501, ErrorKind::Server),
        (505, ErrorKind::Server),
    ] {
        let error = fails_with(kind, 1, ResponseTemplate::new(status), &format!("{status}")).await;
        assert_eq!(error.status().unwrap(), status);
        assert!(!error.is_transient(), "{status}");
    }
}

/// B14: one place decides on attempts: there are as many as `max_attempts` says.
#[tokio::test]
async fn there_are_as_many_attempts_as_max_attempts_says() {
    for attempts in [1, 2, 4] {
        let server = responding(ResponseTemplate::new(503)).await;
        let client = builder(&server).max_attempts(attempts).build().unwrap();

        client.exchange().await.unwrap_err();

        assert_eq!(requests(&server).await, attempts as usize);
    }
}

/// B4, B9: what IMS responded is not lost when the call times out during a later attempt.
#[tokio::test]
async fn the_last_response_outlives_the_timeout_of_the_call() {
    let throttled = ResponseTemplate::new(429).insert_header("retry-after", "1").insert_header("x-debug-id", "d-1");
    let server = first_then(throttled, token().set_delay(Duration::from_secs(60))).await;
    let client = builder(&server).timeout(Duration::from_millis(1_500)).build().unwrap();
    let error = client.exchange().await.unwrap_err();
    assert_eq!((error.kind(), error.debug_id()), (ErrorKind::Throttled, Some("d-1")));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!(requests(&server).await, 2);
}

/// B4: a short `Retry-After` is waited for.
#[tokio::test]
async fn a_short_retry_after_is_waited_for() {
    let throttled = ResponseTemplate::new(429).insert_header("retry-after", "1");
    let server = first_then(throttled, token()).await;
    let client = client(&server);

    let began = now();
    client.exchange().await.unwrap();
    let took = now().duration_since(began).unwrap();

    assert_eq!(requests(&server).await, 2);
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// B6: a `Retry-After` beyond the whole call is returned to the caller at once, one hour at most.
#[tokio::test]
async fn a_retry_after_beyond_the_call_ends_it_at_once() {
    for (retry_after, seconds) in [
        ("77", 77),
        ("3600", 3600),
        ("999999", 3600),
        ("18446744073709551615", 3600),
        ("18446744073709551616", 3600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
    ] {
        let response = ResponseTemplate::new(429).insert_header("retry-after", retry_after);
        let error = fails_with(ErrorKind::Throttled, 1, response, retry_after).await;
        assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)), "{retry_after}");
        assert!(error.is_transient());
    }
}

/// B6: a `Retry-After` that cannot be read is ignored.
#[tokio::test]
async fn a_nonsensical_retry_after_is_ignored() {
    for retry_after in ["-1", "1.5", "", "soon", "1 s", "Fri, 99 Foo 9999 99:99:99 GMT"] {
        let server = responding(ResponseTemplate::new(429).insert_header("retry-after", retry_after)).await;
        let client = builder(&server).max_attempts(2).build().unwrap();

        let error = client.exchange().await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Throttled, "{retry_after:?}");
        assert_eq!(error.retry_after(), None, "{retry_after:?}");
        assert_eq!(requests(&server).await, 2, "{retry_after:?}");
    }
}

/// B6: the longer of two `Retry-After` counts.
#[tokio::test]
async fn the_longer_of_two_retry_after_counts() {
    for waits in [["1", "77"], ["77", "1"], ["soon", "77"]] {
        let response =
            ResponseTemplate::new(429).append_header("retry-after", waits[0]).append_header("retry-after", waits[1]);

        let error = fails_with(ErrorKind::Throttled, 1, response, waits[0]).await;

        assert_eq!(error.retry_after(), Some(Duration::from_secs(77)), "{waits:?}");
    }
}

/// B4: when there are no attempts left, `Retry-After` is returned to the caller.
#[tokio::test]
async fn a_retry_after_is_returned_to_the_caller() {
    for (status, kind) in [(429, ErrorKind::Throttled), (503, ErrorKind::Server)] {
        let response = ResponseTemplate::new(status).insert_header("retry-after", "7");
        let server = responding(response).await;
        let client = builder(&server).max_attempts(1).build().unwrap();

        let error = client.exchange().await.unwrap_err();

        assert_eq!(error.kind(), kind);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }
}

/// A wall clock that advances by a second with each reading, so that no two assertions are equal.
struct Hasty {
    start: SystemTime,
    readings: AtomicU64,
}

impl Hasty {
    fn new() -> Self {
        Self { start: now(), readings: AtomicU64::new(0) }
    }
}

impl Clock for Hasty {
    fn now(&self) -> SystemTime {
        self.start + Duration::from_secs(self.readings.fetch_add(1, Ordering::Relaxed))
    }

    #[expect(clippy::disallowed_methods, reason = "timeouts go by the real clock")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
