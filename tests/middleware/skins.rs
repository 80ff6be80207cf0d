//! The two forms of the middleware behind one function, so that they go through the same cases.

use adobe_ims::Error;
use adobe_ims::middleware::{Bearer, BearerLayer, BearerService, Retry};
use axum::body::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqwest::redirect::Policy;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tower::{Layer, ServiceExt};

#[derive(Clone, Copy, Debug)]
pub enum Skin {
    Tower,
    Reqwest,
}

pub const BOTH: [Skin; 2] = [Skin::Tower, Skin::Reqwest];

/// A client with the middleware; follows no redirects.
#[derive(Clone)]
pub enum Client {
    Tower(Box<BearerService<HyperClient<Full<Bytes>>, Retry>>),
    Reqwest(ClientWithMiddleware),
}

/// Why there is no response.
#[derive(Debug)]
pub enum Failure {
    Token(Error),
    /// The client's own error.
    Client,
}

pub type HyperClient<B> = hyper_util::client::legacy::Client<HttpConnector, B>;

impl Skin {
    pub fn client(self, bearer: &Bearer) -> Client {
        match self {
            Self::Tower => Client::Tower(Box::new(BearerLayer::with_retry(bearer.clone()).layer(hyper_client()))),
            Self::Reqwest => Client::Reqwest(reqwest_client(bearer, Policy::none())),
        }
    }

    /// By a client of its own.
    pub async fn get(self, bearer: &Bearer, url: &str) -> Result<StatusCode, Failure> {
        self.client(bearer).get(url).await
    }
}

impl Client {
    pub async fn get(&self, url: &str) -> Result<StatusCode, Failure> {
        self.send(Request::get(url).body("").unwrap()).await
    }

    pub async fn send(&self, request: Request<&'static str>) -> Result<StatusCode, Failure> {
        let request = request.map(Bytes::from);
        match self {
            Self::Tower(service) => match service.clone().oneshot(request.map(Full::new)).await {
                Ok(response) => Ok(response.status()),
                Err(error) => Err(error.downcast().map_or(Failure::Client, |error| Failure::Token(*error))),
            },
            Self::Reqwest(client) => match client.execute(request.try_into().unwrap()).await {
                Ok(response) => Ok(response.status()),
                Err(reqwest_middleware::Error::Middleware(error)) => Err(Failure::Token(error.downcast().unwrap())),
                Err(reqwest_middleware::Error::Reqwest(_)) => Err(Failure::Client),
            },
        }
    }
}

pub fn hyper_client<B>() -> HyperClient<B>
where
    B: axum::body::HttpBody + Send,
    B::Data: Send,
{
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http()
}

pub fn reqwest_client(bearer: &Bearer, redirects: Policy) -> ClientWithMiddleware {
    let client = reqwest::Client::builder().no_proxy().redirect(redirects).build().unwrap();
    ClientBuilder::new(client).with(bearer.clone()).build()
}
