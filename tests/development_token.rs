//! The local development token of AEM's Developer Console.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::time::{Duration, SystemTime};

use adobe_ims::{Credentials, DevelopmentToken, Error, ErrorKind};
use serde_json::{Value, json};
use support::material::{development_token, printed, told, unsigned};

const HOUR: u64 = 60 * 60 * 1000;

/// C10: the file as downloaded gives its token, which expires when its own claims say.
#[test]
fn the_file_as_downloaded_gives_its_token() {
    let created_at = now_ms() - 3 * HOUR;
    let text = development_token(created_at, 24 * HOUR);
    let json = file(&text);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local_development_token.json");
    std::fs::write(&path, &json).unwrap();

    let Ok(Credentials::Development(as_credentials)) = Credentials::from_json(&json) else { panic!() };
    let ways = [
        DevelopmentToken::from_json(&json).unwrap(),
        DevelopmentToken::from_file(&path).unwrap(),
        json.parse().unwrap(),
        as_credentials,
    ];

    let end = SystemTime::UNIX_EPOCH + Duration::from_millis(created_at + 24 * HOUR);
    for development in ways {
        let token = development.token();
        assert_eq!(token.expose_secret(), text);
        assert_eq!(token.expires_at(), end);
        assert!(!token.is_expired());
        assert!(token.remaining() <= Duration::from_millis(21 * HOUR), "{:?}", token.remaining());
        assert!(token.remaining() > Duration::from_millis(21 * HOUR - HOUR / 2), "{:?}", token.remaining());
    }
}

/// C10: claims that are numbers are read like those that are texts; the envelope may be missing.
#[test]
fn claims_may_be_numbers_and_the_envelope_may_be_missing() {
    let text = unsigned(&json!({ "created_at": now_ms(), "expires_in": 24 * HOUR }));

    let development = DevelopmentToken::from_json(json!({ "accessToken": text }).to_string()).unwrap();

    assert!(!development.token().is_expired());
}

/// C10: a token that is no longer valid is refused, with its date and where to get another one.
#[test]
fn an_expired_token_is_refused_with_advice() {
    let at = now_ms() - 25 * HOUR;
    for text in [development_token(at, 24 * HOUR), development_token(0, 1), development_token(now_ms(), 0)] {
        let error = refusal(&file(&text));
        assert_eq!(error.kind(), ErrorKind::Expired);
        assert!(!error.is_transient());
        let hint = error.hint().unwrap();
        assert!(hint.contains("AEM's Developer Console") && hint.contains("service credentials"), "{hint}");
        assert!(!printed(&error).contains("eyJ"), "{}", printed(&error));
    }
    let error = refusal(&file(&development_token(1_000, 86_400_000 - 1_000)));
    assert_eq!(error.to_string(), "development token expired on Fri, 02 Jan 1970 00:00:00 GMT");
}

/// C10: times that nobody's calendar has are refused without a panic.
#[test]
fn times_out_of_range_are_refused() {
    for (created_at, expires_in) in [(u64::MAX, 0), (u64::MAX, u64::MAX), (0, u64::MAX), (300_000_000_000_000, 0)] {
        let error = DevelopmentToken::from_json(file(&development_token(created_at, expires_in)));
        let Err(error) = error else { continue };
        assert!(matches!(error.kind(), ErrorKind::Expired | ErrorKind::Credentials), "{error:?}");
    }
}

/// C10: a clock that is behind does not make a token live longer than it says.
#[test]
fn a_token_from_the_future_lives_no_longer_than_it_says() {
    let development = DevelopmentToken::from_json(file(&development_token(now_ms() + 48 * HOUR, HOUR))).unwrap();

    assert!(development.token().remaining() <= Duration::from_millis(HOUR));
}

/// C10: what does not say when it expires, or what no header can carry, is refused by its name and not shown.
#[test]
fn a_token_that_cannot_be_used_is_refused() {
    let line_break = development_token(now_ms(), 24 * HOUR) + "\n";
    let long = unsigned(&json!({ "created_at": now_ms(), "expires_in": 24 * HOUR, "x": "MARKER".repeat(4000) }));
    let cases: [(Value, &str); 8] = [
        (json!("MARKER-not-a-jwt"), "accessToken: it does not say when it expires"),
        (json!(unsigned(&json!({ "exp": 1 }))), "accessToken: it does not say when it expires"),
        (json!(unsigned(&json!({ "created_at": "MARKER", "expires_in": "1" }))), "accessToken: it does not say"),
        (json!(line_break), "accessToken: it contains a space, a line break"),
        (json!(long), "accessToken: it is too long"),
        (json!(""), "accessToken: it is empty"),
        (json!("${TOKEN}"), "accessToken: it is a placeholder"),
        (json!(["MARKER"]), "accessToken must be a string"),
    ];

    for (token, words) in cases {
        let error = refusal(&json!({ "ok": true, "accessToken": token, "statusCode": 200 }).to_string());
        assert_eq!(error.kind(), ErrorKind::Credentials, "{words}");
        assert!(error.to_string().contains(words), "no {words:?} in {}", told(&error));
        assert!(!printed(&error).contains("MARKER") && !printed(&error).contains("eyJ"), "{}", printed(&error));
    }
}

/// S1: what is printed of a development token is not the token.
#[test]
fn debug_shows_nothing_of_the_token() {
    let development = DevelopmentToken::from_json(file(&development_token(now_ms(), 24 * HOUR))).unwrap();

    let printed = format!("{development:?}{development:#?}{:?}", Credentials::from(development.clone()));

    assert!(!printed.contains("eyJ") && printed.contains("[redacted]") && printed.contains("expires_at"), "{printed}");
}

#[track_caller]
fn refusal(json: &str) -> Error {
    match DevelopmentToken::from_json(json) {
        Ok(_) => panic!("taken: {json:.400}"),
        Err(error) => error,
    }
}

fn file(token: &str) -> String {
    json!({ "ok": true, "accessToken": token, "statusCode": 200 }).to_string()
}

#[expect(clippy::disallowed_methods, reason = "the token is valid by the machine's clock")]
fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}
