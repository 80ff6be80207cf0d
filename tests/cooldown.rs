//! Who may keep `token` from asking IMS, and for how long.
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

use adobe_ims::ImsClient;
use adobe_ims::testing::ManualClock;
use support::server::{builder, first_then, requests, responding, token};
use wiremock::{MockServer, ResponseTemplate};

const MINUTE: Duration = Duration::from_secs(60);

/// B15: the `Retry-After` of something that is not IMS, or that comes with a refusal, is data in the error and suppresses
/// nothing: one call a minute for an hour, and each asks.
#[tokio::test]
async fn a_retry_after_of_another_party_suppresses_no_request() {
    let html = |status| ResponseTemplate::new(status).set_body_raw("<html>Sign in</html>", "text/html");
    let json = |status| ResponseTemplate::new(status).set_body_raw(r#"{"error":"invalid_client"}"#, "application/json");
    for (name, response) in [
        ("a sign-in page", html(200)),
        ("a redirect", html(302).insert_header("location", "https://sign-in.example")),
        ("a proxy that requires a password", html(407)),
        ("an HTML refusal", html(400)),
        ("a page that is not there", html(404)),
        ("a gateway that timed out", html(408)),
        ("a gateway without IMS", html(502)),
        ("a gateway that waits in vain", html(504)),
        ("a refusal of IMS", json(400)),
        ("a refusal of IMS with 401", json(401)),
        ("an empty success", ResponseTemplate::new(204)),
    ] {
        let (server, clock, client) = client_of(response.insert_header("retry-after", "3600")).await;
        for minute in 1..=60 {
            let error = client.token().await.unwrap_err();
            assert_eq!(error.retry_after(), Some(60 * MINUTE), "{name}");
            assert_eq!(requests(&server).await, minute, "{name}");
            clock.advance(MINUTE);
        }
    }
}

/// B7, B15: IMS itself may: while it is throttling or overloaded, `token` makes no request until `Retry-After` has passed.
#[tokio::test]
async fn a_retry_after_of_ims_suppresses_requests_until_it_has_passed() {
    let json = |status| ResponseTemplate::new(status).set_body_raw(r#"{"error":"overloaded"}"#, "application/json");
    for (name, response) in [
        ("429", ResponseTemplate::new(429)),
        ("503", ResponseTemplate::new(503)),
        ("408 of IMS", json(408)),
        ("500 of IMS", json(500)),
        ("502 of IMS", json(502)),
        ("504 of IMS", json(504)),
    ] {
        let (server, clock, client) = client_of(response.insert_header("retry-after", "1800")).await;
        for (minutes, expected) in [(0, 1), (1, 1), (28, 1), (1, 2), (29, 2), (1, 3)] {
            clock.advance(minutes * MINUTE);
            let error = client.token().await.unwrap_err();
            assert_eq!(error.retry_after(), Some(30 * MINUTE), "{name}");
            assert_eq!(requests(&server).await, expected, "{name}");
        }
    }
}

/// B15, T8: when the sign-in page is gone, the next call gets a token, whatever the page asked for.
#[tokio::test]
async fn a_token_is_issued_as_soon_as_the_sign_in_page_is_gone() {
    let page = ResponseTemplate::new(200).set_body_raw("<html>", "text/html").insert_header("retry-after", "3600");
    let server = first_then(page, token()).await;
    let clock = ManualClock::new();
    let client = builder(&server).clock(clock.clone()).build().unwrap();
    client.token().await.unwrap_err();
    clock.advance(Duration::from_secs(2));
    assert!(client.token().await.is_ok());
}

/// A server with this response, and a client of it with one attempt for each exchange.
async fn client_of(response: ResponseTemplate) -> (MockServer, ManualClock, ImsClient) {
    let (server, clock) = (responding(response).await, ManualClock::new());
    let client = builder(&server).clock(clock.clone()).max_attempts(1).build().unwrap();
    (server, clock, client)
}
