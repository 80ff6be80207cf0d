//! A proper HTTP server with one response to every request, and a client for it.
#![allow(dead_code, reason = "each test root uses a part")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use adobe_ims::{Clock, Error, ErrorKind, ImsClient, ImsClientBuilder, Token};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::material::{CredentialsFile, printed};

pub const ACCESS_TOKEN: &str = OPAQUE_TOKEN;
/// Three parts as in a token, none of which can be decoded.
pub const OPAQUE_TOKEN: &str = "header.MARKER-payload.signature";

/// A server that sends this response to every request.
pub async fn responding(response: impl Respond + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

/// A server that sends one response to the first request and another to all that follow.
pub async fn first_then(first: ResponseTemplate, then: ResponseTemplate) -> MockServer {
    let asked = AtomicUsize::new(0);
    responding(move |_: &Request| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => first.clone(),
        _ => then.clone(),
    })
    .await
}

pub fn with_endpoint(endpoint: &str) -> ImsClientBuilder {
    let credentials = CredentialsFile::new().read().unwrap();
    ImsClient::builder(credentials).danger_endpoint(endpoint)
}

pub fn builder(server: &MockServer) -> ImsClientBuilder {
    with_endpoint(&server.uri())
}

pub fn client(server: &MockServer) -> ImsClient {
    builder(server).build().unwrap()
}

/// The body of a token response as IMS writes it. `expires_in` as it appears in the JSON.
pub fn token_body(access_token: &str, expires_in: &str) -> String {
    let access_token = json!(access_token);
    format!(r#"{{"token_type":"bearer","access_token":{access_token},"expires_in":{expires_in}}}"#)
}

pub fn good() -> String {
    token_body(ACCESS_TOKEN, "86399999")
}

pub fn ok(body: impl AsRef<[u8]>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.as_ref(), "application/json")
}

pub fn token() -> ResponseTemplate {
    ok(good())
}

/// The token of a response with this body, and its lifetime from the request.
pub async fn accepted(body: &str) -> (Token, Duration) {
    let now = now();
    let server = responding(ok(body)).await;
    let client = builder(&server).clock(Stopped(now)).build().unwrap();
    let token = client.exchange().await.unwrap_or_else(|error| panic!("{error:?} from {body}"));
    assert_eq!(requests(&server).await, 1);
    let lifetime = token.expires_at().duration_since(now).unwrap();
    (token, lifetime)
}

/// The error of this response, after exactly so many requests.
pub async fn fails_with(kind: ErrorKind, attempts: usize, response: ResponseTemplate, case: &str) -> Error {
    let server = responding(response).await;
    let error = client(&server).exchange().await.expect_err(case);
    assert_eq!(error.kind(), kind, "{case}: {error:?}");
    assert_eq!(requests(&server).await, attempts, "{case}: {error:?}");
    error
}

#[track_caller]
pub fn assert_near(lifetime: Duration, milliseconds: u64, case: &str) {
    let expected = Duration::from_millis(milliseconds);
    assert!(lifetime.abs_diff(expected) <= Duration::from_secs(1), "{lifetime:?} in place of {expected:?}: {case}");
}

/// Whether the text has twelve characters in a row of the secret.
pub fn shows_a_piece(text: &str, secret: &str) -> bool {
    secret.as_bytes().windows(12).any(|piece| text.contains(std::str::from_utf8(piece).unwrap()))
}

/// Everything an error shows, as text and as data.
pub fn shown(error: &Error) -> String {
    let data = [error.code(), error.description(), error.debug_id(), error.hint()];
    let data = Vec::from_iter(data.into_iter().flatten()).join("\n");
    format!("{}\n{data}", printed(error))
}

pub async fn requests(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

/// The assertions that the server received, in order.
pub async fn assertions(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| form(request)["jwt_token"].clone()).collect()
}

pub fn form(request: &Request) -> BTreeMap<String, String> {
    form_urlencoded::parse(&request.body).into_owned().collect()
}

#[expect(clippy::disallowed_methods, reason = "a test may look at the clock")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// A wall clock that stands still, so that a lifetime can be measured.
pub struct Stopped(SystemTime);

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        self.0
    }

    #[expect(clippy::disallowed_methods, reason = "timeouts go by the real clock")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
