//! The decorator of the loader: asks the store where the cache would ask IMS.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use tokio::runtime::Handle;

use super::{Lease, ReleaseFuture, SealedToken, Store, StoreFuture, TokenStore, Vault};
use crate::cache::{Load, Wanted};
use crate::clock::{Deadline, Moment, SharedClock, Stopwatch};
use crate::error::Error;
use crate::telemetry::{self, Identity};
use crate::token::Token;

/// A loader whose tokens can be shared.
pub(crate) trait Shareable: Load {
    /// Of the credential that is current. `None` if its tokens cannot be shared.
    fn vault(&self) -> Option<Vault>;
}

/// Loads from the store if there is one, or else leases, loads from IMS and saves.
pub(crate) struct Stored<L> {
    loader: L,
    shared: Option<Shared>,
    /// Not the tokens themselves: a forgotten token is kept nowhere.
    forgotten: Mutex<Vec<Digest>>,
}

/// The store, and what part of a call's time it may take.
struct Shared {
    store: Arc<Store>,
    clock: SharedClock,
    call: Duration,
}

/// What the store has for a caller.
enum Found {
    Token(Token),
    /// None, and this process is the one to request it.
    Lease(Held),
}

/// What is under a key.
enum Value {
    Token(Token),
    /// It was refused by an API or revoked.
    Forgotten(SealedToken),
    /// Nothing, nothing that can be opened, or nothing that lives long enough.
    Absent,
}

impl<L: Shareable> Stored<L> {
    pub(crate) fn new(loader: L, store: Option<Arc<Store>>, clock: SharedClock, call: Duration) -> Self {
        let shared = store.map(|store| Shared { store, clock, call });
        Self { loader, shared, forgotten: Mutex::default() }
    }

    /// Saves a token that came by another way than through this loader.
    pub(crate) async fn share(&self, token: &Token) {
        if let Some(shared) = &self.shared {
            self.save(shared, token).await;
        }
    }

    /// Removes a token that has been revoked, if it is the one in the store.
    pub(crate) async fn discard(&self, token: &Token) {
        self.forget(token);
        let (Some(shared), Some(vault)) = (&self.shared, self.loader.vault()) else { return };
        if let Some(lease) = shared.ask(|store| store.lease(vault.key(), shared.lease())).await {
            let held = match lease {
                Lease::Held(release) => Some(Held::new(release, shared.limit())),
                Lease::Unsupported => None,
                // Who holds it is about to overwrite the token.
                Lease::Busy => return,
            };
            self.remove_forgotten(shared, &vault).await;
            end(held).await;
        }
    }

    async fn load_shared(&self, shared: &Shared, wanted: Wanted) -> Result<Token, Error> {
        let watch = Stopwatch::start();
        let held = match self.find(shared, wanted).await {
            Some(Found::Token(token)) => return Ok(token),
            Some(Found::Lease(held)) => Some(held),
            None => None,
        };
        let result = self.loader.load(wanted.later(watch.elapsed())).await;
        let after = async {
            if let Ok(token) = &result {
                self.save(shared, token).await;
            }
            end(held).await;
        };
        // Those who wait must have the token before they give up.
        let left = shared.call.saturating_sub(watch.elapsed()).mul_f64(0.5);
        let _ = tokio::time::timeout(left, after).await;
        result
    }

    /// `None`: IMS has to be asked, and nobody waits for it but the callers of this client.
    async fn find(&self, shared: &Shared, wanted: Wanted) -> Option<Found> {
        let vault = self.loader.vault()?;
        let deadline = Deadline::after(shared.wait());
        let mut pause = FIRST_PAUSE;
        let mut warned = false;
        loop {
            if let Value::Token(token) = self.read(shared, &vault, wanted, &mut warned).await? {
                return Some(Found::Token(token));
            }
            match shared.ask(|store| store.lease(vault.key(), shared.lease())).await? {
                Lease::Held(release) => {
                    let held = Held::new(release, shared.limit());
                    return Some(self.decide(shared, &vault, wanted, held, &mut warned).await);
                }
                Lease::Unsupported => return None,
                Lease::Busy if deadline.remaining().is_zero() => return None,
                Lease::Busy => {
                    // Not all at once.
                    let jittered = pause.mul_f64(1.0 + MAX_JITTER * fastrand::f64());
                    tokio::time::sleep(jittered.min(deadline.remaining())).await;
                    pause = pause.mul_f64(1.5).min(MAX_PAUSE);
                }
            }
        }
    }

    /// With the lease: whoever held it before may have saved a token meanwhile.
    async fn decide(&self, shared: &Shared, vault: &Vault, wanted: Wanted, held: Held, warned: &mut bool) -> Found {
        match self.read(shared, vault, wanted, warned).await {
            Some(Value::Token(token)) => {
                held.end().await;
                return Found::Token(token);
            }
            // Whatever comes of the exchange: nobody else gets it any more.
            Some(Value::Forgotten(sealed)) => shared.remove(vault, &sealed).await,
            Some(Value::Absent) | None => {}
        }
        Found::Lease(held)
    }

    /// `None` if the store failed.
    async fn read(&self, shared: &Shared, vault: &Vault, wanted: Wanted, warned: &mut bool) -> Option<Value> {
        // Before the store is asked: the remaining lifetime is at most as long as it says.
        let asked = Moment::now(&shared.clock);
        let Some(sealed) = shared.ask(|store| store.load(vault.key())).await? else {
            return Some(Value::Absent);
        };
        let token = match vault.open(&sealed, asked, &shared.clock) {
            Ok(Some(token)) => token,
            Ok(None) => return Some(Value::Absent),
            Err(_) => {
                if !std::mem::replace(warned, true) {
                    telemetry::store_unreadable(self.loader.identity());
                }
                return Some(Value::Absent);
            }
        };
        shared.store.works(&shared.clock);
        if self.is_forgotten(&token) {
            return Some(Value::Forgotten(sealed));
        }
        let is_good = wanted.is_met_by(&token, Moment::now(&shared.clock));
        Some(if is_good { Value::Token(token) } else { Value::Absent })
    }

    async fn remove_forgotten(&self, shared: &Shared, vault: &Vault) {
        let asked = Moment::now(&shared.clock);
        if let Some(Some(sealed)) = shared.ask(|store| store.load(vault.key())).await
            && let Ok(Some(token)) = vault.open(&sealed, asked, &shared.clock)
            && self.is_forgotten(&token)
        {
            shared.remove(vault, &sealed).await;
        }
    }

    /// By the credential that is current now: it may have been reloaded for this very token.
    async fn save(&self, shared: &Shared, token: &Token) {
        let before = Moment::now(&shared.clock);
        let Some(vault) = self.loader.vault() else { return };
        let sealed = vault.seal(token, before).map(|sealed| sealed.shortened(shared.limit()));
        let Some(sealed) = sealed.filter(|sealed| !sealed.remaining().is_zero()) else { return };
        if shared.ask(|store| store.save(vault.key(), &sealed)).await.is_none() {
            return;
        }
        // The process stood still for longer than the lifetime was shortened by.
        if Moment::now(&shared.clock).since(before) > shared.limit() {
            return shared.remove(&vault, &sealed).await;
        }
        shared.store.works(&shared.clock);
    }

    fn is_forgotten(&self, token: &Token) -> bool {
        let digest = digest(&SHA256, token.expose_secret().as_bytes());
        self.forgotten().iter().any(|forgotten| forgotten.as_ref() == digest.as_ref())
    }

    fn forgotten(&self) -> MutexGuard<'_, Vec<Digest>> {
        self.forgotten.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Shareable> Load for Stored<L> {
    async fn load(&self, wanted: Wanted) -> Result<Token, Error> {
        match &self.shared {
            Some(shared) => self.load_shared(shared, wanted).await,
            None => self.loader.load(wanted).await,
        }
    }

    fn identity(&self) -> Identity<'_> {
        self.loader.identity()
    }

    /// Remembered, since no store can be asked here: the next call does not take it from the store, and
    /// removes it.
    fn forget(&self, token: &Token) {
        if self.shared.is_some() {
            let mut forgotten = self.forgotten();
            if forgotten.len() >= MAX_FORGOTTEN {
                forgotten.remove(0);
            }
            forgotten.push(digest(&SHA256, token.expose_secret().as_bytes()));
        }
    }
}

impl Shared {
    async fn ask<'a, T>(&'a self, ask: impl FnOnce(&'a dyn TokenStore) -> StoreFuture<'a, T> + Send) -> Option<T> {
        self.store.ask(&self.clock, self.limit(), ask).await
    }

    async fn remove(&self, vault: &Vault, sealed: &SealedToken) {
        let _ = self.ask(|store| store.remove(vault.key(), sealed)).await;
    }

    /// For one request to the store.
    fn limit(&self) -> Duration {
        MAX_LIMIT.min(self.call.mul_f64(0.1))
    }

    /// For another process's exchange: then there is time for one of our own.
    fn wait(&self) -> Duration {
        self.call.mul_f64(0.5)
    }

    /// Shorter, so that those who wait can take over from a process that was killed.
    fn lease(&self) -> Duration {
        self.call.mul_f64(1.0 / 3.0)
    }
}

/// A lease of this process. Dropping it ends it in the background, if there is a runtime.
struct Held {
    release: Option<ReleaseFuture>,
    limit: Duration,
}

impl Held {
    fn new(release: ReleaseFuture, limit: Duration) -> Self {
        Self { release: Some(release), limit }
    }

    async fn end(mut self) {
        if let Some(release) = self.release.take() {
            let _ = tokio::time::timeout(self.limit, release).await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(release) = self.release.take()
            && let Ok(runtime) = Handle::try_current()
        {
            let limit = self.limit;
            runtime.spawn(async move { tokio::time::timeout(limit, release).await });
        }
    }
}

async fn end(held: Option<Held>) {
    if let Some(held) = held {
        held.end().await;
    }
}

/// A store is next to the process; half of them respond within a millisecond.
const MAX_LIMIT: Duration = Duration::from_secs(1);
/// How often to look whether another process's exchange has brought a token: it takes some 300 ms.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(250);
/// Of the pauses, upwards.
const MAX_JITTER: f64 = 1.0;
/// More than are ever in use at once.
const MAX_FORGOTTEN: usize = 8;
