//! The cache over paused time, without sockets. Each test says how many requests it allows and what each caller sees.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and sets clocks to any time"
)]

mod cancellation;
mod clocks;
mod events;
mod failures;
mod forget;
mod harness;
mod keep_fresh;
mod lifetime;
mod runtimes;
mod token_valid_for;

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use self::harness::{DAY, HOUR, Harness};
use super::{Age, Cache, Load};
use crate::clock::Moment;
use crate::error::Error;
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

/// `Debug` shows the settings and nothing of a token.
#[tokio::test(start_paused = true)]
async fn debug_shows_no_token() {
    let harness = Harness::holding(DAY).await;
    let shown = format!("{:?}", harness.cache);
    assert!(shown.contains("refresh_before") && !shown.contains("t1"), "{shown}");
}

/// A paused runtime of its own.
fn paused() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}
