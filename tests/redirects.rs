//! Redirects are never followed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use adobe_ims::ErrorKind;
use support::material::CLIENT_SECRET;
use support::server::{fails_with, requests, responding, shown, token};
use wiremock::ResponseTemplate;

/// N1: no redirect is followed, so the secret reaches no other origin.
#[tokio::test]
async fn a_redirect_never_carries_the_secret() {
    let elsewhere = responding(token()).await;
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/ims/exchange/jwt", elsewhere.uri());
        let response = ResponseTemplate::new(status).insert_header("location", target);
        fails_with(ErrorKind::Response, 1, response, &format!("{status}")).await;
    }
    assert_eq!(requests(&elsewhere).await, 0);
}

/// N1: the error names status and host of the redirect, and nothing else of it.
#[tokio::test]
async fn a_redirect_error_names_status_and_host_only() {
    for status in [301, 302, 303, 307, 308] {
        let target = "https://user:MARKER1@collector.example/MARKER2?take=MARKER3#MARKER4";
        let response = ResponseTemplate::new(status).insert_header("location", target);

        let error = fails_with(ErrorKind::Response, 1, response, target).await;

        assert_eq!(error.status().unwrap(), status);
        let shown = shown(&error);
        assert!(shown.contains(&status.to_string()), "{shown}");
        assert!(shown.contains("collector.example"), "{shown}");
        assert!(!shown.contains("MARKER"), "{shown}");
    }
}

/// N1: the error names the host, of a relative target too.
#[tokio::test]
async fn a_redirect_error_names_the_target() {
    let here = "127.0.0.1";
    for (location, target) in [
        (Some("//collector.example/x"), "collector.example"),
        (Some("/elsewhere"), here),
        (Some("https://other.example:8443/x?y=z"), "other.example"),
        (Some(""), "nowhere"),
        (None, "nowhere"),
    ] {
        let mut response = ResponseTemplate::new(307);
        if let Some(location) = location {
            response = response.insert_header("location", location);
        }
        let error = fails_with(ErrorKind::Response, 1, response, "a redirect").await;
        assert_eq!(error.to_string(), format!("redirect to {target} not followed: 307"));
    }
}

/// A12: a host may echo a secret too, in the lower case that a URL makes of it. Found by fuzzing.
#[tokio::test]
async fn a_secret_in_the_host_of_a_redirect_is_redacted() {
    let target = format!("https://{CLIENT_SECRET}.collector.example/");
    let response = ResponseTemplate::new(302).insert_header("location", target.as_str());

    let error = fails_with(ErrorKind::Response, 1, response, &target).await;

    let shown = shown(&error);
    assert!(shown.contains("redirect to [redacted].collector.example not followed: 302"), "{shown}");
    assert!(!shown.to_ascii_uppercase().contains("MARKER"), "{shown}");
}

/// N2: no redirect is followed: to the same origin, to a metadata service, in a loop, or to nowhere.
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
        let response = ResponseTemplate::new(307).insert_header("location", location);
        fails_with(ErrorKind::Response, 1, response, location).await;
    }
}
