//! Callers that come and go, panic, or give up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

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

/// R13: a loader that panics is a failure: callers share it and learn what it was, the cooldown starts, and after it the
/// next exchange works.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_loader_is_a_failure_with_a_cooldown() {
    let harness = Harness::cold();
    harness.ims.next(panicking());
    assert_eq!(harness.concurrently(10).await, vec![Err(ErrorKind::Usage); 10]);
    let error = harness.cache.token(Duration::ZERO).await.unwrap_err();
    assert_eq!(error.to_string(), "the exchange panicked");
    assert!(error.hint().unwrap().contains("enable_all"));
    assert_eq!(harness.ims.requests(), 1);
    harness.time.pass(SECOND.mul_f64(1.1) + MILLISECOND).await;
    assert_eq!(harness.token().await, ok("t2"));
}

/// R13: while a token is cached, a loader that always panics is asked as rarely as one that always fails.
#[tokio::test(start_paused = true)]
async fn a_loader_that_always_panics_is_asked_rarely() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(panicking());
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    for _ in 0..2400 {
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.pass(SECOND).await;
    }
    assert!((8..=12).contains(&(harness.ims.requests() - 1)), "{} panics", harness.ims.requests() - 1);
}

/// R13: `keep_fresh` does not spin on it, and each panic is one warning.
#[tokio::test(start_paused = true)]
async fn keep_fresh_does_not_spin_on_a_loader_that_panics() {
    let warnings = Arc::new(AtomicU32::new(0));
    let _listening = events::listen({
        let warnings = Arc::clone(&warnings);
        move |event| {
            warnings.fetch_add(u32::from(event.level == tracing::Level::WARN), Ordering::Relaxed);
        }
    });
    let harness = Harness::cold();
    harness.ims.always(panicking());
    let _task = tokio::spawn(harness.cache.keep_fresh());
    harness.time.pass(MINUTE).await;
    // After 0, 1, 3, 7, 15 and 31 seconds, and a little more.
    assert_eq!((harness.ims.requests(), warnings.load(Ordering::Relaxed)), (6, 6));
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
