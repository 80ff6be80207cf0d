//! Token stores: one token for many processes and machines.
//!
//! Without a store every process asks IMS for a token of its own. With one, processes that use the
//! same credential share a token: whichever needs one first requests it, the others read it. A
//! client asks its store only where [`ImsClient::token`](crate::ImsClient::token) would ask IMS, so
//! returning a cached token costs the same as without a store, and
//! [`ImsClient::exchange`](crate::ImsClient::exchange) ignores it.
//!
//! | store | shares between | feature |
//! | --- | --- | --- |
//! | `FileStore` | processes of one user on one machine | `file-store` |
//! | `RedisStore` | machines | `redis-store` |
//! | your own [`TokenStore`] | whatever reaches it | |
//!
//! A store holds bytes that are useless without the credential: tokens are sealed with AES-256-GCM
//! under a key derived from the client secret, and bound to the name they are stored under. A value
//! that cannot be opened (damaged, moved, sealed with another secret) counts as absent and is
//! overwritten.
//!
//! A store never makes a call fail. If it is down, full or returns errors, tokens are requested
//! from IMS without it. One WARN reports it, the store is not asked for a while, and an INFO
//! reports when it works again.

#[cfg(feature = "file-store")]
mod file;
mod outage;
#[cfg(feature = "redis-store")]
mod redis;
mod seal;
mod stored;

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "file-store")]
#[cfg_attr(docsrs, doc(cfg(feature = "file-store")))]
pub use self::file::FileStore;
#[cfg(feature = "redis-store")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis-store")))]
pub use self::redis::{RedisStore, RedisStoreBuilder};

pub(crate) use self::outage::Store;
pub(crate) use self::seal::Vault;
pub(crate) use self::stored::{Shareable, Stored};

use crate::error::Cause;

/// The boxed future that a [`TokenStore`] method returns, as `async-trait` would write it.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Ends a lease. If it is dropped unpolled, dropping what it holds must end the lease; otherwise
/// the lease ends with its lifetime.
pub type ReleaseFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Keeps sealed tokens for many processes. Object-safe (dyn-compatible); `Arc<T>` and `Box<T>` of a
/// store are stores.
///
/// A key is a text of 64 hexadecimal digits, one for each credential. A value is a [`SealedToken`]
/// of some kilobytes. Nothing has to be durable: if a value is lost, or two processes hold the same
/// lease, that costs only a request to IMS. But a value must be read whole or not at all, and its
/// remaining lifetime must never be too long.
///
/// Every call has a timeout of at most a second: futures may be dropped at any time, and need no
/// timeout of their own.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::{Arc, Mutex};
/// use std::time::{Duration, Instant};
///
/// use adobe_ims::store::{Lease, SealedToken, StoreFuture, TokenStore};
///
/// /// Shares tokens between the clients of one process.
/// #[derive(Clone, Default)]
/// struct MapStore(Arc<Mutex<Maps>>);
///
/// #[derive(Default)]
/// struct Maps {
///     /// Tokens, and when they were saved.
///     tokens: HashMap<String, (SealedToken, Instant)>,
///     /// Leases, and when they end.
///     leases: HashMap<String, Instant>,
/// }
///
/// impl TokenStore for MapStore {
///     fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<SealedToken>> {
///         Box::pin(async move {
///             let maps = self.0.lock().unwrap();
///             Ok(maps.tokens.get(key).map(|(token, saved)| {
///                 SealedToken::new(token.bytes(), token.remaining().saturating_sub(saved.elapsed()))
///             }))
///         })
///     }
///
///     fn save<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
///         Box::pin(async move {
///             self.0.lock().unwrap().tokens.insert(key.to_owned(), (token.clone(), Instant::now()));
///             Ok(())
///         })
///     }
///
///     fn remove<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
///         Box::pin(async move {
///             let mut maps = self.0.lock().unwrap();
///             if maps.tokens.get(key).is_some_and(|(stored, _)| stored.bytes() == token.bytes()) {
///                 maps.tokens.remove(key);
///             }
///             Ok(())
///         })
///     }
///
///     fn lease<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Lease> {
///         Box::pin(async move {
///             let (mut maps, now) = (self.0.lock().unwrap(), Instant::now());
///             if maps.leases.get(key).is_some_and(|until| now < *until) {
///                 return Ok(Lease::Busy);
///             }
///             let until = now + lifetime;
///             maps.leases.insert(key.to_owned(), until);
///             let (store, key) = (self.clone(), key.to_owned());
///             Ok(Lease::Held(Box::pin(async move {
///                 let mut maps = store.0.lock().unwrap();
///                 // May be another process's by now.
///                 if maps.leases.get(&key) == Some(&until) {
///                     maps.leases.remove(&key);
///                 }
///             })))
///         })
///     }
/// }
///
/// # async fn example() -> Result<(), adobe_ims::Error> {
/// # let mock = adobe_ims::testing::MockIms::start().await?;
/// let store = MapStore::default();
/// let first = mock.client_builder().store(store.clone()).build()?;
/// let second = mock.client_builder().store(store).build()?;
/// let (one, other) = (first.token().await?, second.token().await?);
/// assert_eq!(one.expose_secret(), other.expose_secret());
/// assert_eq!(mock.request_count(), 1);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
pub trait TokenStore: Send + Sync + 'static {
    /// Returns the token saved under this key, and how long it is still valid. `None` if there is
    /// none.
    ///
    /// Count the remaining lifetime from when the token was saved, by one clock: comparing the
    /// clocks of two machines makes tokens outlive their expiry. If in doubt, return `None`.
    ///
    /// # Errors
    ///
    /// [`StoreError::unreachable`] if the store does not respond, [`StoreError::failed`] if it
    /// refuses the request.
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<SealedToken>>;

    /// Saves a token, and replaces the one that is there. It need not be kept beyond its remaining
    /// lifetime.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    fn save<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()>;

    /// Removes this token, but only if the bytes under the key are the same. Called while the lease
    /// of the key is held, if there are leases.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    fn remove<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()>;

    /// Tries to acquire the lease of a key, a lock that one process holds at a time, and returns at
    /// once. It ends when it is released or after its lifetime, even if the process that holds it
    /// has been killed.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load). A store without leases returns [`Lease::Unsupported`].
    fn lease<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Lease>;
}

/// A token as stores keep it: bytes that only the credential opens, and how long it is still valid.
#[derive(Clone)]
pub struct SealedToken {
    bytes: Vec<u8>,
    remaining: Duration,
}

impl SealedToken {
    /// Creates the value that a store returns. Any bytes are safe: those that were not saved under
    /// this key and for this credential count as absent.
    pub fn new(bytes: impl Into<Vec<u8>>, remaining: Duration) -> Self {
        Self { bytes: bytes.into(), remaining }
    }

    /// A store counts from when it receives the token: by then part of its lifetime is over.
    fn shortened(self, by: Duration) -> Self {
        Self { remaining: self.remaining.saturating_sub(by), ..self }
    }

    /// The bytes to keep: some kilobytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How long the token is still valid, its time to live (TTL).
    pub fn remaining(&self) -> Duration {
        self.remaining
    }
}

impl fmt::Debug for SealedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, remaining } = self;
        f.debug_struct("SealedToken").field("bytes", &bytes.len()).field("remaining", remaining).finish()
    }
}

/// The result of asking a [`TokenStore`] for a lease.
#[non_exhaustive]
pub enum Lease {
    /// This process holds it. The future ends it: it is polled when the token has been saved or
    /// could not be obtained, or dropped if the request was cancelled.
    Held(ReleaseFuture),
    /// Another process holds it.
    Busy,
    /// There is no lease to wait for: the store has no leases, or the holder hangs. Several
    /// processes may request a token at once.
    Unsupported,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Held(_) => "Held",
            Self::Busy => "Busy",
            Self::Unsupported => "Unsupported",
        })
    }
}

/// Why a request to a [`TokenStore`] failed. Reported as a warning; the call continues without the
/// store.
#[derive(Debug)]
pub struct StoreError {
    is_unreachable: bool,
    /// Reduced to text: it may come from foreign code.
    cause: Cause,
}

impl StoreError {
    /// Creates the error for a store that cannot be reached, or does not respond.
    pub fn unreachable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { is_unreachable: true, cause: Cause::from_chain(Some(&*cause.into())) }
    }

    /// Creates the error for a store that was reached, and failed: it is full, it refuses the
    /// password, it is read-only.
    pub fn failed(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { is_unreachable: false, cause: Cause::from_chain(Some(&*cause.into())) }
    }

    /// Whether the store could not be reached.
    pub fn is_unreachable(&self) -> bool {
        self.is_unreachable
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is_unreachable {
            true => "token store is unreachable",
            false => "token store failed",
        })
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.cause)
    }
}

impl<T: TokenStore + ?Sized> TokenStore for Arc<T> {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<SealedToken>> {
        (**self).load(key)
    }

    fn save<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        (**self).save(key, token)
    }

    fn remove<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        (**self).remove(key, token)
    }

    fn lease<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Lease> {
        (**self).lease(key, lifetime)
    }
}

impl<T: TokenStore + ?Sized> TokenStore for Box<T> {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<SealedToken>> {
        (**self).load(key)
    }

    fn save<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        (**self).save(key, token)
    }

    fn remove<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        (**self).remove(key, token)
    }

    fn lease<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Lease> {
        (**self).lease(key, lifetime)
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
