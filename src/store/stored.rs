//! Decorates a loader: asks the store before it asks IMS.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Digest, SHA256, digest};
use tokio::runtime::Handle;

use super::{Lease, ReleaseFuture, SealedToken, Store, StoreFuture, TokenStore, Vault};
use crate::cache::{Load, Wanted};
use crate::caught::caught;
use crate::clock::{Deadline, Moment, SharedClock, Stopwatch};
use crate::error::Error;
use crate::telemetry::{self, Identity};
use crate::token::Token;

/// A loader whose tokens can be shared.
pub(crate) trait Shareable: Load {
    /// The vault of the current credential. `None` if its tokens cannot be shared.
    fn vault(&self) -> Option<Vault>;
}

/// Loads a token from the store. If there is none, acquires the lease, loads from IMS and saves.
pub(crate) struct Stored<L> {
    loader: L,
    shared: Option<Shared>,
    /// Hashes, not tokens: a forgotten token must not stay in memory.
    forgotten: Mutex<Vec<Digest>>,
}

/// The store, its clock, and the timeout of a call.
struct Shared {
    store: Arc<Store>,
    clock: SharedClock,
    call: Duration,
}

/// What the store has for a caller.
enum Found {
    Token(Token),
    /// No token: this process holds the lease, and requests one.
    Lease(Held),
}

/// What is under a key.
enum Value {
    Token(Token),
    /// A token that an API refused, or that was revoked.
    Forgotten(SealedToken),
    /// No value, one that cannot be opened, or a token that expires too soon.
    Absent,
}

impl<L: Shareable> Stored<L> {
    pub(crate) fn new(loader: L, store: Option<Arc<Store>>, clock: SharedClock, call: Duration) -> Self {
        let shared = store.map(|store| Shared { store, clock, call });
        Self { loader, shared, forgotten: Mutex::default() }
    }

    /// Saves a token that this loader did not load.
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
                // The process that holds the lease is about to overwrite the token.
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
        // Waiting processes must get the token before their wait ends.
        let left = shared.call.saturating_sub(watch.elapsed()).mul_f64(0.5);
        let _ = tokio::time::timeout(left, after).await;
        result
    }

    /// Returns `None` if IMS has to be asked without a lease: no other process waits for the
    /// result.
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
                    // With jitter, so that processes do not ask at the same time.
                    let jittered = pause.mul_f64(1.0 + MAX_JITTER * fastrand::f64());
                    tokio::time::sleep(jittered.min(deadline.remaining())).await;
                    pause = pause.mul_f64(1.5).min(MAX_PAUSE);
                }
            }
        }
    }

    /// Reads again with the lease: its previous holder may have saved a token meanwhile.
    async fn decide(&self, shared: &Shared, vault: &Vault, wanted: Wanted, held: Held, warned: &mut bool) -> Found {
        match self.read(shared, vault, wanted, warned).await {
            Some(Value::Token(token)) => {
                held.end().await;
                return Found::Token(token);
            }
            // Removed even if the exchange fails: no other process must get it.
            Some(Value::Forgotten(sealed)) => shared.remove(vault, &sealed).await,
            Some(Value::Absent) | None => {}
        }
        Found::Lease(held)
    }

    /// `None` if the store failed.
    async fn read(&self, shared: &Shared, vault: &Vault, wanted: Wanted, warned: &mut bool) -> Option<Value> {
        // Before the store is asked, so that the remaining lifetime is never too long.
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

    /// Saves under the credential that is current now: it may have been reloaded before this token
    /// was requested.
    async fn save(&self, shared: &Shared, token: &Token) {
        let before = Moment::now(&shared.clock);
        let Some(vault) = self.loader.vault() else { return };
        let sealed = vault.seal(token, before).map(|sealed| sealed.shortened(shared.limit()));
        let Some(sealed) = sealed.filter(|sealed| !sealed.remaining().is_zero()) else { return };
        if shared.ask(|store| store.save(vault.key(), &sealed)).await.is_none() {
            return;
        }
        // The process was suspended for longer than the lifetime was shortened by.
        if Moment::now(&shared.clock).since(before) > shared.limit() {
            return shared.remove(&vault, &sealed).await;
        }
        shared.store.works(&shared.clock);
    }

    fn is_forgotten(&self, token: &Token) -> bool {
        is_among(&self.forgotten(), &digest_of(token))
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

    /// Only remembers the token, since a store cannot be asked here. The next call does not take it
    /// from the store, and removes it.
    fn forget(&self, token: &Token) {
        if self.shared.is_none() {
            return;
        }
        let digest = digest_of(token);
        let mut forgotten = self.forgotten();
        if !is_among(&forgotten, &digest) {
            if forgotten.len() >= MAX_FORGOTTEN {
                forgotten.remove(0);
            }
            forgotten.push(digest);
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

    /// The timeout of one request to the store.
    fn limit(&self) -> Duration {
        MAX_LIMIT.min(self.call.mul_f64(0.1))
    }

    /// How long to wait for another process's exchange: leaves time for one of our own.
    fn wait(&self) -> Duration {
        self.call.mul_f64(0.5)
    }

    /// The lifetime of a lease. Shorter than the wait, so that a waiting process can take over from
    /// one that was killed.
    fn lease(&self) -> Duration {
        self.call.mul_f64(1.0 / 3.0)
    }
}

/// A lease that this process holds. Dropping it ends the lease in the background, if there is a
/// runtime.
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
            released(release, self.limit).await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(release) = self.release.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(released(release, self.limit));
        }
    }
}

/// Foreign code: it may hang or panic, and the lease then ends with its lifetime.
async fn released(release: ReleaseFuture, limit: Duration) {
    let _ = tokio::time::timeout(limit, caught(release)).await;
}

fn digest_of(token: &Token) -> Digest {
    digest(&SHA256, token.expose_secret().as_bytes())
}

fn is_among(digests: &[Digest], wanted: &Digest) -> bool {
    digests.iter().any(|digest| digest.as_ref() == wanted.as_ref())
}

async fn end(held: Option<Held>) {
    if let Some(held) = held {
        held.end().await;
    }
}

/// A store is near the process, and usually responds within a millisecond.
const MAX_LIMIT: Duration = Duration::from_secs(1);
/// How often to look whether another process's exchange has brought a token: it takes some 300 ms.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_millis(250);
/// Of the pauses, upwards.
const MAX_JITTER: f64 = 1.0;
/// More tokens than are ever in use at once.
const MAX_FORGOTTEN: usize = 8;
