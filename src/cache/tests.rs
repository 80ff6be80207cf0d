//! The cache over paused time, without sockets. Each test says how many requests it allows and what each caller sees.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and sets clocks to any time"
)]

mod rig;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;

use self::rig::{
    DAY, HOUR, LIMITS, Rig, SECOND, SETTINGS, Time, at_once, fail, grant, hang, ok, panicking, refused, throttled,
    unavailable,
};
use super::{Age, Cache, Effort, Load, Settings};
use crate::clock::{Clock, Moment};
use crate::error::{Cause, Error, ErrorKind, Failure, Interruption};
use crate::token::Token;

/// As the client puts it together.
impl<L: Load> Cache<L> {
    fn is_fresh(&self) -> bool {
        let now = Moment::now(&self.0.clock);
        self.0.slot.load().as_ref().is_some_and(|entry| entry.age(now) == Age::Fresh)
    }

    pub(super) async fn token(&self) -> Result<Token, Error> {
        self.token_valid_for(Duration::ZERO).await
    }

    pub(super) async fn token_valid_for(&self, least: Duration) -> Result<Token, Error> {
        match self.serve(least) {
            Some(token) => Ok(token),
            None => self.wait(least).await,
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);
const AGEING: Duration = HOUR;
const LAST_SECONDS: Duration = Duration::from_secs(30);

// Fresh, ageing, spent, ended.

/// T1: a fresh token is served without a request.
#[tokio::test(start_paused = true)]
async fn a_fresh_token_is_served_at_once() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(hang());
    for _ in 0..10_000 {
        assert_eq!(rig.at_once(), Some(ok("t1")));
    }
    rig.time.pass(DAY - AGEING - MILLISECOND).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 1);
}

/// T2: a token past its end is never served; one exchange, then the new one.
#[tokio::test(start_paused = true)]
async fn a_token_past_its_end_is_replaced_by_one_exchange() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(grant(DAY).after(SECOND));
    rig.time.pass(DAY).await;
    assert_eq!(rig.at_once(), None);
    assert_eq!(rig.token().await, ok("t2"));
    assert_eq!(rig.time.passed(), DAY + SECOND);
    assert_eq!(rig.at_once(), Some(ok("t2")));
    assert_eq!(rig.ims.efforts(), [Effort::AllAttempts, Effort::AllAttempts]);
}

/// T3: while a token ages, every caller is served at once, and one renewal of one attempt runs beside them.
#[tokio::test(start_paused = true)]
async fn an_ageing_token_is_served_while_one_renewal_runs_beside() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(grant(DAY).after(SECOND));
    rig.time.pass(DAY - AGEING).await;
    let start = rig.time.passed();
    assert_eq!(rig.herd(1000).await, vec![ok("t1"); 1000]);
    assert_eq!(rig.time.passed(), start);
    rig.time.pass(SECOND + MILLISECOND).await;
    assert_eq!(rig.at_once(), Some(ok("t2")));
    assert_eq!(rig.ims.efforts(), [Effort::AllAttempts, Effort::OneAttempt]);
    assert_eq!(rig.ims.requests(), 2);
}

/// T3b: nobody waits while IMS hangs.
#[tokio::test(start_paused = true)]
async fn an_ageing_token_is_served_at_once_while_ims_hangs() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(hang());
    rig.time.pass(DAY - AGEING).await;
    for call in 0..10_000 {
        assert_eq!(rig.at_once(), Some(ok("t1")));
        if call % 100 == 0 {
            rig.time.settle().await;
        }
    }
    assert_eq!((rig.ims.requests(), rig.ims.in_flight()), (2, 1));
}

/// T4: nobody notices an outage of 40 minutes; the tries are 1, 2, 4 and then 5 minutes apart, and a little more.
#[tokio::test(start_paused = true)]
async fn an_outage_while_the_token_ages_is_noticed_by_nobody() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(fail(unavailable()));
    rig.time.pass(DAY - AGEING).await;
    for _ in 0..1200 {
        assert_eq!(rig.at_once(), Some(ok("t1")));
        rig.time.pass(2 * SECOND).await;
    }
    let tries = rig.ims.gaps().split_off(1);
    assert!(rig.ims.requests() - 1 <= 12 && tries.len() >= 8, "{tries:?}");
    for (at, due) in tries.into_iter().zip([1, 2, 4].into_iter().chain(std::iter::repeat(5))) {
        let due = due * MINUTE;
        assert!(at > due && at <= due.mul_f64(1.1) + 2 * SECOND, "{at:?} {due:?}");
    }

    rig.ims.always(grant(DAY));
    rig.time.pass(6 * MINUTE).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    assert!(rig.at_once().is_some_and(|seen| seen.is_ok() && seen != ok("t1")));
}

/// T4: the pauses shrink with the time that is left, so that there are tries until the end.
#[tokio::test(start_paused = true)]
async fn the_pauses_shrink_towards_the_end_of_the_token() {
    let rig = Rig::holding(10 * MINUTE).await;
    rig.ims.always(fail(refused()));
    rig.time.pass(7 * MINUTE).await;
    while rig.time.passed() < 10 * MINUTE - LAST_SECONDS {
        assert_eq!(rig.at_once(), Some(ok("t1")));
        rig.time.pass(Duration::from_millis(100)).await;
    }
    let flights = rig.ims.flights().split_off(1);
    assert!(flights.len() > 8, "{flights:?}");
    for pair in flights.windows(2) {
        let left = 10 * MINUTE - LAST_SECONDS - pair[0].at;
        let most = (left / 4).max(SECOND) + Duration::from_millis(200);
        assert!(pair[1].at - pair[0].at <= most, "{pair:?}");
        assert_eq!(pair[1].effort, Effort::OneAttempt);
    }
}

/// T5: without a token, one flight fails for all callers, and then nobody asks for 1 s, doubling to 30 s.
#[tokio::test(start_paused = true)]
async fn an_outage_without_a_token_is_told_at_once_between_few_flights() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(fail(unavailable()));
    rig.time.pass(DAY).await;
    assert_eq!(rig.herd(100).await, vec![Err(ErrorKind::Server); 100]);
    assert_eq!((rig.ims.requests(), rig.ims.flights().len()), (1 + LIMITS.attempts, 2));
    for _ in 0..100 {
        assert_eq!(rig.at_once(), Some(Err(ErrorKind::Server)));
    }
    assert_eq!(rig.ims.flights().len(), 2);

    rig.ims.always(fail(refused()));
    while rig.ims.flights().len() < 9 {
        assert!(rig.token().await.is_err());
        rig.time.pass(Duration::from_millis(10)).await;
    }
    let pauses = rig.ims.gaps().split_off(2);
    for (at, due) in pauses.iter().zip([2, 4, 8, 16, 30, 30]) {
        let due = due * SECOND;
        assert!(*at >= due && *at <= due.mul_f64(1.1) + Duration::from_millis(20), "{pauses:?}");
    }
}

/// T5: the error that is remembered is told at the first poll, while IMS hangs, and it is the very same.
#[tokio::test(start_paused = true)]
async fn a_remembered_failure_is_told_without_asking() {
    let rig = Rig::cold();
    rig.ims.always(hang());
    rig.ims.next(fail(refused()));
    let first = rig.cache.token().await.unwrap_err();
    let again = at_once(rig.cache.token()).unwrap().unwrap_err();
    assert_eq!((again.kind(), again.code()), (ErrorKind::Rejected, first.code()));
    rig.time.pass(SECOND - MILLISECOND).await;
    assert_eq!(rig.at_once(), Some(Err(ErrorKind::Rejected)));
    assert_eq!(rig.ims.requests(), 1);
    rig.time.pass(Duration::from_millis(101)).await;
    assert_eq!(rig.at_once(), None);
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 2);
}

/// T6: any number of cold callers, one request.
#[tokio::test(start_paused = true)]
async fn a_herd_of_cold_callers_makes_one_request() {
    let rig = Rig::cold();
    rig.ims.always(grant(DAY).after(SECOND));
    assert_eq!(rig.herd(1000).await, vec![ok("t1"); 1000]);
    assert_eq!((rig.ims.requests(), rig.time.passed()), (1, SECOND));
}

/// T3: a caller who looked at the old token, while the new one came, asks for no third.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_has_just_landed_is_not_repeated() {
    let rig = Rig::holding(DAY).await;
    rig.time.pass(DAY - AGEING).await;
    rig.land_during_the_next_look();
    assert_eq!(at_once(rig.token_valid_for(Duration::ZERO)), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.at_once(), Some(ok("newer")));
    assert_eq!(rig.ims.requests(), 1);
}

/// T6: a caller who found no token, while one came, is served that one.
#[tokio::test(start_paused = true)]
async fn a_token_that_has_just_landed_is_served() {
    for rig in [Rig::cold(), Rig::holding(MINUTE).await] {
        rig.time.pass(MINUTE).await;
        let before = rig.ims.requests();
        rig.land_during_the_next_look();
        assert_eq!(at_once(rig.token_valid_for(Duration::ZERO)), Some(ok("newer")));
        rig.time.settle().await;
        assert_eq!(rig.ims.requests(), before);
    }
}

/// T7: cold callers share a failure; they do not queue up to fail one by one.
#[tokio::test(start_paused = true)]
async fn a_herd_of_cold_callers_shares_one_failure() {
    for (error, requests) in [(refused(), 1), (unavailable(), LIMITS.attempts)] {
        let rig = Rig::cold();
        rig.ims.always(fail(error.clone()).after(Duration::from_millis(50)));
        assert_eq!(rig.herd(100).await, vec![Err(error.kind()); 100]);
        assert_eq!((rig.ims.requests(), rig.ims.flights().len()), (requests, 1));
        assert!(rig.time.passed() < SECOND, "{:?}", rig.time.passed());
    }
}

/// T8: whatever failed, the next flight succeeds, and the one after that: nothing is poisoned.
#[tokio::test(start_paused = true)]
async fn after_a_failure_of_any_kind_the_next_flight_succeeds() {
    for error in failures() {
        let rig = Rig::cold();
        (0..LIMITS.attempts).for_each(|_| rig.ims.next(fail(error.clone())));
        assert_eq!(rig.token().await, Err(error.kind()));
        let failed = rig.ims.requests();
        let wait = error.retry_after().unwrap_or_default().max(2 * SECOND);
        rig.time.pass(wait).await;
        rig.ims.always(grant(DAY));
        assert!(rig.token().await.is_ok(), "{error:?}");
        rig.time.pass(DAY).await;
        assert!(rig.token().await.is_ok(), "{error:?}");
        assert_eq!((rig.ims.requests(), rig.ims.flights().len()), (failed + 2, 3), "{error:?}");
    }
}

/// T8: the same while a token ages: served all the while, then renewed.
#[tokio::test(start_paused = true)]
async fn after_a_failed_renewal_of_any_kind_the_next_one_succeeds() {
    for error in failures() {
        let rig = Rig::holding(DAY).await;
        rig.ims.next(fail(error.clone()));
        rig.time.pass(DAY - AGEING).await;
        assert_eq!(rig.at_once(), Some(ok("t1")));
        rig.time.pass(2 * MINUTE).await;
        assert_eq!(rig.at_once(), Some(ok("t1")));
        rig.time.settle().await;
        assert_eq!(rig.at_once(), Some(ok("t3")), "{error:?}");
        assert_eq!(rig.ims.requests(), 3);
    }
}

/// T9: a refusal while the token lives is told to nobody before the token's true end.
#[tokio::test(start_paused = true)]
async fn a_refused_renewal_is_told_from_the_end_of_the_token_on() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(fail(refused()));
    rig.time.pass(DAY - AGEING).await;
    while rig.time.passed() < DAY - LAST_SECONDS {
        assert_eq!(rig.at_once(), Some(ok("t1")));
        rig.time.pass(SECOND).await;
    }
    let beside = rig.ims.efforts().split_off(1);
    assert!(beside.iter().all(|effort| *effort == Effort::OneAttempt));
    while rig.time.passed() < DAY {
        assert_eq!(rig.token().await, ok("t1"));
        rig.time.pass(SECOND).await;
    }
    assert_eq!(rig.token().await, Err(ErrorKind::Rejected));
    // Tries 1, 2, 4, 8 and 16 seconds apart, and a little more.
    assert_eq!(rig.ims.efforts().split_off(1 + beside.len()), [Effort::AllAttempts; 5]);
}

/// T9: in the last seconds callers wait for the flight, and get its token.
#[tokio::test(start_paused = true)]
async fn in_the_last_seconds_callers_wait_for_the_new_token() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(grant(DAY).after(SECOND));
    rig.time.pass(DAY - LAST_SECONDS).await;
    assert_eq!(rig.herd(100).await, vec![ok("t2"); 100]);
    assert_eq!(rig.ims.efforts(), [Effort::AllAttempts; 2]);
}

/// T9: a flight that fails after the token's end gives the failure, not the token.
#[tokio::test(start_paused = true)]
async fn a_token_that_ends_during_the_last_flight_is_not_handed_out() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(fail(refused()).after(SECOND));
    rig.time.pass(DAY - SECOND).await;
    assert_eq!(rig.herd(10).await, vec![Err(ErrorKind::Rejected); 10]);
    assert_eq!((rig.ims.requests(), rig.time.passed()), (2, DAY));
}

/// T17: a token that lives a second is served and renewed, never in a tight loop.
#[tokio::test(start_paused = true)]
async fn a_very_short_life_is_no_tight_loop() {
    let rig = Rig::holding(SECOND).await;
    rig.ims.always(grant(SECOND));
    for _ in 0..1000 {
        assert!(rig.at_once().is_some_and(|seen| seen.is_ok()));
        rig.time.pass(Duration::from_millis(10)).await;
    }
    assert_eq!(rig.ims.requests(), 15);
}

/// T18: a token that has already ended is an error, and remembered as one.
#[tokio::test(start_paused = true)]
async fn a_token_handed_out_spent_is_no_tight_loop() {
    let rig = Rig::cold();
    rig.ims.always(grant(Duration::ZERO));
    for _ in 0..1000 {
        assert_eq!(rig.token().await, Err(ErrorKind::Expired));
        rig.time.pass(Duration::from_millis(10)).await;
    }
    assert_eq!(rig.ims.requests(), 4);
}

/// T18: it does not displace a good one.
#[tokio::test(start_paused = true)]
async fn a_token_handed_out_spent_does_not_displace_a_good_one() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(grant(Duration::ZERO));
    rig.time.pass(DAY - AGEING).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    assert_eq!(rig.ims.requests(), 2);
}

/// T19: clients that started together renew over at least five minutes, none of them late.
#[tokio::test(start_paused = true)]
async fn many_clients_do_not_renew_at_the_same_moment() {
    let time = Time::start();
    let mut draws = fastrand::Rng::with_seed(19);
    let clients: Vec<_> =
        (0..100).map(|_| Rig::new(time.clone(), Settings { jitter: draws.f64(), ..SETTINGS })).collect();
    for client in &clients {
        assert_eq!(client.token().await, ok("t1"));
    }
    time.pass(DAY - AGEING - SECOND).await;
    assert!(clients.iter().all(|client| client.at_once() == Some(ok("t1"))));
    time.settle().await;
    assert!(clients.iter().all(|client| client.ims.requests() == 1));
    for _ in 0..363 {
        clients.iter().for_each(|client| assert!(client.at_once().is_some_and(|seen| seen.is_ok())));
        time.pass(SECOND).await;
    }
    let mut renewals: Vec<_> = clients.iter().map(|client| client.ims.flights()[1].at).collect();
    renewals.sort();
    assert!(renewals[99] - renewals[0] >= 5 * MINUTE, "{renewals:?}");
    assert!(renewals[99] <= DAY - AGEING.mul_f64(0.9) + 2 * SECOND, "{renewals:?}");
    assert!(clients.iter().all(|client| client.ims.requests() == 2));
}

/// A token does not age before the last third of its life, however early the settings want it renewed.
#[tokio::test(start_paused = true)]
async fn a_token_ages_in_the_last_third_of_its_life_at_most() {
    let rig = Rig::new(Time::start(), Settings { refresh_before: Duration::MAX, ..SETTINGS });
    rig.ims.always(grant(9 * HOUR));
    assert_eq!(rig.token().await, ok("t1"));
    rig.time.pass(6 * HOUR - 2 * MILLISECOND).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 1);
    rig.time.settle().await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 2);
}

/// Settings that want no early renewal get none: the token is served until its end.
#[tokio::test(start_paused = true)]
async fn without_early_renewal_a_token_is_served_until_its_end() {
    let rig = Rig::new(Time::start(), Settings { refresh_before: Duration::ZERO, ..SETTINGS });
    assert_eq!(rig.token().await, ok("t1"));
    rig.time.pass(DAY - MILLISECOND).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 1);
    assert_eq!(rig.token().await, ok("t2"));
}

/// The last seconds of a short life are a tenth of it.
#[tokio::test(start_paused = true)]
async fn the_last_seconds_of_a_short_life_are_a_tenth_of_it() {
    let rig = Rig::holding(MINUTE).await;
    rig.ims.always(hang());
    rig.time.pass(Duration::from_millis(53_990)).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.pass(Duration::from_millis(20)).await;
    assert_eq!(rig.at_once(), None);
    assert_eq!(rig.ims.requests(), 2);
}

// Clocks.

/// T11: after the wall clock jumped a day ahead the token counts as ended; one exchange.
#[tokio::test(start_paused = true)]
async fn a_wall_clock_set_forward_costs_one_exchange() {
    let rig = Rig::holding(DAY).await;
    rig.time.jumps.set(rig.time.jumps.now() + DAY);
    assert_eq!(rig.at_once(), None);
    assert_eq!(rig.herd(10).await, vec![ok("t2"); 10]);
    assert_eq!(rig.at_once(), Some(ok("t2")));
    assert_eq!(rig.ims.requests(), 2);
}

/// T12: after the wall clock jumped a day back the token still ends in time, and ages in time.
#[tokio::test(start_paused = true)]
async fn a_wall_clock_set_back_does_not_keep_a_token_past_its_end() {
    let rig = Rig::holding(DAY).await;
    rig.time.jumps.set(rig.time.jumps.now() - DAY);
    rig.ims.always(fail(refused()));
    rig.time.pass(DAY - AGEING).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 2);
    rig.time.pass(AGEING - 2 * MILLISECOND).await;
    assert_eq!(rig.token().await, ok("t1"));
    rig.time.settle().await;
    assert_eq!(rig.token().await, Err(ErrorKind::Rejected));
    assert_eq!(rig.ims.requests(), 3);
}

/// T13: a machine that slept 25 hours, its monotonic clock with it, asks once.
#[tokio::test(start_paused = true)]
async fn a_suspended_machine_does_not_keep_a_token_past_its_end() {
    let rig = Rig::holding(DAY).await;
    rig.time.jumps.suspend(25 * HOUR);
    assert_eq!(rig.at_once(), None);
    assert_eq!(rig.herd(10).await, vec![ok("t2"); 10]);
    assert_eq!(rig.ims.requests(), 2);
}

/// T13: nor does it keep a failure that is long past.
#[tokio::test(start_paused = true)]
async fn a_suspended_machine_does_not_keep_a_failure_past_its_time() {
    let rig = Rig::cold();
    rig.ims.next(fail(throttled(HOUR)));
    assert_eq!(rig.token().await, Err(ErrorKind::Throttled));
    rig.time.jumps.suspend(8 * HOUR);
    assert_eq!(rig.token().await, ok("t2"));
}

/// T14: a clock before 1970 is no panic: a token is served by the other clock, an error stays an error.
#[tokio::test(start_paused = true)]
async fn a_clock_before_1970_does_not_panic() {
    let rig = Rig::holding(DAY).await;
    rig.time.jumps.set(SystemTime::UNIX_EPOCH - 10 * DAY);
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.ims.always(fail(Failure::TimeOutOfRange));
    rig.time.pass(DAY).await;
    assert_eq!(rig.token().await, Err(ErrorKind::Usage));
    assert_eq!(rig.at_once(), Some(Err(ErrorKind::Usage)));
    assert_eq!(rig.ims.requests(), 2);
}

/// T14: nor is a clock that goes to the end of what can be counted.
#[tokio::test(start_paused = true)]
async fn a_clock_at_the_end_of_time_does_not_panic() {
    let rig = Rig::holding(DAY).await;
    let mut step = Duration::MAX;
    while step > SECOND {
        rig.time.jumps.set(rig.time.jumps.now().checked_add(step).unwrap_or(rig.time.jumps.now()));
        step /= 2;
    }
    rig.time.jumps.set(rig.time.jumps.now() - MINUTE);
    assert_eq!(rig.token().await, Err(ErrorKind::Usage));
    assert_eq!(rig.at_once(), Some(Err(ErrorKind::Usage)));
    assert_eq!(rig.ims.requests(), 2);
}

// Callers that come and go.

/// R1: the flight goes on when the caller that started it is dropped.
#[tokio::test(start_paused = true)]
async fn a_dropped_starter_does_not_end_the_flight() {
    let rig = Rig::cold();
    rig.ims.always(grant(DAY).after(SECOND));
    let starter = tokio::spawn({
        let rig = rig.clone();
        async move { rig.token().await }
    });
    rig.time.settle().await;
    let others = tokio::spawn({
        let rig = rig.clone();
        async move { rig.herd(9).await }
    });
    rig.time.settle().await;
    starter.abort();
    assert!(starter.await.unwrap_err().is_cancelled());
    assert_eq!(others.await.unwrap(), vec![ok("t1"); 9]);
    assert_eq!((rig.ims.requests(), rig.ims.cut()), (1, 0));
}

/// R2: it goes on when nobody waits any more, and the next caller finds its token.
#[tokio::test(start_paused = true)]
async fn a_flight_without_waiters_still_lands() {
    let rig = Rig::cold();
    rig.ims.always(grant(DAY).after(SECOND));
    for _ in 0..10 {
        assert_eq!(rig.at_once(), None);
    }
    rig.time.pass(SECOND + MILLISECOND).await;
    rig.ims.always(hang());
    assert_eq!(rig.at_once(), Some(ok("t1")));
    assert_eq!((rig.ims.requests(), rig.ims.cut()), (1, 0));
}

/// R3: callers who give up after a millisecond get their token in the end.
#[tokio::test(start_paused = true)]
async fn callers_with_tiny_limits_get_their_token_in_the_end() {
    let rig = Rig::cold();
    rig.ims.always(grant(DAY).after(2 * SECOND));
    for _ in 0..1000 {
        assert!(timeout(MILLISECOND, rig.token()).await.is_err());
        rig.time.pass(MILLISECOND).await;
    }
    assert_eq!(timeout(MILLISECOND, rig.token()).await.unwrap(), ok("t1"));
    assert_eq!(rig.ims.requests(), 1);
}

/// R4: a panic in a task that waits harms nobody else.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_waiting_task_harms_nobody() {
    let rig = Rig::cold();
    rig.ims.always(grant(DAY).after(SECOND));
    let task = tokio::spawn({
        let rig = rig.clone();
        async move {
            assert!(timeout(MILLISECOND, rig.token()).await.is_ok(), "a waiter that panics");
        }
    });
    let other = rig.token().await;
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(other, ok("t1"));
    assert_eq!(rig.at_once(), Some(ok("t1")));
    assert_eq!(rig.ims.requests(), 1);
}

/// R4: a flight that panics is replaced by another.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_flight_costs_one_more_flight() {
    let rig = Rig::cold();
    rig.ims.next(panicking());
    assert_eq!(rig.herd(10).await, vec![ok("t2"); 10]);
    assert_eq!(rig.ims.requests(), 2);
}

/// Flights that all end untimely are not replaced for ever.
#[tokio::test(start_paused = true)]
async fn flights_that_all_panic_end_the_call() {
    let rig = Rig::cold();
    rig.ims.always(panicking());
    assert_eq!(rig.token().await, Err(ErrorKind::Usage));
    assert_eq!(rig.ims.requests(), 3);
    rig.ims.always(grant(DAY));
    assert_eq!(rig.token().await, ok("t4"));
}

/// R4: what listens to the crate's events may panic; the token is renewed all the same, later.
#[tokio::test(start_paused = true)]
async fn a_panic_of_whoever_listens_to_events_does_not_end_the_renewals() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(fail(refused()));
    rig.time.pass(DAY - AGEING).await;
    {
        let _listening =
            events::listen(|event| assert!(event.target != "adobe_ims::cache", "a subscriber that panics"));
        assert_eq!(rig.at_once(), Some(ok("t1")));
        rig.time.settle().await;
    }
    rig.ims.always(grant(DAY));
    rig.time.pass(2 * MINUTE).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.at_once(), Some(ok("t3")));
}

// Runtimes.

/// R5: making a cache starts nothing; a flight is the only task there ever is, and it ends.
#[tokio::test(start_paused = true)]
async fn a_flight_is_the_only_task() {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let rig = Rig::cold();
    let _unpolled = rig.cache.keep_fresh();
    rig.ims.always(hang());
    assert_eq!(tasks(), 0);
    assert_eq!(rig.at_once(), None);
    assert_eq!(tasks(), 1);
    rig.time.pass(LIMITS.call + MILLISECOND).await;
    assert_eq!(tasks(), 0);
    rig.time.pass(DAY).await;
    assert_eq!((tasks(), rig.ims.requests()), (0, LIMITS.attempts));
}

/// R5: without a runtime a token is served until its end, and all else is an error of usage.
#[test]
fn without_a_runtime_a_good_token_is_served_and_nothing_else() {
    let rig = Rig::cold();
    assert_eq!(rig.at_once(), Some(Err(ErrorKind::Usage)));
    assert_eq!(at_once(rig.token_valid_for(HOUR)), Some(Err(ErrorKind::Usage)));
    assert_eq!(paused().block_on(rig.token()), ok("t1"));

    assert_eq!(rig.at_once(), Some(ok("t1")));
    assert_eq!(at_once(rig.token_valid_for(HOUR)), Some(ok("t1")));
    rig.time.jumps.advance(DAY - HOUR / 2);
    assert_eq!(rig.at_once(), Some(ok("t1")));
    assert_eq!(at_once(rig.token_valid_for(HOUR)), Some(Err(ErrorKind::Usage)));
    rig.time.jumps.advance(HOUR / 2);
    assert_eq!(rig.at_once(), Some(Err(ErrorKind::Usage)));
    assert_eq!(rig.ims.requests(), 1);
}

/// R6: when the runtime that flies is dropped, a waiter in another one starts a flight of its own.
#[test]
fn a_waiter_survives_the_runtime_that_flew() {
    let (rig, other) = (Rig::cold(), paused());
    rig.ims.next(hang());
    let gone = paused();
    gone.block_on(async {
        assert_eq!(rig.at_once(), None);
        rig.time.settle().await;
    });
    let waiter = other.spawn({
        let rig = rig.clone();
        async move { rig.token().await }
    });
    other.block_on(rig.time.settle());
    drop(gone);
    assert_eq!(other.block_on(waiter).unwrap(), ok("t2"));
    assert_eq!((rig.ims.requests(), rig.ims.cut()), (2, 1));
}

/// R6: what a dropped runtime left behind holds nobody up.
#[test]
fn a_dropped_runtime_leaves_nothing_to_wait_for() {
    let rig = Rig::cold();
    for number in 1..=300 {
        rig.ims.next(hang());
        paused().block_on(async {
            assert_eq!(rig.at_once(), None);
            rig.time.settle().await;
        });
        rig.ims.next(grant(DAY));
        assert_eq!(paused().block_on(rig.token()), ok(&format!("t{}", 2 * number)));
        rig.time.jumps.advance(DAY);
    }
    assert_eq!(rig.ims.requests(), 600);
}

/// R6: a flight on a runtime that nobody drives costs the waiter its own limit, and the next caller nothing.
#[test]
fn a_flight_that_is_not_driven_costs_one_call() {
    let (rig, idle, other) = (Rig::cold(), paused(), paused());
    idle.block_on(async { assert_eq!(rig.at_once(), None) });
    other.block_on(async {
        let start = Time::start();
        let error = rig.cache.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.is_transient());
        assert!((LIMITS.call..LIMITS.call + SECOND).contains(&start.passed()), "{:?}", start.passed());
        assert_eq!(rig.token().await, ok("t1"));
        assert_eq!(rig.ims.requests(), 1);
    });
}

/// R6: waiters who give such a flight up after one another give up that one, not the next.
#[test]
fn a_flight_given_up_twice_takes_no_other_with_it() {
    let (rig, idle, other) = (Rig::cold(), paused(), paused());
    idle.block_on(async { assert_eq!(rig.at_once(), None) });
    other.block_on(async {
        let early = tokio::spawn({
            let rig = rig.clone();
            async move { rig.token().await }
        });
        rig.time.pass(5 * SECOND).await;
        let late = tokio::spawn({
            let rig = rig.clone();
            async move { rig.token().await }
        });
        assert_eq!(early.await.unwrap(), Err(ErrorKind::Timeout));
        rig.ims.always(grant(DAY).after(9 * SECOND));
        let next = tokio::spawn({
            let rig = rig.clone();
            async move { rig.token().await }
        });
        assert_eq!(late.await.unwrap(), Err(ErrorKind::Timeout));
        assert_eq!(rig.token().await, ok("t1"));
        assert_eq!(next.await.unwrap(), ok("t1"));
        assert_eq!(rig.ims.requests(), 1);
    });
}

/// R6: what a flight brings after it was given up is taken, but displaces nothing newer: neither a token nor a failure does.
#[test]
fn a_flight_that_lands_late_displaces_nothing_newer() {
    for late in [grant(2 * DAY), fail(throttled(HOUR))] {
        let (rig, idle, other) = (Rig::cold(), paused(), paused());
        rig.ims.next(late.after(SECOND));
        idle.block_on(async {
            assert_eq!(rig.at_once(), None);
            rig.time.settle().await;
        });
        other.block_on(async {
            assert_eq!(rig.token().await, Err(ErrorKind::Timeout));
            assert_eq!(rig.token().await, ok("t2"));
        });
        idle.block_on(rig.time.pass(MINUTE));
        other.block_on(async {
            assert_eq!(rig.at_once(), Some(ok("t2")));
            rig.cache.forget(&rig.cache.token().await.unwrap());
            assert_eq!(rig.token().await, ok("t3"));
        });
    }
}

/// R6: a late token is better than none.
#[test]
fn a_flight_that_lands_late_is_taken_where_there_is_nothing_newer() {
    let (rig, idle, other) = (Rig::cold(), paused(), paused());
    idle.block_on(async { assert_eq!(rig.at_once(), None) });
    other.block_on(async { assert_eq!(rig.token().await, Err(ErrorKind::Timeout)) });
    idle.block_on(rig.time.settle());
    other.block_on(async { assert_eq!(rig.at_once(), Some(ok("t1"))) });
    assert_eq!(rig.ims.requests(), 1);
}

/// R6: a late landing does not take away the flight that is under way by then.
#[test]
fn a_flight_that_lands_late_leaves_the_next_one_in_the_air() {
    let (rig, idle, other) = (Rig::cold(), paused(), paused());
    rig.ims.next(fail(refused()).after(SECOND));
    idle.block_on(async {
        assert_eq!(rig.at_once(), None);
        rig.time.settle().await;
    });
    other.block_on(async {
        assert_eq!(rig.token().await, Err(ErrorKind::Timeout));
        rig.ims.always(grant(DAY).after(SECOND));
        assert_eq!(rig.at_once(), None);
        rig.time.settle().await;
    });
    idle.block_on(rig.time.pass(MINUTE));
    other.block_on(async {
        assert_eq!(rig.herd(10).await, vec![ok("t2"); 10]);
        assert_eq!(rig.ims.requests(), 2);
    });
}

/// R9: the last client dropped ends the request under way; one of several does not.
#[tokio::test(start_paused = true)]
async fn the_last_client_dropped_ends_the_request() {
    let rig = Rig::cold();
    rig.ims.always(hang());
    assert_eq!(rig.at_once(), None);
    rig.time.settle().await;
    let ims = rig.ims.clone();
    drop(rig.clone());
    tokio::task::yield_now().await;
    assert_eq!((ims.in_flight(), ims.cut()), (1, 0));
    let time = rig.time.clone();
    drop(rig);
    time.settle().await;
    assert_eq!((ims.in_flight(), ims.cut(), ims.requests()), (0, 1, 1));
    assert!(!ims.is_held());
}

// Failures.

/// B7: a told wait holds for everybody, and all are told how long IMS asked for.
#[tokio::test(start_paused = true)]
async fn a_told_wait_is_kept_by_all_callers() {
    let rig = Rig::cold();
    rig.ims.next(fail(throttled(2 * MINUTE)));
    for _ in 0..100 {
        let error = rig.cache.token().await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Throttled, Some(2 * MINUTE)));
    }
    rig.time.pass(2 * MINUTE - MILLISECOND).await;
    assert_eq!(rig.herd(100).await, vec![Err(ErrorKind::Throttled); 100]);
    assert_eq!(rig.ims.requests(), 1);
    rig.time.pass(MILLISECOND).await;
    assert_eq!(rig.token().await, ok("t2"));
}

/// B7: also by those who ask at the end of a token whose renewal was told to wait.
#[tokio::test(start_paused = true)]
async fn a_wait_told_to_a_renewal_is_kept_when_the_token_has_ended() {
    let rig = Rig::holding(DAY).await;
    rig.ims.next(fail(throttled(HOUR)));
    rig.time.pass(DAY - HOUR / 2).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.pass(HOUR / 2 - MILLISECOND).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.pass(HOUR / 2).await;
    assert_eq!(rig.at_once(), Some(Err(ErrorKind::Throttled)));
    assert_eq!(rig.ims.requests(), 2);
    rig.time.pass(MILLISECOND).await;
    assert_eq!(rig.token().await, ok("t3"));
}

/// B7: also where it is shorter than our own pause.
#[tokio::test(start_paused = true)]
async fn a_told_wait_shorter_than_the_pause_of_a_renewal_is_kept() {
    let rig = Rig::holding(DAY).await;
    rig.ims.next(fail(throttled(20 * SECOND)));
    rig.time.pass(DAY - AGEING).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    rig.cache.forget(&rig.cache.token().await.unwrap());
    rig.time.pass(19 * SECOND).await;
    assert_eq!(rig.at_once(), Some(Err(ErrorKind::Throttled)));
    rig.time.pass(SECOND).await;
    assert_eq!(rig.token().await, ok("t3"));
    assert_eq!(rig.ims.requests(), 3);
}

/// B7: a told wait shorter than our own pause does not shorten it.
#[tokio::test(start_paused = true)]
async fn a_told_wait_does_not_shorten_the_pause_of_a_renewal() {
    let rig = Rig::holding(DAY).await;
    rig.ims.next(fail(throttled(20 * SECOND)));
    rig.time.pass(DAY - AGEING).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.pass(MINUTE - MILLISECOND).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 2);
}

/// B13: a thousand callers in an outage of a minute: few flights, each with all its attempts.
#[tokio::test(start_paused = true)]
async fn a_thousand_callers_in_an_outage_make_few_requests() {
    let rig = Rig::cold();
    rig.ims.always(fail(unavailable()));
    let callers: Vec<_> = (0..1000)
        .map(|_| rig.clone())
        .map(|rig| async move {
            while rig.time.passed() < MINUTE {
                assert_eq!(rig.token().await, Err(ErrorKind::Server));
                rig.time.pass(SECOND).await;
            }
        })
        .map(tokio::spawn)
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!((rig.ims.requests(), rig.ims.flights().len()), (18, 6));
}

/// B13: the same when IMS hangs: the flight's own failure is told and remembered, no waiter runs ahead of it.
#[tokio::test(start_paused = true)]
async fn a_thousand_callers_of_an_ims_that_hangs_make_few_requests() {
    let rig = Rig::cold();
    rig.ims.always(hang());
    let callers: Vec<_> = (0..1000)
        .map(|_| rig.clone())
        .map(|rig| async move {
            assert_eq!(rig.token().await, Err(ErrorKind::Timeout));
            assert_eq!(rig.time.passed(), LIMITS.call);
            assert_eq!(rig.at_once(), Some(Err(ErrorKind::Timeout)));
        })
        .map(tokio::spawn)
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!((rig.ims.requests(), rig.ims.flights().len()), (LIMITS.attempts, 1));
}

/// A success ends the memory of failures: the next one begins with the shortest pause again.
#[tokio::test(start_paused = true)]
async fn a_token_ends_the_memory_of_failures() {
    let rig = Rig::cold();
    for pause in [SECOND, 2 * SECOND, 4 * SECOND] {
        rig.ims.next(fail(refused()));
        assert_eq!(rig.token().await, Err(ErrorKind::Rejected));
        rig.time.pass(pause - MILLISECOND).await;
        assert_eq!(rig.at_once(), Some(Err(ErrorKind::Rejected)));
        rig.time.pass(pause.mul_f64(0.1) + 2 * MILLISECOND).await;
    }
    assert_eq!(rig.token().await, ok("t4"));
    rig.time.pass(DAY).await;
    rig.ims.next(fail(refused()));
    assert_eq!(rig.token().await, Err(ErrorKind::Rejected));
    rig.time.pass(SECOND.mul_f64(1.1) + 2 * MILLISECOND).await;
    assert_eq!(rig.token().await, ok("t6"));
}

/// The pauses of one regime do not count in the other: the first failure without a token is followed by a short one.
#[tokio::test(start_paused = true)]
async fn failures_of_renewals_do_not_lengthen_the_pauses_of_those_who_wait() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(fail(refused()));
    rig.time.pass(DAY - AGEING).await;
    for _ in 0..4 {
        assert_eq!(rig.at_once(), Some(ok("t1")));
        rig.time.pass(6 * MINUTE).await;
    }
    rig.time.pass(AGEING - 24 * MINUTE).await;
    assert_eq!(rig.ims.requests(), 5);
    assert_eq!(rig.token().await, Err(ErrorKind::Rejected));
    rig.ims.always(grant(DAY));
    rig.time.pass(SECOND.mul_f64(1.1) + 2 * MILLISECOND).await;
    assert_eq!(rig.token().await, ok("t7"));
}

/// A failed renewal is told as a warning: what failed, how long the token is good, when the next try is. No ids, no secrets.
#[tokio::test(start_paused = true)]
async fn a_failed_renewal_is_told_as_a_warning() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(fail(throttled(2 * HOUR)));
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let _listening = events::listen({
        let told = Arc::clone(&told);
        move |event| told.lock().unwrap().push(event)
    });
    rig.time.pass(DAY - AGEING).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    rig.time.pass(DAY).await;
    assert_eq!(rig.token().await, Err(ErrorKind::Throttled));

    let told = told.lock().unwrap();
    let warnings: Vec<_> = told.iter().filter(|event| event.target == "adobe_ims::cache").collect();
    assert_eq!(warnings.len(), 1, "without a token the caller is told: {warnings:?}");
    let names: Vec<_> = warnings[0].fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(warnings[0].level, tracing::Level::WARN);
    assert_eq!(names, ["message", "kind", "code", "debug_id", "time_left", "next_try"]);
    let values: Vec<_> = warnings[0].fields.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values[1..], ["Throttled", "\"a_code\"", "\"a-debug-id\"", "3600s", "7200s"]);
}

// `token_valid_for`.

/// A token that lives long enough is served at once.
#[tokio::test(start_paused = true)]
async fn a_token_that_lives_long_enough_is_served_at_once() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(hang());
    rig.time.pass(12 * HOUR).await;
    assert_eq!(at_once(rig.token_valid_for(12 * HOUR)), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 1);
    assert_eq!(at_once(rig.token_valid_for(12 * HOUR)), None);
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 2);
}

/// One that does not is replaced by one flight, for any number of callers, and for those of `token` as well.
#[tokio::test(start_paused = true)]
async fn a_token_that_ends_too_early_is_replaced_by_one_flight() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(grant(DAY).after(SECOND));
    rig.time.pass(12 * HOUR).await;
    let callers: Vec<_> = (0..100)
        .map(|_| rig.clone())
        .map(|rig| async move { rig.token_valid_for(20 * HOUR).await })
        .map(tokio::spawn)
        .collect();
    rig.time.settle().await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    for caller in callers {
        assert_eq!(caller.await.unwrap(), ok("t2"));
    }
    assert_eq!(rig.at_once(), Some(ok("t2")));
    assert_eq!(rig.ims.efforts(), [Effort::AllAttempts; 2]);
}

/// An ageing token that lives long enough is served at once, and renewed beside.
#[tokio::test(start_paused = true)]
async fn an_ageing_token_that_lives_long_enough_is_renewed_beside() {
    let rig = Rig::holding(DAY).await;
    rig.time.pass(DAY - AGEING).await;
    assert_eq!(at_once(rig.token_valid_for(HOUR / 2)), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(at_once(rig.token_valid_for(HOUR / 2)), Some(ok("t2")));
    assert_eq!(rig.ims.efforts(), [Effort::AllAttempts, Effort::OneAttempt]);
}

/// A renewal under way is joined.
#[tokio::test(start_paused = true)]
async fn a_caller_with_a_need_joins_the_renewal_under_way() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(grant(DAY).after(SECOND));
    rig.time.pass(DAY - AGEING).await;
    assert_eq!(rig.at_once(), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.token_valid_for(2 * HOUR).await, ok("t2"));
    assert_eq!(rig.ims.requests(), 2);
}

/// Where no token ever lives that long, the one there is is handed out and not asked for again.
#[tokio::test(start_paused = true)]
async fn a_life_that_is_never_long_enough_is_asked_for_once() {
    let rig = Rig::cold();
    rig.ims.always(grant(HOUR));
    assert_eq!(rig.token_valid_for(2 * HOUR).await, ok("t1"));
    for least in [2 * HOUR, HOUR + MILLISECOND, Duration::MAX] {
        assert_eq!(at_once(rig.token_valid_for(least)), Some(ok("t1")));
    }
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 1);
}

/// A life exactly as long as asked for is long enough, while it is new.
#[tokio::test(start_paused = true)]
async fn a_life_as_long_as_asked_for_is_long_enough() {
    let rig = Rig::holding(HOUR).await;
    rig.ims.always(grant(HOUR));
    assert_eq!(at_once(rig.token_valid_for(HOUR)), Some(ok("t1")));
    rig.time.settle().await;
    assert_eq!(rig.token_valid_for(HOUR).await, ok("t2"));
    assert_eq!(rig.ims.requests(), 2);
}

/// At most one flight a call, also where IMS hands out less than it did before.
#[tokio::test(start_paused = true)]
async fn a_call_makes_one_flight_at_most() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(grant(HOUR));
    rig.time.pass(12 * HOUR).await;
    assert_eq!(rig.token_valid_for(20 * HOUR).await, ok("t2"));
    assert_eq!(at_once(rig.token_valid_for(20 * HOUR)), Some(ok("t2")));
    rig.time.settle().await;
    assert_eq!(rig.ims.requests(), 2);
}

/// When the flight fails, the caller with a need is told; the others keep their token.
#[tokio::test(start_paused = true)]
async fn a_failure_is_told_to_those_whose_need_is_not_met() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(fail(unavailable()));
    rig.time.pass(12 * HOUR).await;
    assert_eq!(rig.token_valid_for(20 * HOUR).await, Err(ErrorKind::Server));
    assert_eq!(rig.at_once(), Some(ok("t1")));
    assert_eq!(rig.ims.requests(), 1 + LIMITS.attempts);
}

/// B13: their failure is remembered too.
#[tokio::test(start_paused = true)]
async fn a_failure_of_those_with_a_need_is_remembered() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(fail(refused()));
    rig.time.pass(12 * HOUR).await;
    for _ in 0..100 {
        assert_eq!(rig.token_valid_for(20 * HOUR).await, Err(ErrorKind::Rejected));
    }
    assert_eq!(rig.ims.requests(), 2);
    rig.ims.always(grant(DAY));
    rig.time.pass(MINUTE.mul_f64(1.1)).await;
    assert_eq!(rig.token_valid_for(20 * HOUR).await, ok("t3"));
}

/// T9: in the last seconds a token that lives long enough is better than a failure.
#[tokio::test(start_paused = true)]
async fn in_the_last_seconds_a_small_need_is_still_met() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(fail(refused()));
    rig.time.pass(DAY - 20 * SECOND).await;
    assert_eq!(rig.token_valid_for(10 * SECOND).await, ok("t1"));
    assert_eq!(rig.token_valid_for(10 * SECOND).await, ok("t1"));
    assert_eq!(rig.token_valid_for(21 * SECOND).await, Err(ErrorKind::Rejected));
    assert_eq!(rig.ims.requests(), 2);
}

// `forget`.

/// T10: forgetting the current token makes the next call ask.
#[tokio::test(start_paused = true)]
async fn a_forgotten_token_is_asked_for_anew() {
    let rig = Rig::holding(DAY).await;
    rig.cache.forget(&rig.cache.token().await.unwrap());
    assert_eq!(rig.ims.requests(), 1);
    assert_eq!(rig.herd(100).await, vec![ok("t2"); 100]);
    assert_eq!(rig.ims.requests(), 2);
}

/// T10: many who forget the token they were refused with cost one request, however late they are.
#[tokio::test(start_paused = true)]
async fn a_stale_forget_costs_nothing() {
    let rig = Rig::holding(DAY).await;
    let refused = rig.cache.token().await.unwrap();
    for _ in 0..100 {
        rig.cache.forget(&refused);
        assert_eq!(rig.token().await, ok("t2"));
    }
    assert_eq!(rig.ims.requests(), 2);
}

/// T10: it is the very token that counts, not its text.
#[tokio::test(start_paused = true)]
async fn a_token_is_forgotten_by_identity() {
    let rig = Rig::holding(DAY).await;
    let lookalike = Token::for_tests_with_clock("t1", DAY, rig.time.clone()).unwrap();
    rig.cache.forget(&lookalike);
    assert_eq!(rig.at_once(), Some(ok("t1")));
    assert_eq!(rig.ims.requests(), 1);
}

/// A forgotten token is kept nowhere: neither its slot nor its flight holds it back from being wiped.
#[tokio::test(start_paused = true)]
async fn a_forgotten_token_is_kept_nowhere() {
    let rig = Rig::cold();
    let before = rig.time.holders();
    let token = rig.cache.token().await.unwrap();
    assert_eq!(rig.time.holders(), before + 1);
    rig.cache.forget(&token);
    drop(token);
    assert_eq!(rig.time.holders(), before);
    assert_eq!(rig.ims.requests(), 1);
}

/// T10: what a renewal brings that was under way when its predecessor was forgotten is used.
#[tokio::test(start_paused = true)]
async fn a_renewal_under_way_serves_those_who_forgot() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(grant(DAY).after(SECOND));
    rig.time.pass(DAY - AGEING).await;
    let old = rig.cache.token().await.unwrap();
    rig.time.settle().await;
    rig.cache.forget(&old);
    assert_eq!(rig.herd(10).await, vec![ok("t2"); 10]);
    rig.cache.forget(&old);
    assert_eq!(rig.at_once(), Some(ok("t2")));
    assert_eq!(rig.ims.requests(), 2);
}

/// After failed renewals the call that follows a `forget` asks at once, unless IMS told to wait.
#[tokio::test(start_paused = true)]
async fn failed_renewals_do_not_hold_up_those_who_forgot() {
    let rig = Rig::holding(DAY).await;
    rig.ims.next(fail(refused()));
    rig.time.pass(DAY - AGEING).await;
    let token = rig.cache.token().await.unwrap();
    rig.time.settle().await;
    rig.cache.forget(&token);
    assert_eq!(rig.token().await, ok("t3"));

    rig.ims.next(fail(throttled(2 * MINUTE)));
    rig.time.pass(DAY - AGEING).await;
    let token = rig.cache.token().await.unwrap();
    rig.time.settle().await;
    rig.cache.forget(&token);
    assert_eq!(rig.token().await, Err(ErrorKind::Throttled));
    assert_eq!(rig.ims.requests(), 4);
}

// `keep_fresh`.

/// Without a single caller the token is renewed when it is due, and never runs out.
#[tokio::test(start_paused = true)]
async fn keep_fresh_renews_without_callers() {
    let rig = Rig::cold();
    let task = tokio::spawn(rig.cache.keep_fresh());
    rig.time.settle().await;
    for hour in 1..=72 {
        assert!(rig.cache.is_fresh(), "not fresh at hour {hour}");
        rig.time.pass(HOUR).await;
    }
    let starts: Vec<_> = rig.ims.flights().iter().map(|flown| flown.at.as_secs()).collect();
    assert_eq!(starts, [0, 82_800, 165_600, 248_400]);
    assert!(!task.is_finished());
}

/// It ends when the last client is dropped while it sleeps, and holds nothing back by then.
#[tokio::test(start_paused = true)]
async fn keep_fresh_ends_with_the_last_client() {
    let rig = Rig::cold();
    let task = tokio::spawn(rig.cache.keep_fresh());
    rig.time.pass(HOUR).await;
    let (ims, time) = (rig.ims.clone(), rig.time.clone());
    let start = time.passed();
    drop(rig);
    task.await.unwrap();
    assert_eq!(time.passed(), start);
    assert!(!ims.is_held());
    assert_eq!(ims.requests(), 1);
}

/// It ends in the middle of a flight too, which is cut, and starts no other.
#[tokio::test(start_paused = true)]
async fn keep_fresh_ends_with_the_last_client_in_the_middle_of_a_flight() {
    let rig = Rig::cold();
    rig.ims.always(hang());
    let task = tokio::spawn(rig.cache.keep_fresh());
    rig.time.settle().await;
    let (ims, time) = (rig.ims.clone(), rig.time.clone());
    let start = time.passed();
    drop(rig);
    task.await.unwrap();
    assert_eq!(time.passed(), start);
    assert!(!ims.is_held());
    assert_eq!((ims.flights().len(), ims.in_flight(), ims.cut()), (1, 0, 1));
}

/// It does not keep the client alive, polled or not.
#[tokio::test(start_paused = true)]
async fn keep_fresh_does_not_keep_the_client_alive() {
    let rig = Rig::cold();
    let unpolled = rig.cache.keep_fresh();
    let (ims, start) = (rig.ims.clone(), rig.time.passed());
    let time = rig.time.clone();
    drop(rig);
    assert!(!ims.is_held());
    unpolled.await;
    assert_eq!((ims.requests(), time.passed()), (0, start));
}

/// It does not while it sleeps either, polled or not.
#[tokio::test(start_paused = true)]
async fn keep_fresh_does_not_keep_the_client_alive_while_it_sleeps() {
    let rig = Rig::cold();
    let mut sleeping = pin!(rig.cache.keep_fresh());
    assert_eq!(at_once(sleeping.as_mut()), None);
    rig.time.settle().await;
    assert_eq!(at_once(sleeping.as_mut()), None);
    let ims = rig.ims.clone();
    drop(rig);
    assert!(!ims.is_held());
    assert_eq!(ims.requests(), 1);
}

/// It ends even while a flight that nobody drives still holds what it needs.
#[test]
fn keep_fresh_ends_whatever_flight_is_left_behind() {
    let (rig, idle, other) = (Rig::cold(), paused(), paused());
    idle.block_on(async { assert_eq!(rig.at_once(), None) });
    other.block_on(async {
        let task = tokio::spawn(rig.cache.keep_fresh());
        rig.time.pass(LIMITS.call + MINUTE).await;
        assert_eq!(rig.at_once(), Some(ok("t1")));
        let ims = rig.ims.clone();
        drop(rig);
        assert!(timeout(MILLISECOND, task).await.is_ok());
        assert_eq!(ims.requests(), 1);
    });
}

/// It survives failures, at the pace of the failure memory, and tries until it works.
#[tokio::test(start_paused = true)]
async fn keep_fresh_survives_failures() {
    let rig = Rig::cold();
    rig.ims.always(fail(refused()));
    let _task = tokio::spawn(rig.cache.keep_fresh());
    rig.time.pass(MINUTE).await;
    // After 0, 1, 3, 7, 15 and 31 seconds, and a little more.
    assert_eq!(rig.ims.requests(), 6);
    assert!(rig.ims.gaps()[0] < SECOND.mul_f64(1.15), "{:?}", rig.ims.gaps());
    rig.ims.always(grant(DAY));
    rig.time.pass(MINUTE).await;
    assert_eq!(rig.at_once(), Some(ok("t7")));

    rig.ims.always(fail(refused()));
    rig.time.pass(DAY - AGEING + 30 * MINUTE).await;
    let tries = rig.ims.requests() - 7;
    assert!((6..=8).contains(&tries), "{tries} tries in half an hour");
    assert_eq!(rig.at_once(), Some(ok("t7")));
}

/// It looks around at least once a minute, so that a clock set anew or a forgotten token is noticed.
#[tokio::test(start_paused = true)]
async fn keep_fresh_notices_a_suspended_machine_within_a_minute() {
    let rig = Rig::cold();
    let _task = tokio::spawn(rig.cache.keep_fresh());
    rig.time.settle().await;
    rig.time.jumps.suspend(25 * HOUR);
    rig.time.pass(MINUTE).await;
    assert_eq!(rig.at_once(), Some(ok("t2")));
    rig.cache.forget(&rig.cache.token().await.unwrap());
    rig.time.pass(MINUTE).await;
    assert_eq!(rig.at_once(), Some(ok("t3")));
    assert_eq!(rig.ims.requests(), 3);
}

/// While a renewal is in the air it looks a few times a second, and no more.
#[tokio::test(start_paused = true)]
async fn keep_fresh_starts_no_renewal_beside_another() {
    let rig = Rig::holding(DAY).await;
    rig.ims.always(grant(DAY).after(5 * SECOND));
    let _task = tokio::spawn(rig.cache.keep_fresh());
    rig.time.pass(DAY - AGEING + 6 * SECOND).await;
    assert_eq!(rig.at_once(), Some(ok("t2")));
    assert_eq!(rig.ims.requests(), 2);
}

/// Without a runtime it ends, and does not panic.
#[test]
fn keep_fresh_ends_without_a_runtime() {
    let rig = Rig::cold();
    assert_eq!(at_once(rig.cache.keep_fresh()), Some(()));
    assert_eq!(rig.ims.requests(), 0);
}

/// `Debug` shows the settings and nothing of a token.
#[tokio::test(start_paused = true)]
async fn debug_shows_no_token() {
    let rig = Rig::holding(DAY).await;
    let shown = format!("{:?}", rig.cache);
    assert!(shown.contains("refresh_before") && !shown.contains("t1"), "{shown}");
}

/// A paused runtime of its own.
fn paused() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
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
    let ways =
        [Interruption::Name, Interruption::Connect, Interruption::ProxyLost, Interruption::Tls, Interruption::Cut];
    let connection = |what| Failure::Connection { what, host: "ims".to_owned(), source: Cause::new("gone") };
    let others = [
        Failure::AttemptTimeout { host: "ims".to_owned(), limit: SECOND },
        Failure::Redirect { status: 307, target: "elsewhere".to_owned() },
        Failure::Unusable { problem: "it is HTML" },
        Failure::HandedOutExpired,
        Failure::KeyCannotSign,
    ];
    let mut failures: Vec<Error> = kinds.map(|kind| Failure::Scripted { kind }.into()).into();
    failures.extend(ways.map(connection).map(Error::from));
    failures.extend(others.map(Error::from));
    failures.extend([refused(), unavailable(), throttled(SECOND), throttled(30 * SECOND)]);
    failures
}

/// The crate's events, as whoever listens gets them.
mod events {
    use std::fmt::Debug;

    use tracing::field::{Field, Visit};
    use tracing::subscriber::DefaultGuard;
    use tracing::{Event, Level, Subscriber};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
    use tracing_subscriber::registry;

    #[derive(Debug)]
    pub(super) struct Told {
        pub(super) level: Level,
        pub(super) target: String,
        pub(super) fields: Vec<(String, String)>,
    }

    /// Listens on this thread until the guard is dropped.
    pub(super) fn listen(hear: impl Fn(Told) + Send + Sync + 'static) -> DefaultGuard {
        tracing::subscriber::set_default(registry().with(Ear(hear)))
    }

    struct Ear<F>(F);

    impl<S: Subscriber, F: Fn(Told) + 'static> Layer<S> for Ear<F> {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let metadata = event.metadata();
            let mut fields = Fields(Vec::new());
            event.record(&mut fields);
            (self.0)(Told { level: *metadata.level(), target: metadata.target().to_owned(), fields: fields.0 });
        }
    }

    struct Fields(Vec<(String, String)>);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0.push((field.name().to_owned(), format!("{value:?}")));
        }
    }
}
