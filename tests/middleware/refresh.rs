//! The middleware with a client of IMS: how many exchanges a refused token costs.

use std::sync::Arc;
use std::time::Duration;

use adobe_ims::middleware::Bearer;
use adobe_ims::testing::{ManualClock, MockIms};
use http::StatusCode;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use axum::response::IntoResponse;

use crate::api::Api;
use crate::skins::BOTH;

/// An API that refuses the token that it sees first, and responds to it when `count` requests are
/// there.
async fn refusing_the_first_token(count: usize) -> Api {
    let (barrier, first) = (Arc::new(Barrier::new(count)), Arc::new(std::sync::OnceLock::new()));
    Api::start(move |seen| {
        let (barrier, first) = (Arc::clone(&barrier), Arc::clone(&first));
        async move {
            let token = seen.header("authorization");
            if *first.get_or_init(|| token.clone()) != token {
                return StatusCode::OK.into_response();
            }
            barrier.wait().await;
            StatusCode::UNAUTHORIZED.into_response()
        }
    })
    .await
}

#[tokio::test]
async fn a_hundred_concurrent_401s_cause_one_refresh() {
    for skin in BOTH {
        let (mock, api) = (MockIms::start().await.unwrap(), refusing_the_first_token(100).await);
        let client = skin.client(&Bearer::new(mock.client().unwrap(), ["127.0.0.1"]).unwrap());

        let mut requests = JoinSet::new();
        for _ in 0..100 {
            let (client, url) = (client.clone(), api.url("/"));
            requests.spawn(async move { client.get(&url).await.unwrap() });
        }
        let statuses = requests.join_all().await;

        assert_eq!(statuses, [StatusCode::OK; 100], "{skin:?}");
        assert_eq!(api.seen().len(), 200, "{skin:?}");
        assert_eq!(mock.request_count(), 2, "{skin:?}");
    }
}

/// The client forgets at most one token in a minute. Until then nothing is sent twice.
#[tokio::test]
async fn a_lasting_401_costs_one_exchange_in_a_minute() {
    for skin in BOTH {
        let (mock, clock) = (MockIms::start().await.unwrap(), ManualClock::new());
        let api = Api::start(async |_| StatusCode::UNAUTHORIZED.into_response()).await;
        let ims = mock.client_builder().clock(clock.clone()).build().unwrap();
        let client = skin.client(&Bearer::new(ims, ["127.0.0.1"]).unwrap());

        for (minute, (exchanges, requests)) in [(2, 11), (3, 22), (4, 33)].into_iter().enumerate() {
            for _ in 0..10 {
                assert_eq!(client.get(&api.url("/")).await.unwrap(), 401, "{skin:?}");
            }
            assert_eq!(mock.request_count(), exchanges, "{skin:?}, minute {minute}");
            assert_eq!(api.seen().len(), requests, "{skin:?}, minute {minute}");
            clock.advance(Duration::from_secs(61));
        }
    }
}
