//! From a new token to an expired one: served, refreshed in the background, waited for.

use std::time::Duration;

use super::harness::{CONFIG, DAY, HOUR, Harness, SECOND, Time, at_once, fail, grant, hang, ok, refused};
use super::{LAST_SECONDS, MILLISECOND, MINUTE, REFRESH_WINDOW};
use crate::cache::{CacheConfig, Refresh};
use crate::error::ErrorKind;

/// T1: a fresh token is served without a request.
#[tokio::test(start_paused = true)]
async fn a_fresh_token_is_served_at_once() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(hang());
    for _ in 0..10_000 {
        assert_eq!(harness.at_once(), Some(ok("t1")));
    }
    harness.time.pass(DAY - REFRESH_WINDOW - MILLISECOND).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 1);
}

/// T2: a token past its end is never served; one exchange, then the new one.
#[tokio::test(start_paused = true)]
async fn a_token_past_its_end_is_replaced_by_one_exchange() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(grant(DAY).after(SECOND));
    harness.time.pass(DAY).await;
    assert_eq!(harness.at_once(), None);
    assert_eq!(harness.token().await, ok("t2"));
    assert_eq!(harness.time.passed(), DAY + SECOND);
    assert_eq!(harness.at_once(), Some(ok("t2")));
    assert_eq!(harness.ims.refreshes(), [Refresh::Foreground, Refresh::Foreground]);
}

/// T3: while a token ages, every caller is served at once, and one renewal of one attempt runs beside them.
#[tokio::test(start_paused = true)]
async fn an_ageing_token_is_served_while_one_renewal_runs_beside() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(grant(DAY).after(SECOND));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    let start = harness.time.passed();
    assert_eq!(harness.concurrently(1000).await, vec![ok("t1"); 1000]);
    assert_eq!(harness.time.passed(), start);
    harness.time.pass(SECOND + MILLISECOND).await;
    assert_eq!(harness.at_once(), Some(ok("t2")));
    assert_eq!(harness.ims.refreshes(), [Refresh::Foreground, Refresh::Background]);
    assert_eq!(harness.ims.requests(), 2);
}

/// T3b: nobody waits while IMS hangs.
#[tokio::test(start_paused = true)]
async fn an_ageing_token_is_served_at_once_while_ims_hangs() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(hang());
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    for call in 0..10_000 {
        assert_eq!(harness.at_once(), Some(ok("t1")));
        if call % 100 == 0 {
            harness.time.settle().await;
        }
    }
    assert_eq!((harness.ims.requests(), harness.ims.in_flight()), (2, 1));
}

/// T6: any number of cold callers, one request.
#[tokio::test(start_paused = true)]
async fn any_number_of_cold_callers_make_one_request() {
    let harness = Harness::cold();
    harness.ims.always(grant(DAY).after(SECOND));
    assert_eq!(harness.concurrently(1000).await, vec![ok("t1"); 1000]);
    assert_eq!((harness.ims.requests(), harness.time.passed()), (1, SECOND));
}

/// T3: a caller who looked at the old token, while the new one came, asks for no third.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_has_just_landed_is_not_repeated() {
    let harness = Harness::holding(DAY).await;
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    harness.land_during_the_next_look();
    assert_eq!(at_once(harness.token_valid_for(Duration::ZERO)), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.at_once(), Some(ok("newer")));
    assert_eq!(harness.ims.requests(), 1);
}

/// T6: a caller who found no token, while one came, is served that one.
#[tokio::test(start_paused = true)]
async fn a_token_that_has_just_landed_is_served() {
    for harness in [Harness::cold(), Harness::holding(MINUTE).await] {
        harness.time.pass(MINUTE).await;
        let before = harness.ims.requests();
        harness.land_during_the_next_look();
        assert_eq!(at_once(harness.token_valid_for(Duration::ZERO)), Some(ok("newer")));
        harness.time.settle().await;
        assert_eq!(harness.ims.requests(), before);
    }
}

/// T9: a refusal while the token lives is told to nobody before the token's true end.
#[tokio::test(start_paused = true)]
async fn a_refused_renewal_is_told_from_the_end_of_the_token_on() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(fail(refused()));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    while harness.time.passed() < DAY - LAST_SECONDS {
        assert_eq!(harness.at_once(), Some(ok("t1")));
        harness.time.pass(SECOND).await;
    }
    let beside = harness.ims.refreshes().split_off(1);
    assert!(beside.iter().all(|refresh| *refresh == Refresh::Background));
    while harness.time.passed() < DAY {
        assert_eq!(harness.token().await, ok("t1"));
        harness.time.pass(SECOND).await;
    }
    assert_eq!(harness.token().await, Err(ErrorKind::Rejected));
    // Tries 1, 2, 4, 8 and 16 seconds apart, and a little more.
    assert_eq!(harness.ims.refreshes().split_off(1 + beside.len()), [Refresh::Foreground; 5]);
}

/// T9: in the last seconds callers wait for the flight, and get its token.
#[tokio::test(start_paused = true)]
async fn in_the_last_seconds_callers_wait_for_the_new_token() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(grant(DAY).after(SECOND));
    harness.time.pass(DAY - LAST_SECONDS).await;
    assert_eq!(harness.concurrently(100).await, vec![ok("t2"); 100]);
    assert_eq!(harness.ims.refreshes(), [Refresh::Foreground; 2]);
}

/// T9: nearly expired, callers wait for half of what is left at most, and then get the token.
#[tokio::test(start_paused = true)]
async fn callers_of_a_nearly_expired_token_wait_for_half_of_what_is_left_at_most() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(hang());
    harness.time.pass(DAY - 20 * SECOND).await;
    assert_eq!(harness.concurrently(100).await, vec![ok("t1"); 100]);
    assert_eq!(harness.time.passed(), DAY - 10 * SECOND);
    assert_eq!(harness.token().await, ok("t1"));
    assert_eq!(harness.time.passed(), DAY - 5 * SECOND);
    assert_eq!(harness.ims.fetches().len(), 2);
}

/// T9: an exchange that fails after the token has expired gives the failure, not the token.
#[tokio::test(start_paused = true)]
async fn a_token_that_expires_during_the_exchange_is_not_returned() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(fail(refused()).after(SECOND));
    harness.time.pass(DAY - SECOND).await;
    assert_eq!(harness.at_once(), None);
    harness.time.pass(SECOND / 2).await;
    harness.cache.forget(&harness.cache.peek().unwrap());
    assert_eq!(harness.concurrently(10).await, vec![Err(ErrorKind::Rejected); 10]);
    assert_eq!((harness.ims.requests(), harness.time.passed()), (2, DAY));
}

/// T17: a token that lives a second is served and renewed, never in a tight loop.
#[tokio::test(start_paused = true)]
async fn a_very_short_life_is_no_tight_loop() {
    let harness = Harness::holding(SECOND).await;
    harness.ims.always(grant(SECOND));
    for _ in 0..1000 {
        assert!(harness.at_once().is_some_and(|seen| seen.is_ok()));
        harness.time.pass(Duration::from_millis(10)).await;
    }
    assert_eq!(harness.ims.requests(), 15);
}

/// T18: a token that has already ended is an error, and remembered as one.
#[tokio::test(start_paused = true)]
async fn a_token_handed_out_spent_is_no_tight_loop() {
    let harness = Harness::cold();
    harness.ims.always(grant(Duration::ZERO));
    for _ in 0..1000 {
        assert_eq!(harness.token().await, Err(ErrorKind::Expired));
        harness.time.pass(Duration::from_millis(10)).await;
    }
    assert_eq!(harness.ims.requests(), 4);
}

/// T18: it does not displace a good one.
#[tokio::test(start_paused = true)]
async fn a_token_handed_out_spent_does_not_displace_a_good_one() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(grant(Duration::ZERO));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    assert_eq!(harness.ims.requests(), 2);
}

/// T19: clients that started together renew over at least five minutes, none of them late.
#[tokio::test(start_paused = true)]
async fn many_clients_do_not_renew_at_the_same_moment() {
    let time = Time::start();
    let mut draws = fastrand::Rng::with_seed(19);
    let clients: Vec<_> =
        (0..100).map(|_| Harness::new(time.clone(), CacheConfig { jitter: draws.f64(), ..CONFIG })).collect();
    for client in &clients {
        assert_eq!(client.token().await, ok("t1"));
    }
    time.pass(DAY - REFRESH_WINDOW - SECOND).await;
    assert!(clients.iter().all(|client| client.at_once() == Some(ok("t1"))));
    time.settle().await;
    assert!(clients.iter().all(|client| client.ims.requests() == 1));
    for _ in 0..363 {
        clients.iter().for_each(|client| assert!(client.at_once().is_some_and(|seen| seen.is_ok())));
        time.pass(SECOND).await;
    }
    let mut renewals: Vec<_> = clients.iter().map(|client| client.ims.fetches()[1].at).collect();
    renewals.sort();
    assert!(renewals[99] - renewals[0] >= 5 * MINUTE, "{renewals:?}");
    assert!(renewals[99] <= DAY - REFRESH_WINDOW.mul_f64(0.9) + 2 * SECOND, "{renewals:?}");
    assert!(clients.iter().all(|client| client.ims.requests() == 2));
}

/// A token does not age before the last third of its life, however early the config want it renewed.
#[tokio::test(start_paused = true)]
async fn a_token_ages_in_the_last_third_of_its_life_at_most() {
    let harness = Harness::new(Time::start(), CacheConfig { refresh_before: Duration::MAX, ..CONFIG });
    harness.ims.always(grant(9 * HOUR));
    assert_eq!(harness.token().await, ok("t1"));
    harness.time.pass(6 * HOUR - 2 * MILLISECOND).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 1);
    harness.time.settle().await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 2);
}

/// CacheConfig that want no early renewal get none: the token is served until its end.
#[tokio::test(start_paused = true)]
async fn without_early_renewal_a_token_is_served_until_its_end() {
    let harness = Harness::new(Time::start(), CacheConfig { refresh_before: Duration::ZERO, ..CONFIG });
    assert_eq!(harness.token().await, ok("t1"));
    harness.time.pass(DAY - MILLISECOND).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 1);
    assert_eq!(harness.token().await, ok("t2"));
}

/// The last seconds of a short life are a tenth of it.
#[tokio::test(start_paused = true)]
async fn the_last_seconds_of_a_short_life_are_a_tenth_of_it() {
    let harness = Harness::holding(MINUTE).await;
    harness.ims.always(hang());
    harness.time.pass(Duration::from_millis(53_990)).await;
    assert_eq!(harness.at_once(), Some(ok("t1")));
    harness.time.pass(Duration::from_millis(20)).await;
    assert_eq!(harness.at_once(), None);
    assert_eq!(harness.ims.requests(), 2);
}
