//! A redirect is written by the server, so by whoever controls it: what its target gets.

use std::sync::Arc;

use adobe_ims::middleware::{Bearer, BearerLayer};
use axum::body::Bytes;
use axum::response::IntoResponse;
use http::Request;
use http_body_util::Full;
use reqwest::redirect::Policy;
use tower::{ServiceBuilder, ServiceExt};
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::api::{Api, redirect};
use crate::skins::{hyper_client, reqwest_client};
use crate::three_tokens;

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];
const HEADERS: [&str; 3] = ["authorization", "x-api-key", "x-gw-ims-org-id"];

/// For the API by its address; `localhost` is another host.
fn bearer() -> Bearer {
    let tokens = Arc::clone(&three_tokens());
    Bearer::builder(tokens, ["127.0.0.1"]).api_key("client").org_id("org").build().unwrap()
}

/// An API that redirects to the other, by a name that is not listed.
async fn redirecting_to(elsewhere: &Api, status: u16) -> Api {
    Api::responding([redirect(status, &elsewhere.url_of_localhost("/take"))]).await
}

fn request(url: String) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

/// Each request of a redirect goes through the layer, which looks at its host.
#[tokio::test]
async fn a_redirect_followed_outside_of_the_layer_carries_nothing() {
    for status in STATUSES {
        let elsewhere = Api::healthy().await;
        let api = redirecting_to(&elsewhere, status).await;
        let layers = ServiceBuilder::new().layer(FollowRedirectLayer::new()).layer(BearerLayer::with_retry(bearer()));

        let response = layers.service(hyper_client()).oneshot(request(api.url("/"))).await.unwrap();

        assert_eq!(response.status(), 200, "{status}");
        assert_eq!(api.tokens(), ["Bearer first"], "{status}");
        assert_eq!(HEADERS.map(|name| elsewhere.header(name)), [[""], [""], [""]], "{status}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_listed_host_gets_the_token_anew() {
    let target = Api::with_statuses([401]).await;
    let api = Api::responding([redirect(302, &target.url("/"))]).await;
    let layers = ServiceBuilder::new().layer(FollowRedirectLayer::new()).layer(BearerLayer::with_retry(bearer()));

    let response = layers.service(hyper_client()).oneshot(request(api.url("/"))).await.unwrap();

    assert_eq!(response.status(), 200);
    assert_eq!(api.tokens(), ["Bearer first"]);
    assert_eq!(target.tokens(), ["Bearer first", "Bearer second"]);
}

/// What the documentation warns of: behind the layer it cannot be helped.
#[tokio::test]
async fn a_redirect_followed_behind_the_layer_carries_api_key_and_organization() {
    for status in STATUSES {
        let elsewhere = Api::healthy().await;
        let api = redirecting_to(&elsewhere, status).await;
        let layers = ServiceBuilder::new().layer(BearerLayer::with_retry(bearer())).layer(FollowRedirectLayer::new());

        layers.service(hyper_client()).oneshot(request(api.url("/"))).await.unwrap();

        assert_eq!(HEADERS.map(|name| elsewhere.header(name)), [[""], ["client"], ["org"]], "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_by_reqwest_without_a_redirect_policy() {
    for status in STATUSES {
        let elsewhere = Api::healthy().await;
        let api = redirecting_to(&elsewhere, status).await;

        let response = reqwest_client(&bearer(), Policy::none()).get(api.url("/")).send().await.unwrap();

        assert_eq!(response.status(), status);
        assert_eq!((api.tokens(), elsewhere.seen().len()), (vec!["Bearer first".to_owned()], 0), "{status}");
    }
}

/// What the documentation warns of: reqwest follows redirects behind every middleware, and takes
/// away headers that it knows.
#[tokio::test]
async fn a_redirect_followed_by_reqwest_carries_api_key_and_organization_but_no_token() {
    for status in STATUSES {
        let elsewhere = Api::healthy().await;
        let api = redirecting_to(&elsewhere, status).await;

        let response = reqwest_client(&bearer(), Policy::default()).get(api.url("/")).send().await.unwrap();

        assert_eq!(response.status(), 200, "{status}");
        assert_eq!(HEADERS.map(|name| elsewhere.header(name)), [[""], ["client"], ["org"]], "{status}");
    }
}

/// Another host never saw the token: its 401 says nothing about it.
#[tokio::test]
async fn a_401_of_another_host_that_reqwest_was_redirected_to_forgets_no_token() {
    let elsewhere = Api::with_statuses([401, 401]).await;
    let api = redirecting_to(&elsewhere, 307).await;
    let tokens = three_tokens();
    let client = reqwest_client(&crate::bearer(&tokens), Policy::default());

    let response = client.post(api.url("/")).body("once").send().await.unwrap();

    assert_eq!(response.status(), 401);
    assert_eq!((api.seen().len(), elsewhere.seen().len()), (1, 1));
    assert_eq!(tokens.forgotten(), 0);
}

/// A redirect on the same host keeps the token, and its 401 counts.
#[tokio::test]
async fn a_401_after_a_redirect_on_the_same_host_is_followed_by_a_retry() {
    let responses = [
        redirect(307, "/moved").into_response(),
        http::StatusCode::UNAUTHORIZED.into_response(),
        redirect(307, "/moved").into_response(),
    ];
    let (api, tokens) = (Api::responding(responses).await, three_tokens());
    let client = reqwest_client(&crate::bearer(&tokens), Policy::default());

    let response = client.get(api.url("/")).send().await.unwrap();

    assert_eq!(response.status(), 200);
    assert_eq!(api.tokens(), ["Bearer first", "Bearer first", "Bearer second", "Bearer second"]);
}
