//! Runtimes that are absent, dropped, or not driven.

use std::pin::pin;
use std::time::Duration;

use tokio::runtime::Handle;

use super::harness::{DAY, HOUR, Harness, LIMITS, SECOND, Time, at_once, fail, grant, hang, ok, refused, throttled};
use super::{MILLISECOND, MINUTE, REFRESH_WINDOW, idle_and_other, paused};
use crate::error::ErrorKind;

/// R5: making a cache starts nothing; a flight is the only task there ever is, and it ends.
#[tokio::test(start_paused = true)]
async fn a_flight_is_the_only_task() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let harness = Harness::cold();
    let _unpolled = harness.cache.keep_fresh();
    harness.ims.always(hang());
    assert_eq!(tasks(), 0);
    assert_eq!(harness.at_once(), None);
    assert_eq!(tasks(), 1);
    harness.time.pass(LIMITS.call + MILLISECOND).await;
    assert_eq!(tasks(), 0);
    harness.time.pass(DAY).await;
    assert_eq!((tasks(), harness.ims.requests()), (0, LIMITS.attempts));
}

/// R5: without a runtime a token is served until its end, and all else is an error of usage.
#[test]
fn without_a_runtime_a_good_token_is_served_and_nothing_else() {
    let harness = Harness::cold();
    assert_eq!(harness.at_once(), Some(Err(ErrorKind::Usage)));
    assert_eq!(at_once(harness.token_valid_for(HOUR)), Some(Err(ErrorKind::Usage)));
    assert_eq!(paused().block_on(harness.token()), ok("t1"));

    assert_eq!(harness.at_once(), Some(ok("t1")));
    assert_eq!(at_once(harness.token_valid_for(HOUR)), Some(ok("t1")));
    harness.time.jumps.advance(DAY - HOUR / 2);
    assert_eq!(harness.at_once(), Some(ok("t1")));
    assert_eq!(at_once(harness.token_valid_for(HOUR)), Some(Err(ErrorKind::Usage)));
    harness.time.jumps.advance(HOUR / 2);
    assert_eq!(harness.at_once(), Some(Err(ErrorKind::Usage)));
    assert_eq!(harness.ims.requests(), 1);
}

/// R6: when the runtime that flies is dropped, a waiter in another one starts a flight of its own.
#[test]
fn a_waiter_survives_the_runtime_that_flew() {
    let (harness, other) = (Harness::cold(), paused());
    harness.ims.next(hang());
    let gone = paused();
    gone.block_on(async {
        assert_eq!(harness.at_once(), None);
        harness.time.settle().await;
    });
    let waiter = other.spawn({
        let harness = harness.clone();
        async move { harness.token().await }
    });
    other.block_on(harness.time.settle());
    drop(gone);
    assert_eq!(other.block_on(waiter).unwrap(), ok("t2"));
    assert_eq!((harness.ims.requests(), harness.ims.cut()), (2, 1));
}

/// R6: what a dropped runtime left behind holds nobody up.
#[test]
fn a_dropped_runtime_leaves_nothing_to_wait_for() {
    let harness = Harness::cold();
    for number in 1..=300 {
        harness.ims.next(hang());
        paused().block_on(async {
            assert_eq!(harness.at_once(), None);
            harness.time.settle().await;
        });
        harness.ims.next(grant(DAY));
        assert_eq!(paused().block_on(harness.token()), ok(&format!("t{}", 2 * number)));
        harness.time.jumps.advance(DAY);
    }
    assert_eq!(harness.ims.requests(), 600);
}

/// R6: a flight on a runtime that nobody drives costs the waiter its own limit, and the next caller nothing.
#[test]
fn a_flight_that_is_not_driven_costs_one_call() {
    let (harness, (idle, other)) = (Harness::cold(), idle_and_other());
    idle.block_on(async { assert_eq!(harness.at_once(), None) });
    other.block_on(async {
        let start = Time::start();
        let error = harness.cache.token(Duration::ZERO).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.is_transient());
        assert!((LIMITS.call..LIMITS.call + SECOND).contains(&start.passed()), "{:?}", start.passed());
        assert_eq!(harness.token().await, ok("t1"));
        assert_eq!(harness.ims.requests(), 1);
    });
}

/// R11: a caller who joined such an exchange late believes in it until its deadline only, and then starts another.
#[test]
fn an_exchange_past_its_deadline_is_replaced() {
    let (harness, (idle, other)) = (Harness::cold(), idle_and_other());
    idle.block_on(async { assert_eq!(harness.at_once(), None) });
    other.block_on(async {
        let early = tokio::spawn({
            let harness = harness.clone();
            async move { harness.token().await }
        });
        harness.time.pass(5 * SECOND).await;
        let late = tokio::spawn({
            let harness = harness.clone();
            async move { harness.token().await }
        });
        assert_eq!(early.await.unwrap(), Err(ErrorKind::Timeout));
        assert_eq!(late.await.unwrap(), ok("t1"));
        assert_eq!(harness.ims.requests(), 1);
    });
}

/// R11: a refresh that was started on a runtime which is not driven any more holds nobody up: another one starts after its
/// deadline, and until then every caller is served at once.
#[test]
fn a_refresh_on_a_runtime_that_is_not_driven_is_replaced_after_its_deadline() {
    let (harness, (idle, other)) = (Harness::cold(), idle_and_other());
    assert_eq!(other.block_on(harness.token()), ok("t1"));
    harness.time.jumps.advance(DAY - REFRESH_WINDOW + SECOND);
    idle.block_on(async { assert_eq!(harness.at_once(), Some(ok("t1"))) });
    other.block_on(async {
        for second in 0..30 {
            assert_eq!(harness.at_once(), Some(ok("t1")), "{second}");
            harness.time.pass(SECOND).await;
        }
        assert_eq!(harness.ims.requests(), 1);
        harness.time.pass(2 * SECOND).await;
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.settle().await;
        assert_eq!(harness.at_once(), Some(ok("t2")));
        assert_eq!(harness.ims.requests(), 2);
    });
}

/// R12: a runtime for each call, shut down with the refresh that the call started: a failure like any other, with a
/// cooldown.
#[test]
fn refreshes_that_die_with_their_runtime_are_followed_by_a_cooldown() {
    let harness = Harness::cold();
    assert_eq!(paused().block_on(harness.token()), ok("t1"));
    harness.time.jumps.advance(DAY - REFRESH_WINDOW);
    harness.ims.always(hang());
    for _ in 0..2400 {
        paused().block_on(async {
            assert_eq!(harness.at_once(), Some(ok("t1")));
            tokio::task::yield_now().await;
        });
        harness.time.jumps.advance(SECOND);
    }
    assert!((8..=12).contains(&(harness.ims.requests() - 1)), "{} requests", harness.ims.requests() - 1);
}

/// R14: a process that was frozen beyond all limits of a call: timers that ran out meanwhile are not a failure of IMS.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_frozen_beyond_its_limit_gets_another_chance() {
    let harness = Harness::cold();
    harness.ims.next(hang());
    let mut call = pin!(harness.token());
    assert_eq!(at_once(call.as_mut()), None);
    harness.time.settle().await;
    harness.ims.always(grant(DAY).after(SECOND));
    tokio::time::advance(MINUTE).await;
    assert!(call.await.is_ok());
    assert!(harness.ims.requests() <= 3);
}

/// R6: what a flight brings after it was given up is taken, but displaces nothing newer: neither a token nor a failure does.
#[test]
fn a_flight_that_lands_late_displaces_nothing_newer() {
    for late in [grant(2 * DAY), fail(throttled(HOUR))] {
        let (harness, (idle, other)) = (Harness::cold(), idle_and_other());
        harness.ims.next(late.after(SECOND));
        idle.block_on(async {
            assert_eq!(harness.at_once(), None);
            harness.time.settle().await;
        });
        other.block_on(async {
            assert_eq!(harness.token().await, Err(ErrorKind::Timeout));
            assert_eq!(harness.token().await, ok("t2"));
        });
        idle.block_on(harness.time.pass(MINUTE));
        other.block_on(async {
            assert_eq!(harness.at_once(), Some(ok("t2")));
            harness.cache.forget(&harness.cache.token(Duration::ZERO).await.unwrap());
            assert_eq!(harness.token().await, ok("t3"));
        });
    }
}

/// R6: a late token is better than none.
#[test]
fn a_flight_that_lands_late_is_taken_where_there_is_nothing_newer() {
    let (harness, (idle, other)) = (Harness::cold(), idle_and_other());
    idle.block_on(async { assert_eq!(harness.at_once(), None) });
    other.block_on(async { assert_eq!(harness.token().await, Err(ErrorKind::Timeout)) });
    idle.block_on(harness.time.settle());
    other.block_on(async { assert_eq!(harness.at_once(), Some(ok("t1"))) });
    assert_eq!(harness.ims.requests(), 1);
}

/// R6: a late landing does not take away the flight that is under way by then.
#[test]
fn a_flight_that_lands_late_leaves_the_next_one_in_the_air() {
    let (harness, (idle, other)) = (Harness::cold(), idle_and_other());
    harness.ims.next(fail(refused()).after(SECOND));
    idle.block_on(async {
        assert_eq!(harness.at_once(), None);
        harness.time.settle().await;
    });
    other.block_on(async {
        assert_eq!(harness.token().await, Err(ErrorKind::Timeout));
        harness.ims.always(grant(DAY).after(SECOND));
        harness.time.pass(SECOND).await;
        assert_eq!(harness.at_once(), None);
        harness.time.settle().await;
        assert_eq!(harness.ims.requests(), 2);
    });
    idle.block_on(harness.time.pass(MINUTE));
    other.block_on(async {
        assert_eq!(harness.concurrently(10).await, vec![ok("t2"); 10]);
        assert_eq!(harness.ims.requests(), 2);
    });
}

/// R6: nor does one that ends with its runtime.
#[test]
fn a_flight_that_ends_with_its_runtime_leaves_the_next_one_in_the_air() {
    let (harness, (gone, other)) = (Harness::cold(), idle_and_other());
    harness.ims.next(hang());
    gone.block_on(async {
        assert_eq!(harness.at_once(), None);
        harness.time.settle().await;
    });
    other.block_on(async {
        harness.time.pass(LIMITS.call + SECOND).await;
        harness.ims.always(grant(DAY).after(SECOND));
        assert_eq!(harness.at_once(), None);
        harness.time.settle().await;
        assert_eq!(harness.ims.requests(), 2);
    });
    drop(gone);
    other.block_on(async {
        assert_eq!(harness.concurrently(10).await, vec![ok("t2"); 10]);
        assert_eq!(harness.ims.requests(), 2);
    });
}

/// R9: the last client dropped ends the request under way; one of several does not.
#[tokio::test(start_paused = true)]
async fn the_last_client_dropped_ends_the_request() {
    let harness = Harness::cold();
    harness.ims.always(hang());
    assert_eq!(harness.at_once(), None);
    harness.time.settle().await;
    let ims = harness.ims.clone();
    drop(harness.clone());
    tokio::task::yield_now().await;
    assert_eq!((ims.in_flight(), ims.cut()), (1, 0));
    let time = harness.time.clone();
    drop(harness);
    time.settle().await;
    assert_eq!((ims.in_flight(), ims.cut(), ims.requests()), (0, 1, 1));
    assert!(!ims.is_held());
}

/// R9: nor does one that was given up, on a runtime that is not driven any more, outlive it; however many there are.
#[test]
fn the_last_client_dropped_ends_requests_that_were_given_up() {
    let (harness, runtimes) = (Harness::cold(), [paused(), paused(), paused()]);
    harness.ims.always(hang());
    for (number, runtime) in (0..).zip(&runtimes) {
        runtime.block_on(async {
            harness.time.pass(number * (LIMITS.call + SECOND)).await;
            assert_eq!(harness.at_once(), None);
            harness.time.settle().await;
        });
    }
    let (ims, time) = (harness.ims.clone(), harness.time.clone());
    assert_eq!((ims.in_flight(), ims.cut(), ims.requests()), (3, 0, 3));
    drop(harness);
    runtimes.iter().for_each(|runtime| runtime.block_on(time.settle()));
    assert_eq!((ims.in_flight(), ims.cut()), (0, 3));
}
