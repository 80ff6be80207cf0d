//! A token store in memory, which fails when a test says so.

use std::collections::HashMap;
use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Moment, SharedClock};
use crate::store::{Lease, SealedToken, StoreError, StoreFuture, TokenStore};

/// A [`TokenStore`] in memory, to test an application with a store that works and with one that
/// fails. Clones are the same store, as for several processes.
///
/// ```
/// use adobe_ims::testing::{MemoryStore, MockIms, StoreFault};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), adobe_ims::Error> {
/// let (mock, store) = (MockIms::start().await?, MemoryStore::new());
/// let client = || mock.client_builder().store(store.clone()).build();
///
/// client()?.token().await?;
/// client()?.token().await?;
/// assert_eq!(mock.request_count(), 1);
/// assert_eq!(store.save_count(), 1);
///
/// store.fail(StoreFault::Unreachable);
/// client()?.token().await?; // asks IMS
/// assert_eq!(mock.request_count(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Shared>);

#[derive(Default)]
struct Shared {
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// With when they expire.
    tokens: HashMap<String, (SealedToken, Moment)>,
    /// With when they expire.
    leases: HashMap<String, (u64, Moment)>,
    fault: Option<StoreFault>,
    loads: u64,
    saves: u64,
    removals: u64,
    leased: u64,
}

/// What is wrong with a [`MemoryStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFault {
    /// It cannot be reached.
    Unreachable,
    /// It does not respond.
    Hanging,
    /// It fails every request, like one that refuses a password.
    Failing,
    /// It is full: tokens can be read, but not saved.
    Full,
    /// It has no leases.
    WithoutLeases,
}

impl MemoryStore {
    /// An empty store that works.
    pub fn new() -> Self {
        Self::default()
    }

    /// A store whose tokens and leases expire by this clock.
    pub fn with_clock(clock: impl Clock) -> Self {
        Self(Arc::new(Shared { clock: SharedClock::new(clock), state: Mutex::default() }))
    }

    /// Makes it fail like this from now on.
    pub fn fail(&self, fault: StoreFault) {
        self.state().fault = Some(fault);
    }

    /// Makes it work from now on.
    pub fn recover(&self) {
        self.state().fault = None;
    }

    /// Drops all tokens and leases, like a server that is restarted.
    pub fn clear(&self) {
        let mut state = self.state();
        state.tokens.clear();
        state.leases.clear();
    }

    /// Replaces each token by these bytes, with the token's remaining lifetime.
    pub fn overwrite(&self, bytes: impl AsRef<[u8]>) {
        for (token, _) in self.state().tokens.values_mut() {
            *token = SealedToken::new(bytes.as_ref(), token.remaining());
        }
    }

    /// How often a token was requested from the store.
    #[must_use]
    pub fn load_count(&self) -> u64 {
        self.state().loads
    }

    /// How often a token was to be saved.
    #[must_use]
    pub fn save_count(&self) -> u64 {
        self.state().saves
    }

    /// How often a token was to be removed.
    #[must_use]
    pub fn remove_count(&self) -> u64 {
        self.state().removals
    }

    /// How often a lease was requested.
    #[must_use]
    pub fn lease_count(&self) -> u64 {
        self.state().leased
    }

    /// Counts a request, and fails it if a test said so.
    async fn request(&self, is_write: bool, count: impl FnOnce(&mut State) -> &mut u64) -> Result<(), StoreError> {
        let fault = {
            let mut state = self.state();
            let count = count(&mut state);
            *count = count.saturating_add(1);
            state.fault
        };
        match fault {
            None | Some(StoreFault::WithoutLeases) => Ok(()),
            Some(StoreFault::Full) if !is_write => Ok(()),
            Some(StoreFault::Hanging) => pending().await,
            Some(StoreFault::Unreachable) => Err(StoreError::unreachable("a test says so")),
            Some(StoreFault::Failing) => Err(StoreError::failed("a test says so")),
            Some(StoreFault::Full) => Err(StoreError::failed("a test says that it is full")),
        }
    }

    fn now(&self) -> Moment {
        Moment::now(&self.0.clock)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenStore for MemoryStore {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<SealedToken>> {
        Box::pin(async move {
            self.request(false, |state| &mut state.loads).await?;
            let now = self.now();
            let state = self.state();
            let stored = state.tokens.get(key).filter(|(_, end)| !now.is_past(*end));
            Ok(stored.map(|(token, end)| SealedToken::new(token.bytes(), now.until(*end))))
        })
    }

    fn save<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.request(true, |state| &mut state.saves).await?;
            let end = self.now().checked_add(token.remaining());
            let end = end.ok_or_else(|| StoreError::failed("the lifetime is out of range"))?;
            self.state().tokens.insert(key.to_owned(), (token.clone(), end));
            Ok(())
        })
    }

    fn remove<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.request(true, |state| &mut state.removals).await?;
            let mut state = self.state();
            if state.tokens.get(key).is_some_and(|(stored, _)| stored.bytes() == token.bytes()) {
                state.tokens.remove(key);
            }
            Ok(())
        })
    }

    fn lease<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Lease> {
        Box::pin(async move {
            self.request(true, |state| &mut state.leased).await?;
            let now = self.now();
            let end = now.checked_add(lifetime).unwrap_or(now);
            let mut state = self.state();
            if state.fault == Some(StoreFault::WithoutLeases) {
                return Ok(Lease::Unsupported);
            }
            if state.leases.get(key).is_some_and(|(_, end)| !now.is_past(*end)) {
                return Ok(Lease::Busy);
            }
            let number = state.leased;
            state.leases.insert(key.to_owned(), (number, end));
            let (store, key) = (self.clone(), key.to_owned());
            Ok(Lease::Held(Box::pin(async move {
                let mut state = store.state();
                // Another process's by now, if it was held for too long.
                if state.leases.get(&key).is_some_and(|(held, _)| *held == number) {
                    state.leases.remove(&key);
                }
            })))
        })
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("MemoryStore")
            .field("tokens", &state.tokens.len())
            .field("leases", &state.leases.len())
            .field("fault", &state.fault)
            .finish_non_exhaustive()
    }
}
