//! What is retried, how often, and with what.

use std::convert::Infallible;
use std::sync::Arc;

use adobe_ims::middleware::{Bearer, BearerLayer};
use adobe_ims::testing::ScriptedTokens;
use adobe_ims::{ErrorKind, TokenSource};
use axum::body::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use reqwest::redirect::Policy;
use tower::{Layer, ServiceExt};

use crate::api::Api;
use crate::skins::{BOTH, Failure, hyper_client, reqwest_client};
use crate::{bearer, three_tokens, token};

#[tokio::test]
async fn a_401_is_followed_by_one_retry_with_another_token() {
    for skin in BOTH {
        let (api, tokens) = (Api::with_statuses([401]).await, three_tokens());

        let status = skin.get(&bearer(&tokens), &api.url("/")).await.unwrap();

        assert_eq!(status, 200, "{skin:?}");
        assert_eq!(api.tokens(), ["Bearer first", "Bearer second"], "{skin:?}");
        assert_eq!(tokens.forgotten(), 1, "{skin:?}");
    }
}

#[tokio::test]
async fn a_second_401_comes_back_as_it_is() {
    for skin in BOTH {
        let (api, tokens) = (Api::with_statuses([401, 401]).await, three_tokens());

        let status = skin.get(&bearer(&tokens), &api.url("/")).await.unwrap();

        assert_eq!(status, 401, "{skin:?}");
        assert_eq!(api.tokens(), ["Bearer first", "Bearer second"], "{skin:?}");
        // The second one has just been issued: it is not the reason.
        assert_eq!(tokens.forgotten(), 1, "{skin:?}");
    }
}

#[tokio::test]
async fn a_post_is_repeated_whole() {
    for skin in BOTH {
        let (api, tokens) = (Api::with_statuses([401, 201]).await, three_tokens());
        let request = Request::post(api.url("/api/assets/new"))
            .header("content-type", "text/plain")
            .header("x-note", "kept")
            .body("the whole body")
            .unwrap();

        let status = skin.client(&bearer(&tokens)).send(request).await.unwrap();

        assert_eq!(status, 201, "{skin:?}");
        assert_eq!(api.tokens(), ["Bearer first", "Bearer second"], "{skin:?}");
        for seen in api.seen() {
            assert_eq!((seen.method.clone(), seen.path.as_str()), (Method::POST, "/api/assets/new"), "{skin:?}");
            assert_eq!(seen.body, "the whole body", "{skin:?}");
            assert_eq!((seen.header("content-type"), seen.header("x-note")), ("text/plain".into(), "kept".into()));
        }
    }
}

/// The response comes back, and the next request has another token.
#[tokio::test]
async fn a_body_that_cannot_be_cloned_is_sent_once_over_tower() {
    let (api, tokens) = (Api::with_statuses([401]).await, three_tokens());
    // Not `Clone`, as axum's and tonic's bodies are not.
    let service = BearerLayer::new(bearer(&tokens)).layer(hyper_client::<UnsyncBoxBody<Bytes, Infallible>>());
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let request = Request::post(api.url("/")).body(UnsyncBoxBody::new(Full::from("streamed"))).unwrap();
        statuses.push(service.clone().oneshot(request).await.unwrap().status());
    }

    assert_eq!(statuses, [401, 200]);
    assert_eq!(api.tokens(), ["Bearer first", "Bearer second"]);
    assert_eq!(api.seen().iter().map(|seen| seen.body.clone()).collect::<Vec<_>>(), ["streamed", "streamed"]);
}

#[tokio::test]
async fn a_streaming_body_is_sent_once_over_reqwest() {
    let (api, tokens) = (Api::with_statuses([401]).await, three_tokens());
    let client = reqwest_client(&bearer(&tokens), Policy::none());
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let body = reqwest::Body::wrap(Full::<Bytes>::from("streamed"));
        statuses.push(client.post(api.url("/")).body(body).send().await.unwrap().status());
    }

    assert_eq!(statuses, [401, 200]);
    assert_eq!(api.tokens(), ["Bearer first", "Bearer second"]);
    assert_eq!(api.seen().iter().map(|seen| seen.body.clone()).collect::<Vec<_>>(), ["streamed", "streamed"]);
}

/// A 403 is about rights, and a 5xx about the API: another token changes neither.
#[tokio::test]
async fn any_other_status_comes_back_as_it_is() {
    for skin in BOTH {
        for status in [200, 204, 302, 400, 403, 404, 407, 429, 500, 502, 503] {
            let (api, tokens) = (Api::with_statuses([status]).await, three_tokens());

            let received = skin.get(&bearer(&tokens), &api.url("/")).await.unwrap();

            assert_eq!(received, status, "{skin:?}");
            assert_eq!(api.tokens(), ["Bearer first"], "{skin:?}, {status}");
            assert_eq!(tokens.forgotten(), 0, "{skin:?}, {status}");
        }
    }
}

/// It would be refused again.
#[tokio::test]
async fn the_same_token_is_not_sent_twice() {
    for skin in BOTH {
        let api = Api::with_statuses([401]).await;
        let bearer = Bearer::new(token("fixed"), ["127.0.0.1"]).unwrap();

        assert_eq!(skin.get(&bearer, &api.url("/")).await.unwrap(), 401, "{skin:?}");

        assert_eq!(api.tokens(), ["Bearer fixed"], "{skin:?}");
    }
}

#[tokio::test]
async fn an_authorization_of_the_callers_own_stays_and_is_its_callers_own_matter() {
    for skin in BOTH {
        let (api, tokens) = (Api::with_statuses([401]).await, three_tokens());
        let bearer = Bearer::builder(Arc::clone(&tokens), ["127.0.0.1"]).api_key("client").org_id("org");
        let request = Request::get(api.url("/")).header("authorization", "Basic own").body("").unwrap();

        let status = skin.client(&bearer.build().unwrap()).send(request).await.unwrap();

        assert_eq!(status, 401, "{skin:?}");
        assert_eq!(api.tokens(), ["Basic own"], "{skin:?}");
        assert_eq!((api.header("x-api-key"), api.header("x-gw-ims-org-id")), (vec!["".into()], vec!["".into()]));
        assert_eq!(tokens.forgotten(), 0, "{skin:?}");
    }
}

#[tokio::test]
async fn api_key_and_organization_go_with_the_token_if_they_are_asked_for() {
    for skin in BOTH {
        let (api, tokens) = (Api::with_statuses([401]).await, three_tokens());
        let builder = Bearer::builder(Arc::clone(&tokens), ["127.0.0.1"]).api_key("client").org_id("A@AdobeOrg");
        let bearer = builder.build().unwrap();

        skin.get(&bearer, &api.url("/")).await.unwrap();
        let own = Request::get(api.url("/")).header("x-api-key", "own").header("x-gw-ims-org-id", "B@AdobeOrg");
        skin.client(&bearer).send(own.body("").unwrap()).await.unwrap();
        skin.get(&self::bearer(&tokens), &api.url("/")).await.unwrap();

        let [second, first] = ["Bearer second", "Bearer first"];
        assert_eq!(api.tokens(), [first, second, second, second], "{skin:?}");
        assert_eq!(api.header("x-api-key"), ["client", "client", "own", ""], "{skin:?}");
        assert_eq!(api.header("x-gw-ims-org-id"), ["A@AdobeOrg", "A@AdobeOrg", "B@AdobeOrg", ""], "{skin:?}");
    }
}

#[tokio::test]
async fn the_failure_to_get_a_token_reaches_the_caller_as_it_is() {
    for skin in BOTH {
        for kind in [ErrorKind::Throttled, ErrorKind::Rejected, ErrorKind::Timeout] {
            let (api, tokens) = (Api::healthy().await, Arc::new(ScriptedTokens::new()));
            tokens.then_failure(kind);

            let failure = skin.get(&bearer(&tokens), &api.url("/")).await.unwrap_err();

            let Failure::Token(error) = failure else { panic!("{skin:?}: {failure:?}") };
            assert_eq!(error.kind(), kind, "{skin:?}");
            assert_eq!(api.seen().len(), 0, "{skin:?}");
        }
    }
}

/// The error says more than the 401: whether to retry later, and what to do.
#[tokio::test]
async fn the_failure_to_get_another_token_takes_the_place_of_the_401() {
    for skin in BOTH {
        let (api, tokens) = (Api::with_statuses([401]).await, Arc::new(ScriptedTokens::new()));
        tokens.then_token(token("first"));
        tokens.then_failure(ErrorKind::Throttled);

        let failure = skin.get(&bearer(&tokens), &api.url("/")).await.unwrap_err();

        let Failure::Token(error) = failure else { panic!("{skin:?}: {failure:?}") };
        assert_eq!(error.kind(), ErrorKind::Throttled, "{skin:?}");
        assert!(error.is_transient());
        assert_eq!(api.tokens(), ["Bearer first"], "{skin:?}");
    }
}

#[tokio::test]
async fn an_error_of_the_client_stays_one() {
    for skin in BOTH {
        let tokens = three_tokens();

        // Nobody listens there.
        let failure = skin.get(&bearer(&tokens), "http://127.0.0.1:1/").await.unwrap_err();

        assert!(matches!(failure, Failure::Client), "{skin:?}: {failure:?}");
        assert_eq!(tokens.token().await.unwrap().expose_secret(), "first", "{skin:?}");
    }
}
