//! What callers see when requests fail, and when the next request may start.

use std::sync::Arc;
use std::time::Duration;

use super::harness::{
    DAY, HOUR, Harness, LIMITS, SECOND, at_once, fail, grant, hang, ok, refused, sign_in_page, throttled, unavailable,
};
use super::{LAST_SECONDS, MILLISECOND, MINUTE, REFRESH_WINDOW, events};
use crate::cache::Refresh;
use crate::error::{
    Cause, ConnectFault, ConnectionError, Error, ErrorKind, KeyError, ResponseError, TestingError, TlsFault,
};

/// T4: nobody notices an outage of 40 minutes; the tries are 1, 2, 4 and then 5 minutes apart, and a little more.
#[tokio::test(start_paused = true)]
async fn an_outage_while_the_token_ages_is_noticed_by_nobody() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(fail(unavailable()));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    for _ in 0..1200 {
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.pass(2 * SECOND).await;
    }
    let tries = harness.ims.gaps().split_off(1);
    assert!(harness.ims.requests() - 1 <= 12 && tries.len() >= 8, "{tries:?}");
    for (at, due) in tries.into_iter().zip([1, 2, 4].into_iter().chain(std::iter::repeat(5))) {
        let due = due * MINUTE;
        assert!(at > due && at <= due.mul_f64(1.1) + 2 * SECOND, "{at:?} {due:?}");
    }

    harness.ims.always(grant(DAY));
    harness.time.pass(6 * MINUTE).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert!(harness.at_once().is_some_and(|seen| seen.is_ok() && seen != ok("t1")));
}

/// T4: the pauses shrink with the time that is left, so that there are tries until the end.
#[tokio::test(start_paused = true)]
async fn the_pauses_shrink_towards_the_end_of_the_token() {
    let harness = Harness::holding(10 * MINUTE).await;
    harness.ims.always(fail(refused()));
    harness.time.pass(7 * MINUTE).await;
    while harness.time.passed() < 10 * MINUTE - LAST_SECONDS {
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.pass(Duration::from_millis(100)).await;
    }
    let flights = harness.ims.fetches().split_off(1);
    assert!(flights.len() > 8, "{flights:?}");
    for pair in flights.windows(2) {
        let left = 10 * MINUTE - LAST_SECONDS - pair[0].at;
        let most = (left / 4).max(SECOND) + Duration::from_millis(200);
        assert!(pair[1].at - pair[0].at <= most, "{pair:?}");
        assert_eq!(pair[1].refresh, Refresh::Background);
    }
}

/// T5: without a token, one flight fails for all callers, and then nobody asks for 1 s, doubling to 30 s.
#[tokio::test(start_paused = true)]
async fn an_outage_without_a_token_is_told_at_once_between_few_flights() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(fail(unavailable()));
    harness.time.pass(DAY).await;
    assert_eq!(harness.concurrently(100).await, vec![Err(ErrorKind::Server); 100]);
    assert_eq!((harness.ims.requests(), harness.ims.fetches().len()), (1 + LIMITS.attempts, 2));
    for _ in 0..100 {
        assert_eq!(harness.at_once(), Some(Err(ErrorKind::Server)));
    }
    assert_eq!(harness.ims.fetches().len(), 2);

    harness.ims.always(fail(refused()));
    while harness.ims.fetches().len() < 9 {
        assert!(harness.token().await.is_err());
        harness.time.pass(Duration::from_millis(10)).await;
    }
    let pauses = harness.ims.gaps().split_off(2);
    for (at, due) in pauses.iter().zip([2, 4, 8, 16, 30, 30]) {
        let due = due * SECOND;
        assert!(*at >= due && *at <= due.mul_f64(1.1) + Duration::from_millis(20), "{pauses:?}");
    }
}

/// T5: the error that is remembered is told at the first poll, while IMS hangs, and it is the very same.
#[tokio::test(start_paused = true)]
async fn a_remembered_failure_is_told_without_asking() {
    let harness = Harness::cold();
    harness.ims.always(hang());
    harness.ims.next(fail(refused()));
    let first = harness.cache.token(Duration::ZERO).await.unwrap_err();
    let again = at_once(harness.cache.token(Duration::ZERO)).unwrap().unwrap_err();
    assert_eq!((again.kind(), again.code()), (ErrorKind::Rejected, first.code()));
    harness.time.pass(SECOND - MILLISECOND).await;
    assert_eq!(harness.at_once(), Some(Err(ErrorKind::Rejected)));
    assert_eq!(harness.ims.requests(), 1);
    harness.time.pass(Duration::from_millis(101)).await;
    assert_eq!(harness.at_once(), None);
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 2);
}

/// T7: cold callers share a failure; they do not queue up to fail one by one.
#[tokio::test(start_paused = true)]
async fn cold_callers_share_one_failure() {
    for (error, requests) in [(refused(), 1), (unavailable(), LIMITS.attempts)] {
        let harness = Harness::cold();
        harness.ims.always(fail(error.clone()).after(Duration::from_millis(50)));
        assert_eq!(harness.concurrently(100).await, vec![Err(error.kind()); 100]);
        assert_eq!((harness.ims.requests(), harness.ims.fetches().len()), (requests, 1));
        assert!(harness.time.passed() < SECOND, "{:?}", harness.time.passed());
    }
}

/// T8: whatever failed, the next flight succeeds, and the one after that: nothing is poisoned.
#[tokio::test(start_paused = true)]
async fn after_a_failure_of_any_kind_the_next_flight_succeeds() {
    for error in failures() {
        let harness = Harness::cold();
        (0..LIMITS.attempts).for_each(|_| harness.ims.next(fail(error.clone())));
        assert_eq!(harness.token().await, Err(error.kind()));
        let failed = harness.ims.requests();
        let wait = error.retry_after().unwrap_or_default().max(2 * SECOND);
        harness.time.pass(wait).await;
        harness.ims.always(grant(DAY));
        assert!(harness.token().await.is_ok(), "{error:?}");
        harness.time.pass(DAY).await;
        assert!(harness.token().await.is_ok(), "{error:?}");
        assert_eq!((harness.ims.requests(), harness.ims.fetches().len()), (failed + 2, 3), "{error:?}");
    }
}

/// T8: the same while a token ages: served all the while, then renewed.
#[tokio::test(start_paused = true)]
async fn after_a_failed_renewal_of_any_kind_the_next_one_succeeds() {
    for error in failures() {
        let harness = Harness::holding(DAY).await;
        harness.ims.next(fail(error.clone()));
        harness.time.pass(DAY - REFRESH_WINDOW).await;
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.pass(2 * MINUTE).await;
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.settle().await;
        assert_eq!(harness.at_once(), Some(ok("t3")), "{error:?}");
        assert_eq!(harness.ims.requests(), 3);
    }
}

/// B7: a told wait holds for everybody, and all are told how long IMS asked for.
#[tokio::test(start_paused = true)]
async fn a_told_wait_is_kept_by_all_callers() {
    let harness = Harness::cold();
    harness.ims.next(fail(throttled(2 * MINUTE)));
    for _ in 0..100 {
        let error = harness.cache.token(Duration::ZERO).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Throttled, Some(2 * MINUTE)));
    }
    harness.time.pass(2 * MINUTE - MILLISECOND).await;
    assert_eq!(harness.concurrently(100).await, vec![Err(ErrorKind::Throttled); 100]);
    assert_eq!(harness.ims.requests(), 1);
    harness.time.pass(MILLISECOND).await;
    assert_eq!(harness.token().await, ok("t2"));
}

/// B7: also by those who ask at the end of a token whose renewal was told to wait.
#[tokio::test(start_paused = true)]
async fn a_wait_told_to_a_renewal_is_kept_when_the_token_has_ended() {
    let harness = Harness::holding(DAY).await;
    harness.ims.next(fail(throttled(HOUR)));
    harness.time.pass(DAY - HOUR / 2).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.pass(HOUR / 2 - MILLISECOND).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.pass(HOUR / 2).await;
    assert_eq!(harness.at_once(), Some(Err(ErrorKind::Throttled)));
    assert_eq!(harness.ims.requests(), 2);
    harness.time.pass(MILLISECOND).await;
    assert_eq!(harness.token().await, ok("t3"));
}

/// B7: also where it is shorter than our own pause.
#[tokio::test(start_paused = true)]
async fn a_told_wait_shorter_than_the_pause_of_a_renewal_is_kept() {
    let harness = Harness::holding(DAY).await;
    harness.ims.next(fail(throttled(20 * SECOND)));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    harness.cache.forget(&harness.cache.token(Duration::ZERO).await.unwrap());
    harness.time.pass(19 * SECOND).await;
    assert_eq!(harness.at_once(), Some(Err(ErrorKind::Throttled)));
    harness.time.pass(SECOND).await;
    assert_eq!(harness.token().await, ok("t3"));
    assert_eq!(harness.ims.requests(), 3);
}

/// B7: a told wait shorter than our own pause does not shorten it.
#[tokio::test(start_paused = true)]
async fn a_told_wait_does_not_shorten_the_pause_of_a_renewal() {
    let harness = Harness::holding(DAY).await;
    harness.ims.next(fail(throttled(20 * SECOND)));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.pass(MINUTE - MILLISECOND).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 2);
}

/// B13: a thousand callers in an outage of a minute: few flights, each with all its attempts.
#[tokio::test(start_paused = true)]
async fn a_thousand_callers_in_an_outage_make_few_requests() {
    let harness = Harness::cold();
    harness.ims.always(fail(unavailable()));
    let callers: Vec<_> = (0..1000)
        .map(|_| harness.clone())
        .map(|harness| async move {
            while harness.time.passed() < MINUTE {
                assert_eq!(harness.token().await, Err(ErrorKind::Server));
                harness.time.pass(SECOND).await;
            }
        })
        .map(tokio::spawn)
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!((harness.ims.requests(), harness.ims.fetches().len()), (18, 6));
}

/// B13: the same when IMS hangs: the flight's own failure is told and remembered, no waiter runs ahead of it.
#[tokio::test(start_paused = true)]
async fn a_thousand_callers_of_an_ims_that_hangs_make_few_requests() {
    let harness = Harness::cold();
    harness.ims.always(hang());
    let callers: Vec<_> = (0..1000)
        .map(|_| harness.clone())
        .map(|harness| async move {
            assert_eq!(harness.token().await, Err(ErrorKind::Timeout));
            assert_eq!(harness.time.passed(), LIMITS.call);
            assert_eq!(harness.at_once(), Some(Err(ErrorKind::Timeout)));
        })
        .map(tokio::spawn)
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!((harness.ims.requests(), harness.ims.fetches().len()), (LIMITS.attempts, 1));
}

/// B15: what something other than IMS asks for is data in the error; it does not silence the callers.
#[tokio::test(start_paused = true)]
async fn a_sign_in_page_does_not_silence_the_callers() {
    let harness = Harness::cold();
    harness.ims.always(fail(sign_in_page(HOUR)));
    for minute in 1..=60 {
        let error = harness.cache.token(Duration::ZERO).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Response, Some(HOUR)));
        assert_eq!(harness.ims.requests(), minute);
        harness.time.pass(MINUTE).await;
    }
}

/// T25: a caller without a usable token who joins a background refresh, which makes one attempt, gets all attempts.
#[tokio::test(start_paused = true)]
async fn callers_who_join_a_background_refresh_that_fails_get_all_attempts() {
    for callers in [1, 100] {
        let harness = Harness::holding(DAY).await;
        harness.time.pass(DAY - REFRESH_WINDOW).await;
        harness.ims.next(fail(unavailable()).after(SECOND));
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.settle().await;
        harness.cache.forget(&harness.cache.peek().unwrap());
        assert_eq!(harness.concurrently(callers).await, vec![ok("t3"); callers]);
        assert_eq!(harness.ims.refreshes(), [Refresh::Foreground, Refresh::Background, Refresh::Foreground]);
        assert_eq!(harness.ims.requests(), 3);
    }
}

/// T25: also those whose token expires too early for them.
#[tokio::test(start_paused = true)]
async fn callers_with_a_need_who_join_a_background_refresh_that_fails_get_all_attempts() {
    let harness = Harness::holding(DAY).await;
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    harness.ims.next(fail(unavailable()).after(SECOND));
    harness.ims.next(fail(unavailable()));
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.token_valid_for(2 * HOUR).await, ok("t4"));
    assert_eq!(harness.ims.requests(), 4);
}

/// T25: a refusal is final, and a wait that IMS asked for is kept: no second exchange follows.
#[tokio::test(start_paused = true)]
async fn a_background_refresh_that_is_refused_or_throttled_is_not_repeated() {
    for (error, kind) in [(refused(), ErrorKind::Rejected), (throttled(MINUTE), ErrorKind::Throttled)] {
        let harness = Harness::holding(DAY).await;
        harness.time.pass(DAY - REFRESH_WINDOW).await;
        harness.ims.next(fail(error).after(SECOND));
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.settle().await;
        harness.cache.forget(&harness.cache.peek().unwrap());
        assert_eq!(harness.concurrently(10).await, vec![Err(kind); 10]);
        assert_eq!(harness.ims.requests(), 2);
    }
}

/// A success ends the memory of failures: the next one begins with the shortest pause again.
#[tokio::test(start_paused = true)]
async fn a_token_ends_the_memory_of_failures() {
    let harness = Harness::cold();
    for pause in [SECOND, 2 * SECOND, 4 * SECOND] {
        harness.ims.next(fail(refused()));
        assert_eq!(harness.token().await, Err(ErrorKind::Rejected));
        harness.time.pass(pause - MILLISECOND).await;
        assert_eq!(harness.at_once(), Some(Err(ErrorKind::Rejected)));
        harness.time.pass(pause.mul_f64(0.1) + 2 * MILLISECOND).await;
    }
    assert_eq!(harness.token().await, ok("t4"));
    harness.time.pass(DAY).await;
    harness.ims.next(fail(refused()));
    assert_eq!(harness.token().await, Err(ErrorKind::Rejected));
    harness.time.pass(SECOND.mul_f64(1.1) + 2 * MILLISECOND).await;
    assert_eq!(harness.token().await, ok("t6"));
}

/// The pauses of one regime do not count in the other: the first failure without a token is followed by a short one.
#[tokio::test(start_paused = true)]
async fn failures_of_renewals_do_not_lengthen_the_pauses_of_those_who_wait() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(fail(refused()));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    for _ in 0..4 {
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.pass(6 * MINUTE).await;
    }
    harness.time.pass(REFRESH_WINDOW - 24 * MINUTE).await;
    assert_eq!(harness.ims.requests(), 5);
    assert_eq!(harness.token().await, Err(ErrorKind::Rejected));
    harness.ims.always(grant(DAY));
    harness.time.pass(SECOND.mul_f64(1.1) + 2 * MILLISECOND).await;
    assert_eq!(harness.token().await, ok("t7"));
}

/// A failed refresh is a warning: whose it is, what failed, what to do, how long the token is valid, when the next try is.
#[tokio::test(start_paused = true)]
async fn a_failed_refresh_is_reported_as_a_warning() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(fail(throttled(2 * HOUR)));
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let _listening = events::listen({
        let told = Arc::clone(&told);
        move |event| told.lock().unwrap().push(event)
    });
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;

    let told = told.lock().unwrap();
    let warnings: Vec<_> = told.iter().filter(|event| event.level == tracing::Level::WARN).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].target, "adobe_ims");
    let expected = [
        ("message", "token refresh failed, the cached token is still valid"),
        ("client_id", "\"client\""),
        ("server.address", "\"ims\""),
        ("error.type", "throttled"),
        ("error.message", "IMS throttled the request: 429 a_code: a description"),
        ("http.response.status_code", "429"),
        ("code", "\"a_code\""),
        ("description", "\"a description\""),
        ("debug_id", "\"a-debug-id\""),
        (
            "hint",
            "\"too many token requests: keep one client and reuse its token, which lives about 24 hours, and wait as long as `retry_after` says\"",
        ),
        ("time_left", "3600s"),
        ("next_try", "7200s"),
    ];
    let fields: Vec<_> = warnings[0].fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(fields, expected);
}

/// A failure of each kind, and of each way to one that callers may meet.
fn failures() -> Vec<Error> {
    let kinds = [
        ErrorKind::Config,
        ErrorKind::Connect,
        ErrorKind::Credentials,
        ErrorKind::Expired,
        ErrorKind::Key,
        ErrorKind::Rejected,
        ErrorKind::Response,
        ErrorKind::Server,
        ErrorKind::Throttled,
        ErrorKind::Timeout,
        ErrorKind::Usage,
    ];
    let faults = [
        ConnectFault::Dns,
        ConnectFault::Connect,
        ConnectFault::ProxyConnect,
        ConnectFault::ProxyRefused,
        ConnectFault::Tls(TlsFault::Other),
        ConnectFault::Closed,
    ];
    let host = || "ims".to_owned();
    let connection = |fault| {
        Error::caused(ConnectionError::Fault { fault, host: host(), is_local: false }, Cause::new("connection reset"))
    };
    let mut failures: Vec<Error> = kinds.map(|kind| TestingError::Scripted { kind }.into()).into();
    failures.extend(faults.map(connection));
    failures.extend([
        ConnectionError::AttemptTimeout { host: host(), limit: SECOND }.into(),
        ResponseError::Redirect { target: "elsewhere".to_owned() }.into(),
        ResponseError::Unusable { problem: "it is HTML" }.into(),
        ResponseError::ExpiredOnArrival.into(),
        KeyError::CannotSign.into(),
        refused(),
        unavailable(),
        throttled(SECOND),
        throttled(30 * SECOND),
    ]);
    failures
}
