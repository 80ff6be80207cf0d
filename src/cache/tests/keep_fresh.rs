//! `keep_fresh`.

use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use super::harness::{DAY, HOUR, Harness, LIMITS, SECOND, at_once, fail, grant, hang, ok, refused};
use super::{MILLISECOND, MINUTE, REFRESH_WINDOW, idle_and_other};

/// Without a single caller the token is renewed when it is due, and never runs out.
#[tokio::test(start_paused = true)]
async fn keep_fresh_renews_without_callers() {
    let harness = Harness::cold();
    let task = tokio::spawn(harness.cache.keep_fresh());
    harness.time.settle().await;
    for hour in 1..=72 {
        assert!(harness.cache.is_fresh(), "not fresh at hour {hour}");
        harness.time.pass(HOUR).await;
    }
    let starts: Vec<_> = harness.ims.fetches().iter().map(|fetch| fetch.at.as_secs()).collect();
    assert_eq!(starts, [0, 82_800, 165_600, 248_400]);
    assert!(!task.is_finished());
}

/// It ends when the last client is dropped while it sleeps, and holds nothing back by then.
#[tokio::test(start_paused = true)]
async fn keep_fresh_ends_with_the_last_client() {
    let harness = Harness::cold();
    let task = tokio::spawn(harness.cache.keep_fresh());
    harness.time.pass(HOUR).await;
    let (ims, time) = (harness.ims.clone(), harness.time.clone());
    let start = time.passed();
    drop(harness);
    task.await.unwrap();
    assert_eq!(time.passed(), start);
    assert!(!ims.is_held());
    assert_eq!(ims.requests(), 1);
}

/// It ends in the middle of a flight too, which is cut, and starts no other.
#[tokio::test(start_paused = true)]
async fn keep_fresh_ends_with_the_last_client_in_the_middle_of_a_flight() {
    let harness = Harness::cold();
    harness.ims.always(hang());
    let task = tokio::spawn(harness.cache.keep_fresh());
    harness.time.settle().await;
    let (ims, time) = (harness.ims.clone(), harness.time.clone());
    let start = time.passed();
    drop(harness);
    task.await.unwrap();
    assert_eq!(time.passed(), start);
    assert!(!ims.is_held());
    assert_eq!((ims.fetches().len(), ims.in_flight(), ims.cut()), (1, 0, 1));
}

/// It does not keep the client alive, polled or not.
#[tokio::test(start_paused = true)]
async fn keep_fresh_does_not_keep_the_client_alive() {
    let harness = Harness::cold();
    let unpolled = harness.cache.keep_fresh();
    let (ims, start) = (harness.ims.clone(), harness.time.passed());
    let time = harness.time.clone();
    drop(harness);
    assert!(!ims.is_held());
    unpolled.await;
    assert_eq!((ims.requests(), time.passed()), (0, start));
}

/// It does not while it sleeps either, polled or not.
#[tokio::test(start_paused = true)]
async fn keep_fresh_does_not_keep_the_client_alive_while_it_sleeps() {
    let harness = Harness::cold();
    let mut sleeping = pin!(harness.cache.keep_fresh());
    assert_eq!(at_once(sleeping.as_mut()), None);
    harness.time.settle().await;
    assert_eq!(at_once(sleeping.as_mut()), None);
    let ims = harness.ims.clone();
    drop(harness);
    assert!(!ims.is_held());
    assert_eq!(ims.requests(), 1);
}

/// It ends even while a flight that nobody drives still holds what it needs.
#[test]
fn keep_fresh_ends_whatever_flight_is_left_behind() {
    let (harness, (idle, other)) = (Harness::cold(), idle_and_other());
    idle.block_on(async { assert_eq!(harness.at_once(), None) });
    other.block_on(async {
        let task = tokio::spawn(harness.cache.keep_fresh());
        harness.time.pass(LIMITS.call + MINUTE).await;
        assert_eq!(harness.at_once(), Some(ok("t1")));
        let ims = harness.ims.clone();
        drop(harness);
        assert!(timeout(MILLISECOND, task).await.is_ok());
        assert_eq!(ims.requests(), 1);
    });
}

/// It survives failures, at the pace of the failure memory, and tries until it works.
#[tokio::test(start_paused = true)]
async fn keep_fresh_survives_failures() {
    let harness = Harness::cold();
    harness.ims.always(fail(refused()));
    let _task = tokio::spawn(harness.cache.keep_fresh());
    harness.time.pass(MINUTE).await;
    // After 0, 1, 3, 7, 15 and 31 seconds, and a little more.
    assert_eq!(harness.ims.requests(), 6);
    assert!(harness.ims.gaps()[0] < SECOND.mul_f64(1.15), "{:?}", harness.ims.gaps());
    harness.ims.always(grant(DAY));
    harness.time.pass(MINUTE).await;
    assert_eq!(harness.at_once(), Some(ok("t7")));

    harness.ims.always(fail(refused()));
    harness.time.pass(DAY - REFRESH_WINDOW + 30 * MINUTE).await;
    let tries = harness.ims.requests() - 7;
    assert!((6..=8).contains(&tries), "{tries} tries in half an hour");
    assert_eq!(harness.at_once(), Some(ok("t7")));
}

/// It looks around at least once a minute, so that a clock set anew or a forgotten token is noticed.
#[tokio::test(start_paused = true)]
async fn keep_fresh_notices_a_suspended_machine_within_a_minute() {
    let harness = Harness::cold();
    let _task = tokio::spawn(harness.cache.keep_fresh());
    harness.time.settle().await;
    harness.time.jumps.suspend(25 * HOUR);
    harness.time.pass(MINUTE).await;
    assert_eq!(harness.at_once(), Some(ok("t2")));
    harness.cache.forget(&harness.cache.token(Duration::ZERO).await.unwrap());
    harness.time.pass(MINUTE).await;
    assert_eq!(harness.at_once(), Some(ok("t3")));
    assert_eq!(harness.ims.requests(), 3);
}

/// While a renewal is in the air it looks a few times a second, and no more.
#[tokio::test(start_paused = true)]
async fn keep_fresh_starts_no_renewal_beside_another() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(grant(DAY).after(5 * SECOND));
    let _task = tokio::spawn(harness.cache.keep_fresh());
    harness.time.pass(DAY - REFRESH_WINDOW + 6 * SECOND).await;
    assert_eq!(harness.at_once(), Some(ok("t2")));
    assert_eq!(harness.ims.requests(), 2);
}

/// Without a runtime it ends, and does not panic.
#[test]
fn keep_fresh_ends_without_a_runtime() {
    let harness = Harness::cold();
    assert_eq!(at_once(harness.cache.keep_fresh()), Some(()));
    assert_eq!(harness.ims.requests(), 0);
}

/// It sleeps until the token is due or the cooldown is over, and looks once a minute at least, four times a second at
/// most.
#[tokio::test(start_paused = true)]
async fn keep_fresh_sleeps_until_there_is_something_to_do() {
    assert_eq!(Harness::cold().cache.0.until_due(), Duration::from_millis(250));
    let harness = Harness::holding(DAY).await;
    let pause = || harness.cache.0.until_due();
    assert_eq!(pause(), MINUTE);
    harness.time.pass(DAY - REFRESH_WINDOW - 10 * SECOND).await;
    assert!((9 * SECOND..=10 * SECOND).contains(&pause()), "{:?}", pause());

    harness.ims.always(fail(refused()));
    harness.time.pass(10 * SECOND).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    // A cooldown of one minute, and up to a tenth more.
    assert_eq!((harness.ims.requests(), pause() > 59 * SECOND), (2, true));
    harness.time.pass(50 * SECOND).await;
    assert!((9 * SECOND..=16 * SECOND).contains(&pause()), "{:?}", pause());
}
