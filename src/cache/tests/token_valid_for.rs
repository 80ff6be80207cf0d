//! `token_valid_for`: callers who need a token for a while.

use std::time::Duration;

use super::harness::{DAY, HOUR, Harness, LIMITS, SECOND, at_once, fail, grant, hang, ok, refused, unavailable};
use super::{MILLISECOND, MINUTE, REFRESH_WINDOW};
use crate::cache::Refresh;
use crate::error::ErrorKind;

/// A token that lives long enough is served at once.
#[tokio::test(start_paused = true)]
async fn a_token_that_lives_long_enough_is_served_at_once() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(hang());
    harness.time.pass(12 * HOUR).await;
    assert_eq!(at_once(harness.token_valid_for(12 * HOUR)), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 1);
    assert_eq!(at_once(harness.token_valid_for(12 * HOUR)), None);
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 2);
}

/// One that does not is replaced by one flight, for any number of callers, and for those of `token` as well.
#[tokio::test(start_paused = true)]
async fn a_token_that_ends_too_early_is_replaced_by_one_flight() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(grant(DAY).after(SECOND));
    harness.time.pass(12 * HOUR).await;
    let callers: Vec<_> = (0..100)
        .map(|_| harness.clone())
        .map(|harness| async move { harness.token_valid_for(20 * HOUR).await })
        .map(tokio::spawn)
        .collect();
    harness.time.settle().await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    for caller in callers {
        assert_eq!(caller.await.unwrap(), ok("t2"));
    }
    assert_eq!(harness.at_once(), Some(ok("t2")));
    assert_eq!(harness.ims.refreshes(), [Refresh::Foreground; 2]);
}

/// An ageing token that lives long enough is served at once, and renewed beside.
#[tokio::test(start_paused = true)]
async fn an_ageing_token_that_lives_long_enough_is_renewed_beside() {
    let harness = Harness::holding(DAY).await;
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    assert_eq!(at_once(harness.token_valid_for(HOUR / 2)), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(at_once(harness.token_valid_for(HOUR / 2)), Some(ok("t2")));
    assert_eq!(harness.ims.refreshes(), [Refresh::Foreground, Refresh::Background]);
}

/// A renewal under way is joined.
#[tokio::test(start_paused = true)]
async fn a_caller_with_a_need_joins_the_renewal_under_way() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(grant(DAY).after(SECOND));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.token_valid_for(2 * HOUR).await, ok("t2"));
    assert_eq!(harness.ims.requests(), 2);
}

/// Where no token ever lives that long, the one there is is handed out and not asked for again.
#[tokio::test(start_paused = true)]
async fn a_life_that_is_never_long_enough_is_asked_for_once() {
    let harness = Harness::cold();
    harness.ims.always(grant(HOUR));
    assert_eq!(harness.token_valid_for(2 * HOUR).await, ok("t1"));
    for least in [2 * HOUR, HOUR + MILLISECOND, Duration::MAX] {
        assert_eq!(at_once(harness.token_valid_for(least)), Some(ok("t1")));
    }
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 1);
}

/// A life exactly as long as asked for is long enough, while it is new.
#[tokio::test(start_paused = true)]
async fn a_life_as_long_as_asked_for_is_long_enough() {
    let harness = Harness::holding(HOUR).await;
    harness.ims.always(grant(HOUR));
    assert_eq!(at_once(harness.token_valid_for(HOUR)), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.token_valid_for(HOUR).await, ok("t2"));
    assert_eq!(harness.ims.requests(), 2);
}

/// At most one flight a call, also where IMS hands out less than it did before.
#[tokio::test(start_paused = true)]
async fn a_call_makes_one_flight_at_most() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(grant(HOUR));
    harness.time.pass(12 * HOUR).await;
    assert_eq!(harness.token_valid_for(20 * HOUR).await, ok("t2"));
    assert_eq!(at_once(harness.token_valid_for(20 * HOUR)), Some(ok("t2")));
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 2);
}

/// When the flight fails, the caller with a need is told; the others keep their token.
#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_those_whose_need_is_not_met() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(fail(unavailable()));
    harness.time.pass(12 * HOUR).await;
    assert_eq!(harness.token_valid_for(20 * HOUR).await, Err(ErrorKind::Server));
    assert_eq!(harness.at_once(), Some(ok("t1")));
    assert_eq!(harness.ims.requests(), 1 + LIMITS.attempts);
}

/// B13: their failure is remembered too.
#[tokio::test(start_paused = true)]
async fn a_failure_of_those_with_a_need_is_remembered() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(fail(refused()));
    harness.time.pass(12 * HOUR).await;
    for _ in 0..100 {
        assert_eq!(harness.token_valid_for(20 * HOUR).await, Err(ErrorKind::Rejected));
    }
    assert_eq!(harness.ims.requests(), 2);
    harness.ims.always(grant(DAY));
    harness.time.pass(MINUTE.mul_f64(1.1)).await;
    assert_eq!(harness.token_valid_for(20 * HOUR).await, ok("t3"));
}

/// T9: in the last seconds a token that lives long enough is better than a failure.
#[tokio::test(start_paused = true)]
async fn in_the_last_seconds_a_small_need_is_still_met() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(fail(refused()));
    harness.time.pass(DAY - 20 * SECOND).await;
    assert_eq!(harness.token_valid_for(10 * SECOND).await, ok("t1"));
    assert_eq!(harness.token_valid_for(10 * SECOND).await, ok("t1"));
    assert_eq!(harness.token_valid_for(21 * SECOND).await, Err(ErrorKind::Rejected));
    assert_eq!(harness.ims.requests(), 2);
}
