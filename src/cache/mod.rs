//! Serve, refresh in the background, or wait: decided from a token, a time and an exchange in
//! progress. Knows no HTTP: it is handed a loader, a clock and its configuration.

mod cooldown;
mod entry;
mod flight;
mod load;
mod shared;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::clock::SharedClock;
use crate::error::Error;
use crate::telemetry;
use crate::token::Token;

use self::entry::Entry;
use self::shared::Shared;

pub(crate) use self::load::{Load, Refresh, Wanted};

#[derive(Clone, Copy, Debug)]
pub(crate) struct CacheConfig {
    /// How long before its expiry a token is refreshed, unless a third of its lifetime is less.
    pub(crate) refresh_before: Duration,
    /// How long a caller waits for an exchange at most: a little longer than one takes, so that its
    /// own outcome, which says more, is reported and remembered.
    pub(crate) wait: Duration,
    /// From 0 to 1, drawn once per client, so that many clients do not refresh at the same moment.
    pub(crate) jitter: f64,
}

/// The cached token of one credential. Dropping it cancels an exchange in progress.
pub(crate) struct Cache<L: Load>(Arc<Shared<L>>);

impl<L: Load> Cache<L> {
    pub(crate) fn new(loader: L, clock: SharedClock, config: CacheConfig) -> Self {
        Self(Arc::new(Shared::new(loader, clock, config)))
    }

    /// A token that is valid for at least `least`, if tokens live that long.
    #[inline]
    pub(crate) async fn token(&self, least: Duration) -> Result<Token, Error> {
        match self.0.serve(least) {
            Some(token) => Ok(token),
            None => Box::pin(self.0.wait(least)).await,
        }
    }

    /// The token in the slot while it is valid. Starts nothing.
    pub(crate) fn peek(&self) -> Option<Token> {
        self.0.valid(Duration::ZERO, self.0.now()).map(|(token, _)| token)
    }

    /// Drops the token if it is the current one, at most once a minute: a replacement that is
    /// refused like its predecessor would be followed by one exchange for each request.
    pub(crate) fn forget(&self, token: &Token) {
        let now = self.0.now();
        // An exchange that lands at this moment either replaces the token before this looks, or after.
        let mut state = self.0.state();
        let is_current = self.0.slot.load().as_ref().is_some_and(|entry| entry.token.is(token));
        if is_current && state.forget_again.is_none_or(|again| now.is_past(again)) {
            state.forget_again = now.checked_add(MIN_BETWEEN_FORGETS);
            self.0.loader.forget(token);
            self.0.slot.store(None);
        }
    }

    /// Drops the token if it is the current one: it has been revoked.
    pub(crate) fn discard(&self, token: &Token) {
        let _ordered = self.0.state();
        self.0.loader.forget(token);
        if self.0.slot.load().as_ref().is_some_and(|entry| entry.token.is(token)) {
            self.0.slot.store(None);
        }
    }

    pub(crate) fn loader(&self) -> &L {
        &self.0.loader
    }

    /// Stores a token that came by another way, as the newest: exchanges in progress lose to it. `swap`
    /// changes the loader at the same moment.
    pub(crate) fn install<T>(&self, token: Token, swap: impl FnOnce() -> T) {
        let now = self.0.now();
        let entry = Entry::new(token.clone(), now, &self.0.config);
        let mut state = self.0.state();
        // Dropped after the lock is released: a signing key of the application may be part of it.
        let old = swap();
        state.started = state.started.saturating_add(1);
        state.stored = state.started;
        state.cooldown = None;
        self.0.slot.store(Some(Arc::new(entry)));
        drop(state);
        drop(old);
        telemetry::token_cached(self.0.loader.identity(), &token);
    }

    /// Refreshes the token in the background until the cache is dropped; it does not keep it alive.
    pub(crate) fn keep_fresh(&self) -> impl Future<Output = ()> + Send + 'static {
        let (shared, mut closed) = (Arc::downgrade(&self.0), self.0.closed.subscribe());
        async move {
            while let Some(shared) = shared.upgrade()
                && Handle::try_current().is_ok()
            {
                // A failure is remembered, reported as an event, and followed by a retry in due time.
                if shared.serve(Duration::ZERO).is_none() {
                    let _ = shared.wait(Duration::ZERO).await;
                }
                let pause = shared.until_due();
                drop(shared);
                if tokio::time::timeout(pause, closed.wait_for(|closed| *closed)).await.is_ok() {
                    return;
                }
            }
        }
    }
}

impl<L: Load> Drop for Cache<L> {
    fn drop(&mut self) {
        // First, so that nothing is started after the tasks are taken; not under the lock, since those
        // who are woken may do anything.
        self.0.closed.send_replace(true);
        let (flight, abandoned) = {
            let mut state = self.0.state();
            (state.flight.take(), std::mem::take(&mut state.abandoned))
        };
        flight.map(|flight| flight.task).into_iter().chain(abandoned).for_each(|task| task.abort());
    }
}

impl<L: Load> fmt::Debug for Cache<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { loader: _, clock: _, config, slot: _, state: _, closed: _ } = &*self.0;
        f.debug_struct("Cache").field("config", config).finish_non_exhaustive()
    }
}

/// A token that was refused by an API and replaced is not replaced again before.
const MIN_BETWEEN_FORGETS: Duration = Duration::from_secs(60);

#[cfg(test)]
mod model;
#[cfg(test)]
pub(crate) mod tests;
