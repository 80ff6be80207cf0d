//! Which responses become a token, and which are refused.
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

use adobe_ims::ErrorKind;
use support::material::printed;
use support::server::{
    ACCESS_TOKEN, accepted, assert_near, client, fails_with, good, ok, requests, responding, token, token_body,
};
use wiremock::{Request, ResponseTemplate};

/// A1: a good response becomes a token with the same text that expires when the response says.
#[tokio::test]
async fn a_good_response_becomes_a_token() {
    let (token, lifetime) = accepted(&good()).await;

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_near(lifetime, 86_400_000, "a good response");
    assert!(token.token_type().eq_ignore_ascii_case("bearer"));
    assert!(!token.is_expired());
}

/// S16: the header value for the API carries the token and is marked as sensitive.
#[tokio::test]
async fn an_authorization_header_is_marked_sensitive() {
    let (token, _) = accepted(&good()).await;

    let header = token.authorization();
    assert_eq!(header, format!("Bearer {ACCESS_TOKEN}"));
    assert!(header.is_sensitive());
}

/// A2: valid JSON is taken without a `content-type`.
#[tokio::test]
async fn a_missing_content_type_is_forgiven() {
    let server = responding(ResponseTemplate::new(200).set_body_bytes(good())).await;

    let token = client(&server).exchange().await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
}

/// A2: a page of a captive portal is not a token response, whatever type it claims to have.
#[tokio::test]
async fn an_html_page_is_not_a_token_response() {
    let page = "<!DOCTYPE html><html><title>Sign in to the guest network</title></html>";
    for response in [
        ResponseTemplate::new(200).set_body_raw(page, "text/html"),
        ResponseTemplate::new(200).set_body_raw(page, "application/json"),
        ResponseTemplate::new(200).set_body_bytes(page),
    ] {
        let error = fails_with(ErrorKind::Response, 1, response, page).await;
        assert!(!printed(&error).contains("guest network"));
    }
}

/// A3: a response without a usable `access_token` never becomes an empty token.
#[tokio::test]
async fn a_response_without_a_token_is_refused() {
    for body in [
        "",
        "null",
        "[]",
        r#""token""#,
        "{}",
        r#"{"token_type":"bearer","expires_in":86399999}"#,
        r#"{"token_type":"bearer","access_token":"","expires_in":86399999}"#,
        r#"{"token_type":"bearer","access_token":null,"expires_in":86399999}"#,
        r#"{"token_type":"bearer","access_token":42,"expires_in":86399999}"#,
        r#"{"token_type":"bearer","access_token":["a"],"expires_in":86399999}"#,
    ] {
        fails_with(ErrorKind::Response, 1, ok(body), body).await;
    }
}

/// A16: an array in the place of an object is refused, with the values in the order in which this crate has its fields.
#[tokio::test]
async fn an_array_in_the_place_of_an_object_is_refused() {
    let token = r#"["a.b.c","bearer",86399999,null,null]"#;
    fails_with(ErrorKind::Response, 1, ok(token), token).await;
    for error in [r#"["invalid_client","no","1","no","a.b.c"]"#, r#"["invalid_client","no",null,null,null]"#] {
        let response = ResponseTemplate::new(400).set_body_raw(error, "application/json");
        let refusal = fails_with(ErrorKind::Rejected, 1, response, error).await;
        assert_eq!((refusal.code(), refusal.description()), (None, None), "{error}");
        fails_with(ErrorKind::Response, 1, ok(error), error).await;
    }
}

/// A4: an error that is not a text is one all the same.
#[tokio::test]
async fn an_error_of_any_type_under_status_200_is_a_refusal() {
    for error in ["true", "7", r#"{"code":"x"}"#, r#"["x"]"#] {
        let body = format!(r#"{{"error":{error},"access_token":"a.b.c","token_type":"bearer","expires_in":86399999}}"#);
        fails_with(ErrorKind::Rejected, 1, ok(body), error).await;
    }
    for none in ["null", r#""""#] {
        let body = format!(r#"{{"error":{none},"access_token":"a.b.c","token_type":"bearer","expires_in":86399999}}"#);
        accepted(&body).await;
    }
}

/// A4: a 200 that carries an `error` is a refusal.
#[tokio::test]
async fn a_refusal_under_status_200_is_a_refusal() {
    let response = ok(r#"{"error":"invalid_token","error_description":"no such binding"}"#);

    let error = fails_with(ErrorKind::Rejected, 1, response, "200").await;

    assert_eq!(error.code(), Some("invalid_token"));
    assert_eq!(error.description(), Some("no such binding"));
    assert_eq!(error.status().unwrap(), 200);
}

/// A5: a text that could not stand in a header, or is beyond any token, is refused.
#[tokio::test]
async fn a_token_that_could_not_be_sent_is_refused() {
    for text in ["a\nb", "a\rb", "a\0b", "a\tb", "a b", " ab", "a\u{7f}b", "a\u{e9}b"] {
        let response = ok(token_body(text, "86399999"));
        fails_with(ErrorKind::Response, 1, response, &format!("{text:?}")).await;
    }
    for length in [16 * 1024 + 1, 100 * 1000] {
        let response = ok(token_body(&"a".repeat(length), "86399999"));
        fails_with(ErrorKind::Response, 1, response, &format!("{length}")).await;
    }
}

/// A5: the longest token is 16 KiB.
#[tokio::test]
async fn a_token_of_16_kib_is_accepted() {
    let text = "a".repeat(16 * 1024);

    let (token, _) = accepted(&token_body(&text, "86399999")).await;

    assert_eq!(token.expose_secret(), text);
}

/// A6: a bearer token is accepted however its type is written, and when it is not.
#[tokio::test]
async fn a_bearer_token_is_accepted_in_every_spelling_of_its_type() {
    for token_type in ["", r#""token_type":"bearer","#, r#""token_type":"Bearer","#] {
        let body = format!(r#"{{{token_type}"access_token":"a.b.c","expires_in":86399999}}"#);
        let (token, _) = accepted(&body).await;
        assert_eq!(token.authorization(), "Bearer a.b.c", "{body}");
    }
}

/// A6: a token of another type is not sent as a bearer.
#[tokio::test]
async fn a_token_of_another_type_is_refused() {
    let body = r#"{"token_type":"mac","access_token":"a.b.c","expires_in":86399999}"#;
    fails_with(ErrorKind::Response, 1, ok(body), body).await;
}

/// A7: two tokens in one response are refused, also when the name is spelt in two ways.
#[tokio::test]
async fn a_duplicate_access_token_is_refused() {
    for second in ["access_token", r"access\u005ftoken"] {
        let body = format!(r#"{{"access_token":"a.b.c","{second}":"d.e.f","expires_in":86399999}}"#);
        fails_with(ErrorKind::Response, 1, ok(body.as_str()), &body).await;
    }
}

/// A8: a body that is not exactly one JSON text in UTF-8 is refused.
#[tokio::test]
async fn a_malformed_response_is_refused() {
    let good = good();
    let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let utf16 = format!("\u{feff}{good}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, body) in [
        ("nested", nested.clone().into_bytes()),
        ("open brackets", "[".repeat(10_000).into_bytes()),
        ("open braces", r#"{"a":"#.repeat(10_000).into_bytes()),
        ("nested token", format!(r#"{{"access_token":{nested}}}"#).into_bytes()),
        ("trailing byte", format!("{good}x").into_bytes()),
        ("two responses", format!("{good}{good}").into_bytes()),
        ("byte order mark", format!("\u{feff}{good}").into_bytes()),
        ("UTF-16", utf16),
        ("not UTF-8", b"{\"access_token\":\"\xff\xfe\",\"expires_in\":86399999}".to_vec()),
    ] {
        fails_with(ErrorKind::Response, 1, ok(body), name).await;
    }
}

/// A8: a good response that was cut at any byte is refused, once each.
#[tokio::test]
async fn a_good_response_cut_at_any_byte_is_refused() {
    let good = good();
    let cut = AtomicUsize::new(0);
    let server = responding({
        let good = good.clone();
        move |_: &Request| {
            let length = cut.fetch_add(1, Ordering::Relaxed);
            ResponseTemplate::new(200).set_body_raw(&good[..length], "application/json")
        }
    })
    .await;
    let client = client(&server);

    for length in 0..good.len() {
        let error = client.exchange().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Response, "the first {length} bytes");
    }

    assert_eq!(requests(&server).await, good.len());
    assert_eq!(client.exchange().await.unwrap().expose_secret(), ACCESS_TOKEN);
}

/// A9: unknown fields are ignored.
#[tokio::test]
async fn unknown_fields_are_ignored() {
    let body = r#"{"refresh_token":null,"token_type":"bearer","access_token":"a.b.c","expires_in":86399999,
        "scope":"openid","extra":{"access_token":"nested","list":[1,{"error":true}]}}"#;

    let (token, _) = accepted(body).await;

    assert_eq!(token.expose_secret(), "a.b.c");
}

/// A1: only status 200 is a success; another 2xx is not, even with a token in it.
#[tokio::test]
async fn a_2xx_other_than_200_is_not_a_success() {
    for status in [201, 202, 203, 204, 206, 226] {
        let response = ResponseTemplate::new(status).set_body_raw(good(), "application/json");
        fails_with(ErrorKind::Response, 1, response, &format!("{status}")).await;
    }
}

/// N7: the encoding `identity`, or an empty one, is none.
#[tokio::test]
async fn a_response_with_identity_encoding_is_accepted() {
    for encoding in ["identity", "Identity", " ", ""] {
        let server = responding(token().insert_header("content-encoding", encoding)).await;
        assert!(client(&server).exchange().await.is_ok(), "{encoding:?}");
    }
}

/// N7: nothing is ever decompressed, so a compressed response is refused and not inflated.
#[tokio::test]
async fn a_compressed_response_is_refused() {
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, gzip"] {
        let response = token().insert_header("content-encoding", encoding);
        fails_with(ErrorKind::Response, 1, response, encoding).await;
    }
}
