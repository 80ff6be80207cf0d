//! Pauses after failures in a row: each twice as long as the one before, up to the longest.

use std::time::Duration;

/// The pause after the first failure, doubled this many times.
pub(crate) fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << times.min(MAX_DOUBLINGS)).min(longest)
}

/// Lengthens a pause by a tenth at most, so that many clients do not come back at the same moment
/// and none of them early. `draw` is anywhere from 0 to 1.
pub(crate) fn with_jitter(pause: Duration, draw: f64) -> Duration {
    pause.mul_f64(1.0 + MAX_JITTER * draw.clamp(0.0, 1.0))
}

/// A quarter of a second is then four hours: longer than any pause.
const MAX_DOUBLINGS: u32 = 16;
const MAX_JITTER: f64 = 0.1;
