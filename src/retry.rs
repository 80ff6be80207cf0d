//! Again or not, and after how long: pure functions of a failure, a count and a time, and the loop
//! that follows them. Knows no HTTP; the random source is an argument.

use std::time::Duration;

use http::StatusCode;

use crate::clock::{Deadline, Stopwatch};
use crate::error::{Error, Failure};

/// How long and how often a call tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Attempts in all, at least one.
    pub(crate) attempts: u32,
    /// For one attempt, connecting included.
    pub(crate) attempt: Duration,
    /// For the whole call, attempts and pauses.
    pub(crate) call: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attempts: ATTEMPTS, attempt: ATTEMPT_TIMEOUT, call: CALL_TIMEOUT }
    }
}

/// Tries until it works, must not be tried again, or the limits end it. Dropping the future drops the
/// attempt under way.
pub(crate) async fn run<T, F: Future<Output = Result<T, Error>>>(
    limits: Limits,
    host: &str,
    mut draw: impl FnMut() -> f64,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error> {
    let deadline = Deadline::after(limits.call);
    let mut made = 0_u32;
    let mut answered = None;
    loop {
        made = made.saturating_add(1);
        let (left, watch) = (deadline.remaining(), Stopwatch::start());
        let error = match tokio::time::timeout(limits.attempt.min(left), attempt()).await {
            Ok(Ok(done)) => {
                tracing::debug!(attempt = made, elapsed = ?watch.elapsed(), "attempt succeeded");
                return Ok(done);
            }
            Ok(Err(error)) => error,
            // What IMS said earlier says more than that the time ran out.
            Err(_) if left <= limits.attempt => answered
                .take()
                .unwrap_or_else(|| Failure::CallTimeout { host: host.to_owned(), limit: limits.call }.into()),
            Err(_) => Failure::AttemptTimeout { host: host.to_owned(), limit: limits.attempt }.into(),
        };
        let pause = pause(&error, made, limits.attempts, draw()).filter(|pause| *pause < deadline.remaining());
        tracing::debug!(
            attempt = made,
            elapsed = ?watch.elapsed(),
            kind = ?error.kind(),
            status = error.status().map(|status| status.as_u16()),
            code = error.code(),
            debug_id = error.debug_id(),
            next_try = ?pause,
            "attempt failed"
        );
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
        answered = Some(error).filter(|error| error.status().is_some()).or(answered);
    }
}

/// How long to wait before trying again after `made` attempts; `None` for not at all. `draw` is
/// anywhere from 0 to 1.
pub(crate) fn pause(error: &Error, made: u32, most: u32, draw: f64) -> Option<Duration> {
    // A 500 is often a fault that stays (a migrated credential answers with it): one more look is enough.
    let most = match error.status() {
        Some(StatusCode::INTERNAL_SERVER_ERROR) => most.min(2),
        _ => most,
    };
    if !error.is_transient() || made >= most {
        return None;
    }
    Some(back_off(made, draw).max(error.retry_after().unwrap_or_default()))
}

/// Doubling with full jitter, so that many clients do not come back at the same moment.
fn back_off(made: u32, draw: f64) -> Duration {
    let doubled = 1_u32.checked_shl(made.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE).mul_f64(draw.clamp(0.0, 1.0))
}

/// Whether callers have a token while IMS fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Regime {
    /// They have, and do not notice.
    Ageing,
    /// They have none, or one for its last seconds only, and wait.
    Spent,
}

/// How long nobody asks after `count` failed flights in a row. `left` is the time until an ageing token is
/// spent: there must be chances left before that, though not one after the other. `draw` is anywhere from 0 to 1.
pub(crate) fn cool_down(regime: Regime, count: u32, left: Duration, draw: f64) -> Duration {
    let (first, longest, most) = match regime {
        Regime::Ageing => {
            (FIRST_COOL_DOWN_AGEING, LONGEST_COOL_DOWN_AGEING, left.mul_f64(0.25).max(FIRST_COOL_DOWN_SPENT))
        }
        Regime::Spent => (FIRST_COOL_DOWN_SPENT, LONGEST_COOL_DOWN_SPENT, Duration::MAX),
    };
    let doublings = count.saturating_sub(1).min(16);
    let jitter = 1.0 + LARGEST_JITTER * draw.clamp(0.0, 1.0);
    first.saturating_mul(1 << doublings).min(longest).mul_f64(jitter).min(most)
}

/// Two more chances: what is not back within seconds is not back within the call.
const ATTEMPTS: u32 = 3;
/// IMS answers in well under a second; ten leave room for a slow handshake.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Three attempts, and what a service may still wait for when it starts.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// There is an hour's time, and nobody waits.
const FIRST_COOL_DOWN_AGEING: Duration = Duration::from_secs(60);
const LONGEST_COOL_DOWN_AGEING: Duration = Duration::from_secs(5 * 60);
/// Everybody waits, and IMS may need a rest.
const FIRST_COOL_DOWN_SPENT: Duration = Duration::from_secs(1);
const LONGEST_COOL_DOWN_SPENT: Duration = Duration::from_secs(30);
/// Upwards, so that the pauses above are kept.
const LARGEST_JITTER: f64 = 0.1;

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::arithmetic_side_effects, reason = "tests measure time")]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::time::{Duration, SystemTime};

    use http::StatusCode;
    use tokio::time::Instant;

    use super::{Limits, Regime, back_off, cool_down, pause, run};
    use crate::error::{Answer, Circumstances, Error, ErrorKind, Failure};

    /// What the exchange makes of a status, as far as trying again is concerned.
    fn answered(status: u16, retry_after: Option<Duration>) -> Error {
        let failure = match status {
            429 => Failure::Throttled { answer: String::new() },
            408 | 500 | 502 | 503 | 504 => Failure::Server { answer: String::new(), transient: true },
            501 | 505 => Failure::Server { answer: String::new(), transient: false },
            300..=399 => Failure::Redirect { status, target: String::new() },
            _ => Failure::Refused { answer: String::new() },
        };
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let answer = Answer { status, code: None, description: None, debug_id: None, retry_after, skew: None };
        let circumstances = Circumstances { now: SystemTime::UNIX_EPOCH, certificate: None, metascopes: String::new() };
        Error::answered(failure, answer, &circumstances)
    }

    /// Runs an attempt that always fails with `error`; tells how often, when, and what came of it.
    async fn fails_with(error: Error, draw: f64) -> (Vec<Duration>, ErrorKind) {
        let start = Instant::now();
        let mut attempts = Vec::new();
        let outcome: Result<(), Error> = run(
            Limits::default(),
            "ims",
            || draw,
            || {
                attempts.push(start.elapsed());
                ready(Err(error.clone()))
            },
        )
        .await;
        (attempts, outcome.map_or_else(|error| error.kind(), |()| ErrorKind::Usage))
    }

    /// B1, B2, B3
    #[tokio::test(start_paused = true)]
    async fn each_status_is_tried_as_often_as_it_may_help() {
        let cases = [
            (400, 1),
            (401, 1),
            (403, 1),
            (404, 1),
            (409, 1),
            (422, 1),
            (301, 1),
            (501, 1),
            (505, 1),
            (500, 2),
            (408, 3),
            (429, 3),
            (502, 3),
            (503, 3),
            (504, 3),
        ];
        for (status, requests) in cases {
            let (attempts, _) = fails_with(answered(status, None), 0.5).await;
            assert_eq!(attempts.len(), requests, "{status}");
        }
    }

    /// B4
    #[tokio::test(start_paused = true)]
    async fn a_told_wait_longer_than_the_back_off_is_waited_for() {
        let (attempts, kind) = fails_with(answered(429, Some(Duration::from_secs(2))), 1.0).await;
        let seconds: Vec<_> = attempts.iter().map(Duration::as_secs_f64).collect();
        assert_eq!(seconds.len(), 3);
        assert!(seconds.iter().zip([0.0, 2.0, 4.0]).all(|(at, due)| (due..due + 0.01).contains(at)), "{seconds:?}");
        assert_eq!(kind, ErrorKind::Throttled);
    }

    /// B6
    #[tokio::test(start_paused = true)]
    async fn a_told_wait_beyond_the_call_ends_it_at_once_and_is_handed_out() {
        let start = Instant::now();
        let error = answered(429, Some(Duration::from_secs(3600)));
        let (attempts, kind) = fails_with(error, 1.0).await;
        assert_eq!((attempts.len(), kind, start.elapsed()), (1, ErrorKind::Throttled, Duration::ZERO));
    }

    /// B9
    #[tokio::test(start_paused = true)]
    async fn a_silent_server_costs_three_attempts_and_never_more_than_the_call() {
        for (limits, requests, kind_limit) in [
            (Limits::default(), 3, Duration::from_secs(30)),
            (Limits { attempts: 99, ..Limits::default() }, 3, Duration::from_secs(30)),
            (Limits { call: Duration::from_secs(12), ..Limits::default() }, 2, Duration::from_secs(12)),
            (Limits { call: Duration::from_secs(3), ..Limits::default() }, 1, Duration::from_secs(3)),
        ] {
            let start = Instant::now();
            let made = Cell::new(0);
            let outcome: Result<(), Error> = run(
                limits,
                "ims",
                || 0.0,
                async || {
                    made.set(made.get() + 1);
                    pending().await
                },
            )
            .await;
            assert_eq!(outcome.map_err(|error| error.kind()), Err(ErrorKind::Timeout));
            assert_eq!(made.get(), requests);
            assert!(start.elapsed() <= kind_limit + Duration::from_millis(10), "{:?}", start.elapsed());
        }
    }

    /// B12
    #[tokio::test(start_paused = true)]
    async fn pauses_follow_the_seeded_draws_exactly() {
        let mut seeded = fastrand::Rng::with_seed(12);
        let draws = [seeded.f64(), seeded.f64()];
        let mut seeded = fastrand::Rng::with_seed(12);
        let start = Instant::now();
        let mut attempts = Vec::new();
        let limits = Limits::default();
        let outcome: Result<(), Error> = run(
            limits,
            "ims",
            || seeded.f64(),
            || {
                attempts.push(start.elapsed());
                ready(Err(answered(503, None)))
            },
        )
        .await;
        assert!(outcome.is_err());
        let first = Duration::from_millis(250).mul_f64(draws[0]);
        let second = first + Duration::from_millis(500).mul_f64(draws[1]);
        // tokio's timer counts whole milliseconds and rounds up.
        for (at, due) in attempts.into_iter().zip([Duration::ZERO, first, second]) {
            assert!(at >= due && at <= due + Duration::from_millis(3), "{at:?} {due:?}");
        }
    }

    /// B12
    #[test]
    fn jitter_is_full_and_even() {
        let mut seeded = fastrand::Rng::with_seed(7);
        let sum: Duration = (0..1000).map(|_| back_off(1, seeded.f64())).sum();
        let mean = sum / 1000;
        assert!(mean.abs_diff(Duration::from_millis(125)) < Duration::from_micros(12_500), "{mean:?}");
    }

    #[test]
    fn the_back_off_doubles_up_to_four_seconds() {
        let ceilings: Vec<_> = (1..=7).map(|made| back_off(made, 1.0).as_millis()).collect();
        assert_eq!(ceilings, [250, 500, 1000, 2000, 4000, 4000, 4000]);
        assert_eq!(back_off(u32::MAX, 1.0).as_secs(), 4);
        assert_eq!(back_off(1, f64::INFINITY).as_millis(), 250);
    }

    #[test]
    fn nothing_is_tried_again_beyond_the_attempts_allowed() {
        assert_eq!(pause(&answered(503, None), 1, 1, 0.5), None);
        assert_eq!(pause(&answered(500, None), 1, 1, 0.5), None);
        assert!(pause(&answered(500, None), 1, 2, 0.5).is_some());
        assert_eq!(pause(&Failure::NoRuntime.into(), 1, 3, 0.5), None);
    }

    #[test]
    fn renewals_pause_for_one_two_four_and_then_five_minutes() {
        let pauses =
            [1, 2, 3, 4, 5, u32::MAX].map(|count| cool_down(Regime::Ageing, count, Duration::MAX, 0.0).as_secs());
        assert_eq!(pauses, [60, 120, 240, 300, 300, 300]);
    }

    #[test]
    fn those_who_wait_pause_for_one_second_doubling_to_thirty() {
        let pauses = [1, 2, 3, 4, 5, 6, 7, u32::MAX];
        let pauses = pauses.map(|count| cool_down(Regime::Spent, count, Duration::ZERO, 0.0).as_secs());
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn a_renewal_pauses_for_a_quarter_of_the_time_left_at_most_but_for_a_second_at_least() {
        let pauses = [3600, 1000, 400, 100, 20, 3, 0]
            .map(|left| cool_down(Regime::Ageing, 9, Duration::from_secs(left), 1.0).as_millis());
        assert_eq!(pauses, [330_000, 250_000, 100_000, 25_000, 5_000, 1_000, 1_000]);
    }

    #[test]
    fn the_jitter_of_a_pause_lengthens_it_by_a_tenth_at_most() {
        for (regime, pause) in [(Regime::Ageing, 60.0), (Regime::Spent, 1.0)] {
            for (draw, factor) in [(-1.0, 1.0), (0.0, 1.0), (0.5, 1.05), (1.0, 1.1), (f64::INFINITY, 1.1)] {
                let pause = Duration::from_secs_f64(pause * factor);
                assert_eq!(cool_down(regime, 1, Duration::MAX, draw).abs_diff(pause).as_micros(), 0);
            }
        }
        // No count: as the first.
        assert_eq!(cool_down(Regime::Spent, 0, Duration::MAX, 0.0).as_secs(), 1);
    }
}
