//! The client: puts the parts together.

mod builder;
mod development;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use self::builder::ImsClientBuilder;

use self::development::Development;

use crate::cache::{Cache, CacheConfig, Load, Refresh, Wanted};
use crate::certificate::Certificate;
use crate::credentials::Credentials;
use crate::error::{Error, UsageError};
use crate::exchange::{Exchange, Validation};
use crate::grant::Grant;
use crate::source::{TokenFuture, TokenSource};
use crate::store::{Shareable, Store, Stored, Vault};
use crate::telemetry::Identity;
use crate::token::Token;
use crate::transport::Endpoint;

/// Gets access tokens from Adobe IMS.
///
/// Cheap to clone. Create one client per credential and share it. Building one checks the key and
/// reads the system's root certificates; it needs no network and no runtime, and starts no task.
/// Calls need a tokio runtime with its I/O and time drivers.
///
/// ```
/// # async fn example() -> Result<(), adobe_ims::Error> {
/// # let mock = adobe_ims::testing::MockIms::start().await?;
/// # let credentials = mock.credentials();
/// use adobe_ims::ImsClient;
///
/// let ims = ImsClient::new(credentials)?;
/// # let ims = mock.client()?;
/// let token = ims.token().await?; // from the cache, if there is a valid one
/// let header = token.authorization();
///
/// // The API responded with 401: get another token, once.
/// ims.forget(&token);
/// let token = ims.token().await?;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct ImsClient(Arc<Inner>);

struct Inner {
    exchange: Arc<Exchange>,
    cache: Cache<Stored<Arc<Exchange>>>,
    /// In place of both, for a development token.
    development: Option<Development>,
    settings: Settings,
}

/// What a client for another credential has in common with this one, beyond the exchange's own
/// settings.
#[derive(Clone, Debug)]
struct Settings {
    /// Where to connect, if not to the host of the credentials.
    endpoint: Option<Endpoint>,
    assertion_lifetime: Duration,
    refresh_before: Duration,
    store: Option<Arc<Store>>,
}

impl ImsClient {
    /// Creates a client with all defaults.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) without TLS compiled in, without root
    /// certificates, or with a proxy variable that cannot be used;
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) for a key that fails to sign.
    pub fn new(credentials: impl Into<Credentials>) -> Result<Self, Error> {
        Self::builder(credentials).build()
    }

    /// Returns a builder, to set timeouts, a proxy and more.
    pub fn builder(credentials: impl Into<Credentials>) -> ImsClientBuilder {
        ImsClientBuilder::new(credentials.into())
    }

    /// Creates a client for another credential, with the connections and settings of this one.
    ///
    /// Connections and root certificates are shared, so thousands of clients are fine. Tokens are
    /// not shared. Uses no network.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) for a key that fails to sign.
    pub fn with_credentials(&self, credentials: impl Into<Credentials>) -> Result<Self, Error> {
        let settings = self.0.settings.clone();
        let grant = Grant::new(credentials.into(), settings.assertion_lifetime)?;
        let endpoint = settings.endpoint_for(&grant)?;
        Self::assemble(self.0.exchange.with_grant(grant, endpoint), settings, None)
    }

    /// Returns a valid access token, from the cache if there is one.
    ///
    /// Uses the network only if it must. In the refresh window, which is the last hour of a token
    /// (or the last third of a shorter lifetime), calls still return at once and one refresh runs
    /// in the background. In the last 30 seconds (or the last tenth) calls wait for the refresh,
    /// but at most for half of the time left; without a new token by then, they get the cached one.
    /// Any number of concurrent calls share one exchange and its outcome. With a
    /// [store](ImsClientBuilder::store), so do other processes.
    ///
    /// After a failure, no request is sent for a while. With a valid token, this is 1, 2, 4, then 5
    /// minutes. Without one, it is 1 second, doubling to 30, and calls get the same error at once.
    /// It is longer if IMS sent `Retry-After`. These times are measured by the client's own
    /// [clock](ImsClientBuilder::clock).
    ///
    /// # Errors
    ///
    /// As [`exchange`](Self::exchange), but only if there is no valid token.
    /// [`ErrorKind::Expired`](crate::ErrorKind::Expired) if IMS issues a token that has already
    /// expired. Outside of a tokio runtime, [`ErrorKind::Usage`](crate::ErrorKind::Usage) unless
    /// there is a valid token.
    ///
    /// # Panics
    ///
    /// As [`exchange`](Self::exchange).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is safe: the exchange continues for other callers, and for the next
    /// call.
    pub async fn token(&self) -> Result<Token, Error> {
        match &self.0.development {
            None => self.0.cache.token(Duration::ZERO).await,
            Some(development) => development.token(self.0.exchange.identity()).await,
        }
    }

    /// Returns a token that is valid for at least `least`.
    ///
    /// As [`token`](Self::token), but requests another token if the cached one expires earlier. At
    /// most one exchange per call: if IMS never issues tokens that long-lived, the available one is
    /// returned.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token), and also if the cached token is valid but expires too early and
    /// there is no other.
    ///
    /// # Panics
    ///
    /// As [`exchange`](Self::exchange).
    pub async fn token_valid_for(&self, least: Duration) -> Result<Token, Error> {
        match &self.0.development {
            None => self.0.cache.token(least).await,
            Some(development) => development.token(self.0.exchange.identity()).await,
        }
    }

    /// Returns the cached token while it is valid. Never waits, and starts no refresh: for
    /// readiness probes and status pages.
    pub fn cached_token(&self) -> Option<Token> {
        match &self.0.development {
            None => self.0.cache.peek(),
            Some(development) => development.valid(),
        }
    }

    /// Drops the token from the cache, so that the next [`token`](Self::token) requests another:
    /// call it after an API responded with 401.
    ///
    /// Does nothing if it is no longer the cached token, so many callers may forget the same token.
    /// Tokens are compared by identity: a clone counts, a second token with equal text does not.
    ///
    /// At most one token per minute can be forgotten; further calls are ignored: if the API refuses
    /// the new token as well, the token is not the reason, and each further exchange would only
    /// load IMS. Uses no network.
    ///
    /// With a [store](ImsClientBuilder::store), the next call does not take the token from there, and
    /// removes it.
    ///
    /// Does nothing for a client with a [`DevelopmentToken`](crate::DevelopmentToken), which has no
    /// other token to request.
    pub fn forget(&self, token: &Token) {
        self.0.cache.forget(token);
    }

    /// Refreshes the token in the background, even without calls, until the last client is dropped;
    /// it keeps no client alive. `tokio::spawn` it if the first call after a long idle period must
    /// not wait. Running it twice is harmless.
    ///
    /// Gets the first token at once, and then checks at least once a minute, to notice a forgotten
    /// token or a clock that was set. Reports failures as [`tracing`](https://docs.rs/tracing)
    /// events at WARN only, and retries as [`token`](Self::token) does. Ends at once outside of a
    /// tokio runtime.
    ///
    /// # Panics
    ///
    /// As [`exchange`](Self::exchange).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the refreshing, and has no other effect.
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + Send + 'static {
        let refreshing = self.0.development.is_none().then(|| self.0.cache.keep_fresh());
        async move {
            if let Some(refreshing) = refreshing {
                refreshing.await;
            }
        }
    }

    /// Requests a new access token from IMS. Neither reads nor fills the cache, is not shared with
    /// other calls, and is not delayed by earlier failures. Services should call
    /// [`token`](Self::token) instead.
    ///
    /// The exception is a client with a [`DevelopmentToken`](crate::DevelopmentToken): it never
    /// asks IMS, and returns that token while it is valid.
    ///
    /// Retries connection faults, timeouts of an attempt and transient responses (408, 429, 5xx):
    /// three attempts in all, with backoff, and with a new assertion each time. The whole call ends
    /// within 30 seconds, whatever the server does. These are the defaults of the
    /// [builder](ImsClientBuilder).
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). [`Error::is_transient`] says whether to call again
    /// later, [`Error::hint`] what to do otherwise.
    ///
    /// # Panics
    ///
    /// tokio panics on a runtime whose time or I/O driver is disabled; `enable_all` enables both.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection and wipes what was signed. IMS may still issue a
    /// token, which is then lost; this has no effect on other tokens.
    pub async fn exchange(&self) -> Result<Token, Error> {
        let Inner { exchange, development, .. } = &*self.0;
        if let Some(development) = development {
            return development.token(exchange.identity()).await;
        }
        in_runtime()?;
        exchange.token(exchange.limits().attempts, Duration::ZERO).await
    }

    /// Replaces the credentials by others of the same client: a new key and certificate, or new
    /// client secrets.
    ///
    /// Requests a token with the new credentials first. If IMS issues one, the credentials and the
    /// cached token are replaced together; otherwise nothing changes and the error says why.
    /// Meanwhile, all other calls use the old ones; they neither wait nor fail as long as either
    /// work.
    ///
    /// # Errors
    ///
    /// As [`exchange`](Self::exchange) with the new credentials.
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) for a key that fails to sign.
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for credentials of another client id,
    /// organization or IMS host: use [`with_credentials`](Self::with_credentials).
    ///
    /// # Panics
    ///
    /// As [`exchange`](Self::exchange).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before IMS has issued a token changes nothing.
    pub async fn replace(&self, credentials: impl Into<Credentials>) -> Result<(), Error> {
        let Inner { exchange, cache, development, settings } = &*self.0;
        let credentials = credentials.into();
        if development.is_some() || matches!(credentials, Credentials::Development(_)) {
            return Err(UsageError::DevelopmentToken.into());
        }
        let grant = Grant::new(credentials, settings.assertion_lifetime)?;
        if !exchange.is_for(&grant) {
            return Err(UsageError::AnotherClient.into());
        }
        in_runtime()?;
        let token = exchange.try_grant(&grant).await?;
        cache.install(token.clone(), || exchange.set_grant(grant));
        cache.loader().share(&token).await;
        exchange.skip_file().await;
        Ok(())
    }

    /// Revokes a token at IMS (`/ims/invalidate_token/v2`) and drops it from the cache and the store.
    /// The token can no longer be used; other tokens stay valid.
    ///
    /// # Errors
    ///
    /// As [`exchange`](Self::exchange); the token then stays in the cache.
    ///
    /// # Panics
    ///
    /// As [`exchange`](Self::exchange).
    pub async fn revoke(&self, token: &Token) -> Result<(), Error> {
        if self.0.development.is_some() {
            return Err(UsageError::DevelopmentToken.into());
        }
        in_runtime()?;
        self.0.exchange.revoke(token).await?;
        self.0.cache.discard(token);
        self.0.cache.loader().discard(token).await;
        Ok(())
    }

    /// Asks IMS whether a token is valid (`/ims/validate_token/v1`). The token does not have to
    /// come from this client: IMS requires the client id that it was issued to, which is read from
    /// its claims if it has any.
    ///
    /// # Errors
    ///
    /// As [`exchange`](Self::exchange). A token that is not valid is not an error.
    ///
    /// # Panics
    ///
    /// As [`exchange`](Self::exchange).
    pub async fn validate(&self, token: &Token) -> Result<Validation, Error> {
        in_runtime()?;
        self.0.exchange.validate(token).await
    }

    /// Returns the certificate of the credentials: monitor when it expires. `None` if they have
    /// none.
    pub fn certificate(&self) -> Option<Certificate> {
        self.0.exchange.grant().certificate().cloned()
    }

    /// Returns the client id of the credentials; other Adobe APIs require it as `x-api-key`.
    pub fn client_id(&self) -> &str {
        self.0.exchange.client_id()
    }

    /// Returns the IMS organization of the credentials; other Adobe APIs require it as
    /// `x-gw-ims-org-id`.
    pub fn org_id(&self) -> Option<&str> {
        self.0.exchange.org_id()
    }

    pub(crate) fn exchanger(&self) -> &Exchange {
        &self.0.exchange
    }

    fn assemble(exchange: Exchange, settings: Settings, reload: Option<PathBuf>) -> Result<Self, Error> {
        let (limits, clock) = (exchange.limits(), exchange.clock().clone());
        let development = match &*exchange.grant() {
            Grant::None(token) => Some(Development::new(token, clock.clone(), reload)?),
            _ => None,
        };
        let config =
            CacheConfig { refresh_before: settings.refresh_before, wait: limits.call, jitter: fastrand::f64() };
        let exchange = Arc::new(exchange);
        let loader = Stored::new(Arc::clone(&exchange), settings.store.clone(), clock.clone(), limits.call);
        let cache = Cache::new(loader, clock, config);
        Ok(Self(Arc::new(Inner { exchange, cache, development, settings })))
    }
}

pub(crate) fn in_runtime() -> Result<(), Error> {
    tokio::runtime::Handle::try_current().map(drop).map_err(|_| UsageError::NoRuntime.into())
}

impl Settings {
    fn endpoint_for(&self, grant: &Grant) -> Result<Endpoint, Error> {
        match &self.endpoint {
            Some(endpoint) => Ok(endpoint.clone()),
            None => Ok(Endpoint::of_host(grant.ims_host())?),
        }
    }
}

impl Load for Arc<Exchange> {
    async fn load(&self, wanted: Wanted) -> Result<Token, Error> {
        let limits = self.limits();
        let attempts = match wanted.refresh {
            Refresh::Foreground => limits.attempts,
            Refresh::Background => 1,
        };
        // Ends before those who wait for it give up, so that they see its outcome.
        self.token(attempts, wanted.elapsed.saturating_add(MARGIN.min(limits.call.mul_f64(0.1)))).await
    }

    fn identity(&self) -> Identity<'_> {
        Exchange::identity(self)
    }
}

impl Shareable for Arc<Exchange> {
    fn vault(&self) -> Option<Vault> {
        Vault::new(self.grant().owner(self.endpoint().as_str())?)
    }
}

/// As [`ImsClient::token`] and [`ImsClient::forget`].
impl TokenSource for ImsClient {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(self.token())
    }

    fn forget(&self, token: &Token) {
        self.forget(token);
    }
}

// A panic cannot leave its state half changed; reqwest's client just does not declare this.
impl UnwindSafe for ImsClient {}
impl RefUnwindSafe for ImsClient {}

impl fmt::Debug for ImsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { exchange, cache: _, development: _, settings } = &*self.0;
        f.debug_struct("ImsClient")
            .field("client_id", &self.client_id())
            .field("host", &exchange.endpoint().host())
            .field("limits", &exchange.limits())
            .field("settings", settings)
            .finish_non_exhaustive()
    }
}

const MARGIN: Duration = Duration::from_millis(250);
