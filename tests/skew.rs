//! A local clock that is wrong: the exchange works all the same, and the hint says what is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use adobe_ims::testing::ManualClock;
use adobe_ims::{Clock, Error, ErrorKind, ImsClient, Token};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::material::{CredentialsFile, unix};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// T20: a clock that is ten minutes off either way costs a second request, and nothing else.
#[tokio::test]
async fn a_wrong_clock_is_corrected_after_a_refusal() {
    for offset in [-TEN_MINUTES, TEN_MINUTES] {
        let (outcome, assertions) = exchange(offset, [refusal("invalid_token"), token()]).await;

        assert_eq!(outcome.unwrap().expose_secret(), "a.b.c", "{offset} s");
        assert_eq!(assertions.len(), 2, "{offset} s");
    }
}

/// T20: the first assertion goes by the local clock, the second by that of IMS.
#[tokio::test]
async fn the_second_assertion_goes_by_the_clock_of_ims() {
    for offset in [-TEN_MINUTES, TEN_MINUTES] {
        let (_, assertions) = exchange(offset, [refusal("invalid_token"), token()]).await;

        let lifetimes = assertions.iter().map(|assertion| exp(assertion) - IMS_TIME).collect::<Vec<_>>();
        assert_eq!(lifetimes.len(), 2, "{offset} s");
        assert!((lifetimes[0] - offset - 300).abs() <= 1, "{offset} s: {lifetimes:?}");
        assert!((lifetimes[1] - 300).abs() <= 1, "{offset} s: {lifetimes:?}");
    }
}

/// T20: a token from a corrected assertion expires by the local clock, which is what it is compared with.
#[tokio::test]
async fn a_token_after_a_correction_expires_by_the_local_clock() {
    for offset in [-TEN_MINUTES, TEN_MINUTES] {
        let (outcome, _) = exchange(offset, [refusal("invalid_token"), token()]).await;

        let lifetime = outcome.unwrap().expires_at().duration_since(local_time(offset)).unwrap();
        assert_eq!(lifetime.as_secs(), 86_399, "{offset} s");
    }
}

/// T20: with a correct clock, or one that IMS tolerates, the same refusal has another reason and is final.
#[tokio::test]
async fn a_correct_clock_explains_no_refusal() {
    for offset in [-20, 0, 20] {
        let (outcome, assertions) = exchange(offset, [refusal("invalid_token"), token()]).await;

        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Rejected, "{offset} s");
        assert_eq!(assertions.len(), 1, "{offset} s");
    }
}

/// T20: a wrong clock explains no refusal that has nothing to do with time.
#[tokio::test]
async fn a_wrong_clock_explains_no_refusal_of_another_kind() {
    for code in ["invalid_client", "invalid_scope", "unauthorized_client"] {
        for offset in [-TEN_MINUTES, TEN_MINUTES] {
            let (outcome, assertions) = exchange(offset, [refusal(code), token()]).await;

            assert_eq!(outcome.unwrap_err().code(), Some(code), "{offset} s");
            assert_eq!(assertions.len(), 1, "{code}, {offset} s");
        }
    }
}

/// T20: a correction that does not help is not repeated.
#[tokio::test]
async fn a_corrected_time_that_is_refused_too_is_final() {
    for offset in [-TEN_MINUTES, TEN_MINUTES] {
        let responses = [refusal("invalid_token"), refusal("invalid_token"), token()];
        let (outcome, assertions) = exchange(offset, responses).await;

        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Rejected, "{offset} s");
        assert_eq!(assertions.len(), 2, "{offset} s");
    }
}

/// T20: the hint says by how much the clock is off, within two seconds, and which way.
#[tokio::test]
async fn the_hint_has_the_offset_of_the_clock() {
    for offset in [-TEN_MINUTES, TEN_MINUTES, -45, 45, -629, 629, -7_229, 7_229] {
        let (outcome, _) = exchange(offset, [refusal("invalid_token")]).await;

        let error = outcome.unwrap_err();
        let hint = error.hint().unwrap();
        assert!((stated_offset(hint) - offset).abs() <= 2, "{offset} s: {hint}");
    }
}

/// T20: a server that lies about the time does not get an assertion that is valid for years.
#[tokio::test]
async fn an_offset_beyond_a_day_corrects_nothing_and_is_in_the_hint() {
    for offset in [-DAY - 60, DAY + 60, -400 * DAY, 400 * DAY] {
        let (outcome, assertions) = exchange(offset, [refusal("invalid_token"), token()]).await;

        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), assertions.len()), (ErrorKind::Rejected, 1), "{offset} s");
        // Many days are not shown to the second.
        let tolerance = if offset.abs() < 3 * DAY { 2 } else { DAY };
        assert!((stated_offset(error.hint().unwrap()) - offset).abs() <= tolerance, "{offset} s");
    }
    for offset in [60 - DAY, DAY - 60] {
        let (outcome, assertions) = exchange(offset, [refusal("invalid_token"), token()]).await;
        assert_eq!((outcome.is_ok(), assertions.len()), (true, 2), "{offset} s");
    }
}

/// T20: the offset is measured against the middle of the request, however slow the response.
#[tokio::test]
async fn a_slow_response_does_not_hide_the_offset() {
    let server = MockServer::start().await;
    let start = Instant::now();
    let response = move |_: &Request| {
        // `Date` is halfway between request and response; the clock of the client runs on meanwhile.
        let date = local_time(0) + start.elapsed() + Duration::from_secs(2);
        refusal("invalid_token").insert_header("date", httpdate::fmt_http_date(date)).set_delay(Duration::from_secs(4))
    };
    Mock::given(any()).respond_with(response).mount(&server).await;
    let client = ImsClient::builder(CredentialsFile::new().read().unwrap())
        .danger_endpoint(server.uri())
        .clock(Running(local_time(-200), start))
        .build()
        .unwrap();
    let error = client.exchange().await.unwrap_err();
    assert!((stated_offset(error.hint().unwrap()) + 200).abs() <= 1, "{error:?}");
}

/// T20: the corrected time is kept for the attempts that follow in the same call.
#[tokio::test]
async fn a_corrected_time_is_kept_for_the_next_attempt() {
    let responses = [refusal("invalid_token"), dated(503), token()];
    let (outcome, assertions) = exchange(-TEN_MINUTES, responses).await;
    assert!(outcome.is_ok());
    assert_eq!(assertions.len(), 3);
    assert_eq!(exp(&assertions[2]), exp(&assertions[1]));
    assert_ne!(exp(&assertions[2]), exp(&assertions[0]));
}

/// T20: an offset that IMS tolerates explains nothing, however short-lived the assertion.
#[tokio::test]
async fn a_tolerated_offset_explains_no_refusal() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(refusal("invalid_token")).mount(&server).await;
    let client = ImsClient::builder(CredentialsFile::new().read().unwrap())
        .danger_endpoint(server.uri())
        .assertion_lifetime(Duration::from_secs(2))
        .clock(Stopped(local_time(-10)))
        .build()
        .unwrap();
    client.exchange().await.unwrap_err();
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

/// B5: a `Retry-After` with a date counts by the clock of the server that sent it, not by a wrong local one.
#[tokio::test]
async fn a_retry_after_with_a_date_ignores_the_local_clock() {
    let until = httpdate::fmt_http_date(local_time(0) + Duration::from_secs(900));
    for offset in [-TEN_MINUTES, 0, TEN_MINUTES] {
        let (outcome, _) = exchange(offset, [dated(429).insert_header("retry-after", until.as_str())]).await;
        assert_eq!(outcome.unwrap_err().retry_after(), Some(Duration::from_secs(900)), "{offset} s");
    }
}

/// T12, T13: a token expires when either clock says so.
#[test]
fn a_token_expires_by_the_earlier_of_both_clocks() {
    let day = Duration::from_secs(86_400);
    let hour = Duration::from_secs(3_600);
    let clock = ManualClock::new();
    let token = Token::for_tests_with_clock("t", day, clock.clone()).unwrap();
    assert_eq!((token.remaining(), token.is_expired()), (day, false));
    clock.advance(hour);
    assert_eq!(token.remaining(), day - hour);
    clock.set(clock.now() - day * 10);
    assert_eq!(token.remaining(), day - hour, "set back");
    clock.advance(day - hour);
    assert!(token.is_expired(), "by the monotonic clock");

    let token = Token::for_tests_with_clock("t", day, clock.clone()).unwrap();
    clock.suspend(day - hour);
    assert_eq!(token.remaining(), hour, "suspended");
    clock.suspend(hour);
    assert!(token.is_expired(), "by the wall clock");
}

/// T20: the hint does not mention a correct clock.
#[tokio::test]
async fn the_hint_does_not_mention_a_correct_clock() {
    let (outcome, _) = exchange(0, [refusal("invalid_token")]).await;

    let error = outcome.unwrap_err();
    let hint = error.hint().unwrap();
    assert!(!hint.contains("behind") && !hint.contains("ahead"), "{hint}");
}

/// T20: a `Date` that cannot be read corrects nothing.
#[tokio::test]
async fn an_unreadable_date_corrects_nothing() {
    for date in ["yesterday", "", "Fri, 99 Foo 9999 99:99:99 GMT", "1790000000"] {
        let refusal = refusal("invalid_token").insert_header("date", date);
        let (outcome, assertions) = exchange(-TEN_MINUTES, [refusal, token()]).await;

        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Rejected, "{date:?}");
        assert_eq!(assertions.len(), 1, "{date:?}");
    }
}

// Helpers.

/// What the clock of IMS shows, in Unix seconds.
const IMS_TIME: i64 = 1_790_000_000;
const TEN_MINUTES: i64 = 600;
const DAY: i64 = 86_400;

/// What the local clock shows when it is off by so many seconds.
fn local_time(offset: i64) -> SystemTime {
    unix(IMS_TIME.saturating_add(offset).unsigned_abs())
}

/// One call by a clock that is off by so many seconds: its outcome, and the assertions that IMS received. IMS sends
/// these responses in turn, and the last of them to all further requests.
async fn exchange<const N: usize>(
    offset: i64,
    responses: [ResponseTemplate; N],
) -> (Result<Token, Error>, Vec<String>) {
    let server = MockServer::start().await;
    let asked = AtomicUsize::new(0);
    let response = move |_: &Request| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        responses[number.min(N - 1)].clone()
    };
    Mock::given(any()).respond_with(response).mount(&server).await;
    let client = ImsClient::builder(CredentialsFile::new().read().unwrap())
        .danger_endpoint(server.uri())
        .clock(Stopped(local_time(offset)))
        .build()
        .unwrap();

    let outcome = client.exchange().await;

    let requests = server.received_requests().await.unwrap();
    (outcome, requests.iter().map(assertion).collect())
}

fn refusal(code: &str) -> ResponseTemplate {
    let body = json!({ "error": code, "error_description": "The JWT has expired." });
    dated(400).set_body_json(body)
}

fn token() -> ResponseTemplate {
    let body = json!({ "token_type": "bearer", "access_token": "a.b.c", "expires_in": 86_399_999 });
    dated(200).set_body_json(body)
}

/// A response with `Date` by the clock of IMS.
fn dated(status: u16) -> ResponseTemplate {
    let date = httpdate::fmt_http_date(local_time(0));
    ResponseTemplate::new(status).insert_header("date", date)
}

fn assertion(request: &Request) -> String {
    form_urlencoded::parse(&request.body).find(|(name, _)| name == "jwt_token").unwrap().1.into_owned()
}

/// The `exp` of an assertion.
fn exp(assertion: &str) -> i64 {
    let payload = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()["exp"].as_i64().unwrap()
}

/// How far ahead the local clock is by a hint with `2 h 5 min behind`, in seconds.
fn stated_offset(hint: &str) -> i64 {
    let words = hint.split(' ').collect::<Vec<_>>();
    let at = words.iter().position(|word| ["ahead", "behind"].contains(word)).expect(hint);
    let size = words[..at].rchunks(2).map_while(|pair| {
        let [number, unit] = pair else { return None };
        let unit = match *unit {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            "days" => DAY,
            _ => return None,
        };
        Some(number.parse::<i64>().unwrap() * unit)
    });
    match (size.sum::<i64>(), words[at]) {
        (size, "behind") => -size,
        (size, _) => size,
    }
}

/// A wall clock that stands still.
struct Stopped(SystemTime);

/// A wall clock that was set to this time at this moment, and runs on.
struct Running(SystemTime, Instant);

impl Clock for Running {
    fn now(&self) -> SystemTime {
        self.0 + self.1.elapsed()
    }

    fn monotonic(&self) -> Instant {
        self.1 + self.1.elapsed()
    }
}

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        self.0
    }

    #[expect(clippy::disallowed_methods, reason = "timeouts go by the real clock")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
