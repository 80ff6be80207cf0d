//! From the token to the API: an HTTP client that puts the token on the requests to named hosts,
//! and retries once after a 401. Features `tower` and `reqwest-middleware`.
//!
//! # Getting started
//!
//! With reqwest and the crate [reqwest-middleware](https://docs.rs/reqwest-middleware) (feature
//! `reqwest-middleware`):
//!
#![cfg_attr(feature = "reqwest-middleware", doc = "```no_run")]
#![cfg_attr(not(feature = "reqwest-middleware"), doc = "```ignore")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use adobe_ims::middleware::Bearer;
//! use adobe_ims::{Credentials, ImsClient};
//!
//! let ims = ImsClient::new(Credentials::from_file("service_token.json")?)?;
//! let bearer = Bearer::new(ims, ["author-p1-e1.adobeaemcloud.com"])?;
//!
//! let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
//! let aem = reqwest_middleware::ClientBuilder::new(http).with(bearer).build();
//! let assets = aem.get("https://author-p1-e1.adobeaemcloud.com/api/assets.json").send().await?;
//! # Ok(())
//! # }
//! ```
//!
//! With hyper's client, or any other made of [tower](https://docs.rs/tower) services (feature
//! `tower`):
//!
#![cfg_attr(feature = "tower", doc = "```no_run")]
#![cfg_attr(not(feature = "tower"), doc = "```ignore")]
//! # async fn example() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # use axum::body::Bytes;
//! # use http_body_util::Full;
//! # use hyper_util::client::legacy::connect::HttpConnector as HttpsConnector;
//! use adobe_ims::middleware::{Bearer, BearerLayer};
//! use adobe_ims::{Credentials, ImsClient};
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! let ims = ImsClient::new(Credentials::from_file("service_token.json")?)?;
//! let bearer = Bearer::new(ims, ["author-p1-e1.adobeaemcloud.com"])?;
//!
//! let http = Client::builder(TokioExecutor::new()).build(HttpsConnector::new());
//! let mut aem = ServiceBuilder::new().layer(BearerLayer::with_retry(bearer)).service(http);
//! let request = http::Request::get("https://author-p1-e1.adobeaemcloud.com/api/assets.json");
//! let assets = aem.ready().await?.call(request.body(Full::<Bytes>::default())?).await?;
//! # Ok(())
//! # }
//! ```
//!
//! AEM requires only the token. Most other Adobe APIs, those on `*.adobe.io`, require two more
//! headers:
//!
//! ```
//! # async fn example() -> Result<(), adobe_ims::Error> {
//! # let mock = adobe_ims::testing::MockIms::start().await?;
//! # let ims = mock.client()?;
//! use adobe_ims::middleware::Bearer;
//!
//! let bearer = Bearer::builder(ims.clone(), ["*.adobe.io"])
//!     .api_key(ims.client_id()) // x-api-key
//!     .org_id(ims.org_id()) // x-gw-ims-org-id
//!     .build()?;
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
//! ```
//!
//! # Which requests get the token
//!
//! Those over `https` to a host of the list; `http` only if the host of the list is this machine
//! (127.0.0.0/8, `[::1]`, `localhost`), for tests and for AEM's local SDK. All other requests pass
//! unchanged: those to another host, without a host in the URL, or with an `Authorization` header
//! of their own. The header is marked as sensitive. Why a request gets no token is an event of
//! [`tracing`](https://docs.rs/tracing) at DEBUG. A client that sends plain requests through a
//! proxy (`HTTP_PROXY`) shows the proxy the token; set `NO_PROXY` for this machine.
//!
//! # What is retried
//!
//! | the API responds with | then |
//! | --- | --- |
//! | 401 | the token is forgotten, and the request (a POST too) is sent once more with another token |
//! | 401 to the retry too | it is returned |
//! | 403, 5xx, anything else | it is returned: another token does not help |
//!
//! There is no retry if the body cannot be cloned (a stream, or a layer made by
//! `BearerLayer::new`), or if there is no other token to send: the source is a fixed
//! [`Token`](crate::Token), or its last token was replaced less than a minute ago
//! ([`ImsClient::forget`](crate::ImsClient::forget) works at most once a minute). So a lasting 401
//! costs one exchange per minute, and concurrent 401s cost one exchange in all. Bodies are never
//! buffered for a retry. gRPC reports an invalid token with status 200, so nothing is retried
//! there; a tonic client needs `with_origin`, or its requests name no host.
//!
//! If there is no token, the request fails with this crate's [`Error`](crate::Error), and nothing
//! is sent. If the refresh after a 401 fails, its error takes the place of the 401. `downcast_ref`
//! finds it: over tower in the boxed error, over reqwest in
//! `reqwest_middleware::Error::Middleware`.
//!
//! # What a redirect gets
//!
//! The server decides where a redirect leads. What the target gets depends on what follows it:
//!
//! | what follows the redirect | a listed host gets | another host gets |
//! | --- | --- | --- |
//! | nothing: reqwest with `redirect::Policy::none()`, hyper | nothing | nothing |
//! | a layer outside this one, such as tower-http's `FollowRedirect` | the token again, and a retry | nothing |
//! | reqwest itself, its default | on the same origin, all headers; on another origin, no token, but `x-api-key` and `x-gw-ims-org-id` | no token, but `x-api-key` and `x-gw-ims-org-id` |
//! | a layer behind this one, such as tower-http's `FollowRedirect` | as reqwest, with that layer's default policy | as reqwest |
//!
//! So switch redirects off in reqwest, as above, or follow them outside. The two headers name the
//! client and the organization: not secret, but not meant for others. A 401 that reqwest was
//! redirected to on another origin is returned as it is, and forgets no token.
//!
//! # Cancel safety
//!
//! Dropping the future of a request cancels it, and nothing is sent any more. The exchange that it
//! may be waiting for continues, and the next request finds its token. A refused token stays
//! forgotten.

mod bearer;
mod hosts;
#[cfg(feature = "reqwest-middleware")]
mod reqwest;
#[cfg(feature = "tower")]
mod tower;

pub use self::bearer::{Bearer, BearerBuilder};
#[cfg(feature = "tower")]
pub use self::tower::{BearerFuture, BearerLayer, BearerService, NoRetry, Retry};
