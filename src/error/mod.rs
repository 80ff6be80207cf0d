//! The one error type: who failed, why, whether to retry, and what to do. Each area has a file with
//! its failures, their sentences, kinds and hints.

mod cause;
mod config;
mod connection;
mod credentials;
mod key;
mod kind;
mod response;
mod store;
#[cfg(feature = "testing")]
mod testing;
mod usage;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub(crate) use self::cause::Cause;
pub(crate) use self::config::ConfigError;
pub(crate) use self::connection::{ConnectFault, ConnectionError, TlsFault};
pub(crate) use self::credentials::{CredentialsError, Origin, Place, TOO_EARLY};
pub(crate) use self::key::KeyError;
pub use self::kind::ErrorKind;
pub(crate) use self::response::{ErrorResponse, ResponseError, SET_CLOCK, clock_hint, human};
pub(crate) use self::store::StoreSetupError;
#[cfg(feature = "testing")]
pub(crate) use self::testing::TestingError;
pub(crate) use self::usage::UsageError;

/// What went wrong: with the credentials, on the way to IMS, or at IMS.
///
/// One opaque type, one word wide, cheap to clone. Match on [`kind`](Self::kind); ask
/// [`is_transient`](Self::is_transient) whether to retry. What IMS said is data:
/// [`status`](Self::status), [`code`](Self::code), [`description`](Self::description),
/// [`debug_id`](Self::debug_id), [`retry_after`](Self::retry_after). [`hint`](Self::hint) says what
/// to do.
///
/// `Display` is one sentence about this level only. [`source`](StdError::source) leads to the
/// causes and, last in the chain, to the hint, so anything that prints a chain shows it: `{:#}` and
/// `{:?}` of `anyhow`, `eyre`, or an error of your own with `#[from]` or `#[source]`.
///
/// With thiserror, write `#[error("no token from Adobe")]` and not `#[error("adobe: {0}")]` over a
/// field with `#[from]` or `#[source]`: the message would be printed twice, once by `{0}` and once
/// as the source.
///
/// The concrete types of the causes are not part of the API. The wording may change in any release.
/// No error holds a secret, a response body other than an IMS error, or a URL.
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
    /// The file or variable that the credentials were read from.
    origin: Option<String>,
    response: Option<ErrorResponse>,
    hint: Option<Cow<'static, str>>,
    /// What lower layers said, then the hint.
    source: Option<Cause>,
}

/// What failed, by area. Private, so that it can be extended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Response(#[from] ResponseError),
    #[error(transparent)]
    Store(#[from] StoreSetupError),
    #[cfg(feature = "testing")]
    #[error(transparent)]
    Testing(#[from] TestingError),
    #[error(transparent)]
    Usage(#[from] UsageError),
}

impl Error {
    /// Who or what failed.
    pub fn kind(&self) -> ErrorKind {
        match &self.0.failure {
            Failure::Config(_) => ErrorKind::Config,
            Failure::Connection(error) => error.kind(),
            Failure::Credentials(error) => error.kind(),
            Failure::Key(error) => error.kind(),
            Failure::Response(error) => error.kind(),
            Failure::Store(_) => ErrorKind::Store,
            #[cfg(feature = "testing")]
            Failure::Testing(error) => error.kind(),
            Failure::Usage(error) => error.kind(),
        }
    }

    /// Whether the same call may succeed later, with nothing changed on this side.
    ///
    /// `true` for connection faults, timeouts, throttling and an overloaded server; `false` for
    /// what stays wrong until it is fixed: refusals, certificates, a proxy that requires a
    /// password, unusable responses.
    pub fn is_transient(&self) -> bool {
        match &self.0.failure {
            Failure::Connection(error) => error.is_transient(),
            Failure::Response(error) => error.is_transient(self.0.response.as_ref()),
            #[cfg(feature = "testing")]
            Failure::Testing(error) => error.is_transient(),
            Failure::Usage(error) => error.is_transient(),
            Failure::Key(error) => error.is_transient(),
            Failure::Config(_) | Failure::Credentials(_) | Failure::Store(_) => false,
        }
    }

    /// How long the server asked clients to wait (`Retry-After`); at most one hour.
    pub fn retry_after(&self) -> Option<Duration> {
        self.response().and_then(|response| response.retry_after)
    }

    /// The HTTP status, if there was a response.
    pub fn status(&self) -> Option<StatusCode> {
        self.response().map(|response| response.status)
    }

    /// The error code of IMS, such as `invalid_token` (RFC 6749 section 5.2, `error`).
    ///
    /// Unknown codes pass through. At most 64 printable characters.
    pub fn code(&self) -> Option<&str> {
        self.response().and_then(|response| response.code.as_deref())
    }

    /// The `error_description` of IMS: at most 200 printable characters, secrets redacted.
    pub fn description(&self) -> Option<&str> {
        self.response().and_then(|response| response.description.as_deref())
    }

    /// The `x-debug-id` header: Adobe's support finds the request by it.
    pub fn debug_id(&self) -> Option<&str> {
        self.response().and_then(|response| response.debug_id.as_deref())
    }

    /// The most likely cause and what to do about it, in one or two sentences.
    ///
    /// Made specific by what is known on this side: when the certificate expired, which metascopes
    /// were requested, how far the local clock is off. The wording may change in any release.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Formats everything for a log or a terminal, on several lines: the sentence, its causes, the
    /// hint, the debug id.
    ///
    /// ```
    /// let error = adobe_ims::ServiceCredentials::from_json("{}").unwrap_err();
    /// eprintln!("no token: {}", error.report());
    /// ```
    pub fn report(&self) -> impl fmt::Display {
        Report(self.clone())
    }

    /// A failure with what lower layers said about it.
    pub(crate) fn caused(failure: impl Into<Failure>, cause: Cause) -> Self {
        Self::assemble(failure.into(), None, None, Some(cause))
    }

    /// A failure that a response shows. `hint` is the grant's advice; without it the failure's own.
    pub(crate) fn from_response(
        failure: ResponseError,
        response: ErrorResponse,
        hint: Option<Cow<'static, str>>,
    ) -> Self {
        Self::assemble(failure.into(), Some(response), hint, None)
    }

    /// The mock cannot start, or cannot do what a test asks of it.
    #[cfg(feature = "testing")]
    pub(crate) fn mock(problem: impl Into<String>, source: Option<&std::io::Error>) -> Self {
        let failure = TestingError::Mock { problem: problem.into() };
        match source {
            Some(source) => Self::caused(failure, Cause::from_chain(Some(source))),
            None => failure.into(),
        }
    }

    /// A failure that a test scripts, with or without a response.
    #[cfg(feature = "testing")]
    pub(crate) fn scripted(kind: ErrorKind, response: Option<ErrorResponse>, hint: Option<String>) -> Self {
        Self::assemble(TestingError::Scripted { kind }.into(), response, hint.map(Cow::Owned), None)
    }

    /// Names the file or variable that the credentials were read from.
    pub(crate) fn in_source(mut self, name: impl Into<String>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.origin.get_or_insert(name.into());
        }
        self
    }

    /// Names the variable that the file was named by.
    pub(crate) fn named_by(mut self, name: &str) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.origin = Some(match &inner.origin {
                Some(file) => format!("{name}: {file}"),
                None => name.to_owned(),
            });
        }
        self
    }

    pub(crate) fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// The file or variable that the credentials were read from.
    pub(crate) fn origin(&self) -> Option<&str> {
        self.0.origin.as_deref()
    }

    pub(crate) fn response(&self) -> Option<&ErrorResponse> {
        self.0.response.as_ref()
    }

    /// How long IMS itself asks clients to wait. What a proxy or a sign-in page asks for is data in
    /// the error and suppresses no request.
    pub(crate) fn retry_after_of_ims(&self) -> Option<Duration> {
        let response = self.response()?;
        let is_ims = match &self.0.failure {
            Failure::Response(error) => error.is_overload(response),
            #[cfg(feature = "testing")]
            Failure::Testing(_) => true,
            _ => false,
        };
        response.retry_after.filter(|_| is_ims)
    }

    fn assemble(
        failure: Failure,
        response: Option<ErrorResponse>,
        hint: Option<Cow<'static, str>>,
        cause: Option<Cause>,
    ) -> Self {
        let hint = hint.or_else(|| failure.hint(response.as_ref()));
        let source = Cause::join(cause, hint.as_deref().map(Cause::hint));
        Self(Arc::new(Inner { failure, origin: None, response, hint, source }))
    }

    /// What a report adds to the sentence, a line each. `hint` may be another than the error's own.
    pub(crate) fn details(&self, hint: Option<&str>) -> Vec<String> {
        let mut lines: Vec<String> = self.causes().map(|cause| format!("caused by: {cause}")).collect();
        lines.extend(hint.map(|hint| format!("hint: {hint}")));
        lines.extend(self.debug_id().map(|id| format!("debug id for Adobe's support: {id}")));
        match self.retry_after() {
            _ if !self.is_transient() => {}
            // The hint says so.
            None if hint.is_some_and(|hint| hint.contains("retry later")) => {}
            Some(wait) => lines.push(format!("a retry in {} s may succeed", wait.as_secs())),
            None => lines.push("a retry later may succeed".to_owned()),
        }
        lines
    }

    /// The causes without the hint.
    pub(crate) fn causes(&self) -> impl Iterator<Item = &Cause> {
        std::iter::successors(self.0.source.as_ref(), |cause| cause.next()).filter(|cause| !cause.is_hint())
    }
}

impl Failure {
    fn hint(&self, response: Option<&ErrorResponse>) -> Option<Cow<'static, str>> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Connection(error) => error.hint().map(Cow::Borrowed),
            Self::Credentials(error) => error.hint(),
            Self::Key(error) => error.hint(),
            Self::Response(error) => Some(Cow::Borrowed(error.hint(response))),
            Self::Store(error) => error.hint(),
            #[cfg(feature = "testing")]
            Self::Testing(error) => error.hint(),
            Self::Usage(error) => error.hint().map(Cow::Borrowed),
        }
    }
}

/// One by one: a blanket implementation would show the private types to users, in the documentation
/// and whenever a `?` does not fit.
macro_rules! from {
    ($($failure:ty),+ $(,)?) => {$(
        impl From<$failure> for Error {
            fn from(failure: $failure) -> Self {
                Self::assemble(failure.into(), None, None, None)
            }
        }
    )+};
}

from!(ConfigError, ConnectionError, CredentialsError, KeyError, ResponseError, StoreSetupError, UsageError);
#[cfg(feature = "testing")]
from!(TestingError);

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|cause| cause as _)
    }
}

// Immutable, so a panic cannot leave it half changed.
impl UnwindSafe for Error {}
impl RefUnwindSafe for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { failure, origin, response, hint: _, source: _ } = &*self.0;
        if let Some(origin) = origin {
            write!(f, "{origin}: ")?;
        }
        match (failure, response) {
            (Failure::Response(error), Some(response)) => error.fmt_with(response, f),
            #[cfg(feature = "testing")]
            (Failure::Testing(error), Some(response)) => write!(f, "{error}: {response}"),
            _ => fmt::Display::fmt(failure, f),
        }
    }
}

/// Everything on one line, for `unwrap` and for `main` that returns an error.
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
        let causes: Vec<_> = self.causes().collect();
        if !causes.is_empty() {
            out.field("causes", &causes);
        }
        out.finish()
    }
}

struct Report(Error);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        write!(f, "{error}")?;
        error.details(error.hint()).iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::{Error, UsageError};

    /// S12: a larger error is a decision, not an accident.
    #[test]
    fn an_error_is_one_word() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn an_error_crosses_threads_and_unwinding() {
        fn crosses<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe + Clone + 'static>(_: T) {}
        crosses(Error::from(UsageError::NoRuntime));
    }

    #[test]
    fn the_hint_is_the_last_source() {
        let error = Error::from(UsageError::NoRuntime);
        let source = error.source().unwrap();
        assert_eq!(source.to_string(), format!("hint: {}", error.hint().unwrap()));
        assert!(source.source().is_none());
    }
}
