//! Wraps a store for all clients that share it. Each request has a timeout; a store that is down is
//! not asked (circuit breaker).

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{StoreError, StoreFuture, TokenStore};
use crate::backoff::{doubled, with_jitter};
use crate::caught::caught;
use crate::clock::{Moment, SharedClock};
use crate::telemetry;

pub(crate) struct Store {
    store: Box<dyn TokenStore>,
    outage: Mutex<Option<Outage>>,
}

/// An outage: begins with a failure, and ends when a token was read or saved.
struct Outage {
    since: Moment,
    failures: u32,
    /// The store is not asked again before this moment.
    until: Moment,
}

impl Store {
    pub(crate) fn new(store: impl TokenStore) -> Self {
        Self { store: Box::new(store), outage: Mutex::default() }
    }

    /// Asks the store; `None` if the store fails, or is down.
    pub(super) async fn ask<'a, T>(
        &'a self,
        clock: &SharedClock,
        limit: Duration,
        ask: impl FnOnce(&'a dyn TokenStore) -> StoreFuture<'a, T> + Send,
    ) -> Option<T> {
        if self.is_down(Moment::now(clock)) {
            return None;
        }
        let asked = caught(async move { ask(&*self.store).await });
        let outcome = match tokio::time::timeout(limit, asked).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(StoreError::failed("the store panicked")),
            Err(_) => Err(StoreError::unreachable(format!("no response within {} ms", limit.as_millis()))),
        };
        outcome.inspect_err(|error| self.failed(error, Moment::now(clock))).ok()
    }

    /// A token was read or saved: the store works.
    pub(super) fn works(&self, clock: &SharedClock) {
        let ended = self.outage().take();
        if let Some(outage) = ended {
            telemetry::store_works(Moment::now(clock).since(outage.since));
        }
    }

    fn is_down(&self, now: Moment) -> bool {
        self.outage().as_ref().is_some_and(|outage| !now.is_past(outage.until))
    }

    /// Logs a warning for the first failure only. Requests that were under way together count as one.
    fn failed(&self, error: &StoreError, now: Moment) {
        let mut outage = self.outage();
        let (since, failures) = outage.as_ref().map_or((now, 0), |outage| (outage.since, outage.failures));
        let pause = match outage.as_ref().filter(|outage| !now.is_past(outage.until)) {
            Some(outage) => outage.until.monotonic.saturating_duration_since(now.monotonic),
            None => {
                let pause = pause(failures, fastrand::f64());
                let until = now.checked_add(pause).unwrap_or(now);
                *outage = Some(Outage { since, failures: failures.saturating_add(1), until });
                pause
            }
        };
        drop(outage);
        telemetry::store_failed(error, failures == 0, pause);
    }

    fn outage(&self) -> MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenStore")
    }
}

/// How long a store that has failed is not asked.
fn pause(failures: u32, draw: f64) -> Duration {
    with_jitter(doubled(FIRST_PAUSE, failures, MAX_PAUSE), draw)
}

/// Long enough that a store that hangs for a second each time is not noticed.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const MAX_PAUSE: Duration = Duration::from_secs(5 * 60);
