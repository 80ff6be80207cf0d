//! What is about tower, or about what stands behind the middleware.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use adobe_ims::middleware::{Bearer, BearerFuture, BearerLayer, BearerService, NoRetry, Retry};
use axum::routing::get;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode};
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use static_assertions::assert_impl_all;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use crate::api::Api;
use crate::{bearer, three_tokens};

assert_impl_all!(Bearer: Clone, Send, Sync);
assert_impl_all!(BearerFuture<()>: Send);
assert_impl_all!(BearerLayer<NoRetry>: Clone, Send, Sync);
assert_impl_all!(BearerService<axum::Router, Retry>: Clone, Send);

/// Whether a request to this URL has a token when it reaches the client.
pub async fn carries_a_token(bearer: &Bearer, url: &str) -> bool {
    let seen = Arc::new(Mutex::new(None));
    let client = {
        let seen = Arc::clone(&seen);
        service_fn(move |request: Request<()>| {
            *seen.lock().unwrap() = Some(request.headers().contains_key(AUTHORIZATION));
            ready(Ok::<_, Infallible>(Response::new(())))
        })
    };
    let service = BearerLayer::new(bearer.clone()).layer(client);
    service.oneshot(Request::get(url).body(()).unwrap()).await.unwrap();
    let seen = seen.lock().unwrap().take();
    seen.unwrap()
}

/// A path only does not say where the request goes.
#[tokio::test]
async fn a_request_that_names_no_host_gets_nothing() {
    let tokens = three_tokens();
    for (url, expected) in [("/", false), ("http://127.0.0.1/", true)] {
        assert_eq!(carries_a_token(&bearer(&tokens), url).await, expected, "{url}");
    }
}

/// HTTP libraries keep a sensitive value out of their logs and compression tables.
#[tokio::test]
async fn the_header_is_sensitive_on_both_attempts_over_tower() {
    let headers = Arc::new(Mutex::new(Vec::new()));
    let client = {
        let headers = Arc::clone(&headers);
        service_fn(move |request: Request<()>| {
            headers.lock().unwrap().push(request.headers()[AUTHORIZATION].clone());
            ready(Ok::<_, Infallible>(refused()))
        })
    };
    let service = BearerLayer::with_retry(bearer(&three_tokens())).layer(client);

    service.oneshot(request()).await.unwrap();

    assert_sensitive(&headers.lock().unwrap());
}

#[tokio::test]
async fn the_header_is_sensitive_on_both_attempts_over_reqwest() {
    struct Look(Arc<Mutex<Vec<HeaderValue>>>);

    #[async_trait::async_trait]
    impl Middleware for Look {
        async fn handle(
            &self,
            request: reqwest::Request,
            extensions: &mut http::Extensions,
            next: Next<'_>,
        ) -> reqwest_middleware::Result<reqwest::Response> {
            self.0.lock().unwrap().push(request.headers()[AUTHORIZATION].clone());
            next.run(request, extensions).await
        }
    }

    let (api, headers) = (Api::with_statuses([401]).await, Arc::new(Mutex::new(Vec::new())));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let client = ClientBuilder::new(client).with(bearer(&three_tokens())).with(Look(Arc::clone(&headers))).build();

    client.get(api.url("/")).send().await.unwrap();

    assert_sensitive(&headers.lock().unwrap());
}

/// A clone of a ready service need not be ready: each call is on the one that said so.
#[tokio::test]
async fn every_call_is_on_a_service_that_was_ready() {
    let calls = Arc::new(AtomicUsize::new(0));
    let mut service = BearerLayer::with_retry(bearer(&three_tokens())).layer(Strict::new(&calls));
    for expected in [2, 4] {
        let response = service.ready().await.unwrap().call(request()).await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(calls.load(Ordering::SeqCst), expected);
    }

    let mut service = BearerLayer::new(bearer(&three_tokens())).layer(Strict::new(&calls));
    service.ready().await.unwrap().call(request()).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 5);
}

/// The first attempt gives its place back before the retry waits for one.
#[tokio::test]
async fn a_retry_passes_a_limit_of_one_request() {
    let calls = Arc::new(AtomicUsize::new(0));
    let layers = ServiceBuilder::new()
        .layer(BearerLayer::with_retry(bearer(&three_tokens())))
        .layer(ConcurrencyLimitLayer::new(1));
    let mut service = layers.service(Strict::new(&calls));

    let (first, second) = (service.ready().await.unwrap().call(request()), service.clone().oneshot(request()));
    let (first, second) = tokio::join!(first, second);

    assert_eq!(
        (first.unwrap().status(), second.unwrap().status()),
        (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED)
    );
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

/// The layer works for a service of any error, also one that cannot be.
#[tokio::test]
async fn an_axum_router_is_a_client_too() {
    let router = axum::Router::new()
        .route("/", get(async |headers: http::HeaderMap| headers[AUTHORIZATION].to_str().unwrap().to_owned()));
    let service = BearerLayer::new(bearer(&three_tokens())).layer(router);
    let request = Request::get("http://127.0.0.1/").body(axum::body::Body::empty()).unwrap();

    let response = service.oneshot(request).await.unwrap();

    assert_eq!(axum::body::to_bytes(response.into_body(), 100).await.unwrap(), "Bearer first");
}

/// Refuses everything; panics if it is called without having said that it is ready.
struct Strict {
    is_ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Strict {
    fn new(calls: &Arc<AtomicUsize>) -> Self {
        Self { is_ready: false, calls: Arc::clone(calls) }
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self::new(&self.calls)
    }
}

impl Service<Request<()>> for Strict {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(std::mem::take(&mut self.is_ready), "called before it was ready");
        self.calls.fetch_add(1, Ordering::SeqCst);
        ready(Ok(refused()))
    }
}

fn refused() -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}

fn request() -> Request<()> {
    Request::get("http://127.0.0.1/").body(()).unwrap()
}

#[track_caller]
fn assert_sensitive(headers: &[HeaderValue]) {
    let texts: Vec<_> = headers.iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(texts, ["Bearer first", "Bearer second"]);
    assert!(headers.iter().all(HeaderValue::is_sensitive));
}
