//! Dropping the future of a request, at each point where it waits.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use adobe_ims::middleware::Bearer;
use adobe_ims::testing::{MockAnswer, MockIms};
use axum::response::IntoResponse;
use http::StatusCode;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::api::Api;
use crate::skins::{BOTH, Client};
use crate::{bearer, three_tokens};

/// Longer than it takes to drop a request.
const SLOW: Duration = Duration::from_millis(500);

/// The exchange goes on, and the next request finds its token.
#[tokio::test]
async fn dropping_it_while_it_waits_for_ims_loses_no_token() {
    for skin in BOTH {
        let (mock, api) = (MockIms::start().await.unwrap(), Api::healthy().await);
        let client = skin.client(&Bearer::new(mock.client().unwrap(), ["127.0.0.1"]).unwrap());
        mock.answer_next(MockAnswer::grant().delay(SLOW));

        drop_when(&client, &api, || mock.request_count() == 1).await;
        assert_eq!(api.seen().len(), 0, "{skin:?}");

        assert_eq!(client.get(&api.url("/")).await.unwrap(), 200, "{skin:?}");
        assert_eq!((api.seen().len(), mock.request_count()), (1, 1), "{skin:?}");
    }
}

/// The connection is closed, and the token stays.
#[tokio::test]
async fn dropping_it_while_it_waits_for_the_api_cancels_the_request() {
    for skin in BOTH {
        let (closed, tokens) = (Arc::new(Semaphore::new(0)), three_tokens());
        let is_dropped = Arc::clone(&closed);
        let api = Api::start(move |_| {
            let is_dropped = OnDrop(Arc::clone(&is_dropped));
            async move {
                let _is_dropped = is_dropped;
                pending().await
            }
        })
        .await;

        drop_when(&skin.client(&bearer(&tokens)), &api, || api.seen().len() == 1).await;

        assert!(timeout(Duration::from_secs(10), closed.acquire()).await.is_ok(), "{skin:?}: the request goes on");
        assert_eq!(api.tokens(), ["Bearer first"], "{skin:?}");
        assert_eq!(tokens.forgotten(), 0, "{skin:?}");
    }
}

/// It stays forgotten.
#[tokio::test]
async fn dropping_it_while_it_waits_for_another_token_does_not_bring_the_refused_one_back() {
    for skin in BOTH {
        let (mock, api) = (MockIms::start().await.unwrap(), Api::with_statuses([401]).await);
        let client = skin.client(&Bearer::new(mock.client().unwrap(), ["127.0.0.1"]).unwrap());
        mock.answer_next(MockAnswer::grant());
        mock.answer_next(MockAnswer::grant().delay(SLOW));

        drop_when(&client, &api, || mock.request_count() == 2).await;
        assert_eq!(api.seen().len(), 1, "{skin:?}");

        assert_eq!(client.get(&api.url("/")).await.unwrap(), 200, "{skin:?}");
        let tokens = api.tokens();
        assert_eq!((tokens.len(), mock.request_count()), (2, 2), "{skin:?}");
        assert_ne!(tokens[0], tokens[1], "{skin:?}");
    }
}

#[tokio::test]
async fn a_dropped_request_takes_no_retry_from_another() {
    for skin in BOTH {
        let gate = Arc::new(Semaphore::new(0));
        let gated = Arc::clone(&gate);
        let api = Api::start(move |seen| {
            let gate = Arc::clone(&gated);
            async move {
                if seen.header("authorization") != "Bearer first" {
                    return StatusCode::OK.into_response();
                }
                let _permit = gate.acquire().await;
                StatusCode::UNAUTHORIZED.into_response()
            }
        })
        .await;
        let tokens = three_tokens();
        let client = skin.client(&bearer(&tokens));

        let url = api.url("/");
        let kept = client.get(&url);
        let dropped = async {
            drop_when(&client, &api, || api.seen().len() == 2).await;
            gate.add_permits(1);
        };
        let (kept, ()) = tokio::join!(kept, dropped);

        assert_eq!(kept.unwrap(), 200, "{skin:?}");
        assert_eq!(tokens.forgotten(), 1, "{skin:?}");
    }
}

/// Sends a request, and drops it at this point.
async fn drop_when(client: &Client, api: &Api, is_there: impl Fn() -> bool) {
    let url = api.url("/");
    let mut request = pin!(client.get(&url));
    while !is_there() {
        assert!(timeout(Duration::from_millis(1), &mut request).await.is_err(), "the request has ended");
    }
}

struct OnDrop(Arc<Semaphore>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}
