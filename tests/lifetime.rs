//! The lifetime of a token: `expires_in` and the token's own claims.
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

use adobe_ims::ErrorKind;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::material::CLIENT_ID;
use support::server::{ACCESS_TOKEN, OPAQUE_TOKEN, accepted, assert_near, fails_with, now, ok, token_body};

/// T15: `expires_in` of this endpoint is in milliseconds, and checked against the token's own claims. In doubt a token
/// expires too early, never too late.
#[tokio::test]
async fn the_lifetime_of_a_token_is_never_misread() {
    for (expires_in, claimed, lifetime) in [
        ("86399999", None, 86_399_999),
        ("86399979", Some("86400000"), 86_400_000),
        ("86399", Some("86400000"), 86_399_000),
        ("86399", None, 86_399),
        ("3600000", Some("3600000"), 3_600_000),
        // Claims that agree with neither unit: the shorter lifetime counts.
        ("86399999", Some("3600000"), 3_600_000),
        ("3600000", Some("86400000"), 3_600_000),
        // A day at most.
        ("172800000", None, 86_400_000),
        ("172800000", Some("172800000"), 86_400_000),
        ("31622400000", None, 86_400_000),
    ] {
        let token = access_token(claimed, now());
        let (_, measured) = accepted(&token_body(&token, expires_in)).await;
        assert_near(measured, lifetime, &format!("{expires_in} with claims {claimed:?}"));
    }
}

/// T15: the lifetime counts from the request by the local clock, whatever `created_at` says by that of IMS.
#[tokio::test]
async fn the_lifetime_of_a_token_counts_from_its_request() {
    let day = Duration::from_secs(86_400);
    let now = now();
    for created_at in [now - day, now + day] {
        let token = access_token(Some("86400000"), created_at);
        let (_, lifetime) = accepted(&token_body(&token, "86399999")).await;
        assert_near(lifetime, 86_400_000, "created_at");
    }
}

/// T15, T16: a claim of an odd type hides neither the lifetime nor another claim.
#[tokio::test]
async fn an_odd_claim_does_not_hide_the_others() {
    for odd in [r#""scope":["a","b"]"#, r#""user_id":7"#, r#""created_at":1.5"#, r#""client_id":{"x":[true,null]}"#] {
        let claims = format!(r#"{{"expires_in":"86400000","as":"ims-na1",{odd}}}"#);
        let text = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        for expires_in in ["86399", "null"] {
            let (token, lifetime) = accepted(&token_body(&text, expires_in)).await;
            assert_near(lifetime, 86_400_000, odd);
            assert_eq!(token.claims().unwrap().authorization_server(), Some("ims-na1"), "{odd}");
        }
    }
}

/// A16: claims in an array are not believed.
#[tokio::test]
async fn claims_in_an_array_are_not_believed() {
    let claims = r#"["client","user","ims-na1","scope","1790000000000","86400000"]"#;
    let text = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));

    let (token, lifetime) = accepted(&token_body(&text, "86399")).await;

    assert!(token.claims().is_none());
    assert_near(lifetime, 86_399, claims);
}

/// T16: digits in quotes are a number all the same.
#[tokio::test]
async fn a_lifetime_as_a_string_of_digits_is_accepted() {
    let (_, lifetime) = accepted(&token_body(ACCESS_TOKEN, r#""86399999""#)).await;
    assert_near(lifetime, 86_399_999, "a string");
}

/// T16: without `expires_in` the token's own claims count.
#[tokio::test]
async fn a_missing_lifetime_is_read_from_the_tokens_own_claims() {
    let token = access_token(Some("3600000"), now());
    for body in
        [format!(r#"{{"access_token":"{token}"}}"#), format!(r#"{{"access_token":"{token}","expires_in":null}}"#)]
    {
        let (_, lifetime) = accepted(&body).await;
        assert_near(lifetime, 3_600_000, &body);
    }
}

/// T16: without `expires_in` and without claims the response is refused.
#[tokio::test]
async fn a_token_without_a_lifetime_is_refused() {
    for body in [
        format!(r#"{{"access_token":"{OPAQUE_TOKEN}"}}"#),
        format!(r#"{{"access_token":"{OPAQUE_TOKEN}","expires_in":null}}"#),
    ] {
        fails_with(ErrorKind::Response, 1, ok(body.as_str()), &body).await;
    }
}

/// T16: an absurd lifetime is refused, whatever the token's own claims say.
#[tokio::test]
async fn an_absurd_lifetime_is_refused() {
    let with_claims = access_token(Some("86400000"), now());
    for expires_in in [
        "0",
        "-1",
        "-86399999",
        "86399.999",
        "1e30",
        "31622400001",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        r#""""#,
        r#""-1""#,
        r#""1.5""#,
        r#""18446744073709551615""#,
        r#""soon""#,
        "true",
        "[86399999]",
    ] {
        for token in [OPAQUE_TOKEN, &with_claims] {
            let body = token_body(token, expires_in);
            fails_with(ErrorKind::Response, 1, ok(body.as_str()), &body).await;
        }
    }
}

/// An access token as IMS issues it, with its lifetime in its claims.
fn access_token(lifetime: Option<&str>, created_at: SystemTime) -> String {
    let created_at = created_at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let Some(lifetime) = lifetime else {
        return OPAQUE_TOKEN.to_owned();
    };
    let header = json!({ "alg": "RS256", "x5u": "ims_na1-key-at-1.cer", "kid": "ims_na1-key-at-1", "itt": "at" });
    let claims = json!({
        "type": "access_token",
        "client_id": CLIENT_ID,
        "as": "ims-na1",
        "created_at": created_at.to_string(),
        "expires_in": lifetime,
    });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode("signature"))
}
