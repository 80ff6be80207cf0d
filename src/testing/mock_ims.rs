//! The stand-in at work: it listens, takes the next answer of the script, and remembers what was received. The only file
//! that knows wiremock.

use std::collections::VecDeque;
use std::fmt;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{CONTENT_TYPE, DATE, USER_AGENT};
use http::{HeaderName, HeaderValue, Method};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::account::Account;
use super::answer::{MockAnswer, Response};
use super::builder::MockImsBuilder;
use super::request::MockRequest;
use super::token_response::debug_id;
use super::verify::{TokenRequest, verify};
use crate::clock::{Clock, SharedClock};
use crate::{Error, ImsClient, ImsClientBuilder, ServiceCredentials};

/// A strict stand-in for Adobe IMS that listens on `127.0.0.1`; see the [module](super) for how to test with it.
///
/// It answers the JWT exchange (`/ims/exchange/jwt`, with or without a slash at the end, and `/ims/exchange/v1/jwt`) for one
/// technical account, and takes urlencoded and multipart forms. Other paths are 404, other methods 405. Every answer has
/// a `Date` header, by the stand-in's clock, and an `x-debug-id` of its own.
///
/// It stops listening soon after it is dropped, and open connections are closed with it. Each stand-in is on its own: script and
/// record are not shared, so tests may run in parallel.
///
/// # Memory
///
/// The record is bounded. The HTTP server underneath nevertheless keeps each request it answered, secrets included, in
/// memory until the stand-in is dropped: some ten kilobytes each. For a soak test, start a new one now and then.
pub struct MockIms {
    endpoint: String,
    credentials: ServiceCredentials,
    ims: Arc<Ims>,
    _server: MockServer,
}

impl MockIms {
    /// Begins to listen on a free port, with an account of its own. Needs a Tokio runtime to be awaited on.
    ///
    /// The first one in a process makes the throw-away key, which takes a good part of a second on a slow machine.
    ///
    /// # Errors
    ///
    /// When there is no port to listen on.
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// Settings other than the usual ones: a fixed port, other metascopes, another clock.
    pub fn builder() -> MockImsBuilder {
        MockImsBuilder::new()
    }

    /// Where it listens, as `http://127.0.0.1:PORT`, for
    /// [`ImsClientBuilder::danger_endpoint`](crate::ImsClientBuilder::danger_endpoint) or the settings of another client.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The credentials of the registered technical account.
    #[must_use]
    pub fn credentials(&self) -> ServiceCredentials {
        self.credentials.clone()
    }

    /// A client with all defaults that asks this stand-in as the registered account. Keep the stand-in: it
    /// stops when it is dropped. The client goes by the machine's clock.
    ///
    /// # Errors
    ///
    /// As [`ImsClientBuilder::build`](crate::ImsClientBuilder::build).
    pub fn client(&self) -> Result<ImsClient, Error> {
        self.client_builder().build()
    }

    /// The same with settings of its own, such as a clock or `max_attempts(1)`.
    pub fn client_builder(&self) -> ImsClientBuilder {
        ImsClient::builder(self.credentials()).danger_endpoint(self.endpoint())
    }

    /// The credentials as the file that AEM's Developer Console hands out, to write where a client looks for it.
    ///
    /// It holds the throw-away private key and client secret. `imsEndpoint` is the host name that must be signed for, not the address
    /// of the stand-in; how to connect elsewhere is up to the client.
    #[must_use]
    pub fn credentials_json(&self) -> String {
        self.ims.account.credentials_json()
    }

    /// Scripts one answer for one request, after those already scripted.
    pub fn answer_next(&self, answer: MockAnswer) {
        self.ims.state().next.push_back(answer);
    }

    /// Scripts the answer for all requests from when [`answer_next`](Self::answer_next) has none left, until
    /// [`reset`](Self::reset). A second call replaces the first.
    pub fn answer_always(&self, answer: MockAnswer) {
        self.ims.state().always = Some(answer);
    }

    /// Ends the script: requests are judged again. The record is kept.
    pub fn reset(&self) {
        let mut state = self.ims.state();
        state.next.clear();
        state.always = None;
    }

    /// How many token requests came in since the start, whatever they were answered. What was 404 or 405 is not one.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.ims.state().count
    }

    /// The token requests that came in, oldest first; of more than a thousand, the last thousand.
    #[must_use]
    pub fn requests(&self) -> Vec<MockRequest> {
        self.ims.state().record.iter().cloned().collect()
    }

    pub(super) async fn serve(
        listener: TcpListener,
        account: Account,
        credentials: ServiceCredentials,
        clock: SharedClock,
    ) -> Self {
        let ims = Arc::new(Ims { account, clock, state: Mutex::default() });
        let server = MockServer::builder().listener(listener).disable_request_recording().start().await;
        Mock::given(any()).respond_with(Responder(Arc::clone(&ims))).mount(&server).await;
        Self { endpoint: server.uri(), credentials, ims, _server: server }
    }
}

impl fmt::Debug for MockIms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockIms")
            .field("endpoint", &self.endpoint)
            .field("account", &self.ims.account)
            .field("request_count", &self.request_count())
            .finish_non_exhaustive()
    }
}

/// Where requests are answered; shared by the server and the handle that tests hold.
struct Ims {
    account: Account,
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: VecDeque<MockAnswer>,
    always: Option<MockAnswer>,
    count: u64,
    record: VecDeque<MockRequest>,
}

impl Ims {
    fn answer(&self, request: &Request) -> Response {
        let now = self.clock.now();
        let mut response = if !TOKEN_PATHS.contains(&request.url.path()) {
            Response::not_found()
        } else if request.method != Method::POST {
            Response::method_not_allowed()
        } else {
            self.answer_token_request(request, now)
        };
        let header = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        response.headers.entry(DATE).or_insert_with(|| header(http_date(now)));
        response.headers.entry(X_DEBUG_ID).or_insert_with(|| header(debug_id()));
        response
    }

    fn answer_token_request(&self, request: &Request, now: SystemTime) -> Response {
        let header = |name| request.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let received = TokenRequest::read(request.url.query(), header(CONTENT_TYPE), &request.body);
        let verified = verify(&self.account, &received, now);

        let mut state = self.state();
        let response = state.take_answer().response(&self.account, verified, now);
        let (status, code) = (response.status.as_u16(), response.code.as_deref());
        state.remember(MockRequest::new(request.url.path(), header(USER_AGENT), &received, status, code));
        response
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_answer(&mut self) -> MockAnswer {
        let scripted = self.next.pop_front().or_else(|| self.always.clone());
        scripted.unwrap_or_else(MockAnswer::grant)
    }

    fn remember(&mut self, request: MockRequest) {
        self.count = self.count.saturating_add(1);
        if self.record.len() >= MAX_RECORD {
            self.record.pop_front();
        }
        self.record.push_back(request);
    }
}

struct Responder(Arc<Ims>);

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let Response { status, headers, body, delay, code: _ } = self.0.answer(request);
        let template = ResponseTemplate::new(status)
            .set_body_bytes(body)
            .append_headers(headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>());
        match delay {
            Some(delay) => template.set_delay(delay),
            None => template,
        }
    }
}

/// A `Date` header can say the years 1970 to 9999 alone; a clock outside them is pulled in.
fn http_date(now: SystemTime) -> String {
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default().min(LAST_HTTP_DATE);
    httpdate::fmt_http_date(UNIX_EPOCH.checked_add(since_epoch).unwrap_or(UNIX_EPOCH))
}

/// They answer alike.
const TOKEN_PATHS: [&str; 3] = ["/ims/exchange/jwt", "/ims/exchange/jwt/", "/ims/exchange/v1/jwt"];

/// The end of the year 9999.
const LAST_HTTP_DATE: Duration = Duration::from_secs(253_402_300_799);

/// Enough to look back on a test; a load test asks for the count.
const MAX_RECORD: usize = 1000;

const X_DEBUG_ID: HeaderName = HeaderName::from_static("x-debug-id");
