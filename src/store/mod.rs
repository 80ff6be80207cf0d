//! Token stores: one token for many processes and machines.
//!
//! Without a store every process asks IMS for a token of its own. With one, processes that use the same
//! credential share a token: whichever needs one first requests it, the others read it. A client asks
//! its store only where [`ImsClient::token`](crate::ImsClient::token) would ask IMS, so a cached token
//! costs what it costs without a store, and [`ImsClient::exchange`](crate::ImsClient::exchange) ignores
//! it.
//!
//! | store | shares between | feature |
//! | --- | --- | --- |
//! | `FileStore` | processes of one user on one machine | `file-store` |
//! | `RedisStore` | machines | `redis-store` |
//! | your own [`TokenStore`] | whatever reaches it | |
//!
//! A store holds bytes that say nothing without the credential: tokens are sealed with AES-256-GCM under
//! a key made from the client secret, and bound to the name they are stored under. What cannot be opened
//! (damaged, moved, sealed with another secret) counts as absent and is overwritten.
//!
//! A store never makes a call fail. If it is down, full or wrong, tokens are requested without it: one
//! WARN says so, it is not asked for a while, and an INFO says when it works again.

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

/// A future of a [`TokenStore`]: as an `async fn` would return it, but with a name.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Ends a lease. It may be dropped without having been polled, then what it holds has to end the lease,
/// or the lease's lifetime.
pub type ReleaseFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Keeps sealed tokens for many processes. Object-safe; `Arc<T>` and `Box<T>` of a store are stores.
///
/// A key is a text of 64 hexadecimal digits, one for each credential. A value is a [`SealedToken`] of
/// some kilobytes. Nothing has to be kept durably, and nothing goes wrong if two processes hold the same
/// lease or if a value is lost: that costs a request to IMS. What must hold is that a value is read
/// whole or not at all, and that its remaining lifetime is never too long.
///
/// Every call has a time limit of its own, a second at most: futures may be dropped at any time, and
/// need not limit themselves.
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
///     /// With when they were saved.
///     tokens: HashMap<String, (SealedToken, Instant)>,
///     /// Until when they are held.
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
///                 // Somebody else's by now, if this one came too late.
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
    /// The token saved under this key, and how long it is still valid. `None` if there is none.
    ///
    /// Count the remaining lifetime from when the token was saved, by one clock: comparing the clocks of
    /// two machines makes tokens outlive their end. If in doubt, return `None`.
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<SealedToken>>;

    /// Saves a token in place of whatever is there. It need not be kept beyond its remaining lifetime.
    fn save<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()>;

    /// Removes this token: only if the bytes under the key are these. Called while the lease of the key is
    /// held, if there are leases.
    fn remove<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()>;

    /// Asks for the lease of a key, which only one process holds at a time, and returns at once. It ends
    /// when it is released or after its lifetime, even if the process that holds it has been killed.
    fn lease<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Lease>;
}

/// A token as stores keep it: bytes that only the credential opens, and how long it is still valid.
#[derive(Clone)]
pub struct SealedToken {
    bytes: Vec<u8>,
    remaining: Duration,
}

impl SealedToken {
    /// What a store returns. Any bytes are safe: those that were not saved under this key and for this
    /// credential count as absent.
    pub fn new(bytes: impl Into<Vec<u8>>, remaining: Duration) -> Self {
        Self { bytes: bytes.into(), remaining }
    }

    /// A store counts from when it has the token: by then some of its lifetime is over.
    fn shortened(self, by: Duration) -> Self {
        Self { remaining: self.remaining.saturating_sub(by), ..self }
    }

    /// What a store keeps: some kilobytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How long the token is still valid.
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

/// What became of asking a [`TokenStore`] for a lease.
#[non_exhaustive]
pub enum Lease {
    /// This process holds it. The future ends it: polled when the token has been saved or could not be
    /// had, or dropped if the request was cancelled.
    Held(ReleaseFuture),
    /// Another process holds it.
    Busy,
    /// There is no lease to wait for: the store has none, or its holder hangs. Several processes may
    /// request a token at once.
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

/// Why a [`TokenStore`] could not do what it was asked to. Reported as a warning; the call goes on
/// without the store.
#[derive(Debug)]
pub struct StoreError {
    is_unreachable: bool,
    /// Reduced to text: it may come from anybody's code.
    cause: Cause,
}

impl StoreError {
    /// The store cannot be reached, or does not respond.
    pub fn unreachable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { is_unreachable: true, cause: Cause::from_chain(Some(&*cause.into())) }
    }

    /// The store was reached, and failed: it is full, it refuses the password, it is read-only.
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
