//! A service in front of AEM: its callers need no token.
//!
//! ```text
//! cargo run --example gateway        # with a mock IMS and a mock AEM: sends itself two requests
//! cargo run --example gateway -- 8080 https://author-p1-e1.adobeaemcloud.com service_token.json
//! curl localhost:8080/assets/en
//! curl localhost:8080/health/ready
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]
#![allow(clippy::disallowed_methods, reason = "a program may read the clock")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adobe_ims::middleware::Bearer;
use adobe_ims::testing::MockIms;
use adobe_ims::{Credentials, ImsClient};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use reqwest::Url;
use reqwest::redirect::Policy;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tokio::net::TcpListener;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

struct Gateway {
    ims: ImsClient,
    aem: Url,
    /// Puts the token on requests to AEM.
    http: ClientWithMiddleware,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [port, aem, file] = arguments.as_slice() else { return demo().await };
    let ims = ImsClient::new(Credentials::from_file(file)?)?;
    let listener = TcpListener::bind(("0.0.0.0", port.parse()?)).await?;
    run(listener, ims, aem, reqwest::Client::builder(), shutdown_signal()).await
}

/// Serves until `stop`, and then completes the requests that are under way.
pub async fn run(
    listener: TcpListener,
    ims: ImsClient,
    aem: &str,
    http: reqwest::ClientBuilder,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    // Gets a token before the first request, and refreshes it even when there are none.
    tokio::spawn(ims.keep_fresh());
    axum::serve(listener, router(ims, aem, http)?).with_graceful_shutdown(stop).await?;
    Ok(())
}

pub fn router(ims: ImsClient, aem: &str, http: reqwest::ClientBuilder) -> Result<Router> {
    let aem = Url::parse(aem)?;
    let bearer = Bearer::new(ims.clone(), aem.host_str())?;
    let http = http.timeout(Duration::from_secs(30)).redirect(Policy::none()).build()?;
    let http = ClientBuilder::new(http).with(bearer).build();
    Ok(Router::new()
        .route("/assets/{folder}", get(assets))
        .route("/health/live", get("alive\n"))
        .route("/health/ready", get(ready))
        .with_state(Arc::new(Gateway { ims, aem, http })))
}

/// The assets in a folder, as AEM lists them.
async fn assets(State(gateway): State<Arc<Gateway>>, Path(folder): Path<String>) -> Response {
    let mut url = gateway.aem.clone();
    // Not by `format!`: whatever the folder is called, it is one segment of the path.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["api", "assets", &format!("{folder}.json")]);
    }
    match gateway.http.get(url).send().await {
        // The gateway's account lacks the rights, not the caller.
        Ok(response) if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&response.status()) => {
            eprintln!("AEM refused the request: {}", response.status());
            StatusCode::BAD_GATEWAY.into_response()
        }
        Ok(response) => {
            let status = response.status();
            (status, [(CONTENT_TYPE, "application/json")], Body::new(reqwest::Body::from(response))).into_response()
        }
        Err(error) => explain(&error).into_response(),
    }
}

/// What the caller gets is a status; what happened is for the log.
fn explain(error: &reqwest_middleware::Error) -> StatusCode {
    if let reqwest_middleware::Error::Middleware(error) = error
        && let Some(error) = error.downcast_ref::<adobe_ims::Error>()
    {
        eprintln!("no token: {}", error.report());
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    eprintln!("no response from AEM: {error}");
    if error.is_timeout() { StatusCode::GATEWAY_TIMEOUT } else { StatusCode::BAD_GATEWAY }
}

/// Ready once there is a token. Sends no request, so it may be probed at any rate.
async fn ready(State(gateway): State<Arc<Gateway>>) -> (StatusCode, String) {
    let (status, token) = match gateway.ims.cached_token() {
        Some(token) => (StatusCode::OK, format!("valid for {} minutes", token.remaining().as_secs() / 60)),
        None => (StatusCode::SERVICE_UNAVAILABLE, "none yet".to_owned()),
    };
    let certificate = match gateway.ims.certificate() {
        Some(certificate) => format!("{} days left", certificate.remaining(SystemTime::now()).as_secs() / 86_400),
        None => "none".to_owned(),
    };
    (status, format!("token: {token}\ncertificate: {certificate}\n"))
}

/// Ctrl-C, or what a container is stopped with.
async fn shutdown_signal() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// All on this machine: a mock IMS, an AEM that requires a token, the gateway, and two requests to
/// it.
pub async fn demo() -> Result<()> {
    let aem = Router::new().fallback(async |headers: HeaderMap| match headers.get("authorization") {
        Some(_) => (StatusCode::OK, r#"{"class":["assets/folder"]}"#),
        None => (StatusCode::UNAUTHORIZED, ""),
    });
    let aem_listener = TcpListener::bind("127.0.0.1:0").await?;
    let aem_url = format!("http://{}", aem_listener.local_addr()?);
    tokio::spawn(async { axum::serve(aem_listener, aem).await });

    let mock = MockIms::start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let gateway_url = format!("http://{}", listener.local_addr()?);
    let http = reqwest::Client::builder().no_proxy();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let ims = mock.client()?;
    let gateway = tokio::spawn(async move {
        let stop = async {
            let _ = stopped.await;
        };
        run(listener, ims, &aem_url, http, stop).await
    });

    let caller = reqwest::Client::builder().no_proxy().build()?;
    for path in ["/assets/en", "/health/ready"] {
        let response = caller.get(format!("{gateway_url}{path}")).send().await?;
        println!("GET {path}: {}\n{}\n", response.status(), response.text().await?.trim_end());
    }
    drop(stop);
    gateway.await?
}
