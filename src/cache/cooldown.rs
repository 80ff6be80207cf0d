//! The cooldown after a failure: how long no request is made.

use std::time::Duration;

use super::Refresh;
use super::entry::Age;
use crate::backoff::{doubled, with_jitter};
use crate::clock::Moment;
use crate::error::Error;

/// Whether callers have a token while IMS fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// They have one, and do not notice.
    Cached,
    /// They have none, or one that is nearly expired, and wait.
    Empty,
}

/// The last failure, until a token comes.
pub(super) struct Cooldown {
    pub(super) error: Error,
    phase: Phase,
    /// A background refresh makes one attempt: its failure does not hold back those who need a
    /// token.
    refresh: Refresh,
    /// Failures in a row, in this phase.
    count: u32,
    pub(super) until: Moment,
    /// IMS asked all clients to wait until then (`Retry-After`).
    retry_after: Moment,
}

impl Phase {
    /// A token that is too short-lived for one caller is good for the others.
    pub(super) fn of(age: Age) -> Self {
        if age < Age::NearlyExpired { Self::Cached } else { Self::Empty }
    }
}

impl Cooldown {
    /// Starts after a failure. `left` is how long callers still have a token; `draw` is anywhere
    /// from 0 to 1.
    pub(super) fn start(
        previous: Option<Self>,
        (error, refresh): (Error, Refresh),
        (phase, left): (Phase, Duration),
        now: Moment,
        draw: f64,
    ) -> Self {
        let count = previous.filter(|failed| failed.phase == phase).map_or(0, |failed| failed.count);
        let count = count.saturating_add(1);
        let asked = error.retry_after_of_ims().unwrap_or_default();
        let pause = pause(phase, count, left, draw).max(asked);
        let point = |pause| now.checked_add(pause).unwrap_or(now);
        Self { error, phase, refresh, count, until: point(pause), retry_after: point(asked) }
    }

    /// Whether a request for such a caller must wait.
    pub(super) fn holds(&self, phase: Phase, refresh: Refresh, now: Moment) -> bool {
        let is_alike = self.phase == phase && (self.refresh == refresh || self.refresh == Refresh::Foreground);
        !now.is_past(self.retry_after) || (is_alike && !now.is_past(self.until))
    }
}

/// How long no request is made after `count` failures in a row. While there is a token, there must
/// be time for further attempts until it is nearly expired, though not for one right after the
/// other.
fn pause(phase: Phase, count: u32, left: Duration, draw: f64) -> Duration {
    let (first, longest, max) = match phase {
        Phase::Cached => (FIRST_CACHED, MAX_CACHED, left.mul_f64(0.25).max(FIRST_EMPTY)),
        Phase::Empty => (FIRST_EMPTY, MAX_EMPTY, Duration::MAX),
    };
    with_jitter(doubled(first, count.saturating_sub(1), longest), draw).min(max)
}

/// There is an hour left, and no caller waits.
const FIRST_CACHED: Duration = Duration::from_secs(60);
const MAX_CACHED: Duration = Duration::from_secs(5 * 60);
/// Callers wait, and IMS may be overloaded.
const FIRST_EMPTY: Duration = Duration::from_secs(1);
const MAX_EMPTY: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Phase, pause};

    #[test]
    fn while_a_token_is_cached_the_pauses_are_one_two_four_and_then_five_minutes() {
        let pauses = [1, 2, 3, 4, 5, u32::MAX].map(|count| pause(Phase::Cached, count, Duration::MAX, 0.0).as_secs());
        assert_eq!(pauses, [60, 120, 240, 300, 300, 300]);
    }

    #[test]
    fn without_a_token_the_pauses_are_one_second_doubling_to_thirty() {
        let pauses = [1, 2, 3, 4, 5, 6, 7, u32::MAX];
        let pauses = pauses.map(|count| pause(Phase::Empty, count, Duration::ZERO, 0.0).as_secs());
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn while_a_token_is_cached_a_pause_is_a_quarter_of_the_time_left_at_most_and_a_second_at_least() {
        let pauses = [3600, 1000, 400, 100, 20, 3, 0]
            .map(|left| pause(Phase::Cached, 9, Duration::from_secs(left), 1.0).as_millis());
        assert_eq!(pauses, [330_000, 250_000, 100_000, 25_000, 5_000, 1_000, 1_000]);
    }

    #[test]
    fn the_jitter_of_a_pause_lengthens_it_by_a_tenth_at_most() {
        for (phase, first) in [(Phase::Cached, 60.0), (Phase::Empty, 1.0)] {
            for (draw, factor) in [(-1.0, 1.0), (0.0, 1.0), (0.5, 1.05), (1.0, 1.1), (f64::INFINITY, 1.1)] {
                let expected = Duration::from_secs_f64(first * factor);
                assert_eq!(pause(phase, 1, Duration::MAX, draw).abs_diff(expected).as_micros(), 0);
            }
        }
        // Without a count as the first.
        assert_eq!(pause(Phase::Empty, 0, Duration::MAX, 0.0).as_secs(), 1);
    }
}
