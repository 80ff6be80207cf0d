//! Retry or not, and after how long: pure functions of a failure, a count and a time, and the state
//! of one call that follows them. Knows no HTTP; the random source is an argument.

use std::time::Duration;

use http::StatusCode;

use crate::backoff::doubled;
use crate::clock::{Deadline, Stopwatch};
use crate::error::{ConnectionError, Error};
use crate::telemetry;

/// How many attempts a call makes, and how long they may take.
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

/// The attempts of one call: makes each within its limit, and says whether and when the next one is
/// due.
///
/// Dropping the future of an attempt drops the request.
pub(crate) struct Retry<'a> {
    limits: Limits,
    host: &'a str,
    deadline: Deadline,
    made: u32,
    /// The last error that came with a response: it says more than that the time ran out.
    response: Option<Error>,
    elapsed: Duration,
    /// The process was frozen during the attempt or the pause: its timers expired meanwhile.
    was_frozen: bool,
    /// Whether that has earned the call another attempt already.
    forgiven: bool,
}

impl<'a> Retry<'a> {
    /// Ends `margin` before the limit of the call; messages name the limit as it was set.
    pub(crate) fn new(limits: Limits, margin: Duration, host: &'a str) -> Self {
        let deadline = Deadline::after(limits.call.saturating_sub(margin));
        Self {
            limits,
            host,
            deadline,
            made: 0,
            response: None,
            elapsed: Duration::ZERO,
            was_frozen: false,
            forgiven: false,
        }
    }

    /// Begins anew with another grant, but not with another deadline.
    pub(crate) fn restart(&mut self) {
        self.made = 0;
        self.response = None;
    }

    /// The time that is left for the call.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.remaining()
    }

    /// Makes one attempt within its limit and that of the call.
    pub(crate) async fn attempt<T>(&mut self, attempt: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.made = self.made.saturating_add(1);
        let left = match self.was_frozen {
            true => self.limits.attempt,
            false => self.deadline.remaining(),
        };
        let (limit, watch) = (self.limits.attempt.min(left), Stopwatch::start());
        let outcome = tokio::time::timeout(limit, attempt).await;
        self.elapsed = watch.elapsed();
        self.was_frozen = !self.forgiven && self.elapsed > limit.saturating_add(MAX_LATENESS);
        let host = || self.host.to_owned();
        match outcome {
            Ok(Ok(done)) => {
                telemetry::attempt_succeeded(self.made, self.elapsed);
                Ok(done)
            }
            Ok(Err(error)) => Err(error),
            Err(_) if left <= self.limits.attempt => Err(self
                .response
                .take()
                .unwrap_or_else(|| ConnectionError::CallTimeout { host: host(), limit: self.limits.call }.into())),
            Err(_) => Err(ConnectionError::AttemptTimeout { host: host(), limit: self.limits.attempt }.into()),
        }
    }

    /// Waits until the next attempt is due; returns the error if there is none. `draw` is anywhere
    /// from 0 to 1.
    pub(crate) async fn pause(&mut self, error: Error, draw: f64) -> Result<(), Error> {
        // A timer that expired while the process was frozen is not a failure of IMS; a response
        // counts as usual.
        self.was_frozen &= error.is_transient() && error.status().is_none();
        let pause = match self.was_frozen {
            true => Some(Duration::ZERO),
            false => {
                pause(&error, self.made, self.limits.attempts, draw).filter(|pause| *pause < self.deadline.remaining())
            }
        };
        telemetry::attempt_failed(self.made, self.elapsed, &error, pause);
        let Some(pause) = pause else { return Err(error) };
        if self.was_frozen {
            self.made = self.made.saturating_sub(1);
        } else {
            let watch = Stopwatch::start();
            tokio::time::sleep(pause).await;
            self.was_frozen = !self.forgiven && watch.elapsed() > pause.saturating_add(MAX_LATENESS);
        }
        self.forgiven |= self.was_frozen;
        if error.status().is_some() {
            self.response = Some(error);
        }
        Ok(())
    }
}

/// How long to wait before the next attempt after `made` attempts; `None` for not at all. `draw` is
/// anywhere from 0 to 1.
pub(crate) fn pause(error: &Error, made: u32, attempts: u32, draw: f64) -> Option<Duration> {
    // A 500 is often a fault that stays (a migrated credential gets it): one more attempt is enough.
    let attempts = match error.status() {
        Some(StatusCode::INTERNAL_SERVER_ERROR) => attempts.min(2),
        _ => attempts,
    };
    if !error.is_transient() || made >= attempts {
        return None;
    }
    Some(backoff(made, draw).max(error.retry_after_of_ims().unwrap_or_default()))
}

/// Doubles with full jitter, so that many clients do not come back at the same moment.
fn backoff(made: u32, draw: f64) -> Duration {
    doubled(FIRST_BACKOFF, made.saturating_sub(1), MAX_BACKOFF).mul_f64(draw.clamp(0.0, 1.0))
}

/// Two retries: what does not recover within seconds does not recover within the call.
const ATTEMPTS: u32 = 3;
/// IMS responds in well under a second; ten leave room for a slow handshake.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Three attempts, and what a service may still wait for when it starts.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const MAX_BACKOFF: Duration = Duration::from_secs(4);
/// A timer that fires later than this after its time is not due to a busy machine: the process was
/// frozen.
pub(crate) const MAX_LATENESS: Duration = Duration::from_secs(1);

#[cfg(test)]
#[allow(clippy::disallowed_methods, clippy::arithmetic_side_effects, reason = "tests measure time")]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};
    use std::time::Duration;

    use http::StatusCode;
    use tokio::time::Instant;

    use super::{Limits, MAX_LATENESS, Retry, backoff, pause};
    use crate::error::{ConnectionError, Error, ErrorKind, ErrorResponse, ResponseError, UsageError};

    /// What the exchange makes of a status, as far as retries are concerned.
    fn failed(status: u16, retry_after: Option<Duration>) -> Error {
        let failure = match status {
            429 => ResponseError::Throttled,
            408 | 500.. => ResponseError::Server,
            300..=399 => ResponseError::Redirect { target: String::new() },
            _ => ResponseError::Refused,
        };
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let response = ErrorResponse { status, code: None, description: None, debug_id: None, retry_after, skew: None };
        Error::from_response(failure, response, None)
    }

    /// An attempt without a response, which is worth another one.
    fn timed_out() -> Error {
        ConnectionError::AttemptTimeout { host: String::new(), limit: Duration::ZERO }.into()
    }

    /// One call, as the exchange makes it.
    async fn run<T, F: Future<Output = Result<T, Error>>>(
        limits: Limits,
        mut draw: impl FnMut() -> f64,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Error> {
        let mut retry = Retry::new(limits, Duration::ZERO, "ims");
        loop {
            match retry.attempt(attempt()).await {
                Ok(done) => return Ok(done),
                Err(error) => retry.pause(error, draw()).await?,
            }
        }
    }

    /// Runs an attempt that always fails with `error`: when each was made, and what came of it.
    async fn fails_with(error: Error, draw: f64) -> (Vec<Duration>, ErrorKind) {
        let start = Instant::now();
        let mut attempts = Vec::new();
        let attempt = || {
            attempts.push(start.elapsed());
            ready(Err(error.clone()))
        };
        let outcome: Result<(), Error> = run(Limits::default(), || draw, attempt).await;
        (attempts, outcome.map_or_else(|error| error.kind(), |()| ErrorKind::Usage))
    }

    /// B1, B2, B3
    #[tokio::test(start_paused = true)]
    async fn each_status_is_retried_as_often_as_it_may_help() {
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
            let (attempts, _) = fails_with(failed(status, None), 0.5).await;
            assert_eq!(attempts.len(), requests, "{status}");
        }
    }

    /// B4
    #[tokio::test(start_paused = true)]
    async fn a_retry_after_longer_than_the_backoff_is_waited_for() {
        let (attempts, kind) = fails_with(failed(429, Some(Duration::from_secs(2))), 1.0).await;
        let seconds: Vec<_> = attempts.iter().map(Duration::as_secs_f64).collect();
        assert_eq!(seconds.len(), 3);
        assert!(seconds.iter().zip([0.0, 2.0, 4.0]).all(|(at, due)| (due..due + 0.01).contains(at)), "{seconds:?}");
        assert_eq!(kind, ErrorKind::Throttled);
    }

    /// B6
    #[tokio::test(start_paused = true)]
    async fn a_retry_after_beyond_the_call_ends_it_at_once_and_is_returned() {
        let start = Instant::now();
        let error = failed(429, Some(Duration::from_secs(3600)));
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

    /// R14: the process is frozen for longer than the whole call, during the attempt or the pause
    /// after it.
    #[tokio::test(start_paused = true)]
    async fn a_freeze_earns_the_call_one_more_attempt() {
        let once = Limits { attempts: 1, ..Limits::default() };
        let freeze = || tokio::time::advance(Duration::from_secs(60));

        let made = Cell::new(0);
        let frozen_attempt = async || {
            made.set(made.get() + 1);
            if made.get() == 1 {
                freeze().await;
                pending::<()>().await;
            }
            Ok(())
        };
        run(once, || 0.0, frozen_attempt).await.unwrap();
        assert_eq!(made.take(), 2);

        let frozen_pause = async || {
            made.set(made.get() + 1);
            match made.get() {
                1 => {
                    tokio::spawn(freeze());
                    Err(timed_out())
                }
                // Within the limit of an attempt, though that of the call has passed.
                _ => {
                    tokio::time::sleep(Duration::from_secs(9)).await;
                    Ok(())
                }
            }
        };
        run(Limits::default(), || 1.0, frozen_pause).await.unwrap();
        assert_eq!(made.take(), 2);

        let always_frozen = async || {
            made.set(made.get() + 1);
            freeze().await;
            pending::<Result<(), Error>>().await
        };
        assert_eq!(run(once, || 0.0, always_frozen).await.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(made.take(), 2);
    }

    /// R14: a timer that fires a second late is a busy machine, not a frozen process.
    #[tokio::test(start_paused = true)]
    async fn a_second_late_earns_no_other_attempt() {
        let limits = Limits { attempts: 2, attempt: Duration::from_secs(1), call: Duration::from_secs(2) };
        let made = Cell::new(0);
        let late_attempt = async || {
            made.set(made.get() + 1);
            tokio::time::advance(limits.attempt + MAX_LATENESS).await;
            pending::<Result<(), Error>>().await
        };
        assert_eq!(run(limits, || 1.0, late_attempt).await.unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(made.take(), 1);

        // The pause takes a quarter of a second.
        let limits = Limits { call: Duration::from_millis(1200), ..limits };
        let late_pause = async || {
            made.set(made.get() + 1);
            if made.get() > 1 {
                return pending::<Result<(), Error>>().await;
            }
            tokio::spawn(tokio::time::advance(Duration::from_millis(250) + MAX_LATENESS));
            Err(timed_out())
        };
        let start = Instant::now();
        assert_eq!(run(limits, || 1.0, late_pause).await.unwrap_err().kind(), ErrorKind::Timeout);
        // The second attempt found no time left.
        assert_eq!((made.take(), start.elapsed().as_millis()), (2, 1250));
    }

    /// Other credentials get all attempts, and none of the errors of those before.
    #[tokio::test(start_paused = true)]
    async fn a_restart_allows_all_attempts_within_the_same_call() {
        let limits = Limits { attempts: 2, attempt: Duration::from_secs(10), call: Duration::from_secs(10) };
        let mut retry = Retry::new(limits, Duration::ZERO, "ims");
        let unavailable = || ready(Err::<(), _>(failed(503, None)));
        retry.attempt(unavailable()).await.unwrap_err();
        retry.pause(failed(503, None), 0.0).await.unwrap();
        retry.attempt(unavailable()).await.unwrap_err();

        retry.restart();
        let error = retry.attempt(ready(Err::<(), _>(timed_out()))).await.unwrap_err();
        retry.pause(error, 0.0).await.unwrap();
        let error = retry.attempt(pending::<Result<(), Error>>()).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Timeout, None));
        assert_eq!(retry.left(), Duration::ZERO);
    }

    /// R14, B1: what IMS said holds, however late it was read.
    #[tokio::test(start_paused = true)]
    async fn a_response_read_after_a_freeze_earns_no_other_attempt() {
        for status in [400, 429, 503] {
            let made = Cell::new(0);
            let late = async || {
                made.set(made.get() + 1);
                tokio::time::advance(Duration::from_secs(60)).await;
                Err::<(), _>(failed(status, None))
            };
            assert_eq!(run(Limits::default(), || 0.0, late).await.unwrap_err().status().unwrap(), status);
            assert_eq!(made.get(), 1, "{status}");
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
            || seeded.f64(),
            || {
                attempts.push(start.elapsed());
                ready(Err(failed(503, None)))
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
        let sum: Duration = (0..1000).map(|_| backoff(1, seeded.f64())).sum();
        let mean = sum / 1000;
        assert!(mean.abs_diff(Duration::from_millis(125)) < Duration::from_micros(12_500), "{mean:?}");
    }

    #[test]
    fn the_backoff_doubles_up_to_four_seconds() {
        let ceilings: Vec<_> = (1..=7).map(|made| backoff(made, 1.0).as_millis()).collect();
        assert_eq!(ceilings, [250, 500, 1000, 2000, 4000, 4000, 4000]);
        assert_eq!(backoff(u32::MAX, 1.0).as_secs(), 4);
        assert_eq!(backoff(1, f64::INFINITY).as_millis(), 250);
    }

    #[test]
    fn nothing_is_retried_beyond_the_attempts_allowed() {
        assert_eq!(pause(&failed(503, None), 1, 1, 0.5), None);
        assert_eq!(pause(&failed(500, None), 1, 1, 0.5), None);
        assert!(pause(&failed(500, None), 1, 2, 0.5).is_some());
        assert_eq!(pause(&UsageError::NoRuntime.into(), 1, 3, 0.5), None);
    }
}
