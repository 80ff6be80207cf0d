//! A thousand seeded schedules on two real threads: the order of events is the machine's, and so only what no order
//! may change is asked.
#![allow(clippy::arithmetic_side_effects, reason = "a test may stop at the first surprise")]

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fastrand::Rng;
use tokio::task::yield_now;

use crate::cache::{Cache, CacheConfig, Load, Wanted};
use crate::clock::{Clock, SharedClock};
use crate::error::{Error, ResponseError};
use crate::telemetry::Identity;
use crate::testing::ManualClock;
use crate::token::Token;

#[derive(Clone)]
struct Ims(Arc<Shared>);

struct Shared {
    seed: u64,
    clock: ManualClock,
    /// Long lives, no failures, and nobody moves the clock: then each flight must have a reason that can be counted.
    steady: bool,
    flights: AtomicU64,
    flying: AtomicU64,
    two_at_once: AtomicU64,
    forgotten: Mutex<Vec<Token>>,
}

struct Flying(Ims);

impl Load for Ims {
    async fn load(&self, _: Wanted) -> Result<Token, Error> {
        let number = self.0.flights.fetch_add(1, Ordering::SeqCst);
        let others = self.0.flying.fetch_add(1, Ordering::SeqCst);
        self.0.two_at_once.fetch_add(others, Ordering::SeqCst);
        let flying = Flying(self.clone());
        let mut rng = Rng::with_seed(self.0.seed.wrapping_mul(1000) + number);
        for _ in 0..rng.u8(..if self.0.steady { 2 } else { 6 }) {
            yield_now().await;
        }
        let life = Duration::from_millis(if self.0.steady { 86_400_000 } else { rng.u64(0..100) });
        let fails = !self.0.steady && rng.u8(..4) == 0;
        drop(flying); // before the cache hears of it and starts another
        match fails {
            true => Err(ResponseError::Server.into()),
            false => Token::for_tests_with_clock("t", life, self.0.clock.clone()),
        }
    }

    fn identity(&self) -> Identity<'_> {
        Identity::new("ims", "client")
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        self.0.0.flying.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ims {
    /// One thread's part.
    async fn caller(self, cache: Arc<Cache<Self>>, seed: u64) -> Result<(), &'static str> {
        let mut rng = Rng::with_seed(seed);
        let mut forgotten: Vec<Token> = Vec::new();
        let mut held: Vec<Token> = Vec::new();
        for _ in 0..30 {
            match rng.u8(..8) {
                0 => self.forget(&cache, &mut forgotten, rng.choice(&held)),
                1 | 2 if self.0.steady => self.forget(&cache, &mut forgotten, held.last()),
                1 => self.0.clock.advance(Duration::from_millis(rng.u64(..30))),
                2 => self.0.clock.suspend(Duration::from_millis(rng.u64(..2_000))),
                3 => {
                    // Begun and dropped.
                    let mut call = pin!(cache.token(Duration::ZERO));
                    let _: Poll<_> = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                }
                least => {
                    let before = self.0.clock.now();
                    let least = Duration::from_millis(if least == 4 && !self.0.steady { rng.u64(..80) } else { 0 });
                    let call = cache.token(least);
                    match tokio::time::timeout(Duration::from_secs(20), call).await {
                        Err(_) => return Err("every call ends"),
                        Ok(Err(_)) if self.0.steady => return Err("an error only where there is no good token"),
                        Ok(Err(_)) => {}
                        Ok(Ok(token)) if token.expires_at() <= before => {
                            return Err("no token is handed out after its end");
                        }
                        Ok(Ok(token)) if forgotten.iter().any(|other| other.is(&token)) => {
                            return Err("no token is handed out by calls that began after it was forgotten");
                        }
                        Ok(Ok(token)) => held.push(token),
                    }
                }
            }
        }
        Ok(())
    }

    fn forget(&self, cache: &Cache<Self>, mine: &mut Vec<Token>, token: Option<&Token>) {
        let Some(token) = token else { return };
        // Or it would be too soon after the last one.
        self.0.clock.advance(Duration::from_secs(60));
        let mut forgotten = self.0.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        if !forgotten.iter().any(|other| other.is(token)) {
            forgotten.push(token.clone());
        }
        drop(forgotten);
        cache.forget(token);
        // The other thread may have forgotten one in between.
        if !cache.peek().is_some_and(|current| current.is(token)) {
            mine.push(token.clone());
        }
    }
}

async fn schedule(seed: u64) -> Result<(), &'static str> {
    let clock = ManualClock::new();
    let ims = Ims(Arc::new(Shared {
        seed,
        clock: clock.clone(),
        steady: seed.is_multiple_of(2),
        flights: AtomicU64::new(0),
        flying: AtomicU64::new(0),
        two_at_once: AtomicU64::new(0),
        forgotten: Mutex::default(),
    }));
    let config = CacheConfig { refresh_before: Duration::from_secs(3600), wait: Duration::from_secs(10), jitter: 0.5 };
    let cache = Arc::new(Cache::new(ims.clone(), SharedClock::new(clock), config));
    let callers = [1, 2].map(|half| tokio::spawn(ims.clone().caller(Arc::clone(&cache), seed * 2 + half)));
    for caller in callers {
        caller.await.map_err(|_| "no panic")??;
    }
    if ims.0.two_at_once.load(Ordering::SeqCst) > 0 {
        return Err("one flight at a time");
    }
    let forgotten = ims.0.forgotten.lock().unwrap_or_else(PoisonError::into_inner).len();
    match ims.0.steady && ims.0.flights.load(Ordering::SeqCst) > forgotten as u64 + 1 {
        true => Err("only a token that was forgotten is asked for again"),
        false => Ok(()),
    }
}

#[test]
fn a_thousand_schedules_on_two_threads_break_no_rule() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let broken: Vec<_> = (0..1000).filter_map(|seed| Some((seed, runtime.block_on(schedule(seed)).err()?))).collect();
    assert!(broken.is_empty(), "{} of 1000 schedules break a rule: {:?}", broken.len(), broken.first());
}
