//! The middleware for tower services: a layer, a service and its future.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response, Uri};
use tower_layer::Layer;
use tower_service::Service;

use super::bearer::Bearer;
use super::hosts::Target;

/// Wraps a client made of tower services, so that requests to named hosts carry the token.
///
/// For `http::Request` with any body, and any inner service that can be cloned: hyper's client, an
/// axum router, a tonic channel.
///
/// ```
/// # use std::convert::Infallible;
/// # use adobe_ims::{Error, ImsClient};
/// use adobe_ims::middleware::{Bearer, BearerLayer};
/// use tower::{ServiceBuilder, service_fn};
/// # fn example(ims: ImsClient) -> Result<(), Error> {
/// # let client = service_fn(async |_: http::Request<String>| Ok::<_, Infallible>(http::Response::new(())));
///
/// let bearer = Bearer::new(ims, ["author-p1-e1.adobeaemcloud.com"])?;
/// let api = ServiceBuilder::new().layer(BearerLayer::with_retry(bearer)).service(client);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct BearerLayer<R = NoRetry> {
    bearer: Bearer,
    retry: PhantomData<R>,
}

/// A service wrapped in a [`BearerLayer`].
///
/// Its error is the inner service's, or [`Error`](crate::Error) if there is no token, both boxed:
/// `error.downcast_ref::<adobe_ims::Error>()` distinguishes them.
///
/// # Cancel safety
///
/// Dropping the future cancels the request that is under way, and sends no other. A token that was
/// refused stays forgotten.
#[derive(Clone, Debug)]
pub struct BearerService<S, R = NoRetry> {
    inner: S,
    bearer: Bearer,
    retry: PhantomData<R>,
}

/// The future of a [`BearerService`].
pub type BearerFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// A 401 is returned as it is; the next request gets another token. For bodies of any type.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct NoRetry;

/// A 401 is followed by one retry with another token. For bodies that can be cloned.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Retry;

type BoxError = Box<dyn StdError + Send + Sync>;

impl BearerLayer {
    /// Creates a layer for bodies of any type: never retries.
    pub fn new(bearer: Bearer) -> Self {
        Self { bearer, retry: PhantomData }
    }
}

impl BearerLayer<Retry> {
    /// Creates a layer that retries once after a 401. For bodies that can be cloned, such as
    /// `Full<Bytes>` or `String`: each request is cloned before it is sent.
    pub fn with_retry(bearer: Bearer) -> Self {
        Self { bearer, retry: PhantomData }
    }
}

impl<S, R> Layer<S> for BearerLayer<R> {
    type Service = BearerService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        BearerService { inner, bearer: self.bearer.clone(), retry: PhantomData }
    }
}

impl<S, B, C> Service<Request<B>> for BearerService<S, NoRetry>
where
    S: Service<Request<B>, Response = Response<C>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Send + 'static,
    C: Send + 'static,
{
    type Response = Response<C>;
    type Error = BoxError;
    type Future = BearerFuture<Response<C>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (inner, bearer) = (take_ready(&mut self.inner), self.bearer.clone());
        Box::pin(send(inner, bearer, request, |_| None))
    }
}

impl<S, B, C> Service<Request<B>> for BearerService<S, Retry>
where
    S: Service<Request<B>, Response = Response<C>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Clone + Send + 'static,
    C: Send + 'static,
{
    type Response = Response<C>;
    type Error = BoxError;
    type Future = BearerFuture<Response<C>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (inner, bearer) = (take_ready(&mut self.inner), self.bearer.clone());
        Box::pin(send(inner, bearer, request, |request| Some(request.clone())))
    }
}

/// The service that `poll_ready` was called on must be the one that is called: a clone of it need
/// not be ready.
fn take_ready<S: Clone>(inner: &mut S) -> S {
    let clone = inner.clone();
    mem::replace(inner, clone)
}

/// One request: at once, with a token, or with a token and after a 401 with another.
async fn send<S, B, C>(
    mut inner: S,
    bearer: Bearer,
    mut request: Request<B>,
    repeat: fn(&Request<B>) -> Option<Request<B>>,
) -> Result<Response<C>, BoxError>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Error: Into<BoxError>,
{
    if !bearer.applies_to(target(request.uri()), request.headers()) {
        return inner.call(request).await.map_err(Into::into);
    }
    let token = bearer.token().await?;
    // Before the headers are set: the retry sets its own.
    let repeated = repeat(&request);
    bearer.set(request.headers_mut(), &token);
    let response = inner.call(request).await.map_err(Into::into)?;
    if !bearer.is_refused(response.status(), &token) {
        return Ok(response);
    }
    let Some(mut request) = repeated else { return Ok(response) };
    let Some(token) = bearer.another(&token).await? else { return Ok(response) };
    drop(response);
    bearer.set(request.headers_mut(), &token);
    poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
    inner.call(request).await.map_err(Into::into)
}

/// `None` for a request that names a path only, as a server gets it.
fn target(uri: &Uri) -> Option<Target<'_>> {
    let (scheme, host) = (uri.scheme_str()?, uri.host()?);
    let default = match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    Some(Target { scheme, host, port: uri.port_u16().or(default) })
}
