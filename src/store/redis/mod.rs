//! Keeps tokens in Redis, for many machines.

mod connection;
mod stream;
mod tls;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use redis::{ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo, cmd};

use self::connection::{Address, Server};
use super::{Lease, SealedToken, StoreError, StoreFuture, TokenStore};
use crate::clock::{Moment, SystemClock};
use crate::error::{Error, StoreSetupError};
use crate::secret::Secret;

/// Shares tokens between machines, in Redis or a server with its protocol (Valkey, KeyDB, managed
/// services). Requires the feature `redis-store`.
///
/// ```no_run
/// use adobe_ims::ImsClient;
/// use adobe_ims::store::RedisStore;
///
/// # async fn example(credentials: adobe_ims::ServiceCredentials) -> Result<(), adobe_ims::Error> {
/// let store = RedisStore::new("rediss://user:password@redis.example.com:6380/0")?;
/// let ims = ImsClient::builder(credentials).store(store).build()?;
/// let token = ims.token().await?; // of whichever machine requested it
/// # Ok(())
/// # }
/// ```
///
/// Connects on demand, and closes the connection when it has been idle for some seconds: processes
/// that have a token hold no connection. Clones share the connection.
///
/// # Keys
///
/// Each credential has two keys, with the same hash tag, so that both are in one slot of a cluster:
/// `adobe-ims:{…}:token` and, while a token is requested, `adobe-ims:{…}:lease`. Both expire. The
/// commands are `PTTL`, `GETRANGE`, `SET`, `TIME` and `EVAL`; a node of a cluster that redirects is
/// followed.
///
/// # Time
///
/// Redis measures the remaining lifetime; clocks of different machines are never compared.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    server: Server,
    prefix: String,
}

impl RedisStore {
    /// Uses the Redis at this URL, with all defaults: `redis://`, or `rediss://` for TLS
    /// (`valkey://` and `valkeys://` are the same), then `user:password@host:port/database`; or
    /// `unix:///path?user=…&pass=…&db=…`. Uses no network.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) for a URL that cannot be used, and with TLS
    /// also if there are no root certificates.
    pub fn new(url: impl Into<String>) -> Result<Self, Error> {
        Self::builder(url).build()
    }

    /// Returns a builder, to set a password, a root certificate or a prefix.
    pub fn builder(url: impl Into<String>) -> RedisStoreBuilder {
        let prefix = PREFIX.to_owned();
        RedisStoreBuilder { url: Secret::from(url.into()), password: None, roots: Vec::new(), prefix }
    }

    /// Adds a hash tag, so that the keys of one credential are in one slot.
    fn key(&self, key: &str, name: &str) -> String {
        format!("{}:{{{key}}}:{name}", self.0.prefix)
    }

    async fn load_token(&self, key: &str) -> Result<Option<SealedToken>, StoreError> {
        let (server, key) = (&self.0.server, self.key(key, TOKEN));
        // Before the bytes: a token that is saved in between counts as older than it is, not as younger.
        let remaining: i64 = server.query(cmd("PTTL").arg(&key)).await?;
        if remaining == MISSING {
            return Ok(None);
        }
        let bytes = match server.query::<Vec<u8>>(cmd("GETRANGE").arg(&key).arg(0).arg(MAX_VALUE)).await {
            Ok(bytes) => bytes,
            // A foreign value under our key: no credential opens it, and it is overwritten.
            Err(error) if error.is_wrong_type() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        // A value without expiry is not from this crate: its validity is unknown.
        let remaining = Duration::from_millis(u64::try_from(remaining).unwrap_or_default());
        Ok(Some(SealedToken::new(bytes, remaining)))
    }

    /// Saves a token until a time by the clock of Redis, which is asked for first. A server that
    /// was suspended may run the command much later, and must not measure the lifetime from then.
    async fn save_token(&self, key: &str, token: &SealedToken) -> Result<(), StoreError> {
        let (server, called) = (&self.0.server, Moment::now(&SystemClock));
        let (seconds, micros): (u64, u64) = server.query(&cmd("TIME")).await?;
        if Moment::now(&SystemClock).since(called) > MAX_LATENESS {
            return Err(StoreError::unreachable("response too late to measure the lifetime"));
        }
        let now = Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros));
        let end = u64::try_from(now.saturating_add(token.remaining()).as_millis()).unwrap_or(u64::MAX);
        let mut save = cmd("EVAL");
        save.arg(SAVE).arg(1).arg(self.key(key, TOKEN)).arg(token.bytes()).arg(end);
        Ok(server.query(&save).await?)
    }

    async fn lease_key(&self, key: &str, lifetime: Duration) -> Result<Lease, StoreError> {
        let key = self.key(key, LEASE);
        let holder = format!("{:032x}", fastrand::u128(..));
        let millis = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut lease = cmd("SET");
        lease.arg(&key).arg(&holder).arg("NX").arg("PX").arg(millis);
        if self.0.server.query::<Option<String>>(&lease).await?.is_none() {
            return Ok(Lease::Busy);
        }
        let store = self.clone();
        // May be another process's by now.
        let release = async move { drop(store.remove_value(&key, holder.as_bytes()).await) };
        Ok(Lease::Held(Box::pin(release)))
    }

    async fn remove_value(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let mut remove = cmd("EVAL");
        remove.arg(REMOVE).arg(1).arg(key).arg(value);
        Ok(self.0.server.query(&remove).await?)
    }
}

impl TokenStore for RedisStore {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<SealedToken>> {
        Box::pin(self.load_token(key))
    }

    fn save<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        Box::pin(self.save_token(key, token))
    }

    fn remove<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        Box::pin(async move { self.remove_value(&self.key(key, TOKEN), token.bytes()).await })
    }

    fn lease<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Lease> {
        Box::pin(self.lease_key(key, lifetime))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { server, prefix } = &*self.0;
        f.debug_struct("RedisStore").field("address", server.address()).field("prefix", prefix).finish_non_exhaustive()
    }
}

/// Settings of a [`RedisStore`]. All errors come from [`build`](Self::build).
#[derive(Clone)]
#[must_use]
pub struct RedisStoreBuilder {
    url: Secret,
    password: Option<Secret>,
    roots: Vec<Vec<u8>>,
    prefix: String,
}

impl RedisStoreBuilder {
    /// Sets the password, if it is not part of the URL. The text is wiped on drop; copies in the
    /// Redis client are not.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Secret::from(password.into()));
        self
    }

    /// Trusts these root certificates (PEM) in addition to the system's, for `rediss://`. May be
    /// called several times.
    pub fn root_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.roots.push(pem.as_ref().to_owned());
        self
    }

    /// Sets the prefix of all keys, for a Redis with access rules (ACL). `adobe-ims` by default.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Checks the settings; for `rediss://`, also reads the system's root certificates. Uses no
    /// network.
    ///
    /// # Errors
    ///
    /// As [`RedisStore::new`], and [`ErrorKind::Store`](crate::ErrorKind::Store) for a root
    /// certificate or a prefix that cannot be used.
    pub fn build(self) -> Result<RedisStore, Error> {
        let Self { url, password, roots, prefix } = self;
        // Braces in the prefix would be the hash tag.
        if prefix.is_empty() || prefix.contains(['{', '}']) {
            return Err(setup("its prefix is empty or has braces", "leave the prefix out for `adobe-ims`").into());
        }
        let url = Url::parse(url.expose())?;
        let tls = url.is_tls.then(|| tls::config(&roots)).transpose()?;
        let login = match password {
            Some(password) => url.login.set_password(password.expose()),
            None => url.login,
        };
        // Avoids two commands for each connection.
        let login = login.set_skip_set_lib_name();
        Ok(RedisStore(Arc::new(Inner { server: Server::new(url.address, tls, login), prefix })))
    }
}

/// Does not show the URL, which may hold a password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, password: _, roots, prefix } = self;
        f.debug_struct("RedisStoreBuilder").field("roots", &roots.len()).field("prefix", prefix).finish_non_exhaustive()
    }
}

struct Url {
    address: Address,
    is_tls: bool,
    login: RedisConnectionInfo,
}

impl Url {
    /// Reads a URL. TLS is set up by this crate: the Redis client uses the process-wide crypto
    /// provider, and panics in a program that has none or two.
    fn parse(url: &str) -> Result<Self, StoreSetupError> {
        let error = |problem| setup(problem, URL_HINT);
        let (scheme, rest) = url.split_once("://").ok_or(error("its URL has no scheme"))?;
        let (scheme, is_tls) = match scheme {
            "redis" | "valkey" => ("redis", false),
            "rediss" | "valkeys" => ("redis", true),
            "unix" | "redis+unix" | "valkey+unix" => ("unix", false),
            _ => return Err(error("its URL scheme is not redis, rediss, valkey, valkeys or unix")),
        };
        if rest.contains('#') {
            return Err(error("its URL has a fragment; certificates are always verified"));
        }
        // The messages of the Redis client may show the password.
        let info = format!("{scheme}://{rest}").into_connection_info().map_err(|_| error("its URL cannot be read"))?;
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Address::Tcp(host.clone(), *port),
            ConnectionAddr::Unix(path) => {
                unix(path.clone()).ok_or(error("Unix sockets are not supported on this platform"))?
            }
            _ => return Err(error("its URL cannot be read")),
        };
        Ok(Self { address, is_tls, login: info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2) })
    }
}

#[cfg(unix)]
fn unix(path: PathBuf) -> Option<Address> {
    Some(Address::Unix(path))
}

#[cfg(not(unix))]
fn unix(_: PathBuf) -> Option<Address> {
    None
}

fn setup(problem: &'static str, hint: &'static str) -> StoreSetupError {
    StoreSetupError { store: "Redis store", problem, hint }
}

const URL_HINT: &str = "give rediss://user:password@host:port/database, redis:// without TLS, or unix:///path; encode \
                        what is special in a password as in `%2F`, or give it with `password`";
const PREFIX: &str = "adobe-ims";
const TOKEN: &str = "token";
const LEASE: &str = "lease";
/// The response to `PTTL` for a key that does not exist.
const MISSING: i64 = -2;
/// The index of the last byte that is read: a sealed token has some kilobytes.
const MAX_VALUE: u64 = 64 * 1024;
/// The most that a response to `TIME` may take.
const MAX_LATENESS: Duration = Duration::from_secs(1);
const SAVE: &str = "redis.call('SET', KEYS[1], ARGV[1]) redis.call('PEXPIREAT', KEYS[1], ARGV[2])";
const REMOVE: &str = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end";

#[cfg(test)]
mod tests {
    use super::{RedisStore, Url};
    use crate::error::ErrorKind;

    #[test]
    fn a_url_says_where_the_server_is_and_how_to_log_in() {
        let cases = [
            ("redis://127.0.0.1", "127.0.0.1:6379", false, (None, None, 0)),
            ("valkey://localhost:1/3", "localhost:1", false, (None, None, 3)),
            ("rediss://u:p%2F@redis.example:6380/0", "redis.example:6380", true, (Some("u"), Some("p/"), 0)),
            ("valkeys://:p@[::1]:7", "::1:7", true, (None, Some("p"), 0)),
            ("unix:///run/redis.sock?pass=p&db=2", "/run/redis.sock", false, (None, Some("p"), 2)),
        ];
        for (text, address, is_tls, login) in cases {
            let url = Url::parse(text).unwrap();
            assert_eq!((format!("{:?}", url.address), url.is_tls), (address.to_owned(), is_tls), "{text}");
            assert_eq!((url.login.username(), url.login.password(), url.login.db()), login, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_showing_it() {
        let urls = [
            "",
            "MARKER.example",
            "http://MARKER.example",
            "redis://",
            "redis://u:MARKER@host/nine",
            "redis://u:MARKER@0.0.0.0",
            "rediss://u:MARKER@host/#insecure",
        ];
        let builds = urls.map(RedisStore::builder).into_iter();
        let builds = builds.chain(["", "a{b}"].map(|prefix| RedisStore::builder("redis://host").prefix(prefix)));
        let roots = ["", "MARKER", "-----BEGIN CERTIFICATE-----\nMARKER\n-----END CERTIFICATE-----\n"];
        let builds = builds.chain(roots.map(|pem| RedisStore::builder("rediss://host").root_certificate(pem)));
        for builder in builds {
            assert!(!format!("{builder:?}").contains("MARKER"));
            let error = builder.clone().build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Store);
            assert!(error.hint().is_some() && !error.is_transient());
            let shown = format!("{} {error:?}", error.report());
            assert!(!shown.contains("MARKER"), "{shown}");
        }
    }

    #[test]
    fn a_store_shows_no_password() {
        let store = RedisStore::builder("rediss://user:MARKER@redis.example").password("MARKER").build().unwrap();
        assert_eq!(format!("{store:?}"), r#"RedisStore { address: redis.example:6379, prefix: "adobe-ims", .. }"#);
    }

    #[test]
    fn the_keys_of_a_credential_have_one_hash_tag() {
        let store = RedisStore::builder("redis://host").prefix("team").build().unwrap();
        assert_eq!(
            (store.key("ab", "token"), store.key("ab", "lease")),
            ("team:{ab}:token".to_owned(), "team:{ab}:lease".to_owned())
        );
    }
}
