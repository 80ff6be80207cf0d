//! An answer that a test scripts, and how it becomes the status, headers and body that go out.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use super::account::Account;
use super::token_response::{TokenResponse, TokenShape};
use super::verify::Refusal;

/// One answer of the stand-in, scripted by a test; see [`MockIms::answer_next`](super::MockIms::answer_next).
///
/// There are two families. [`MockAnswer::grant`] still judges the request as strictly as ever, and changes only what is said
/// when it passes. All others are given to whatever comes, unjudged.
///
/// ```
/// use std::time::Duration;
/// use adobe_ims::testing::MockAnswer;
///
/// let outage = MockAnswer::status(502).body("<html>Bad Gateway</html>");
/// let throttled = MockAnswer::throttle(Duration::from_secs(2));
/// let slow = MockAnswer::grant().delay(Duration::from_millis(300));
/// let short_lived = MockAnswer::grant().expires_in(Duration::from_secs(90));
/// let revoked = MockAnswer::revoked_certificate();
/// ```
///
/// An answer that HTTP can't carry (a status outside 200 to 599, a header name with a blank in it) is answered with a
/// 400 `unusable_mock_answer` whose description says so: the test fails with the reason instead of panicking in the server.
#[derive(Clone)]
#[must_use = "an answer is given once it is handed to `MockIms::answer_next` or `answer_always`"]
pub struct MockAnswer {
    script: Script,
    status: Option<u16>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<String>,
    delay: Option<Duration>,
    fault: Option<String>,
}

#[derive(Clone)]
enum Script {
    TokenResponse(TokenResponse),
    Refusal { code: String, description: String },
    Nothing,
}

impl MockAnswer {
    /// Judges the request as always and, when it passes, grants a token with the changes that follow. A request that does
    /// not pass is refused as always; of the changes, only [`delay`](Self::delay) holds for it.
    pub fn grant() -> Self {
        Self::new(Script::TokenResponse(TokenResponse::default()), None)
    }

    /// 400 with the JSON error IMS gives: `{"error":code,"error_description":description}`.
    pub fn refuse(code: impl Into<String>, description: impl Into<String>) -> Self {
        let (code, description) = (code.into(), description.into());
        Self::new(Script::Refusal { code, description }, Some(400))
    }

    /// What IMS says when the certificate has ended or was revoked, or the key is another's.
    pub fn revoked_certificate() -> Self {
        Self::refuse("invalid_token", "Could not match JWT signature to any of the bindings")
    }

    /// This status and an empty body, unless [`body`](Self::body) gives one.
    pub fn status(status: u16) -> Self {
        Self::new(Script::Nothing, Some(status))
    }

    /// 429 with `Retry-After` in seconds, rounded up, and a JSON error.
    pub fn throttle(retry_after: Duration) -> Self {
        Self::refuse("rate_limit", "too many requests").with_status(429).retry_after(retry_after)
    }

    /// The token lives this long, by the answer and by its own claims. The usual life is 24 hours. Grants only.
    pub fn expires_in(self, life: Duration) -> Self {
        self.change(|grant| grant.life = Some(life))
    }

    /// `expires_in` is told in seconds where IMS tells milliseconds; the token's claims stay right. Grants only.
    pub fn expires_in_seconds(self) -> Self {
        self.change(|grant| grant.in_seconds = true)
    }

    /// `expires_in` is told as digits in quotes. Grants only.
    pub fn expires_in_text(self) -> Self {
        self.change(|grant| grant.as_text = true)
    }

    /// `expires_in` is not told; the token's claims still say it. Grants only.
    pub fn without_expires_in(self) -> Self {
        self.change(|grant| grant.without_expiry = true)
    }

    /// The token is no JWT, so that nothing can be read from it. Grants only.
    pub fn opaque_token(self) -> Self {
        self.change(|grant| grant.token = TokenShape::Opaque)
    }

    /// This very token is granted, whatever it is. Grants only.
    pub fn access_token(self, token: impl Into<String>) -> Self {
        let token = token.into();
        self.change(|grant| grant.token = TokenShape::Given(token))
    }

    /// Another status with the same headers and body.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// `Retry-After` in seconds, rounded up. For the form with a date, use [`header`](Self::header).
    pub fn retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        self.headers.retain(|(name, _)| *name != RETRY_AFTER);
        self.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        self
    }

    /// The answer is held back this long, in real time. Other requests are answered meanwhile.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// A header more; it replaces one the stand-in would set itself, such as `Date`, `x-debug-id` or `Content-Type`. Called
    /// twice with one name, both are sent. `Content-Length` and `Transfer-Encoding` are the server's own.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        let name = HeaderName::from_bytes(name.as_ref().as_bytes()).ok();
        let value = HeaderValue::from_str(value.as_ref()).ok();
        match (name, value) {
            (Some(name), _) if name == CONTENT_LENGTH || name == TRANSFER_ENCODING => {
                self.blame(format!("the header {name} is the server's own"));
            }
            (Some(name), Some(value)) => self.headers.push((name, value)),
            (Some(name), None) => self.blame(format!("not a value for the header {name}")),
            (None, _) => self.blame("not a header name".to_owned()),
        }
        self
    }

    /// This body instead of the usual one: `application/json` if it begins with a brace, `text/html` otherwise, unless
    /// [`header`](Self::header) says another `Content-Type`.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    fn new(script: Script, status: Option<u16>) -> Self {
        Self { script, status, headers: Vec::new(), body: None, delay: None, fault: None }
    }

    fn change(mut self, change: impl FnOnce(&mut TokenResponse)) -> Self {
        if let Script::TokenResponse(grant) = &mut self.script {
            change(grant);
        }
        self
    }

    fn blame(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }

    /// What goes out, given how the request was judged.
    pub(super) fn response(
        &self,
        account: &Account,
        verified: Result<Vec<String>, Refusal>,
        now: SystemTime,
    ) -> Response {
        let status = match usable(self.status.unwrap_or(200)) {
            Some(status) if self.fault.is_none() => status,
            Some(_) => return Response::unusable(self.fault.as_deref().unwrap_or_default()),
            None => return Response::unusable("not a status from 200 to 599"),
        };
        let mut response = match (&self.script, verified) {
            (Script::TokenResponse(_), Err(Refusal { status, code, description })) => {
                let mut response =
                    Response::error(usable(status).unwrap_or(StatusCode::BAD_REQUEST), code, &description);
                response.delay = self.delay;
                return response;
            }
            (Script::TokenResponse(grant), Ok(metascopes)) => {
                Response::json(status, grant.body(account, &metascopes, now))
            }
            (Script::Refusal { code, description }, _) => Response::error(status, code, description),
            (Script::Nothing, _) => Response::empty(status),
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
        let Self { script, status, headers, body, delay, fault } = self;
        let script = match script {
            Script::TokenResponse(_) => "grant",
            Script::Refusal { code, .. } => code,
            Script::Nothing => "nothing",
        };
        let headers: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("MockAnswer")
            .field("script", &script)
            .field("status", status)
            .field("headers", &headers)
            .field("has_body", &body.is_some())
            .field("delay", delay)
            .field("fault", fault)
            .finish_non_exhaustive()
    }
}

/// What goes out.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    pub(super) delay: Option<Duration>,
    /// The error code in the body.
    pub(super) code: Option<String>,
}

impl Response {
    pub(super) fn not_found() -> Self {
        Self::empty(StatusCode::NOT_FOUND)
    }

    pub(super) fn method_not_allowed() -> Self {
        let mut response = Self::empty(StatusCode::METHOD_NOT_ALLOWED);
        response.headers.insert(ALLOW, HeaderValue::from_static("POST"));
        response
    }

    /// Nothing that a client tries again: the test must see it.
    fn unusable(fault: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, "unusable_mock_answer", fault)
    }

    fn error(status: StatusCode, code: &str, description: &str) -> Self {
        let body = json!({ "error": code, "error_description": description });
        Self { code: Some(code.to_owned()), ..Self::json(status, body.to_string()) }
    }

    fn json(status: StatusCode, body: String) -> Self {
        Self::typed(status, body, "application/json;charset=UTF-8")
    }

    fn text(status: StatusCode, body: String) -> Self {
        if body.starts_with('{') {
            Self::json(status, body)
        } else {
            Self::typed(status, body, "text/html;charset=UTF-8")
        }
    }

    fn typed(status: StatusCode, body: String, content_type: &'static str) -> Self {
        let mut response = Self::empty(status);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.body = body;
        response
    }

    fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: String::new(), delay: None, code: None }
    }
}

/// A final status that HTTP defines a class for.
fn usable(status: u16) -> Option<StatusCode> {
    StatusCode::from_u16(status).ok().filter(|status| (200..600).contains(&status.as_u16()))
}
