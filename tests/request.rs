//! What an exchange sends: one POST, the secrets in its form body.
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

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::material::{CLIENT_ID, CLIENT_SECRET, IMS_HOST};
use support::server::{assertions, builder, client, form, responding, shows_a_piece, token};

/// S5: the secrets are in the form body and nowhere else in the request.
#[tokio::test]
async fn an_exchange_sends_the_secrets_in_the_form_body_only() {
    let server = responding(token()).await;
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
    let server = responding(token()).await;
    client(&server).exchange().await.unwrap();

    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(form_urlencoded::parse(&request.body).count(), 3);
}

/// N17: the request has exactly these headers; `user-agent` is the crate's name and version.
#[tokio::test]
async fn an_exchange_sends_exactly_the_headers_of_a_form_post() {
    let server = responding(token()).await;
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

/// N17: `user_agent` replaces the default.
#[tokio::test]
async fn the_user_agent_of_the_builder_replaces_the_default() {
    let server = responding(token()).await;
    let client = builder(&server).user_agent("asset-sync/7").build().unwrap();
    client.exchange().await.unwrap();

    let request = &server.received_requests().await.unwrap()[0];
    assert_eq!(request.headers["user-agent"], "asset-sync/7");
}

/// The exchange is a POST to `/ims/exchange/jwt` without a query, with or without a slash after the endpoint.
#[tokio::test]
async fn an_exchange_posts_to_the_exchange_path() {
    let server = responding(token()).await;

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

/// K8: the assertion names the host of the credentials, never the address connected to.
#[tokio::test]
async fn the_address_connected_to_is_never_signed() {
    let server = responding(token()).await;
    client(&server).exchange().await.unwrap();

    let claims = claims(&assertions(&server).await[0]);
    assert_eq!(claims["aud"], json!(format!("https://{IMS_HOST}/c/{CLIENT_ID}")));
    assert!(!claims.to_string().contains("127.0.0.1"), "{claims}");
}

fn claims(assertion: &str) -> Value {
    let payload = assertion.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
