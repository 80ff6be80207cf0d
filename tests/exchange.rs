//! The exchange with an IMS that speaks HTTP properly: what is asked, and what becomes of each answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::collections::BTreeMap;
use std::error::Error as _;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use adobe_ims::{Clock, Error, ErrorKind, ImsClient, ImsClientBuilder, Token};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::material::{CLIENT_ID, CLIENT_SECRET, CredentialsFile, IMS_HOST, printed};
use support::raw::ClosedPort;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

// What is asked.

/// S5: the secrets stand in the form body and nowhere else in the request.
#[tokio::test]
async fn an_exchange_sends_the_secrets_in_the_form_body_alone() {
    let server = answering(token()).await;
    client(&server).exchange().await.unwrap();

    let request = &server.received_requests().await.unwrap()[0];
    let form = form(request);
    assert_eq!(Vec::from_iter(form.keys()), ["client_id", "client_secret", "jwt_token"]);
    assert_eq!(form["client_id"], CLIENT_ID);
    assert_eq!(form["client_secret"], CLIENT_SECRET);
    let outside = format!("{} {:?}", request.url, request.headers);
    for secret in [CLIENT_SECRET, &form["jwt_token"]] {
        assert!(!shows_a_piece(&outside, secret), "{outside}");
    }
}

/// S5: each field of the form comes once.
#[tokio::test]
async fn an_exchange_sends_each_form_field_once() {
    let server = answering(token()).await;
    client(&server).exchange().await.unwrap();

    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(form_urlencoded::parse(&request.body).count(), 3);
}

/// N17: the request has exactly these headers; of the client it tells name and version only.
#[tokio::test]
async fn an_exchange_sends_exactly_the_headers_of_a_form_post() {
    let server = answering(token()).await;
    client(&server).exchange().await.unwrap();

    let request = &server.received_requests().await.unwrap()[0];
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect::<BTreeMap<_, _>>();
    let length = request.body.len().to_string();
    let version = concat!("adobe-ims/", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        headers,
        BTreeMap::from([
            ("accept", "application/json"),
            ("content-length", length.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", server.address().to_string().as_str()),
            ("user-agent", version),
        ])
    );
    assert_eq!(request.headers.len(), 5);
}

/// N17: whoever names their own service is taken at their word.
#[tokio::test]
async fn a_user_agent_of_ones_own_replaces_the_default() {
    let server = answering(token()).await;
    let client = builder(&server).user_agent("asset-sync/7").build().unwrap();
    client.exchange().await.unwrap();

    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(request.headers["user-agent"], "asset-sync/7");
}

/// R01: the exchange is a POST to `/ims/exchange/jwt` without a query, with or without a slash after the endpoint.
#[tokio::test]
async fn an_exchange_posts_to_the_exchange_path() {
    let server = answering(token()).await;

    for endpoint in [server.uri(), format!("{}/", server.uri())] {
        let client = builder(&server).danger_endpoint(endpoint).build().unwrap();
        client.exchange().await.unwrap();
    }

    for request in server.received_requests().await.unwrap() {
        assert_eq!(request.method.as_str(), "POST");
        assert_eq!(request.url.path(), "/ims/exchange/jwt");
        assert_eq!(request.url.query(), None);
    }
}

/// K8: the assertion is made out to the host of the credentials, never to the address connected to.
#[tokio::test]
async fn the_address_connected_to_is_never_signed() {
    let server = answering(token()).await;
    client(&server).exchange().await.unwrap();

    let claims = claims(&assertions(&server).await[0]);
    assert_eq!(claims["aud"], json!(format!("https://{IMS_HOST}/c/{CLIENT_ID}")));
    assert!(!claims.to_string().contains("127.0.0.1"), "{claims}");
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
        let error = with_endpoint(endpoint).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{endpoint}");
    }
}

/// N3: a stand-in on this machine may speak plain http.
#[test]
fn plain_http_is_taken_for_loopback() {
    for endpoint in ["http://127.0.0.1:1", "http://127.8.9.10:1", "http://[::1]:1", "http://localhost:1"] {
        assert!(with_endpoint(endpoint).build().is_ok(), "{endpoint}");
    }
}

/// N3: what is no http address at all is refused when the client is built.
#[test]
fn an_endpoint_that_is_no_http_address_is_refused() {
    for endpoint in ["", "127.0.0.1", "ftp://127.0.0.1", "http://", "file:///etc/hosts"] {
        let error = with_endpoint(endpoint).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{endpoint:?}");
    }
}

/// N18: a proxy would see the secret of a plain-http endpoint, so the two together are refused.
#[test]
fn a_plain_http_endpoint_is_never_given_a_proxy() {
    let error = with_endpoint("http://127.0.0.1:1").proxy("http://127.0.0.1:2").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

/// R5: without a tokio runtime the call is an error of usage, told at the first poll.
#[test]
fn an_exchange_without_a_runtime_is_an_error_of_usage() {
    let client = with_endpoint("http://127.0.0.1:1").build().unwrap();

    let exchange = pin!(client.exchange());
    let Poll::Ready(outcome) = exchange.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the call waits for a runtime");
    };

    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Usage);
}

// Answers with a token.

/// A1: a good answer becomes a token with the same text that ends when the answer says.
#[tokio::test]
async fn a_good_answer_becomes_a_token() {
    let (token, life) = accepted(&good()).await;

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_near(life, 86_400_000, "the end");
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
    let server = answering(ResponseTemplate::new(200).set_body_bytes(good())).await;

    let token = client(&server).exchange().await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
}

/// A2: a page of a captive portal is no answer of IMS, whatever type it claims to have.
#[tokio::test]
async fn a_page_of_html_is_no_answer() {
    let page = "<!DOCTYPE html><html><title>Log in to the guest network</title></html>";
    for answer in [
        ResponseTemplate::new(200).set_body_raw(page, "text/html"),
        ResponseTemplate::new(200).set_body_raw(page, "application/json"),
        ResponseTemplate::new(200).set_body_bytes(page),
    ] {
        let error = fails_with(ErrorKind::Response, 1, answer, page).await;
        assert!(!printed(&error).contains("guest network"));
    }
}

/// A3: an answer without a usable `access_token` never becomes an empty token.
#[tokio::test]
async fn an_answer_without_a_token_is_refused() {
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

/// A4: an error that is no text is one all the same.
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
    let answer = ok(r#"{"error":"invalid_token","error_description":"no such binding"}"#);

    let error = fails_with(ErrorKind::Rejected, 1, answer, "200").await;

    assert_eq!(error.code(), Some("invalid_token"));
    assert_eq!(error.description(), Some("no such binding"));
    assert_eq!(error.status().unwrap(), 200);
}

/// A5: a text that could not stand in a header, or is beyond any token, is refused.
#[tokio::test]
async fn a_token_that_could_not_be_sent_is_refused() {
    for text in ["a\nb", "a\rb", "a\0b", "a\tb", "a b", " ab", "a\u{7f}b", "a\u{e9}b"] {
        let answer = ok(answer(text, "86399999"));
        fails_with(ErrorKind::Response, 1, answer, &format!("{text:?}")).await;
    }
    for length in [16 * 1024 + 1, 100 * 1000] {
        let answer = ok(answer(&"a".repeat(length), "86399999"));
        fails_with(ErrorKind::Response, 1, answer, &format!("{length}")).await;
    }
}

/// A5: the longest token is 16 KiB.
#[tokio::test]
async fn a_token_of_16_kib_is_accepted() {
    let text = "a".repeat(16 * 1024);

    let (token, _) = accepted(&answer(&text, "86399999")).await;

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

/// A7: two tokens in one answer are refused, also when the name is spelt in two ways.
#[tokio::test]
async fn a_duplicate_access_token_is_refused() {
    for second in ["access_token", r"access\u005ftoken"] {
        let body = format!(r#"{{"access_token":"a.b.c","{second}":"d.e.f","expires_in":86399999}}"#);
        fails_with(ErrorKind::Response, 1, ok(body.as_str()), &body).await;
    }
}

/// A8: what is not exactly one JSON text in UTF-8 is refused.
#[tokio::test]
async fn a_malformed_answer_is_refused() {
    let good = good();
    let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let utf16 = format!("\u{feff}{good}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, body) in [
        ("nested", nested.clone().into_bytes()),
        ("open brackets", "[".repeat(10_000).into_bytes()),
        ("open braces", r#"{"a":"#.repeat(10_000).into_bytes()),
        ("nested token", format!(r#"{{"access_token":{nested}}}"#).into_bytes()),
        ("trailing byte", format!("{good}x").into_bytes()),
        ("two answers", format!("{good}{good}").into_bytes()),
        ("byte order mark", format!("\u{feff}{good}").into_bytes()),
        ("UTF-16", utf16),
        ("not UTF-8", b"{\"access_token\":\"\xff\xfe\",\"expires_in\":86399999}".to_vec()),
    ] {
        fails_with(ErrorKind::Response, 1, ok(body), name).await;
    }
}

/// A8: a good answer that was cut at any byte is refused, once each.
#[tokio::test]
async fn a_good_answer_cut_at_any_byte_is_refused() {
    let good = good();
    let cut = AtomicUsize::new(0);
    let server = answering({
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

/// A9: fields that nobody knows are nobody's concern.
#[tokio::test]
async fn unknown_fields_are_ignored() {
    let body = r#"{"refresh_token":null,"token_type":"bearer","access_token":"a.b.c","expires_in":86399999,
        "scope":"openid","extra":{"access_token":"nested","list":[1,{"error":true}]}}"#;

    let (token, _) = accepted(body).await;

    assert_eq!(token.expose_secret(), "a.b.c");
}

/// A1: only status 200 is success; another 2xx is no answer of IMS, even with a token in it.
#[tokio::test]
async fn a_2xx_other_than_200_is_no_success() {
    for status in [201, 202, 203, 204, 206, 226] {
        let answer = ResponseTemplate::new(status).set_body_raw(good(), "application/json");
        fails_with(ErrorKind::Response, 1, answer, &format!("{status}")).await;
    }
}

/// N7: an encoding that says there is none is none.
#[tokio::test]
async fn an_answer_encoded_as_it_is_is_accepted() {
    for encoding in ["identity", "Identity", " ", ""] {
        let server = answering(token().insert_header("content-encoding", encoding)).await;
        assert!(client(&server).exchange().await.is_ok(), "{encoding:?}");
    }
}

/// N7: nothing is ever decompressed, so a compressed answer is refused and not inflated.
#[tokio::test]
async fn a_compressed_answer_is_refused() {
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, gzip"] {
        let answer = token().insert_header("content-encoding", encoding);
        fails_with(ErrorKind::Response, 1, answer, encoding).await;
    }
}

// How long a token lives.

/// T15: `expires_in` of this endpoint is in milliseconds, and the token's own claims settle a doubt; the safe
/// mistake, never the dangerous one.
#[tokio::test]
async fn the_life_of_a_token_is_never_misread() {
    for (expires_in, own_life, life) in [
        ("86399999", None, 86_399_999),
        ("86399979", Some("86400000"), 86_400_000),
        ("86399", Some("86400000"), 86_399_000),
        ("86399", None, 86_399),
        ("3600000", Some("3600000"), 3_600_000),
        // Claims that agree with neither unit: the shorter life counts.
        ("86399999", Some("3600000"), 3_600_000),
        ("3600000", Some("86400000"), 3_600_000),
        // A day at most.
        ("172800000", None, 86_400_000),
        ("172800000", Some("172800000"), 86_400_000),
        ("31622400000", None, 86_400_000),
    ] {
        let token = access_token(own_life, now());
        let (_, measured) = accepted(&answer(&token, expires_in)).await;
        assert_near(measured, life, &format!("{expires_in} with claims {own_life:?}"));
    }
}

/// T15: the life counts from the arrival by the local clock; when IMS's clock says the token was made matters nothing.
#[tokio::test]
async fn the_life_of_a_token_counts_from_its_arrival() {
    let day = Duration::from_secs(86_400);
    let now = now();
    for created_at in [now - day, now + day] {
        let token = access_token(Some("86400000"), created_at);
        let (_, life) = accepted(&answer(&token, "86399999")).await;
        assert_near(life, 86_400_000, "the end");
    }
}

/// T15, T16: a claim of an odd type takes neither the life nor another claim with it.
#[tokio::test]
async fn an_odd_claim_does_not_hide_the_others() {
    for odd in [r#""scope":["a","b"]"#, r#""user_id":7"#, r#""created_at":1.5"#, r#""client_id":{"x":[true,null]}"#] {
        let claims = format!(r#"{{"expires_in":"86400000","as":"ims-na1",{odd}}}"#);
        let text = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        for expires_in in ["86399", "null"] {
            let (token, life) = accepted(&answer(&text, expires_in)).await;
            assert_near(life, 86_400_000, odd);
            assert_eq!(token.claims().unwrap().authorization_server(), Some("ims-na1"), "{odd}");
        }
    }
}

/// T16: digits in quotes are a number all the same.
#[tokio::test]
async fn a_life_as_a_string_of_digits_is_accepted() {
    let (_, life) = accepted(&answer(ACCESS_TOKEN, r#""86399999""#)).await;
    assert_near(life, 86_399_999, "the end");
}

/// T16: without `expires_in` the token's own claims tell its end.
#[tokio::test]
async fn a_missing_life_is_read_from_the_tokens_own_claims() {
    let token = access_token(Some("3600000"), now());
    for body in
        [format!(r#"{{"access_token":"{token}"}}"#), format!(r#"{{"access_token":"{token}","expires_in":null}}"#)]
    {
        let (_, life) = accepted(&body).await;
        assert_near(life, 3_600_000, &body);
    }
}

/// T16: without `expires_in` and without claims nobody knows the end, so the answer is refused.
#[tokio::test]
async fn a_token_whose_end_nobody_tells_is_refused() {
    for body in [
        format!(r#"{{"access_token":"{OPAQUE_TOKEN}"}}"#),
        format!(r#"{{"access_token":"{OPAQUE_TOKEN}","expires_in":null}}"#),
    ] {
        fails_with(ErrorKind::Response, 1, ok(body.as_str()), &body).await;
    }
}

/// T16: a life that can't be meant is refused, whatever the token's own claims say.
#[tokio::test]
async fn an_absurd_life_is_refused() {
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
            let body = answer(token, expires_in);
            fails_with(ErrorKind::Response, 1, ok(body.as_str()), &body).await;
        }
    }
}

// Refusals.

/// B1: a refusal is final: the same request would be refused again.
#[tokio::test]
async fn a_refusal_is_never_tried_again() {
    for status in [400, 401, 403, 404, 409, 422] {
        let answer = ResponseTemplate::new(status).set_body_raw(r#"{"error":"invalid_client"}"#, "application/json");
        let error = fails_with(ErrorKind::Rejected, 1, answer, &format!("{status}")).await;
        assert_eq!(error.status().unwrap(), status);
        assert!(!error.is_transient(), "{status}");
    }
}

/// A10: what IMS says reaches the caller as data.
#[tokio::test]
async fn a_refusal_tells_code_description_and_debug_id() {
    let body =
        r#"{"error_description":"Could not match JWT signature to any of the bindings","error":"invalid_token"}"#;
    let answer = ResponseTemplate::new(400)
        .insert_header("x-debug-id", "banana")
        .set_body_raw(body, "application/json;charset=UTF-8");

    let error = fails_with(ErrorKind::Rejected, 1, answer, body).await;

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

/// A11: of a body that is not IMS's, nothing is shown; the status tells the refusal.
#[tokio::test]
async fn a_refusal_with_a_foreign_body_tells_its_status_alone() {
    for (name, body) in [
        ("HTML", "<html><h1>MARKER</h1></html>".to_owned()),
        ("text", "MARKER".to_owned()),
        ("1 MiB", "MARKER ".repeat(150_000)),
        ("1 MiB of JSON", json!({ "error": "MARKER", "error_description": "MARKER ".repeat(150_000) }).to_string()),
        ("nothing", String::new()),
    ] {
        let answer = ResponseTemplate::new(403).set_body_raw(body, "text/html");
        let error = fails_with(ErrorKind::Rejected, 1, answer, name).await;
        assert_eq!(error.status().unwrap(), 403, "{name}");
        assert_eq!(error.code(), None, "{name}");
        assert_eq!(error.description(), None, "{name}");
        assert!(!shown(&error).contains("MARKER"), "{name}");
    }
}

/// A12: a secret that the form had to encode is cut out in that spelling too.
#[tokio::test]
async fn an_echoed_form_is_cut_out() {
    let secret = "ab/cd+ef/gh=ij/kl+mn/op=qr";
    let server = answering(|request: &Request| {
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

/// A12: a server that sends a secret back does not get it into our error, in whatever disguise.
#[tokio::test]
async fn an_echoed_secret_is_cut_out() {
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
async fn an_echoed_piece_of_a_secret_is_cut_out() {
    let head: Disguise = |secret| format!("{}... is wrong", &secret[..20]);
    let tail: Disguise = |secret| format!("...{} is wrong", &secret[secret.len() - 20..]);
    for (name, disguise) in [("head", head), ("tail", tail)] {
        assert_no_echo(name, disguise).await;
    }
}

/// A13: each level of an error is one sentence of its own, down to the cause.
#[tokio::test]
async fn an_error_chain_tells_each_fact_once() {
    let closed = ClosedPort::reserve();
    let unreachable = with_endpoint(&closed.endpoint()).max_attempts(1).build().unwrap();
    let server = answering(ok("<html>")).await;
    let unusable = client(&server);
    for (client, depth) in [(unreachable, 2), (unusable, 1)] {
        let error = client.exchange().await.unwrap_err();

        let levels = levels(&error);
        assert!(levels.len() >= depth, "{levels:?}");
        for level in &levels {
            assert!(!level.contains('\n') && !level.ends_with('.'), "{levels:?}");
        }
        for pair in levels.windows(2) {
            assert!(!pair[0].contains(&pair[1]), "{levels:?}");
            assert!(!pair[1].contains(&pair[0]), "{levels:?}");
        }
    }
}

/// A14: what Adobe's API gateway answers in place of IMS is told in its words.
#[tokio::test]
async fn the_words_of_the_api_gateway_are_told() {
    for body in [
        r#"{"error_code":"403003","message":"Api Key is invalid"}"#,
        r#"{"title":"x","status":403,"error_code":403003,"message":"Api Key is invalid"}"#,
    ] {
        let error = fails_with(ErrorKind::Rejected, 1, ResponseTemplate::new(403).set_body_string(body), body).await;
        assert_eq!((error.code(), error.description()), (Some("403003"), Some("Api Key is invalid")));
    }
}

/// A14: IMS's own word is handed on unharmed, a word that nobody has seen before too.
#[tokio::test]
async fn the_code_is_the_word_that_ims_used() {
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
        let server = answering(ResponseTemplate::new(status).set_body_raw(body, "application/json")).await;
        let client = builder(&server).max_attempts(1).build().unwrap();

        let error = client.exchange().await.unwrap_err();

        assert_eq!(error.kind(), kind, "{status} {word}");
        assert_eq!(error.code(), Some(word), "{status} {word}");
    }
}

// Failures that may pass.

/// B2: an overload is tried again, three attempts in all and two for a 500.
#[tokio::test]
async fn an_overload_is_tried_again() {
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

/// B2: each attempt brings an assertion of its own.
#[tokio::test]
async fn each_attempt_is_signed_anew() {
    let server = answering(ResponseTemplate::new(503)).await;
    let client = builder(&server).clock(Hasty::new()).build().unwrap();

    client.exchange().await.unwrap_err();

    let mut assertions = assertions(&server).await;
    assertions.dedup();
    assert_eq!(assertions.len(), 3);
}

/// B3: what no second attempt would cure is final.
#[tokio::test]
async fn an_odd_status_is_never_tried_again() {
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

/// B14: one place decides on attempts: as many are made as were allowed.
#[tokio::test]
async fn as_many_attempts_are_made_as_were_allowed() {
    for attempts in [1, 2, 4] {
        let server = answering(ResponseTemplate::new(503)).await;
        let client = builder(&server).max_attempts(attempts).build().unwrap();

        client.exchange().await.unwrap_err();

        assert_eq!(requests(&server).await, attempts as usize);
    }
}

/// B4, B9: what IMS said is not lost when the call ends during a later attempt.
#[tokio::test]
async fn the_last_answer_outlives_the_limit_of_the_call() {
    let throttled = ResponseTemplate::new(429).insert_header("retry-after", "1").insert_header("x-debug-id", "d-1");
    let server = first_then(throttled, token().set_delay(Duration::from_secs(60))).await;
    let client = builder(&server).timeout(Duration::from_millis(1_500)).build().unwrap();
    let error = client.exchange().await.unwrap_err();
    assert_eq!((error.kind(), error.debug_id()), (ErrorKind::Throttled, Some("d-1")));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!(requests(&server).await, 2);
}

/// B4: a short wait that the server asks for is kept.
#[tokio::test]
async fn a_told_wait_is_waited_for() {
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

/// B6: a wait beyond the whole call is handed to the caller at once, an hour at most.
#[tokio::test]
async fn a_told_wait_beyond_the_call_ends_it_at_once() {
    for (retry_after, told) in [
        ("77", 77),
        ("3600", 3600),
        ("999999", 3600),
        ("18446744073709551615", 3600),
        ("18446744073709551616", 3600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
    ] {
        let answer = ResponseTemplate::new(429).insert_header("retry-after", retry_after);
        let error = fails_with(ErrorKind::Throttled, 1, answer, retry_after).await;
        assert_eq!(error.retry_after(), Some(Duration::from_secs(told)), "{retry_after}");
        assert!(error.is_transient());
    }
}

/// B6: a wait that can't be understood is none.
#[tokio::test]
async fn a_nonsensical_told_wait_is_ignored() {
    for retry_after in ["-1", "1.5", "", "soon", "1 s", "Fri, 99 Foo 9999 99:99:99 GMT"] {
        let server = answering(ResponseTemplate::new(429).insert_header("retry-after", retry_after)).await;
        let client = builder(&server).max_attempts(2).build().unwrap();

        let error = client.exchange().await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Throttled, "{retry_after:?}");
        assert_eq!(error.retry_after(), None, "{retry_after:?}");
        assert_eq!(requests(&server).await, 2, "{retry_after:?}");
    }
}

/// B6: of two told waits the longer counts.
#[tokio::test]
async fn the_longer_of_two_told_waits_counts() {
    for waits in [["1", "77"], ["77", "1"], ["soon", "77"]] {
        let answer =
            ResponseTemplate::new(429).append_header("retry-after", waits[0]).append_header("retry-after", waits[1]);

        let error = fails_with(ErrorKind::Throttled, 1, answer, waits[0]).await;

        assert_eq!(error.retry_after(), Some(Duration::from_secs(77)), "{waits:?}");
    }
}

/// B4: a wait that was told in vain is handed to the caller when the attempts are used up.
#[tokio::test]
async fn a_told_wait_is_handed_to_the_caller() {
    for (status, kind) in [(429, ErrorKind::Throttled), (503, ErrorKind::Server)] {
        let answer = ResponseTemplate::new(status).insert_header("retry-after", "7");
        let server = answering(answer).await;
        let client = builder(&server).max_attempts(1).build().unwrap();

        let error = client.exchange().await.unwrap_err();

        assert_eq!(error.kind(), kind);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }
}

// Redirects.

/// N1: no redirect is followed, so the secret reaches no other origin.
#[tokio::test]
async fn a_redirect_never_carries_the_secret() {
    let elsewhere = answering(token()).await;
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/ims/exchange/jwt", elsewhere.uri());
        let answer = ResponseTemplate::new(status).insert_header("location", target);
        fails_with(ErrorKind::Response, 1, answer, &format!("{status}")).await;
    }
    assert_eq!(requests(&elsewhere).await, 0);
}

/// N1: the error names where the redirect led by status and host, and nothing else of it.
#[tokio::test]
async fn a_redirect_error_names_status_and_host_alone() {
    for status in [301, 302, 303, 307, 308] {
        let target = "https://user:MARKER1@collector.example/MARKER2?take=MARKER3#MARKER4";
        let answer = ResponseTemplate::new(status).insert_header("location", target);

        let error = fails_with(ErrorKind::Response, 1, answer, target).await;

        assert_eq!(error.status().unwrap(), status);
        let shown = shown(&error);
        assert!(shown.contains(&status.to_string()), "{shown}");
        assert!(shown.contains("collector.example"), "{shown}");
        assert!(!shown.contains("MARKER"), "{shown}");
    }
}

/// N1: the target is told as far as it is one.
#[tokio::test]
async fn a_redirect_tells_where_it_would_have_led() {
    let here = "127.0.0.1";
    for (location, target) in [
        (Some("//collector.example/x"), "collector.example"),
        (Some("/elsewhere"), here),
        (Some("https://other.example:8443/x?y=z"), "other.example"),
        (Some(""), "nowhere"),
        (None, "nowhere"),
    ] {
        let mut answer = ResponseTemplate::new(307);
        if let Some(location) = location {
            answer = answer.insert_header("location", location);
        }
        let error = fails_with(ErrorKind::Response, 1, answer, "a redirect").await;
        assert!(error.to_string().ends_with(&format!(": 307 to {target}")), "{error}");
    }
}

/// A12: a host may hold what was echoed too, in the small letters that a URL makes of it. Found by fuzzing.
#[tokio::test]
async fn a_secret_in_the_host_of_a_redirect_is_cut_out() {
    let target = format!("https://{CLIENT_SECRET}.collector.example/");
    let answer = ResponseTemplate::new(302).insert_header("location", target.as_str());

    let error = fails_with(ErrorKind::Response, 1, answer, &target).await;

    let shown = shown(&error);
    assert!(shown.contains("302 to [redacted].collector.example"), "{shown}");
    assert!(!shown.to_ascii_uppercase().contains("MARKER"), "{shown}");
}

/// N2: a redirect is not followed either when it leads to the same origin, to a metadata service, in a circle, or
/// nowhere.
#[tokio::test]
async fn a_redirect_to_anywhere_is_not_followed() {
    for location in [
        "/ims/exchange/v1/jwt",
        "/ims/exchange/jwt",
        "http://ims-na1.adobelogin.com/ims/exchange/jwt",
        "http://169.254.169.254/latest/meta-data",
        "//collector.example",
        "http://[",
        "",
    ] {
        let answer = ResponseTemplate::new(307).insert_header("location", location);
        fails_with(ErrorKind::Response, 1, answer, location).await;
    }
}

// What the tests stand on.

const ACCESS_TOKEN: &str = OPAQUE_TOKEN;
/// Three parts as a token has them, but none that can be decoded.
const OPAQUE_TOKEN: &str = "header.MARKER-payload.signature";

/// A server that gives this answer to whatever it is asked.
async fn answering(answer: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

/// A server that gives one answer to the first request and another to all that follow.
async fn first_then(first: ResponseTemplate, then: ResponseTemplate) -> MockServer {
    let asked = AtomicUsize::new(0);
    answering(move |_: &Request| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => first.clone(),
        _ => then.clone(),
    })
    .await
}

fn with_endpoint(endpoint: &str) -> ImsClientBuilder {
    let credentials = CredentialsFile::new().read().unwrap();
    ImsClient::builder(credentials).danger_endpoint(endpoint)
}

fn builder(server: &MockServer) -> ImsClientBuilder {
    with_endpoint(&server.uri())
}

fn client(server: &MockServer) -> ImsClient {
    builder(server).build().unwrap()
}

/// The body of a good answer as IMS writes it. `expires_in` is given as it stands in the JSON.
fn answer(access_token: &str, expires_in: &str) -> String {
    let access_token = json!(access_token);
    format!(r#"{{"token_type":"bearer","access_token":{access_token},"expires_in":{expires_in}}}"#)
}

fn good() -> String {
    answer(ACCESS_TOKEN, "86399999")
}

fn ok(body: impl AsRef<[u8]>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.as_ref(), "application/json")
}

fn token() -> ResponseTemplate {
    ok(good())
}

/// An access token as IMS makes it, with its life in its own claims.
fn access_token(life: Option<&str>, created_at: SystemTime) -> String {
    let created_at = created_at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let Some(life) = life else {
        return OPAQUE_TOKEN.to_owned();
    };
    let header = json!({ "alg": "RS256", "x5u": "ims_na1-key-at-1.cer", "kid": "ims_na1-key-at-1", "itt": "at" });
    let claims = json!({
        "type": "access_token",
        "client_id": CLIENT_ID,
        "as": "ims-na1",
        "created_at": created_at.to_string(),
        "expires_in": life,
    });
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode("signature"))
}

/// The token that becomes of this body, and how long it lives from its arrival.
async fn accepted(body: &str) -> (Token, Duration) {
    let now = now();
    let server = answering(ok(body)).await;
    let client = builder(&server).clock(Stopped(now)).build().unwrap();
    let token = client.exchange().await.unwrap_or_else(|error| panic!("{error:?} from {body}"));
    assert_eq!(requests(&server).await, 1);
    let life = token.expires_at().duration_since(now).unwrap();
    (token, life)
}

/// The error that becomes of this answer; the server is asked exactly so many times.
async fn fails_with(kind: ErrorKind, attempts: usize, answer: ResponseTemplate, case: &str) -> Error {
    let server = answering(answer).await;
    let error = client(&server).exchange().await.expect_err(case);
    assert_eq!(error.kind(), kind, "{case}: {error:?}");
    assert_eq!(requests(&server).await, attempts, "{case}: {error:?}");
    error
}

async fn refused_with(body: String) -> Error {
    let answer = ResponseTemplate::new(400).set_body_raw(body, "application/json");
    fails_with(ErrorKind::Rejected, 1, answer, "a refusal").await
}

#[track_caller]
fn assert_near(life: Duration, milliseconds: u64, case: &str) {
    let expected = Duration::from_millis(milliseconds);
    assert!(life.abs_diff(expected) <= Duration::from_secs(1), "{life:?} in place of {expected:?}: {case}");
}

/// What a server makes of a secret before it sends it back.
type Disguise = fn(&str) -> String;

/// Neither secret gets into the error of a client whose server sends both back in this disguise.
async fn assert_no_echo(name: &str, disguise: Disguise) {
    for [code, description] in [["client_secret", "jwt_token"], ["jwt_token", "client_secret"]] {
        let server = answering(move |request: &Request| {
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

/// Whether twelve characters of the secret in a row stand in the text.
fn shows_a_piece(text: &str, secret: &str) -> bool {
    secret.as_bytes().windows(12).any(|piece| text.contains(std::str::from_utf8(piece).unwrap()))
}

/// Whatever an error tells, as text and as data.
fn shown(error: &Error) -> String {
    let data = [error.code(), error.description(), error.debug_id(), error.hint()];
    let data = Vec::from_iter(data.into_iter().flatten()).join("\n");
    format!("{}\n{data}", printed(error))
}

fn levels(error: &Error) -> Vec<String> {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect()
}

async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

/// The assertions that the server was sent, in their order.
async fn assertions(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| form(request)["jwt_token"].clone()).collect()
}

fn form(request: &Request) -> BTreeMap<String, String> {
    form_urlencoded::parse(&request.body).into_owned().collect()
}

fn claims(assertion: &str) -> Value {
    let payload = assertion.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test may look at the clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// A wall clock that stands still, so that a life can be measured.
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

/// A wall clock that goes on by a second whenever it is looked at, so that no two assertions can be the same.
struct Hasty {
    start: SystemTime,
    looks: AtomicU64,
}

impl Hasty {
    fn new() -> Self {
        Self { start: now(), looks: AtomicU64::new(0) }
    }
}

impl Clock for Hasty {
    fn now(&self) -> SystemTime {
        self.start + Duration::from_secs(self.looks.fetch_add(1, Ordering::Relaxed))
    }

    #[expect(clippy::disallowed_methods, reason = "the time limits go by the real clock")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
