//! The client's settings before it is built, checked when it is.

use std::fmt;
use std::time::Duration;

use super::{Common, ImsClient};
use crate::clock::{Clock, SharedClock};
use crate::credentials::Credentials;
use crate::error::{Error, Failure};
use crate::exchange::{Endpoint, Exchange, HttpSettings};
use crate::retry::Limits;
use crate::secret::Secret;
use crate::signer::{ASSERTION_LIFETIME, JwtSigner};

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
    http: HttpSettings,
    limits: Limits,
    assertion_lifetime: Duration,
    refresh_before: Duration,
    clock: SharedClock,
}

impl ImsClientBuilder {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            endpoint: None,
            http: HttpSettings::default(),
            limits: Limits::default(),
            assertion_lifetime: ASSERTION_LIFETIME,
            refresh_before: REFRESH_BEFORE,
            clock: SharedClock::default(),
        }
    }

    /// The longest time to find, reach and greet the host. 5 seconds by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.http.connect_timeout = limit;
        self
    }

    /// The longest time for one attempt, connecting and reading included. 10 seconds by default.
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.limits.attempt = limit;
        self
    }

    /// The longest time for a whole call, attempts and pauses included. 30 seconds by default.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limits.call = limit;
        self
    }

    /// How many attempts a call makes at most, the first included. 3 by default. An attempt that IMS
    /// refuses because of the local clock is made once more with the time of IMS, within the same limit.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = attempts;
        self
    }

    /// What to send as `User-Agent` instead of this crate's name and version.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.http.user_agent = user_agent.into();
        self
    }

    /// The proxy to go through, instead of what `HTTPS_PROXY` and `NO_PROXY` say. User and password
    /// may stand in the URL; nothing prints them. The proxy sees a `CONNECT` and the TLS inside of
    /// it, never the form.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.http.proxy = Some(Secret::from(url.into()));
        self
    }

    /// No proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.http.no_proxy = true;
        self
    }

    /// PEM of root certificates to trust beside the system's, such as a company proxy's. Adds up.
    pub fn root_certificate(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.http.root_certificates.push(pem.as_ref().to_owned());
        self
    }

    /// How long an assertion is good for; from one second to 24 hours, Adobe's maximum. 5 minutes by
    /// default.
    pub fn assertion_lifetime(mut self, lifetime: Duration) -> Self {
        self.assertion_lifetime = lifetime;
        self
    }

    /// How long before its end a token is renewed, beside the calls that go on getting it. One hour by
    /// default, at least a minute; never more than a third of the token's life.
    pub fn refresh_before(mut self, time: Duration) -> Self {
        self.refresh_before = time;
        self
    }

    /// Where to take the time from, instead of the machine's clocks: for what is signed, for the age
    /// of tokens, and for how long a failure is remembered. Time limits, and the pauses between the
    /// attempts of one call, go by tokio's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Connects to another address than that of the credentials: a stand-in, or a reverse proxy in
    /// front of IMS. **Whoever answers there receives the client secret.**
    ///
    /// `https://host`, with a port and a path in front if need be; `http://` for this machine's
    /// loopback alone, and then never through a proxy. What is signed stays the same: the host of
    /// the credentials.
    pub fn danger_endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The last word on reqwest's own settings, for what this builder does not offer. What keeps
    /// secrets where they belong is set after it and can't be undone: no redirects, no retries of
    /// reqwest's own, HTTP/1.1, no decompression, https only, certificates checked.
    ///
    /// Follows reqwest's version and stands outside this crate's semver promise.
    #[cfg(feature = "configure-http")]
    pub fn configure_http(
        mut self,
        configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder + Send + 'static,
    ) -> Self {
        self.http.configure = Some(Box::new(configure));
        self
    }

    /// Checks the settings, proves the key and reads the system's root certificates.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for a setting that can't work, without TLS
    /// compiled in, or without root certificates; [`ErrorKind::Key`](crate::ErrorKind::Key) for a key
    /// that fails to sign.
    pub fn build(self) -> Result<ImsClient, Error> {
        let Self { credentials, endpoint, http, limits, assertion_lifetime, refresh_before, clock } = self;
        let Credentials::Service(credentials) = credentials;
        let times =
            [("connect_timeout", http.connect_timeout), ("attempt_timeout", limits.attempt), ("timeout", limits.call)];
        if let Some((name, _)) = times.into_iter().find(|(_, limit)| limit.is_zero()) {
            return Err(Failure::Setting { name, problem: "it is zero" }.into());
        }
        if limits.attempts == 0 {
            return Err(Failure::Setting { name: "max_attempts", problem: "it is zero" }.into());
        }
        if refresh_before < SHORTEST_REFRESH {
            return Err(Failure::Setting { name: "refresh_before", problem: "it is less than a minute" }.into());
        }
        if !(SHORTEST_ASSERTION..=LONGEST_ASSERTION).contains(&assertion_lifetime) {
            let problem = "it is not between one second and 24 hours";
            return Err(Failure::Setting { name: "assertion_lifetime", problem }.into());
        }
        let endpoint = endpoint.map(|address| Endpoint::parse(&address)).transpose()?;
        let common = Common { endpoint, limits, assertion_lifetime, refresh_before, clock };
        let endpoint = common.endpoint_for(&credentials)?;
        let signer = JwtSigner::with_lifetime(&credentials, assertion_lifetime)?;
        let exchange = Exchange::new(http, endpoint, signer, common.clock.clone())?;
        Ok(ImsClient::assemble(exchange, common))
    }
}

impl fmt::Debug for ImsClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { credentials, endpoint: _, http, limits, assertion_lifetime, refresh_before, clock: _ } = self;
        f.debug_struct("ImsClientBuilder")
            .field("credentials", credentials)
            .field("http", http)
            .field("limits", limits)
            .field("assertion_lifetime", assertion_lifetime)
            .field("refresh_before", refresh_before)
            .finish_non_exhaustive()
    }
}

/// Adobe's own margin is ten minutes; an hour outlives most outages.
const REFRESH_BEFORE: Duration = Duration::from_secs(60 * 60);
/// In its last 30 seconds a token is waited for: a renewal beside the callers must begin well before.
const SHORTEST_REFRESH: Duration = Duration::from_secs(60);
/// `exp` counts whole seconds.
const SHORTEST_ASSERTION: Duration = Duration::from_secs(1);
/// The maximum that Adobe's documentation once gave; it has since dropped it without giving another.
const LONGEST_ASSERTION: Duration = Duration::from_secs(24 * 60 * 60);
