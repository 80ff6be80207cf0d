//! Callers that come and go, panic, or give up.

use tokio::time::timeout;

use super::harness::{DAY, Harness, SECOND, fail, grant, hang, ok, panicking, refused};
use super::{MILLISECOND, MINUTE, REFRESH_WINDOW, events};
use crate::error::ErrorKind;

/// R1: the flight goes on when the caller that started it is dropped.
#[tokio::test(start_paused = true)]
async fn a_dropped_starter_does_not_end_the_flight() {
    let harness = Harness::cold();
    harness.ims.always(grant(DAY).after(SECOND));
    let starter = tokio::spawn({
        let harness = harness.clone();
        async move { harness.token().await }
    });
    harness.time.settle().await;
    let others = tokio::spawn({
        let harness = harness.clone();
        async move { harness.concurrently(9).await }
    });
    harness.time.settle().await;
    starter.abort();
    assert!(starter.await.unwrap_err().is_cancelled());
    assert_eq!(others.await.unwrap(), vec![ok("t1"); 9]);
    assert_eq!((harness.ims.requests(), harness.ims.cut()), (1, 0));
}

/// R2: it goes on when nobody waits any more, and the next caller finds its token.
#[tokio::test(start_paused = true)]
async fn a_flight_without_waiters_still_lands() {
    let harness = Harness::cold();
    harness.ims.always(grant(DAY).after(SECOND));
    for _ in 0..10 {
        assert_eq!(harness.at_once(), None);
    }
    harness.time.pass(SECOND + MILLISECOND).await;
    harness.ims.always(hang());
    assert_eq!(harness.at_once(), Some(ok("t1")));
    assert_eq!((harness.ims.requests(), harness.ims.cut()), (1, 0));
}

/// R3: callers who give up after a millisecond get their token in the end.
#[tokio::test(start_paused = true)]
async fn callers_with_tiny_limits_get_their_token_in_the_end() {
    let harness = Harness::cold();
    harness.ims.always(grant(DAY).after(2 * SECOND));
    for _ in 0..1000 {
        assert!(timeout(MILLISECOND, harness.token()).await.is_err());
        harness.time.pass(MILLISECOND).await;
    }
    assert_eq!(timeout(MILLISECOND, harness.token()).await.unwrap(), ok("t1"));
    assert_eq!(harness.ims.requests(), 1);
}

/// R4: a panic in a task that waits harms nobody else.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_waiting_task_harms_nobody() {
    let harness = Harness::cold();
    harness.ims.always(grant(DAY).after(SECOND));
    let task = tokio::spawn({
        let harness = harness.clone();
        async move {
            assert!(timeout(MILLISECOND, harness.token()).await.is_ok(), "a waiter that panics");
        }
    });
    let other = harness.token().await;
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(other, ok("t1"));
    assert_eq!(harness.at_once(), Some(ok("t1")));
    assert_eq!(harness.ims.requests(), 1);
}

/// R4: a flight that panics is replaced by another.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_flight_costs_one_more_flight() {
    let harness = Harness::cold();
    harness.ims.next(panicking());
    assert_eq!(harness.concurrently(10).await, vec![ok("t2"); 10]);
    assert_eq!(harness.ims.requests(), 2);
}

/// Flights that all end untimely are not replaced for ever.
#[tokio::test(start_paused = true)]
async fn flights_that_all_panic_end_the_call() {
    let harness = Harness::cold();
    harness.ims.always(panicking());
    assert_eq!(harness.token().await, Err(ErrorKind::Usage));
    assert_eq!(harness.ims.requests(), 3);
    harness.ims.always(grant(DAY));
    assert_eq!(harness.token().await, ok("t4"));
}

/// R4: what listens to the crate's events may panic; the token is renewed all the same, later.
#[tokio::test(start_paused = true)]
async fn a_panic_of_whoever_listens_to_events_does_not_end_the_renewals() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(fail(refused()));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    {
        let _listening =
            events::listen(|event| assert!(event.level != tracing::Level::WARN, "a subscriber that panics"));
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.settle().await;
    }
    harness.ims.always(grant(DAY));
    harness.time.pass(2 * MINUTE).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.at_once(), Some(ok("t3")));
}
