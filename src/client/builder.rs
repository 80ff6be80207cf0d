//! The client's settings, checked when it is built.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{ImsClient, Settings};
use crate::clock::{Clock, SharedClock};
use crate::credentials::Credentials;
use crate::error::{ConfigError, Error};
use crate::exchange::{Exchange, Reload};
use crate::grant::Grant;
use crate::retry::Limits;
use crate::secret::Secret;
use crate::signer::ASSERTION_LIFETIME;
use crate::store::{Store, TokenStore};
use crate::transport::{Endpoint, HttpConfig, Transport};

/// Settings of an [`ImsClient`]. All errors come from [`build`](Self::build).
///
/// ```
/// # async fn example() -> Result<(), adobe_ims::Error> {
/// # let mock = adobe_ims::testing::MockIms::start().await?;
/// # let credentials = mock.credentials();
/// use std::time::Duration;
/// use adobe_ims::ImsClient;
///
/// let ims = ImsClient::builder(credentials)
///     .timeout(Duration::from_secs(15))
///     .max_attempts(2)
///     .build()?;
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use]
pub struct ImsClientBuilder {
    credentials: Credentials,
    endpoint: Option<String>,
    http: HttpConfig,
    limits: Limits,
    assertion_lifetime: Duration,
    refresh_before: Duration,
    clock: SharedClock,
    reload: Option<PathBuf>,
    #[cfg(feature = "metrics")]
    label: Option<String>,
    store: Option<Arc<Store>>,
}

impl ImsClientBuilder {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            endpoint: None,
            http: HttpConfig::default(),
            limits: Limits::default(),
            assertion_lifetime: ASSERTION_LIFETIME,
            refresh_before: REFRESH_BEFORE,
            clock: SharedClock::default(),
            reload: None,
            #[cfg(feature = "metrics")]
            label: None,
            store: None,
        }
    }

    /// The longest time to resolve, connect and complete the TLS handshake. 5 seconds by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.http.connect_timeout = timeout;
        self
    }

    /// The longest time for one attempt, connecting and reading included. 10 seconds by default.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.limits.attempt = timeout;
        self
    }

    /// The longest time for a whole call, attempts and backoff included. 30 seconds by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limits.call = timeout;
        self
    }

    /// How many attempts a call makes at most, the first included. 3 by default.
    ///
    /// An attempt that IMS refuses because the local clock is wrong is repeated once with the time
    /// of IMS (up to 24 hours off), within the same timeout.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts;
        self
    }

    /// The `User-Agent` to send instead of this crate's name and version.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.http.user_agent = user_agent.into();
        self
    }

    /// The proxy to use, instead of `HTTPS_PROXY` and `NO_PROXY` of the environment: `http://` or
    /// `https://`, with user and password if necessary. They are never printed. The proxy sees a
    /// `CONNECT` and the TLS inside of it, never the form.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.http.proxy = Some(Secret::from(url.into()));
        self
    }

    /// Uses no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.http.no_proxy = true;
        self
    }

    /// Trusts these root certificates (PEM) in addition to the system's, such as the root of a
    /// company proxy. May be called several times.
    pub fn root_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.http.root_certificates.push(pem.as_ref().to_owned());
        self
    }

    /// How long an assertion is valid: from one second to 24 hours, Adobe's maximum. 5 minutes by
    /// default.
    pub fn assertion_lifetime(mut self, lifetime: Duration) -> Self {
        self.assertion_lifetime = lifetime;
        self
    }

    /// How long before its expiry a token is refreshed in the background. One hour by default, at
    /// least a minute, and never more than a third of the token's lifetime.
    pub fn refresh_before(mut self, time: Duration) -> Self {
        self.refresh_before = time;
        self
    }

    /// The clock to use instead of the machine's: for what is signed, for the age of tokens, and
    /// for how long a failure is remembered. Timeouts, and the backoff between the attempts of one
    /// call, use tokio's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Reads the credentials again from this file whenever a token is requested from IMS:
    /// credentials then rotate without a restart.
    ///
    /// A file that has changed is tried first, and used from then on if IMS issues a token for it.
    /// [`build`](Self::build) does not look at the file, so a path that cannot be read is no error
    /// there. At each exchange, a file that cannot be read, is not complete, belongs to another
    /// client, or is refused by IMS, is reported as a [`tracing`](https://docs.rs/tracing) event at
    /// WARN, and the last good credentials are used. If IMS refuses those, the file is read once
    /// more. Nothing watches the file and nothing runs in the background. The file of a development
    /// token is read when the token has expired.
    ///
    /// The file is read as [`Credentials::from_file`] does, so a project download must hold one
    /// credential only, and an encrypted key needs its passphrase in the file. Clients made
    /// [`with_credentials`](ImsClient::with_credentials) do not read the file.
    pub fn reload_from(mut self, path: impl AsRef<Path>) -> Self {
        self.reload = Some(path.as_ref().to_owned());
        self
    }

    /// Shares tokens with other processes through a store: a token is requested only if the store
    /// has none. See [`store`](crate::store). Clients made with [`ImsClient::with_credentials`] use
    /// it too.
    ///
    /// A store never makes a call fail, and its share of the timeout is limited: a second (or a
    /// tenth of the timeout) for each request to it, and half of the timeout to wait for another
    /// process that requests a token.
    pub fn store(mut self, store: impl TokenStore) -> Self {
        self.store = Some(Arc::new(Store::new(store)));
        self
    }

    /// Connects to another address than that of the credentials: a mock, or a reverse proxy in
    /// front of IMS. **The server there receives the client secret.**
    ///
    /// Takes `https://host`, with a port and a path prefix if necessary; `http://` only for this
    /// machine's loopback, and then never through a proxy. The path of a token endpoint
    /// (`/ims/exchange/jwt`) may be part of it. What is signed does not change: the host of the
    /// credentials.
    pub fn danger_endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Sets the label `client` on the metrics of this client, for a process with several clients.
    /// Without it, the metrics do not have that label. Clients made
    /// [`with_credentials`](ImsClient::with_credentials) share the label. Feature `metrics`.
    #[cfg(feature = "metrics")]
    pub fn metrics_label(mut self, name: impl Into<String>) -> Self {
        self.label = Some(name.into());
        self
    }

    /// Customises the underlying `reqwest::ClientBuilder`, for what this builder does not offer.
    /// Feature `configure-http`.
    ///
    /// The settings that protect secrets are made afterwards and cannot be overridden: no
    /// redirects, no retries by reqwest, HTTP/1.1, no decompression, https only, certificates
    /// verified.
    ///
    /// Follows reqwest's version and is outside this crate's semver promise.
    #[cfg(feature = "configure-http")]
    pub fn configure_http(
        mut self,
        configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + 'static,
    ) -> Self {
        self.http.configure = Some(Box::new(configure));
        self
    }

    /// Checks the settings and the key, and reads the system's root certificates.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a setting or a proxy variable that
    /// cannot be used, without TLS compiled in, or without root certificates;
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) for a key that fails to sign.
    pub fn build(self) -> Result<ImsClient, Error> {
        self.check()?;
        #[cfg(feature = "metrics")]
        let label = self.label;
        let Self {
            credentials, endpoint, http, limits, assertion_lifetime, refresh_before, clock, reload, store, ..
        } = self;
        let endpoint = endpoint.map(|address| Endpoint::parse(&address)).transpose()?;
        let settings = Settings { endpoint, assertion_lifetime, refresh_before, store };
        let grant = Grant::new(credentials, assertion_lifetime)?;
        let endpoint = settings.endpoint_for(&grant)?;
        let transport = Transport::new(http, &endpoint, clock.clone())?;
        let mut exchange = Exchange::new(transport, endpoint, grant, clock, limits);
        if let Some(path) = &reload {
            exchange = exchange.with_reload(Reload::new(path.clone(), assertion_lifetime));
        }
        #[cfg(feature = "metrics")]
        let exchange = exchange.with_label(label);
        ImsClient::assemble(exchange, settings, reload)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let setting = |name, problem, hint| Err(ConfigError::Setting { name, problem, hint });
        if self.http.connect_timeout.is_zero() {
            return setting("connect_timeout", ZERO, "leave it out for 5 s");
        }
        if self.limits.attempt.is_zero() {
            return setting("attempt_timeout", ZERO, "leave it out for 10 s");
        }
        if self.limits.call.is_zero() {
            return setting("timeout", ZERO, "leave it out for 30 s");
        }
        if self.limits.attempts == 0 {
            return setting("max_attempts", ZERO, "leave it out for 3; 1 is an attempt without retries");
        }
        if self.refresh_before < MIN_REFRESH {
            return setting("refresh_before", "it is less than a minute", "leave it out for an hour");
        }
        if !(MIN_ASSERTION..=MAX_ASSERTION).contains(&self.assertion_lifetime) {
            let problem = "it is not between one second and 24 hours";
            return setting("assertion_lifetime", problem, "leave it out for 5 minutes");
        }
        Ok(())
    }
}

impl fmt::Debug for ImsClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            credentials,
            endpoint: _,
            http,
            limits,
            assertion_lifetime,
            refresh_before,
            clock: _,
            reload: _,
            #[cfg(feature = "metrics")]
                label: _,
            store,
        } = self;
        f.debug_struct("ImsClientBuilder")
            .field("credentials", credentials)
            .field("http", http)
            .field("limits", limits)
            .field("assertion_lifetime", assertion_lifetime)
            .field("refresh_before", refresh_before)
            .field("store", store)
            .finish_non_exhaustive()
    }
}

const ZERO: &str = "it is zero";
/// Adobe's own margin is ten minutes; an hour outlives most outages.
const REFRESH_BEFORE: Duration = Duration::from_secs(60 * 60);
/// In its last 30 seconds a token is waited for: a background refresh must begin well before.
const MIN_REFRESH: Duration = Duration::from_secs(60);
/// `exp` counts whole seconds.
const MIN_ASSERTION: Duration = Duration::from_secs(1);
/// The maximum that Adobe's documentation once gave; it now gives none.
const MAX_ASSERTION: Duration = Duration::from_secs(24 * 60 * 60);
