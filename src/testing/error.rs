//! The errors of the test kit: a mock that cannot do what a test asks of it, and a failure that a
//! test scripts. Nothing else in the test kit makes an [`Error`].

use std::io;
use std::time::Duration;

use http::StatusCode;

use crate::error::{Error, ErrorKind, ErrorResponse};

/// The mock cannot be started, or cannot do what a test asks.
pub(super) fn unusable(problem: impl Into<String>) -> Error {
    Error::mock(problem, None)
}

/// The same, because of the system.
pub(super) fn system(problem: impl Into<String>, source: &io::Error) -> Error {
    Error::mock(problem, Some(source))
}

/// A failure for [`ScriptedTokens`](super::ScriptedTokens), with what a response of IMS would add
/// to it.
///
/// ```
/// use std::time::Duration;
/// use adobe_ims::testing::{ScriptedError, ScriptedTokens};
/// use adobe_ims::{ErrorKind, TokenSource};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let tokens = ScriptedTokens::new();
/// let throttled = ScriptedError::new(ErrorKind::Throttled).code("rate_limit");
/// tokens.then_error(throttled.retry_after(Duration::from_secs(30)));
///
/// let error = tokens.token().await.unwrap_err();
/// assert_eq!(error.status().unwrap(), 429);
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
/// # }
/// ```
///
/// Everything except [`hint`](Self::hint) implies a response, and a response has a status. By
/// default it is 429 for `Throttled`, 503 for `Server`, 200 for `Response`, and 400 for all other
/// kinds.
#[derive(Clone, Debug)]
#[must_use = "an error is scripted once it is passed to `ScriptedTokens::then_error`"]
pub struct ScriptedError {
    kind: ErrorKind,
    status: Option<u16>,
    code: Option<String>,
    description: Option<String>,
    debug_id: Option<String>,
    retry_after: Option<Duration>,
    hint: Option<String>,
}

impl ScriptedError {
    /// A failure of this kind, without a response. `Connect`, `Server`, `Throttled` and `Timeout`
    /// are transient.
    pub fn new(kind: ErrorKind) -> Self {
        Self { kind, status: None, code: None, description: None, debug_id: None, retry_after: None, hint: None }
    }

    /// What [`Error::status`] returns. A number that is not an HTTP status, from 100 to 999, makes
    /// the scripted error one of kind `Config` that says so.
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// What [`Error::code`] returns.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// What [`Error::description`] returns.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// What [`Error::debug_id`] returns.
    pub fn debug_id(mut self, debug_id: impl Into<String>) -> Self {
        self.debug_id = Some(debug_id.into());
        self
    }

    /// What [`Error::retry_after`] returns: at most one hour, as from IMS.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait.min(MAX_RETRY_AFTER));
        self
    }

    /// What [`Error::hint`] returns. Without it there is no hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ScriptedError> for Error {
    fn from(scripted: ScriptedError) -> Self {
        let ScriptedError { kind, status, code, description, debug_id, retry_after, hint } = scripted;
        let has_response =
            status.is_some() || code.is_some() || description.is_some() || debug_id.is_some() || retry_after.is_some();
        let number = status.unwrap_or(match kind {
            ErrorKind::Throttled => 429,
            ErrorKind::Server => 503,
            ErrorKind::Response => 200,
            _ => 400,
        });
        let Ok(status) = StatusCode::from_u16(number) else {
            return unusable(format!("{number} is not an HTTP status"));
        };
        let response = ErrorResponse { status, code, description, debug_id, retry_after, skew: None };
        Self::scripted(kind, has_response.then_some(response), hint)
    }
}

/// The client caps what IMS says.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::ScriptedError;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn a_scripted_error_says_what_it_was_given() {
        let error: Error = ScriptedError::new(ErrorKind::Rejected)
            .status(401)
            .code("invalid_client")
            .description("invalid client_secret parameter")
            .debug_id("banana")
            .retry_after(Duration::from_secs(7))
            .hint("download the credentials again")
            .into();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(error.status().unwrap(), 401);
        assert_eq!(error.code(), Some("invalid_client"));
        assert_eq!(error.description(), Some("invalid client_secret parameter"));
        assert_eq!(error.debug_id(), Some("banana"));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(error.hint(), Some("download the credentials again"));
        assert!(!error.is_transient());
        assert!(error.report().to_string().contains("download the credentials again"));
    }

    #[test]
    fn without_a_status_the_response_has_the_one_of_its_kind() {
        for (kind, status) in [
            (ErrorKind::Throttled, 429),
            (ErrorKind::Server, 503),
            (ErrorKind::Response, 200),
            (ErrorKind::Rejected, 400),
        ] {
            let error: Error = ScriptedError::new(kind).code("x").into();
            assert_eq!((error.kind(), error.status().unwrap().as_u16()), (kind, status));
        }
    }

    #[test]
    fn without_anything_of_a_response_there_is_none() {
        let error: Error = ScriptedError::new(ErrorKind::Timeout).hint("wait").into();
        assert_eq!((error.status(), error.code(), error.retry_after()), (None, None, None));
        assert_eq!(error.hint(), Some("wait"));
        assert!(error.is_transient());
    }

    #[test]
    fn an_hour_is_the_longest_wait_and_42_is_not_a_status() {
        let error: Error = ScriptedError::new(ErrorKind::Throttled).retry_after(Duration::MAX).into();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
        let error: Error = ScriptedError::new(ErrorKind::Throttled).status(42).into();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("42 is not an HTTP status"), "{error}");
    }
}
