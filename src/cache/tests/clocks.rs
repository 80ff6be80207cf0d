//! Clocks that jump, stop, or point to where no time is.

use std::time::{Duration, SystemTime};

use super::harness::{DAY, HOUR, Harness, SECOND, fail, ok, refused, throttled};
use super::{MILLISECOND, MINUTE, REFRESH_WINDOW};
use crate::clock::Clock;
use crate::error::{ErrorKind, UsageError};

/// T11: after the wall clock jumped a day ahead the token counts as ended; one exchange.
#[tokio::test(start_paused = true)]
async fn a_wall_clock_set_forward_costs_one_exchange() {
    let harness = Harness::holding(DAY).await;
    harness.time.jumps.set(harness.time.jumps.now() + DAY);
    assert_eq!(harness.at_once(), None);
    assert_eq!(harness.concurrently(10).await, vec![ok("t2"); 10]);
    assert_eq!(harness.at_once(), Some(ok("t2")));
    assert_eq!(harness.ims.requests(), 2);
}

/// T12: after the wall clock jumped a day back the token still ends in time, and ages in time.
#[tokio::test(start_paused = true)]
async fn a_wall_clock_set_back_does_not_keep_a_token_past_its_end() {
    let harness = Harness::holding(DAY).await;
    harness.time.jumps.set(harness.time.jumps.now() - DAY);
    harness.ims.always(fail(refused()));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 2);
    harness.time.pass(REFRESH_WINDOW - 2 * MILLISECOND).await;
    assert_eq!(harness.token().await, ok("t1"));
    harness.time.settle().await;
    assert_eq!(harness.token().await, Err(ErrorKind::Rejected));
    assert_eq!(harness.ims.requests(), 3);
}

/// T13: a machine that slept 25 hours, its monotonic clock with it, asks once.
#[tokio::test(start_paused = true)]
async fn a_suspended_machine_does_not_keep_a_token_past_its_end() {
    let harness = Harness::holding(DAY).await;
    harness.time.jumps.suspend(25 * HOUR);
    assert_eq!(harness.at_once(), None);
    assert_eq!(harness.concurrently(10).await, vec![ok("t2"); 10]);
    assert_eq!(harness.ims.requests(), 2);
}

/// T13: nor does it keep a failure that is long past.
#[tokio::test(start_paused = true)]
async fn a_suspended_machine_does_not_keep_a_failure_past_its_time() {
    let harness = Harness::cold();
    harness.ims.next(fail(throttled(HOUR)));
    assert_eq!(harness.token().await, Err(ErrorKind::Throttled));
    harness.time.jumps.suspend(8 * HOUR);
    assert_eq!(harness.token().await, ok("t2"));
}

/// T14: a clock before 1970 is no panic: a token is served by the other clock, an error stays an error.
#[tokio::test(start_paused = true)]
async fn a_clock_before_1970_does_not_panic() {
    let harness = Harness::holding(DAY).await;
    harness.time.jumps.set(SystemTime::UNIX_EPOCH - 10 * DAY);
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.ims.always(fail(UsageError::TimeOutOfRange));
    harness.time.pass(DAY).await;
    assert_eq!(harness.token().await, Err(ErrorKind::Usage));
    assert_eq!(harness.at_once(), Some(Err(ErrorKind::Usage)));
    assert_eq!(harness.ims.requests(), 2);
}

/// T14: nor is a clock that goes to the end of what can be counted.
#[tokio::test(start_paused = true)]
async fn a_clock_at_the_end_of_time_does_not_panic() {
    let harness = Harness::holding(DAY).await;
    let mut step = Duration::MAX;
    while step > SECOND {
        harness.time.jumps.set(harness.time.jumps.now().checked_add(step).unwrap_or(harness.time.jumps.now()));
        step /= 2;
    }
    harness.time.jumps.set(harness.time.jumps.now() - MINUTE);
    assert_eq!(harness.token().await, Err(ErrorKind::Usage));
    assert_eq!(harness.at_once(), Some(Err(ErrorKind::Usage)));
    assert_eq!(harness.ims.requests(), 2);
}
