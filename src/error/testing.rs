//! What the test kit reports, and what tests script.

use std::borrow::Cow;

use super::ErrorKind;

#[derive(Debug, thiserror::Error)]
pub(crate) enum TestingError {
    #[error("mock IMS: {problem}")]
    Mock { problem: String },
    #[error("token cannot be made: {problem}")]
    Token { problem: &'static str },
    #[error("failure scripted by a test")]
    Scripted { kind: ErrorKind },
}

impl TestingError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Mock { .. } => ErrorKind::Config,
            Self::Token { .. } => ErrorKind::Usage,
            Self::Scripted { kind } => *kind,
        }
    }

    pub(super) fn is_transient(&self) -> bool {
        let Self::Scripted { kind } = self else { return false };
        matches!(kind, ErrorKind::Connect | ErrorKind::Server | ErrorKind::Throttled | ErrorKind::Timeout)
    }

    pub(super) fn hint(&self) -> Option<Cow<'static, str>> {
        None
    }
}
