//! A local clock that is wrong: the exchange works all the same, and says what is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use adobe_ims::{Clock, Error, ErrorKind, ImsClient, Token};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::material::{CredentialsFile, unix};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// T20: a clock ten minutes off either way costs a second request, and nothing else.
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

        let lives = assertions.iter().map(|assertion| end(assertion) - IMS_TIME).collect::<Vec<_>>();
        assert_eq!(lives.len(), 2, "{offset} s");
        assert!((lives[0] - offset - 300).abs() <= 1, "{offset} s: {lives:?}");
        assert!((lives[1] - 300).abs() <= 1, "{offset} s: {lives:?}");
    }
}

/// T20: the token won in this way ends by the local clock, which is what it is compared with.
#[tokio::test]
async fn a_token_won_with_a_corrected_time_ends_by_the_local_clock() {
    for offset in [-TEN_MINUTES, TEN_MINUTES] {
        let (outcome, _) = exchange(offset, [refusal("invalid_token"), token()]).await;

        let life = outcome.unwrap().expires_at().duration_since(local_time(offset)).unwrap();
        assert_eq!(life.as_secs(), 86_399, "{offset} s");
    }
}

/// T20: with a right clock, or one that IMS tolerates, the same refusal has another reason and is final.
#[tokio::test]
async fn a_right_clock_explains_no_refusal() {
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
        let answers = [refusal("invalid_token"), refusal("invalid_token"), token()];
        let (outcome, assertions) = exchange(offset, answers).await;

        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Rejected, "{offset} s");
        assert_eq!(assertions.len(), 2, "{offset} s");
    }
}

/// T20: the error says by how much the clock is off, within two seconds, and which way.
#[tokio::test]
async fn the_hint_tells_the_offset_of_the_clock() {
    for offset in [-TEN_MINUTES, TEN_MINUTES, -45, 45, -629, 629, -7_229, 7_229] {
        let (outcome, _) = exchange(offset, [refusal("invalid_token")]).await;

        let error = outcome.unwrap_err();
        let hint = error.hint().unwrap();
        assert!((told_offset(hint) - offset).abs() <= 2, "{offset} s: {hint}");
    }
}

/// T20: whoever answers gets no assertion for years to come by lying about the time.
#[tokio::test]
async fn an_offset_beyond_a_day_corrects_nothing_and_is_told() {
    for offset in [-DAY - 60, DAY + 60, -400 * DAY, 400 * DAY] {
        let (outcome, assertions) = exchange(offset, [refusal("invalid_token"), token()]).await;

        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), assertions.len()), (ErrorKind::Rejected, 1), "{offset} s");
        assert!((told_offset(error.hint().unwrap()) - offset).abs() <= 2, "{offset} s");
    }
    for offset in [60 - DAY, DAY - 60] {
        let (outcome, assertions) = exchange(offset, [refusal("invalid_token"), token()]).await;
        assert_eq!((outcome.is_ok(), assertions.len()), (true, 2), "{offset} s");
    }
}

/// T20: a right clock is not blamed.
#[tokio::test]
async fn the_hint_does_not_blame_a_right_clock() {
    let (outcome, _) = exchange(0, [refusal("invalid_token")]).await;

    let error = outcome.unwrap_err();
    let hint = error.hint().unwrap();
    assert!(!hint.contains("behind") && !hint.contains("ahead"), "{hint}");
}

/// T20: a `Date` that can't be read corrects nothing.
#[tokio::test]
async fn an_unreadable_date_corrects_nothing() {
    for date in ["yesterday", "", "Fri, 99 Foo 9999 99:99:99 GMT", "1790000000"] {
        let refusal = refusal("invalid_token").insert_header("date", date);
        let (outcome, assertions) = exchange(-TEN_MINUTES, [refusal, token()]).await;

        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Rejected, "{date:?}");
        assert_eq!(assertions.len(), 1, "{date:?}");
    }
}

// What the tests stand on.

/// What the clock of IMS shows, in Unix seconds.
const IMS_TIME: i64 = 1_790_000_000;
const TEN_MINUTES: i64 = 600;
const DAY: i64 = 86_400;

/// What the local clock shows when it is off by so many seconds.
fn local_time(offset: i64) -> SystemTime {
    unix(IMS_TIME.saturating_add(offset).unsigned_abs())
}

/// One call by a clock that is off by so many seconds: its outcome, and the assertions that IMS was sent. IMS gives
/// these answers in turn, and the last of them to all further requests.
async fn exchange<const N: usize>(offset: i64, answers: [ResponseTemplate; N]) -> (Result<Token, Error>, Vec<String>) {
    let server = MockServer::start().await;
    let asked = AtomicUsize::new(0);
    let answer = move |_: &Request| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        answers[number.min(N - 1)].clone()
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
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

/// An answer that tells the time by the clock of IMS.
fn dated(status: u16) -> ResponseTemplate {
    let date = httpdate::fmt_http_date(local_time(0));
    ResponseTemplate::new(status).insert_header("date", date)
}

fn assertion(request: &Request) -> String {
    form_urlencoded::parse(&request.body).find(|(name, _)| name == "jwt_token").unwrap().1.into_owned()
}

/// The `exp` of an assertion.
fn end(assertion: &str) -> i64 {
    let payload = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()["exp"].as_i64().unwrap()
}

/// How far ahead the local clock is by the words of a hint, such as `2 h 5 min behind`, in seconds.
fn told_offset(hint: &str) -> i64 {
    let words = hint.split(' ').collect::<Vec<_>>();
    let at = words.iter().position(|word| ["ahead", "behind"].contains(word)).expect(hint);
    let size = words[..at].rchunks(2).map_while(|pair| {
        let [number, unit] = pair else { return None };
        let unit = match *unit {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
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

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        self.0
    }

    #[expect(clippy::disallowed_methods, reason = "the time limits go by the real clock")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
