//! A kept token and its age: pure functions of a moment.

use std::time::Duration;

use super::Settings;
use crate::clock::Moment;
use crate::token::Token;

/// A token with the points at which it changes its age, on both clocks: the earlier counts, so that
/// suspend, a clock set back and a clock set forward are all safe.
pub(super) struct Entry {
    pub(super) token: Token,
    /// The whole of it, from when it came.
    life: Duration,
    pub(super) ageing: Moment,
    pub(super) spent: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// Served.
    Fresh,
    /// Served, and renewed beside the callers.
    Ageing,
    /// Callers join the flight; if it fails, they still get the token.
    Spent,
    Ended,
}

impl Entry {
    pub(super) fn new(token: Token, now: Moment, settings: &Settings) -> Self {
        let life = token.remaining_at(now);
        let jitter = 1.0 - LARGEST_JITTER * settings.jitter.clamp(0.0, 1.0);
        let ageing = settings.refresh_before.min(life.mul_f64(1.0 / 3.0)).mul_f64(jitter);
        let spent = LAST_SECONDS.min(life.mul_f64(0.1));
        // Both points lie before the token's end, which is in range.
        let point = |before| now.later(life.saturating_sub(before)).unwrap_or(now);
        Self { life, ageing: point(ageing), spent: point(spent), token }
    }

    pub(super) fn age(&self, now: Moment) -> Age {
        if !now.has_reached(self.ageing) {
            Age::Fresh
        } else if !now.has_reached(self.spent) {
            Age::Ageing
        } else if !self.token.remaining_at(now).is_zero() {
            Age::Spent
        } else {
            Age::Ended
        }
    }

    /// Whether the token lives long enough, or no token of this life ever would.
    pub(super) fn serves(&self, least: Duration, now: Moment) -> bool {
        least.is_zero() || self.life < least || self.token.remaining_at(now) >= least
    }
}

/// Of the time that a token ages.
const LARGEST_JITTER: f64 = 0.1;
/// So late that a caller rather waits than goes away with a token that ends on its way.
const LAST_SECONDS: Duration = Duration::from_secs(30);
