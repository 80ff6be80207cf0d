//! What the error of a refusal says, and what it never shows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use adobe_ims::{Error, ErrorKind, ImsClient};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use support::material::{CLIENT_SECRET, CredentialsFile};
use support::server::{assertions, builder, client, fails_with, form, responding, shown, shows_a_piece};
use wiremock::{Request, ResponseTemplate};

/// B1: a refusal is final: the same request would be refused again.
#[tokio::test]
async fn a_refusal_is_never_retried() {
    for status in [400, 401, 403, 404, 409, 422] {
        let response = ResponseTemplate::new(status).set_body_raw(r#"{"error":"invalid_client"}"#, "application/json");
        let error = fails_with(ErrorKind::Rejected, 1, response, &format!("{status}")).await;
        assert_eq!(error.status().unwrap(), status);
        assert!(!error.is_transient(), "{status}");
    }
}

/// A10: what IMS says reaches the caller as data.
#[tokio::test]
async fn a_refusal_has_code_description_and_debug_id() {
    let body =
        r#"{"error_description":"Could not match JWT signature to any of the bindings","error":"invalid_token"}"#;
    let response = ResponseTemplate::new(400)
        .insert_header("x-debug-id", "banana")
        .set_body_raw(body, "application/json;charset=UTF-8");

    let error = fails_with(ErrorKind::Rejected, 1, response, body).await;

    assert_eq!(error.code(), Some("invalid_token"));
    assert_eq!(error.description(), Some("Could not match JWT signature to any of the bindings"));
    assert_eq!(error.debug_id(), Some("banana"));
    assert_eq!(error.status().unwrap(), 400);
}

/// A10: no escape or control character of the server reaches a terminal through an error.
#[tokio::test]
async fn a_refusal_is_cleaned_of_control_characters() {
    let dirty = "one\u{1b}[31m two\u{0}\u{7}\u{7f}\u{9b}2J three\r\nfour\u{202e}";
    let body = json!({ "error": dirty, "error_description": dirty }).to_string();

    let error = refused_with(body).await;

    for text in [error.code().unwrap(), error.description().unwrap()] {
        assert!(text.starts_with("one"), "{text:?}");
        assert!(text.ends_with("four"), "{text:?}");
    }
    let shown = shown(&error);
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{shown:?}");
}

/// A10: a description has at most 200 characters.
#[tokio::test]
async fn a_long_description_is_cut() {
    let body = json!({ "error": "invalid_token", "error_description": "\u{e9}".repeat(10_000) });

    let error = refused_with(body.to_string()).await;

    assert_eq!(error.description().unwrap().chars().count(), 200);
}

/// A11: nothing is shown of a body that is not IMS's; the status is all there is.
#[tokio::test]
async fn a_refusal_with_a_foreign_body_shows_its_status_only() {
    for (name, body) in [
        ("HTML", "<html><h1>MARKER</h1></html>".to_owned()),
        ("text", "MARKER".to_owned()),
        ("1 MiB", "MARKER ".repeat(150_000)),
        ("1 MiB of JSON", json!({ "error": "MARKER", "error_description": "MARKER ".repeat(150_000) }).to_string()),
        ("nothing", String::new()),
    ] {
        let response = ResponseTemplate::new(403).set_body_raw(body, "text/html");
        let error = fails_with(ErrorKind::Rejected, 1, response, name).await;
        assert_eq!(error.status().unwrap(), 403, "{name}");
        assert_eq!(error.code(), None, "{name}");
        assert_eq!(error.description(), None, "{name}");
        assert!(!shown(&error).contains("MARKER"), "{name}");
    }
}

/// A12: a secret that the form had to encode is redacted in that spelling too.
#[tokio::test]
async fn an_echoed_form_is_redacted() {
    let secret = "ab/cd+ef/gh=ij/kl+mn/op=qr";
    let server = responding(|request: &Request| {
        let echo = json!({ "error": "invalid_request", "error_description": String::from_utf8_lossy(&request.body) });
        ResponseTemplate::new(400).set_body_json(echo)
    })
    .await;
    let file = CredentialsFile::new().with("integration.technicalAccount.clientSecret", secret);
    let client = ImsClient::builder(file.read().unwrap()).danger_endpoint(server.uri()).build().unwrap();
    let error = client.exchange().await.unwrap_err();
    assert!(error.description().unwrap().starts_with("client_id="), "{error:?}");
    assert!(!shows_a_piece(&shown(&error), "ab%2Fcd%2Bef%2Fgh%3Dij%2Fkl%2Bmn%2Fop%3Dqr"), "{error:?}");
}

/// A12: a secret that a server sends back is redacted, in whatever disguise.
#[tokio::test]
async fn an_echoed_secret_is_redacted() {
    let plain = |secret: &str| format!("the value {secret} is wrong");
    let at_the_limit = |secret: &str| format!("{}{secret}", "x ".repeat(90));
    let rebuilt_by_cleaning = |secret: &str| {
        let pieces = secret.as_bytes().chunks(5).map(|piece| std::str::from_utf8(piece).unwrap());
        Vec::from_iter(pieces).join("\u{1b}")
    };
    let twice = |secret: &str| format!("{secret}{secret}");
    let disguises: [(&str, Disguise); 4] = [
        ("plain", plain),
        ("at the limit", at_the_limit),
        ("rebuilt by cleaning", rebuilt_by_cleaning),
        ("twice", twice),
    ];
    for (name, disguise) in disguises {
        assert_no_echo(name, disguise).await;
    }
}

/// A12: twelve characters of a secret are too many.
#[tokio::test]
async fn an_echoed_piece_of_a_secret_is_redacted() {
    let head: Disguise = |secret| format!("{}... is wrong", &secret[..20]);
    let tail: Disguise = |secret| format!("...{} is wrong", &secret[secret.len() - 20..]);
    for (name, disguise) in [("head", head), ("tail", tail)] {
        assert_no_echo(name, disguise).await;
    }
}

/// S18: the token of a response that also has an error is redacted like the secrets that were sent.
#[tokio::test]
async fn a_token_next_to_an_error_is_redacted() {
    let token = "eyJhbGciOiJSUzI1NiJ9.VE9LRU4tTUFSS0VSLTAxMjM0NTY3ODk.bWFya2VyLXNpZ25hdHVyZQ";
    for status in [200, 400, 503] {
        let body = json!({
            "access_token": token,
            "token_type": "bearer",
            "expires_in": 86_399_999,
            "error": format!("not_{token}"),
            "error_description": format!("the token {token} is not for you; {}...", &token[..30]),
        });
        let server = responding(ResponseTemplate::new(status).set_body_json(body)).await;

        let error = builder(&server).max_attempts(1).build().unwrap().exchange().await.unwrap_err();

        assert!(error.description().unwrap().starts_with("the token [redacted] is not for you; "), "{error:?}");
        assert!(!shows_a_piece(&shown(&error), token), "{status}: {error:?}");
    }
}

/// S19: an honest intermediary echoes what it received in another encoding: the whole form, or a secret in it.
#[tokio::test]
async fn an_echo_in_another_encoding_is_redacted() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let upper = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    let percent = |bytes: &[u8]| bytes.iter().map(|byte| format!("%{byte:02X}")).collect::<String>();
    type Encode = fn(&[u8]) -> String;
    let encodings: [(&str, Encode); 5] = [
        ("base64", |bytes| STANDARD.encode(bytes)),
        ("base64url", |bytes| URL_SAFE_NO_PAD.encode(bytes)),
        ("hex", hex),
        ("hex in upper case", upper),
        ("percent", percent),
    ];
    // In base64 it has the characters in which base64url differs.
    let secret = "s8e-MARKER-0123456789-?>?>?>?>?>?>?>";
    for (name, encode) in encodings {
        for skipped in 0..3 {
            let server = responding(move |request: &Request| {
                let secret = form(request)["client_secret"].clone();
                // Where the secret begins decides what base64 makes of it.
                let echo = format!("{}{secret}&jwt_token=", &"xyz"[..skipped]);
                let whole = encode(&request.body);
                ResponseTemplate::new(400)
                    .insert_header("x-debug-id", encode(secret.as_bytes()).as_str())
                    .set_body_json(json!({ "error": encode(echo.as_bytes()), "error_description": whole }))
            })
            .await;

            let file = CredentialsFile::new().with("integration.technicalAccount.clientSecret", secret);
            let client = ImsClient::builder(file.read().unwrap()).danger_endpoint(server.uri()).build().unwrap();
            let error = client.exchange().await.unwrap_err();

            let shown = shown(&error);
            for secret in [secret, &assertions(&server).await[0]] {
                for start in 0..3 {
                    // All of it but what base64 mixes with its neighbours; twelve bytes of it are too many.
                    let inner = &secret.as_bytes()[start..];
                    let encoded = encode(&inner[..inner.len() / 3 * 3]);
                    let width = encode(&[0; 12]).len();
                    let pieces = encoded.as_bytes().windows(width).map(|piece| str::from_utf8(piece).unwrap());
                    let piece = pieces.into_iter().find(|piece| shown.contains(*piece));
                    assert_eq!(piece, None, "{name}: {shown}");
                }
            }
            assert!(shown.contains("[redacted]"), "{name}: {shown}");
        }
    }
}

/// A15: letters that show nothing are removed; a text of nothing else is none.
#[tokio::test]
async fn invisible_letters_are_removed() {
    for invisible in ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'] {
        let hidden = invisible.to_string().repeat(20);
        let body = json!({ "error": format!("invalid{hidden}_scope"), "error_description": hidden }).to_string();
        let error = refused_with(body).await;
        assert_eq!((error.code(), error.description()), (Some("invalid_scope"), None));
        assert_eq!(error.to_string(), "IMS refused the request: 400 invalid_scope");

        let error = refused_with(json!({ "error": hidden, "error_description": "no code" }).to_string()).await;
        assert_eq!((error.code(), error.description()), (None, Some("no code")));
        assert!(!shown(&error).contains(invisible));
    }
}

/// A14: an error of Adobe's API gateway has a code and a description too.
#[tokio::test]
async fn an_error_of_the_api_gateway_has_code_and_description() {
    for body in [
        r#"{"error_code":"403003","message":"Api Key is invalid"}"#,
        r#"{"title":"x","status":403,"error_code":403003,"message":"Api Key is invalid"}"#,
    ] {
        let error = fails_with(ErrorKind::Rejected, 1, ResponseTemplate::new(403).set_body_string(body), body).await;
        assert_eq!((error.code(), error.description()), (Some("403003"), Some("Api Key is invalid")));
    }
}

/// A14: `code()` is IMS's own, also one that was never seen before.
#[tokio::test]
async fn the_code_is_that_of_ims() {
    for (status, word, kind) in [
        (400, "invalid_client", ErrorKind::Rejected),
        (401, "invalid_client", ErrorKind::Rejected),
        (400, "invalid_token", ErrorKind::Rejected),
        (400, "invalid_signature", ErrorKind::Rejected),
        (400, "invalid_scope", ErrorKind::Rejected),
        (400, "bad_request", ErrorKind::Rejected),
        (400, "invalid_grant", ErrorKind::Rejected),
        (400, "access_denied", ErrorKind::Rejected),
        (400, "unauthorized_client", ErrorKind::Rejected),
        (400, "invalid_request", ErrorKind::Rejected),
        (400, "unsupported_grant_type", ErrorKind::Rejected),
        (400, "a-word.of:TOMORROW/1", ErrorKind::Rejected),
        (429, "rate_limit", ErrorKind::Throttled),
        (500, "internal_error", ErrorKind::Server),
        (503, "temporarily_unavailable", ErrorKind::Server),
    ] {
        let body = json!({ "error": word }).to_string();
        let server = responding(ResponseTemplate::new(status).set_body_raw(body, "application/json")).await;
        let client = builder(&server).max_attempts(1).build().unwrap();

        let error = client.exchange().await.unwrap_err();

        assert_eq!(error.kind(), kind, "{status} {word}");
        assert_eq!(error.code(), Some(word), "{status} {word}");
    }
}

async fn refused_with(body: String) -> Error {
    let response = ResponseTemplate::new(400).set_body_raw(body, "application/json");
    fails_with(ErrorKind::Rejected, 1, response, "a refusal").await
}

/// What a server makes of a secret before it sends it back.
type Disguise = fn(&str) -> String;

/// Neither secret gets into the error if the server sends both back in this disguise.
async fn assert_no_echo(name: &str, disguise: Disguise) {
    for [code, description] in [["client_secret", "jwt_token"], ["jwt_token", "client_secret"]] {
        let server = responding(move |request: &Request| {
            let form = form(request);
            ResponseTemplate::new(400)
                .insert_header("x-debug-id", format!("{}-{}", form[code], form[description]))
                .set_body_json(json!({
                    "error": disguise(&form[code]),
                    "error_description": disguise(&form[description]),
                }))
        })
        .await;

        let error = client(&server).exchange().await.unwrap_err();

        assert_eq!(error.status().unwrap(), 400);
        let shown = shown(&error);
        for secret in [CLIENT_SECRET, &assertions(&server).await[0]] {
            assert!(!shows_a_piece(&shown, secret), "{name}, {code} as the code: {shown}");
        }
    }
}
