//! The example `gateway`, which is there to be copied.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

#[path = "middleware/api.rs"]
mod api;
#[allow(dead_code, reason = "its `main` is for the terminal")]
#[path = "../examples/gateway.rs"]
mod gateway;

use std::time::{Duration, UNIX_EPOCH};

use adobe_ims::testing::{ManualClock, MockAnswer, MockIms};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::ServiceExt;

use api::{Api, redirect};

/// The gateway in front of this AEM.
fn router(mock: &MockIms, aem: &Api) -> Router {
    gateway::router(mock.client().unwrap(), &aem.url(""), http()).unwrap()
}

fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy()
}

async fn get(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn what_aem_says_is_passed_on() {
    let mock = MockIms::start().await.unwrap();
    let aem = Api::responding([(StatusCode::OK, "the assets"), (StatusCode::NOT_FOUND, "no folder")]).await;
    let router = router(&mock, &aem);

    assert_eq!(get(&router, "/assets/en").await, (StatusCode::OK, "the assets".to_owned()));
    assert_eq!(get(&router, "/assets/none").await, (StatusCode::NOT_FOUND, "no folder".to_owned()));

    let paths: Vec<_> = aem.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["/api/assets/en.json", "/api/assets/none.json"]);
    assert!(aem.tokens().iter().all(|token| token.starts_with("Bearer ey")));
    assert_eq!(mock.request_count(), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_without_the_caller_noticing() {
    let (mock, aem) = (MockIms::start().await.unwrap(), Api::with_statuses([401]).await);

    assert_eq!(get(&router(&mock, &aem), "/assets/en").await.0, 200);

    let tokens = aem.tokens();
    assert_eq!((tokens.len(), mock.request_count()), (2, 2));
    assert_ne!(tokens[0], tokens[1]);
}

/// The caller can't help it.
#[tokio::test]
async fn missing_rights_in_aem_are_a_fault_of_the_gateway() {
    let (mock, aem) = (MockIms::start().await.unwrap(), Api::with_statuses([403]).await);
    assert_eq!(get(&router(&mock, &aem), "/assets/en").await, (StatusCode::BAD_GATEWAY, String::new()));
}

/// The reason is in the log; the caller learns nothing of the credentials.
#[tokio::test]
async fn without_a_token_aem_is_not_asked() {
    let (mock, aem) = (MockIms::start().await.unwrap(), Api::healthy().await);
    mock.answer_always(MockAnswer::revoked_certificate());

    assert_eq!(get(&router(&mock, &aem), "/assets/en").await, (StatusCode::SERVICE_UNAVAILABLE, String::new()));

    assert_eq!(aem.seen().len(), 0);
}

#[tokio::test]
async fn a_folder_is_one_segment_of_the_path_whatever_it_is_called() {
    let (mock, aem) = (MockIms::start().await.unwrap(), Api::healthy().await);
    let router = router(&mock, &aem);
    for folder in ["..", "%2e%2e", "..%2f..%2fbin%2fquerybuilder", "a%3Fb", "a%23b", "%2F%2Fevil.example%2F"] {
        get(&router, &format!("/assets/{folder}")).await;
    }
    for seen in aem.seen() {
        let segment = seen.path.strip_prefix("/api/assets/").and_then(|rest| rest.strip_suffix(".json"));
        assert!(segment.is_some_and(|segment| !segment.contains('/')), "{}", seen.path);
    }
    assert_eq!(aem.seen().len(), 6);
}

#[tokio::test]
async fn a_redirect_of_aem_is_not_followed() {
    let (mock, elsewhere) = (MockIms::start().await.unwrap(), Api::healthy().await);
    let aem = Api::responding([redirect(302, &elsewhere.url("/"))]).await;

    assert_eq!(get(&router(&mock, &aem), "/assets/en").await.0, 302);

    assert_eq!(elsewhere.seen().len(), 0);
}

#[tokio::test]
async fn it_is_ready_once_there_is_a_token_and_says_how_long_the_certificate_lasts() {
    // The certificate begins with the mock, 300 days ago.
    let ago = ManualClock::new();
    let now = adobe_ims::Clock::now(&ago).duration_since(UNIX_EPOCH).unwrap();
    ago.set(UNIX_EPOCH + now - Duration::from_secs(300 * 86_400));
    let mock = MockIms::builder().clock(ago.clone()).start().await.unwrap();
    ago.set(UNIX_EPOCH + now);
    let aem = Api::healthy().await;
    let router = router(&mock, &aem);

    let (status, body) = get(&router, "/health/ready").await;
    assert_eq!((status, body.lines().next().unwrap()), (StatusCode::SERVICE_UNAVAILABLE, "token: none yet"));
    assert_eq!(get(&router, "/health/live").await.0, 200);
    assert_eq!(mock.request_count(), 0);

    get(&router, "/assets/en").await;

    let (status, body) = get(&router, "/health/ready").await;
    let lines: Vec<_> = body.lines().collect();
    assert_eq!(status, 200);
    assert!(lines[0].starts_with("token: valid for 14"), "{body}");
    assert!(["certificate: 64 days left", "certificate: 65 days left"].contains(&lines[1]), "{body}");
    assert_eq!(mock.request_count(), 1);
}

#[tokio::test]
async fn it_gets_a_token_before_the_first_request_and_completes_requests_when_it_is_stopped() {
    let mock = MockIms::start().await.unwrap();
    let (under_way, go_on) =
        (std::sync::Arc::new(tokio::sync::Notify::new()), std::sync::Arc::new(tokio::sync::Notify::new()));
    let (entered, gate) = (under_way.clone(), go_on.clone());
    let aem = Api::start(move |_| {
        let (entered, gate) = (entered.clone(), gate.clone());
        async move {
            entered.notify_one();
            gate.notified().await;
            "late".into_response()
        }
    })
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let (ims, aem_url) = (mock.client().unwrap(), aem.url(""));
    let service = tokio::spawn(async move {
        let stop = async {
            let _ = stopped.await;
        };
        gateway::run(listener, ims, &aem_url, http(), stop).await
    });

    let caller = http().build().unwrap();
    while caller.get(format!("{url}/health/ready")).send().await.unwrap().status() != 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((mock.request_count(), aem.seen().len()), (1, 0));

    let request = tokio::spawn(caller.get(format!("{url}/assets/en")).send());
    under_way.notified().await;
    drop(stop);
    go_on.notify_one();
    assert_eq!(request.await.unwrap().unwrap().text().await.unwrap(), "late");
    drop(caller);
    tokio::time::timeout(Duration::from_secs(10), service).await.unwrap().unwrap().unwrap();
    assert_eq!(mock.request_count(), 1);
}

/// As `cargo run --example gateway`.
#[tokio::test]
async fn without_arguments_it_asks_itself_and_ends() {
    tokio::time::timeout(Duration::from_secs(60), gateway::demo()).await.unwrap().unwrap();
}
