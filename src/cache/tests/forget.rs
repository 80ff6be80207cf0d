//! `forget`.

use std::time::Duration;

use super::harness::{DAY, Harness, SECOND, fail, grant, ok, refused, throttled};
use super::{MINUTE, REFRESH_WINDOW};
use crate::error::ErrorKind;
use crate::token::Token;

/// T10: forgetting the current token makes the next call ask.
#[tokio::test(start_paused = true)]
async fn a_forgotten_token_is_asked_for_anew() {
    let harness = Harness::holding(DAY).await;
    harness.cache.forget(&harness.cache.token(Duration::ZERO).await.unwrap());
    assert_eq!(harness.ims.requests(), 1);
    assert_eq!(harness.concurrently(100).await, vec![ok("t2"); 100]);
    assert_eq!(harness.ims.requests(), 2);
}

/// T10: many who forget the token they were refused with cost one request, however late they are.
#[tokio::test(start_paused = true)]
async fn a_stale_forget_costs_nothing() {
    let harness = Harness::holding(DAY).await;
    let refused = harness.cache.token(Duration::ZERO).await.unwrap();
    for _ in 0..100 {
        harness.cache.forget(&refused);
        assert_eq!(harness.token().await, ok("t2"));
    }
    assert_eq!(harness.ims.requests(), 2);
}

/// T10: an API that refuses every token does not cost one exchange per request, but one a minute.
#[tokio::test(start_paused = true)]
async fn an_api_that_refuses_every_token_costs_one_exchange_a_minute() {
    let harness = Harness::holding(DAY).await;
    for _ in 0..20 {
        harness.cache.forget(&harness.cache.token(Duration::ZERO).await.unwrap());
    }
    assert_eq!(harness.token().await, ok("t2"));
    assert_eq!(harness.ims.requests(), 2);
    harness.time.pass(MINUTE).await;
    harness.cache.forget(&harness.cache.token(Duration::ZERO).await.unwrap());
    assert_eq!(harness.token().await, ok("t3"));
    assert_eq!(harness.ims.requests(), 3);
}

/// A revoked token is dropped at once, however short ago another was forgotten; one that is not current is not missed.
#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_dropped_at_once() {
    let harness = Harness::holding(DAY).await;
    let first = harness.cache.token(Duration::ZERO).await.unwrap();
    harness.cache.forget(&first);
    let second = harness.cache.token(Duration::ZERO).await.unwrap();
    harness.cache.discard(&first);
    assert_eq!(harness.at_once(), Some(ok("t2")));
    harness.cache.discard(&second);
    assert!(harness.cache.peek().is_none());
    assert_eq!(harness.token().await, ok("t3"));
    assert_eq!(harness.ims.requests(), 3);
}

/// Looking at the cached token neither waits nor starts a refresh.
#[tokio::test(start_paused = true)]
async fn a_look_at_the_cached_token_starts_nothing() {
    let harness = Harness::cold();
    assert!(harness.cache.peek().is_none());
    assert_eq!(harness.token().await, ok("t1"));
    harness.time.pass(DAY - SECOND).await;
    assert_eq!(harness.cache.peek().unwrap().expose_secret(), "t1");
    harness.time.pass(SECOND).await;
    assert!(harness.cache.peek().is_none());
    harness.time.settle().await;
    assert_eq!(harness.ims.requests(), 1);
}

/// T10: it is the very token that counts, not its text.
#[tokio::test(start_paused = true)]
async fn a_token_is_forgotten_by_identity() {
    let harness = Harness::holding(DAY).await;
    let lookalike = Token::for_tests_with_clock("t1", DAY, harness.time.clone()).unwrap();
    harness.cache.forget(&lookalike);
    assert_eq!(harness.at_once(), Some(ok("t1")));
    assert_eq!(harness.ims.requests(), 1);
}

/// A forgotten token is kept nowhere: neither its slot nor its flight holds it back from being wiped.
#[tokio::test(start_paused = true)]
async fn a_forgotten_token_is_kept_nowhere() {
    let harness = Harness::cold();
    let before = harness.time.holders();
    let token = harness.cache.token(Duration::ZERO).await.unwrap();
    assert_eq!(harness.time.holders(), before + 1);
    harness.cache.forget(&token);
    drop(token);
    assert_eq!(harness.time.holders(), before);
    assert_eq!(harness.ims.requests(), 1);
}

/// T10: what a renewal brings that was under way when its predecessor was forgotten is used.
#[tokio::test(start_paused = true)]
async fn a_renewal_under_way_serves_those_who_forgot() {
    let harness = Harness::holding(DAY).await;
    harness.ims.always(grant(DAY).after(SECOND));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    let old = harness.cache.token(Duration::ZERO).await.unwrap();
    harness.time.settle().await;
    harness.cache.forget(&old);
    assert_eq!(harness.concurrently(10).await, vec![ok("t2"); 10]);
    harness.cache.forget(&old);
    assert_eq!(harness.at_once(), Some(ok("t2")));
    assert_eq!(harness.ims.requests(), 2);
}

/// After failed renewals the call that follows a `forget` asks at once, unless IMS told to wait.
#[tokio::test(start_paused = true)]
async fn failed_renewals_do_not_hold_up_those_who_forgot() {
    let harness = Harness::holding(DAY).await;
    harness.ims.next(fail(refused()));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    let token = harness.cache.token(Duration::ZERO).await.unwrap();
    harness.time.settle().await;
    harness.cache.forget(&token);
    assert_eq!(harness.token().await, ok("t3"));

    harness.ims.next(fail(throttled(2 * MINUTE)));
    harness.time.pass(DAY - REFRESH_WINDOW).await;
    let token = harness.cache.token(Duration::ZERO).await.unwrap();
    harness.time.settle().await;
    harness.cache.forget(&token);
    assert_eq!(harness.token().await, Err(ErrorKind::Throttled));
    assert_eq!(harness.ims.requests(), 4);
}
