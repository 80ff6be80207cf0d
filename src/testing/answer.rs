//! A response that a test scripts, and how it is sent.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_LENGTH, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, StatusCode};

use super::endpoint::MockEndpoint;
use super::response::Response;
use super::token_response::{TokenChanges, TokenShape, Unit};
use super::tokens::IssuedTokens;
use super::verify::{Refusal, Verified};

/// A response that a test scripts; see [`MockIms::answer_next`](super::MockIms::answer_next).
///
/// There are two families. [`MockAnswer::grant`] verifies the request as usual, and changes only
/// the response to a valid one. All others are sent whatever the request is.
///
/// ```
/// use std::time::Duration;
/// use adobe_ims::testing::{MockAnswer, MockEndpoint};
///
/// let outage = MockAnswer::status(502).body("<html>Bad Gateway</html>");
/// let throttled = MockAnswer::throttle(Duration::from_secs(2));
/// let slow = MockAnswer::grant().delay(Duration::from_millis(300));
/// let short_lived = MockAnswer::grant().expires_in(Duration::from_secs(90));
/// let revoked = MockAnswer::revoked_certificate();
/// let no_revocation = MockAnswer::status(503).on(MockEndpoint::InvalidateToken);
/// ```
///
/// A response that HTTP cannot carry (a status outside 200 to 599, a header name with a space in
/// it) is replaced by a 400 `unusable_mock_answer` that says why. The test then fails with the
/// reason, and the server does not panic.
#[derive(Clone)]
#[must_use = "a response is sent once it is passed to `MockIms::answer_next` or `answer_always`"]
pub struct MockAnswer {
    kind: AnswerKind,
    endpoint: Option<MockEndpoint>,
    status: Option<u16>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<String>,
    delay: Option<Duration>,
    fault: Option<String>,
}

#[derive(Clone)]
enum AnswerKind {
    Grant(TokenChanges),
    Refusal { code: String, description: String },
    Empty,
}

impl MockAnswer {
    /// Verifies the request as usual and, when it is valid, issues a token with the changes that
    /// follow.
    ///
    /// An invalid request is refused as usual. Of the changes, only [`delay`](Self::delay) applies
    /// to it. At the endpoints that issue no tokens, the changes to tokens have no effect.
    pub fn grant() -> Self {
        Self::new(AnswerKind::Grant(TokenChanges::default()), None)
    }

    /// 400 with the JSON error IMS gives: `{"error":code,"error_description":description}`.
    pub fn refuse(code: impl Into<String>, description: impl Into<String>) -> Self {
        let (code, description) = (code.into(), description.into());
        Self::new(AnswerKind::Refusal { code, description }, Some(400))
    }

    /// What IMS responds when the certificate has expired or was revoked, or the key belongs to
    /// another account.
    pub fn revoked_certificate() -> Self {
        Self::refuse("invalid_token", "Could not match JWT signature to any of the bindings")
    }

    /// This status and an empty body, unless [`body`](Self::body) sets one.
    pub fn status(status: u16) -> Self {
        Self::new(AnswerKind::Empty, Some(status))
    }

    /// 429 with `Retry-After` in seconds, rounded up, and a JSON error.
    pub fn throttle(retry_after: Duration) -> Self {
        Self::refuse("rate_limit", "too many requests").with_status(429).retry_after(retry_after)
    }

    /// Only for requests to this endpoint. Without it, the response is for the next request to any
    /// endpoint.
    pub fn on(mut self, endpoint: MockEndpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// The lifetime of the token, in the response and in the token's own claims. It is usually 24
    /// hours. Only with [`grant`](Self::grant).
    pub fn expires_in(self, lifetime: Duration) -> Self {
        self.change(|token| token.lifetime = Some(lifetime))
    }

    /// States `expires_in` in seconds, which is wrong for the JWT exchange: it uses milliseconds.
    /// The token's own claims stay right. Only with [`grant`](Self::grant).
    pub fn expires_in_seconds(self) -> Self {
        self.change(|token| token.unit = Some(Unit::Seconds))
    }

    /// States `expires_in` in milliseconds, which is wrong for the token endpoint: it uses seconds.
    /// The token's own claims stay right. Only with [`grant`](Self::grant).
    pub fn expires_in_milliseconds(self) -> Self {
        self.change(|token| token.unit = Some(Unit::Milliseconds))
    }

    /// States `expires_in` as a JSON string. Only with [`grant`](Self::grant).
    pub fn expires_in_text(self) -> Self {
        self.change(|token| token.as_text = true)
    }

    /// Leaves `expires_in` out. The token's own claims still say it. Only with
    /// [`grant`](Self::grant).
    pub fn without_expires_in(self) -> Self {
        self.change(|token| token.without_expiry = true)
    }

    /// Issues a token that is not a JWT, so that nothing can be read from it. Only with
    /// [`grant`](Self::grant).
    pub fn opaque_token(self) -> Self {
        self.change(|token| token.token = TokenShape::Opaque)
    }

    /// Issues this text as the token. Only with [`grant`](Self::grant).
    pub fn access_token(self, token: impl Into<String>) -> Self {
        let text = token.into();
        self.change(|token| token.token = TokenShape::Given(text))
    }

    /// Another status with the same headers and body.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// `Retry-After` in seconds, rounded up. For the form with a date, use
    /// [`header`](Self::header).
    pub fn retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        self.headers.retain(|(name, _)| *name != RETRY_AFTER);
        self.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        self
    }

    /// Sends the response this much later, in real time. Other requests get their responses
    /// meanwhile.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Adds a header. It replaces one that the mock would set itself, such as `Date`, `x-debug-id`
    /// or `Content-Type`. Called twice with one name, both are sent. `Content-Length` and
    /// `Transfer-Encoding` belong to the server and cannot be set.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = HeaderName::from_bytes(name.as_ref().as_bytes()).ok();
        let value = HeaderValue::from_str(value.as_ref()).ok();
        match (name, value) {
            (Some(name), _) if name == CONTENT_LENGTH || name == TRANSFER_ENCODING => {
                self.set_fault(format!("the header {name} belongs to the server"));
            }
            (Some(name), Some(value)) => self.headers.push((name, value)),
            (Some(name), None) => self.set_fault(format!("not a value for the header {name}")),
            (None, _) => self.set_fault("not a header name".to_owned()),
        }
        self
    }

    /// Replaces the body. Its `Content-Type` is `application/json` if it begins with a brace and
    /// `text/html` otherwise, unless [`header`](Self::header) sets another.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    fn new(kind: AnswerKind, status: Option<u16>) -> Self {
        Self { kind, endpoint: None, status, headers: Vec::new(), body: None, delay: None, fault: None }
    }

    fn change(mut self, change: impl FnOnce(&mut TokenChanges)) -> Self {
        if let AnswerKind::Grant(changes) = &mut self.kind {
            change(changes);
        }
        self
    }

    /// The first one is kept.
    fn set_fault(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }

    pub(super) fn endpoint(&self) -> Option<MockEndpoint> {
        self.endpoint
    }

    /// What is sent. A request that passes has its effect here: a token is issued or invalidated.
    pub(super) fn response(
        &self,
        verified: Result<Verified<'_>, Refusal>,
        tokens: &mut IssuedTokens,
        now: SystemTime,
    ) -> Response {
        let status = match usable_status(self.status.unwrap_or(200)) {
            Some(status) if self.fault.is_none() => status,
            Some(_) => return unusable(self.fault.as_deref().unwrap_or_default()),
            None => return unusable("not a status from 200 to 599"),
        };
        let mut response = match (&self.kind, verified) {
            (AnswerKind::Grant(_), Err(Refusal { status, code, description })) => {
                return Response { delay: self.delay, ..Response::error(status, code, &description) };
            }
            (AnswerKind::Grant(changes), Ok(verified)) => granted(status, verified, changes, tokens, now),
            (AnswerKind::Refusal { code, description }, _) => Response::error(status, code, description),
            (AnswerKind::Empty, _) => Response::empty(status),
        };
        if let Some(body) = &self.body {
            response = Response::text(status, body.clone());
        }
        for (name, _) in &self.headers {
            response.headers.remove(name);
        }
        for (name, value) in &self.headers {
            response.headers.append(name, value.clone());
        }
        response.delay = self.delay;
        response
    }
}

impl fmt::Debug for MockAnswer {
    /// Names what is scripted; a token or a body is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, endpoint, status, headers, body, delay, fault } = self;
        let kind = match kind {
            AnswerKind::Grant(_) => "grant",
            AnswerKind::Refusal { code, .. } => code,
            AnswerKind::Empty => "empty",
        };
        let headers: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("MockAnswer")
            .field("kind", &kind)
            .field("endpoint", endpoint)
            .field("status", status)
            .field("headers", &headers)
            .field("has_body", &body.is_some())
            .field("delay", delay)
            .field("fault", fault)
            .finish()
    }
}

fn granted(
    status: StatusCode,
    verified: Verified<'_>,
    changes: &TokenChanges,
    tokens: &mut IssuedTokens,
    now: SystemTime,
) -> Response {
    match verified {
        Verified::Token(grant) => Response::json(status, changes.issue(&grant, tokens, now)),
        Verified::Validation(body) => Response::json(status, body),
        Verified::Invalidation(token) => {
            tokens.invalidate(&token);
            Response::empty(status)
        }
    }
}

/// Not transient, so that no client retries it and the test sees it.
fn unusable(fault: &str) -> Response {
    Response::error(StatusCode::BAD_REQUEST, "unusable_mock_answer", fault)
}

/// A final status that HTTP defines a class for.
fn usable_status(status: u16) -> Option<StatusCode> {
    StatusCode::from_u16(status).ok().filter(|status| (200..600).contains(&status.as_u16()))
}
