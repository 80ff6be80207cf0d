//! The only module that knows the HTTP library: one bounded POST, never redirected.

mod config;
mod endpoint;
mod fault;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use reqwest::Response;
use zeroize::Zeroizing;

pub(crate) use self::config::HttpConfig;
pub(crate) use self::endpoint::Endpoint;
#[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
pub(crate) use self::endpoint::is_loopback;

use crate::clock::{Moment, SharedClock};
use crate::error::{Cause, ConfigError, ConnectionError, Error};

/// The connections. Kept open between requests, but not for long. Clones share them.
#[derive(Clone)]
pub(crate) struct Transport {
    client: reqwest::Client,
    connect_timeout: Duration,
    clock: SharedClock,
}

/// A response on any path, not yet understood: bounded and timed.
pub(crate) struct Received {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Before the request was sent.
    pub(crate) sent: Moment,
    /// When the headers had arrived.
    pub(crate) arrived: Moment,
}

/// What could be read of a body.
pub(crate) enum Body {
    Whole(Zeroizing<Vec<u8>>),
    /// Encoded in a way that was not requested, such as gzip.
    Encoded,
    /// Longer than any response of IMS.
    TooLong,
    /// The connection was closed before the end.
    Truncated,
}

impl Transport {
    pub(crate) fn new(config: HttpConfig, endpoint: &Endpoint, clock: SharedClock) -> Result<Self, Error> {
        let connect_timeout = config.connect_timeout;
        let client = config.client_builder(endpoint)?.build();
        let client = client.map_err(|error| {
            Error::caused(ConfigError::HttpClient, Cause::from_chain(std::error::Error::source(&error)))
        })?;
        Ok(Self { client, connect_timeout, clock })
    }

    /// Posts a form and reads the response, but never more of it than the limit.
    pub(crate) async fn post(
        &self,
        endpoint: &Endpoint,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        form: Bytes,
    ) -> Result<Received, Error> {
        let sent = Moment::now(&self.clock);
        let response = self.send(endpoint, path, headers, form).await?;
        let arrived = Moment::now(&self.clock);
        self.read(endpoint, response, sent, arrived).await
    }

    async fn send(
        &self,
        endpoint: &Endpoint,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        form: Bytes,
    ) -> Result<Response, Error> {
        let mut left = MAX_ORPHANS;
        loop {
            let mut request = self
                .client
                .post(endpoint.url(path))
                .header(ACCEPT, "application/json")
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.clone());
            for (name, value) in headers {
                request = request.header(name, value);
            }
            match request.send().await {
                // A connection from the pool whose runtime has shut down: not a failure of IMS, and
                // a token that was issued anyway does no harm. The next connection may be dead too,
                // but their number is bounded.
                Err(error) if left > 0 && fault::is_orphan(&error) => left = left.saturating_sub(1),
                Err(error) => return Err(self.failed(endpoint, &error)),
                Ok(response) => return Ok(response),
            }
        }
    }

    async fn read(
        &self,
        endpoint: &Endpoint,
        mut response: Response,
        sent: Moment,
        arrived: Moment,
    ) -> Result<Received, Error> {
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = if status.is_redirection() {
            Body::Whole(Zeroizing::default())
        } else if headers.get(CONTENT_ENCODING).is_some_and(|encoding| !is_identity(encoding)) {
            Body::Encoded
        } else {
            match read_body(&mut response).await {
                Ok(body) => body,
                Err(error) if status == StatusCode::OK => return Err(self.failed(endpoint, &error)),
                // The status says enough.
                Err(_) => Body::Truncated,
            }
        };
        Ok(Received { status, headers, body, sent, arrived })
    }

    fn failed(&self, endpoint: &Endpoint, error: &reqwest::Error) -> Error {
        let host = endpoint.host().to_owned();
        if error.is_timeout() {
            return ConnectionError::ConnectTimeout { host, limit: self.connect_timeout }.into();
        }
        let cause = Cause::from_chain(fault::first_cause(error));
        Error::caused(
            ConnectionError::Fault { fault: fault::classify(error), host, is_local: endpoint.is_local() },
            cause,
        )
    }
}

impl Received {
    /// The clock of the server.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.headers.get(DATE)?.to_str().ok()?).ok()
    }

    /// The local time halfway between request and response, to compare another clock with. `None`
    /// if they are too far apart, as after a freeze of the process or a suspend of the machine.
    pub(crate) fn midpoint(&self) -> Option<SystemTime> {
        let wall = self.arrived.wall.duration_since(self.sent.wall).ok()?;
        let monotonic = self.arrived.monotonic.saturating_duration_since(self.sent.monotonic);
        if wall.max(monotonic) > MAX_MEASURABLE {
            return None;
        }
        self.sent.wall.checked_add(wall.mul_f32(0.5))
    }
}

impl Body {
    pub(crate) fn bytes(&self) -> Result<&[u8], &'static str> {
        match self {
            Self::Whole(bytes) => Ok(bytes),
            Self::Encoded => Err("it is compressed, which was not requested"),
            Self::TooLong => Err("it is longer than 64 KiB"),
            Self::Truncated => Err("it is truncated"),
        }
    }
}

/// Reads up to the limit: a longer response costs its connection.
async fn read_body(response: &mut Response) -> Result<Body, reqwest::Error> {
    let capacity = match response.content_length().map(usize::try_from) {
        Some(Ok(length)) if length <= MAX_BODY => length,
        Some(_) => return Ok(Body::TooLong),
        None => USUAL_BODY,
    };
    let mut body = Zeroizing::new(Vec::with_capacity(capacity));
    while let Some(chunk) = response.chunk().await? {
        let length = body.len().saturating_add(chunk.len());
        if length > MAX_BODY {
            return Ok(Body::TooLong);
        }
        if length > body.capacity() {
            // A vector that grows by itself leaves a copy of the token behind.
            let mut larger = Zeroizing::new(Vec::with_capacity(MAX_BODY));
            larger.extend_from_slice(&body);
            body = larger;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Body::Whole(body))
}

fn is_identity(encoding: &HeaderValue) -> bool {
    let encoding = encoding.as_bytes().trim_ascii();
    encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")
}

/// Room for a token of 16 KiB and much else; 2 KiB are usual.
const MAX_BODY: usize = 64 * 1024;
const USUAL_BODY: usize = 4 * 1024;
/// Connections in the pool whose runtime has shut down, for one request.
const MAX_ORPHANS: u32 = 32;
/// Half of it is how wrong a clock offset can be.
const MAX_MEASURABLE: Duration = Duration::from_secs(5);
