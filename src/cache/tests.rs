//! The cache over paused time, without sockets: one helper moves the clock of the cache and that of the runtime together.
#![allow(clippy::arithmetic_side_effects, reason = "a test may stop at the first surprise")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Cache, Effort, Load, Settings};
use crate::clock::SharedClock;
use crate::error::{Error, Failure};
use crate::testing::ManualClock;
use crate::token::Token;

/// As the client puts it together.
impl<L: Load> Cache<L> {
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

/// Grants tokens that live a day, or fails, after a while.
struct Ims {
    clock: ManualClock,
    requests: Arc<AtomicU64>,
    takes: Duration,
    fails: bool,
}

impl Load for Ims {
    async fn load(&self, _: Effort) -> Result<Token, Error> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        tokio::time::sleep(self.takes).await;
        match self.fails {
            true => Err(Failure::Server { answer: "503".to_owned(), transient: true }.into()),
            false => Token::for_tests_with_clock(&format!("t{number}"), DAY, self.clock.clone()),
        }
    }

    fn host(&self) -> &str {
        "ims"
    }
}

const DAY: Duration = Duration::from_secs(86_400);

fn cache(takes: Duration, fails: bool) -> (Arc<Cache<Ims>>, ManualClock, Arc<AtomicU64>) {
    let clock = ManualClock::new();
    let requests = Arc::new(AtomicU64::new(0));
    let ims = Ims { clock: clock.clone(), requests: Arc::clone(&requests), takes, fails };
    let settings = Settings { refresh_before: Duration::from_secs(3600), wait: Duration::from_secs(30), jitter: 0.0 };
    (Arc::new(Cache::new(ims, SharedClock::new(clock.clone()), settings)), clock, requests)
}

/// T6
#[tokio::test(start_paused = true)]
async fn a_herd_of_cold_callers_makes_one_request() {
    let (cache, _, requests) = cache(Duration::from_millis(100), false);
    let callers: Vec<_> =
        (0..1000).map(|_| Arc::clone(&cache)).map(|cache| tokio::spawn(async move { cache.token().await })).collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap().expose_secret(), "t1");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

/// T7
#[tokio::test(start_paused = true)]
async fn a_herd_of_cold_callers_shares_one_failure() {
    let (cache, _, requests) = cache(Duration::from_millis(100), true);
    let callers: Vec<_> =
        (0..100).map(|_| Arc::clone(&cache)).map(|cache| tokio::spawn(async move { cache.token().await })).collect();
    for caller in callers {
        assert!(caller.await.unwrap().is_err());
    }
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}
