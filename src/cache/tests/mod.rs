//! The cache over paused time, without sockets. Each test says how many requests it allows and what each caller sees.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and sets clocks to any time"
)]

mod cancellation;
mod clocks;
pub(crate) mod events;
mod failures;
mod forget;
pub(crate) mod harness;
mod keep_fresh;
mod lifetime;
mod runtimes;
mod token_valid_for;

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use self::harness::{DAY, HOUR, Harness};
use super::entry::Age;
use super::{Cache, Load};

impl<L: Load> Cache<L> {
    fn is_fresh(&self) -> bool {
        let now = self.0.now();
        self.0.slot.load().as_ref().is_some_and(|entry| entry.age(now) == Age::Fresh)
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);
const REFRESH_WINDOW: Duration = HOUR;
const LAST_SECONDS: Duration = Duration::from_secs(30);

/// `Debug` shows the config and nothing of a token.
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

/// One that nobody drives, and another. The clock of a runtime starts with it: that of the idle one is ahead, however
/// little: a caller of the other whose time has run out leaves the exchange of the idle one that little to live.
fn idle_and_other() -> (Runtime, Runtime) {
    let other = paused();
    (paused(), other)
}
