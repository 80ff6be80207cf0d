//! The call itself: what the caller's program or its runtime got wrong.

use super::{ErrorKind, SET_CLOCK};

#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    #[error("no tokio runtime: the call needs one")]
    NoRuntime,
    #[error("the tokio runtime that ran the exchange has shut down")]
    RuntimeGone,
    #[error("the exchange panicked")]
    Panicked,
    #[error("time is before 1970 or out of range")]
    TimeOutOfRange,
    #[error("access token has expired")]
    TokenExpired,
    #[error("a development token has nothing to replace, reload or revoke")]
    DevelopmentToken,
    #[error("these credentials belong to another client id, organization or IMS host")]
    AnotherClient,
}

impl UsageError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::TokenExpired => ErrorKind::Expired,
            _ => ErrorKind::Usage,
        }
    }

    /// Another runtime may finish what a gone one could not.
    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::RuntimeGone)
    }

    pub(super) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoRuntime => "call it from within a tokio runtime made with `enable_all`, such as `#[tokio::main]`",
            Self::RuntimeGone => "keep one runtime for the life of the process instead of one for each call",
            Self::Panicked => {
                "build the tokio runtime with `enable_all`: without its I/O and time drivers tokio panics; if it has \
                 them, look at the clock given to the client"
            }
            Self::TimeOutOfRange => SET_CLOCK,
            Self::AnotherClient => {
                "a client's credentials can be replaced by a new key or new secrets of the same client id, organization \
                 and IMS host; for other credentials, make another client with `with_credentials`"
            }
            Self::DevelopmentToken => {
                "a service needs service credentials or OAuth Server-to-Server credentials: see `Credentials`"
            }
            Self::TokenExpired => "a token that was given to the application cannot be refreshed: get another one",
        })
    }
}
