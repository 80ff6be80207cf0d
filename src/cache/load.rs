//! What the cache asks of whatever gets its tokens.

use std::time::Duration;

use super::entry;
use crate::clock::Moment;
use crate::error::Error;
use crate::telemetry::Identity;
use crate::token::Token;

/// Where tokens come from.
pub(crate) trait Load: Send + Sync + 'static {
    /// Gets a token within the limits of a call. Dropping the future cancels the request.
    fn load(&self, wanted: Wanted) -> impl Future<Output = Result<Token, Error>> + Send;

    /// This token is not to be loaded again. Called under the cache's lock.
    fn forget(&self, token: &Token) {
        let _ = token;
    }

    /// Whose tokens they are, for messages.
    fn identity(&self) -> Identity<'_>;
}

/// Why a token is loaded: the loader decides how many attempts that is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// Callers wait for it.
    Foreground,
    /// Callers have a valid token.
    Background,
}

/// What is asked of the loader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) refresh: Refresh,
    /// How much of the call's time is over.
    pub(crate) elapsed: Duration,
    /// How long the token has to be valid at least.
    pub(crate) least: Duration,
    pub(super) refresh_before: Duration,
}

impl Wanted {
    /// The same with less time.
    pub(crate) fn later(self, by: Duration) -> Self {
        Self { elapsed: self.elapsed.saturating_add(by), ..self }
    }

    /// Whether a token that was issued earlier will do: a refresh wants one whose own refresh is
    /// not due, so that one process refreshes for all.
    pub(crate) fn is_met_by(&self, token: &Token, now: Moment) -> bool {
        let margin = match self.refresh {
            Refresh::Foreground => entry::last_seconds(token.lifetime()),
            Refresh::Background => entry::refresh_window(token.lifetime(), self.refresh_before),
        };
        token.remaining_at(now) > margin && token.serves(self.least, now)
    }
}
