//! The one error type: who failed, why, whether to try again, and what to do. Its sentences are in
//! `failure`, its advice in `hint`.

mod failure;
mod hint;

use std::error::Error as StdError;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::clock::Skew;

pub(crate) use failure::{Cause, Failure, Interruption, Origin, printable};
pub(crate) use hint::{CertificateFacts, Circumstances, TOLERATED_SKEW};

/// What went wrong: with the credentials, on the way to IMS, or at IMS.
///
/// One opaque type, one word wide, cheap to clone. Ask it by [`kind`](Self::kind) and
/// [`is_transient`](Self::is_transient); what IMS said is data: [`status`](Self::status),
/// [`code`](Self::code), [`description`](Self::description), [`debug_id`](Self::debug_id),
/// [`retry_after`](Self::retry_after). [`hint`](Self::hint) says what to do about it.
///
/// `Display` is one sentence about this level only; causes are reached through
/// [`source`](StdError::source), and their concrete types are not promised. The wording may change
/// in any release. No error ever holds a secret, a body that is not IMS's own, or a URL.
///
/// ```
/// use adobe_ims::{ErrorKind, ServiceCredentials};
///
/// let error = ServiceCredentials::from_json(r#"{ "integration": {} }"#).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Credentials);
/// assert!(error.to_string().contains("integration.privateKey"));
/// assert!(!error.is_transient());
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    failure: Failure,
    answer: Option<Answer>,
    hint: Option<String>,
}

impl Error {
    /// A failure that IMS had no part in.
    pub(crate) fn new(failure: Failure) -> Self {
        let hint = hint::of_failure(&failure).map(str::to_owned);
        Self(Arc::new(Inner { failure, answer: None, hint }))
    }

    /// What IMS, or something in its place, answered.
    pub(crate) fn answered(failure: Failure, answer: Answer, circumstances: &Circumstances) -> Self {
        let hint = hint::of_answer(&failure, &answer, circumstances);
        Self(Arc::new(Inner { failure, answer: Some(answer), hint }))
    }

    /// The stand-in can't be started.
    #[cfg(feature = "testing")]
    pub(crate) fn stand_in(what: impl Into<String>, source: Option<std::io::Error>) -> Self {
        Self::new(Failure::StandIn { what: what.into(), source })
    }

    /// What a test scripts, with or without a response.
    #[cfg(feature = "testing")]
    pub(crate) fn scripted(kind: ErrorKind, response: Option<Answer>, hint: Option<String>) -> Self {
        Self(Arc::new(Inner { failure: Failure::Scripted { kind }, answer: response, hint }))
    }

    /// Who or what failed.
    pub fn kind(&self) -> ErrorKind {
        self.0.failure.kind()
    }

    /// Whether the same call may well succeed later, with nothing changed here.
    ///
    /// `true` for connection faults, limits that ran out, throttling and an overloaded server;
    /// `false` for whatever stays wrong until somebody mends it: refusals, certificates, proxies
    /// that want a password, unusable answers.
    pub fn is_transient(&self) -> bool {
        self.0.failure.is_transient()
    }

    /// How long IMS asked to be left alone (`Retry-After`), at most one hour.
    pub fn retry_after(&self) -> Option<Duration> {
        self.answer().and_then(|answer| answer.retry_after)
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        self.answer().map(|answer| answer.status)
    }

    /// The error code in IMS's own word, such as `invalid_token` (RFC 6749 section 5.2, `error`).
    ///
    /// Unknown codes pass through. At most 64 printable characters.
    pub fn code(&self) -> Option<&str> {
        self.answer().and_then(|answer| answer.code.as_deref())
    }

    /// IMS's `error_description`, cleaned: at most 200 printable characters, secrets cut out.
    pub fn description(&self) -> Option<&str> {
        self.answer().and_then(|answer| answer.description.as_deref())
    }

    /// The `x-debug-id` header: the name under which Adobe's support finds the request.
    pub fn debug_id(&self) -> Option<&str> {
        self.answer().and_then(|answer| answer.debug_id.as_deref())
    }

    /// What most likely causes this and what to do about it, in one or two sentences for a person.
    ///
    /// Made specific by what is known here: when the certificate ended, which metascopes were asked
    /// for, how far the local clock is off. The wording may change in any release.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Everything a person needs, on several lines: the sentence, its causes, the hint, the debug id.
    ///
    /// ```
    /// let error = adobe_ims::ServiceCredentials::from_json("{}").unwrap_err();
    /// eprintln!("no token: {}", error.report());
    /// ```
    pub fn report(&self) -> impl fmt::Display {
        Report(self.clone())
    }

    pub(crate) fn answer(&self) -> Option<&Answer> {
        self.0.answer.as_ref()
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.failure.source()
    }
}

// Nothing in it can be changed, so nothing can be left half changed by a panic.
impl UnwindSafe for Error {}
impl RefUnwindSafe for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.failure, f)
    }
}

/// Everything in one place, for `unwrap` and logs.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.kind()).field("message", &format_args!("\"{self}\""));
        if let Some(id) = self.debug_id() {
            out.field("debug_id", &id);
        }
        if let Some(wait) = self.retry_after() {
            out.field("retry_after", &wait);
        }
        if let Some(hint) = self.hint() {
            out.field("hint", &hint);
        }
        if let Some(source) = self.source() {
            out.field("source", &source);
        }
        out.finish()
    }
}

struct Report(Error);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        write!(f, "{error}")?;
        let mut source = error.source();
        while let Some(cause) = source {
            write!(f, "\n  because: {cause}")?;
            source = cause.source();
        }
        if let Some(hint) = error.hint() {
            write!(f, "\n  hint: {hint}")?;
        }
        if let Some(debug_id) = error.debug_id() {
            write!(f, "\n  debug id for Adobe's support: {debug_id}")?;
        }
        match error.is_transient() {
            true => f.write_str("\n  trying again later may help"),
            false => Ok(()),
        }
    }
}

/// Who or what failed. `Display` is the name in lower case, as for a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client's own settings, or what it needs of the machine (root certificates).
    Config,
    /// No whole answer: name, connection, TLS, proxy, or a connection cut short.
    Connect,
    /// The credentials: unreadable, incomplete, or of another kind.
    Credentials,
    /// A token that had already ended: handed out by IMS, or given to the application.
    Expired,
    /// The private key: not one that can sign for IMS.
    Key,
    /// IMS, or something in its place, refused (4xx): the same request will be refused again.
    Rejected,
    /// An answer that is not one of IMS's, or cannot be used.
    Response,
    /// IMS failed (5xx, 408).
    Server,
    /// IMS asked to slow down (429).
    Throttled,
    /// A time limit of the client ran out.
    Timeout,
    /// The call itself: no tokio runtime, or a time before 1970.
    Usage,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Connect => "connect",
            Self::Credentials => "credentials",
            Self::Expired => "expired",
            Self::Key => "key",
            Self::Rejected => "rejected",
            Self::Response => "response",
            Self::Server => "server",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::Usage => "usage",
        })
    }
}

/// What was read of an HTTP answer that was not a token. Cleaned: safe to print.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) code: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) debug_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    /// How far the local clock is from the one that answered.
    pub(crate) skew: Option<Skew>,
}

/// `400 invalid_token: Could not match …`, as far as there is any of it.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.as_str())?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(description) = &self.description {
            write!(f, ": {description}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Error, Failure};

    /// S12: a larger error is a decision, not an accident.
    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn an_error_crosses_threads_and_unwinding() {
        fn crosses<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe + Clone + 'static>(_: T) {}
        crosses(Error::new(Failure::NoRuntime));
    }
}
