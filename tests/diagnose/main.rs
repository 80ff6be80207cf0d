//! Everything that may stand between credentials and a token, as the diagnosis reports it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod servers;

use adobe_ims::testing::{ManualClock, MockAnswer, MockIms};
use adobe_ims::*;
use servers::*;
use std::time::{Duration, SystemTime};

fn clock() -> ManualClock {
    ManualClock::at(SystemTime::UNIX_EPOCH + Duration::from_millis(1_790_000_000_500))
}
async fn mock_at(c: &ManualClock) -> MockIms {
    MockIms::builder().clock(c.clone()).start().await.unwrap()
}

fn show(name: &str, d: &Diagnosis) {
    println!("== {name}\n{d}\n");
}

#[tokio::test]
async fn explore() {
    let c = clock();
    let mock = mock_at(&c).await;
    let ims = mock.client_builder().clock(c.clone()).build().unwrap();
    let d = ims.diagnose().await;
    show("healthy", &d);
    println!("{}", d.to_json());
    let oauth = OAuthCredentials::from_json(mock.oauth_credentials_json()).unwrap();
    show(
        "oauth",
        &ImsClient::builder(oauth).clock(c.clone()).danger_endpoint(mock.endpoint()).build().unwrap().diagnose().await,
    );
    c.advance(Duration::from_secs(350 * 86400));
    show("soon", &ims.diagnose().await);
    c.advance(Duration::from_secs(50 * 86400));
    show("expired", &ims.diagnose().await);
    let mock = mock_at(&c).await;
    let local = ManualClock::new();
    let ims = mock.client_builder().clock(local.clone()).build().unwrap();
    for (name, at) in [
        ("ahead", c.now() + Duration::from_secs(600)),
        ("behind", c.now() - Duration::from_secs(600)),
        ("2 days", c.now() - Duration::from_secs(2 * 86400)),
    ] {
        local.set(at);
        let n = mock.request_count();
        show(name, &ims.diagnose().await);
        println!("{} requests", mock.request_count() - n);
    }
    let ims = mock.client_builder().clock(c.clone()).build().unwrap();
    for (name, answer) in [
        ("captive", MockAnswer::status(200).body("<html>sign in</html>")),
        ("throttled", MockAnswer::throttle(Duration::from_secs(30))),
        ("503", MockAnswer::status(503)),
        ("redirect", MockAnswer::status(302).header("location", "https://login.example/x")),
    ] {
        mock.answer_next(answer);
        let n = mock.request_count();
        show(name, &ims.diagnose().await);
        println!("{} requests", mock.request_count() - n);
    }
    mock.revoke_key(0);
    show("revoked", &ims.diagnose().await);
    mock.revoke_credentials();
    show("deleted", &ims.diagnose().await);
    let b = || ImsClient::builder(mock.credentials()).danger_endpoint("https://ims.invalid");
    show("407", &b().proxy(demanding_proxy()).build().unwrap().diagnose().await);
    show("tls", &b().proxy(inspecting_proxy("ims.invalid")).build().unwrap().diagnose().await);
    show("dns", &b().no_proxy().build().unwrap().diagnose().await);
}
