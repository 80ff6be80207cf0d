//! A cached token and its age: pure functions of a time.

use std::time::Duration;

use super::CacheConfig;
use crate::clock::Moment;
use crate::token::Token;

/// A token with the points at which its age changes, on both clocks.
pub(super) struct Entry {
    pub(super) token: Token,
    /// The start of the refresh window.
    pub(super) refresh_due: Moment,
    pub(super) nearly_expired: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// Served.
    Fresh,
    /// Served, and refreshed in the background.
    RefreshWindow,
    /// Callers wait for the refresh; if it fails, they still get the token.
    NearlyExpired,
    Expired,
}

impl Entry {
    /// The windows are parts of the token's whole lifetime, however much of it is left.
    pub(super) fn new(token: Token, now: Moment, config: &CacheConfig) -> Self {
        let (lifetime, left) = (token.lifetime(), token.remaining_at(now));
        let jitter = 1.0 - MAX_JITTER * config.jitter.clamp(0.0, 1.0);
        let refresh = refresh_window(lifetime, config.refresh_before).mul_f64(jitter);
        let expiring = last_seconds(lifetime);
        // Both points are before the token's expiry, which is in range.
        let point = |before| now.checked_add(left.saturating_sub(before)).unwrap_or(now);
        Self { refresh_due: point(refresh), nearly_expired: point(expiring), token }
    }

    #[inline]
    pub(super) fn age(&self, now: Moment) -> Age {
        if !now.is_past(self.refresh_due) {
            Age::Fresh
        } else if !now.is_past(self.nearly_expired) {
            Age::RefreshWindow
        } else if !self.token.remaining_at(now).is_zero() {
            Age::NearlyExpired
        } else {
            Age::Expired
        }
    }
}

/// How long before its expiry a token is refreshed, without jitter.
pub(super) fn refresh_window(lifetime: Duration, refresh_before: Duration) -> Duration {
    refresh_before.min(lifetime.mul_f64(1.0 / 3.0))
}

/// How long before its expiry a token counts as nearly expired.
pub(super) fn last_seconds(lifetime: Duration) -> Duration {
    LAST_SECONDS.min(lifetime.mul_f64(0.1))
}

/// Of the refresh window.
const MAX_JITTER: f64 = 0.1;
/// So late that the token might expire in flight: better to wait for a new one.
const LAST_SECONDS: Duration = Duration::from_secs(30);
