//! The client: puts the parts together.

mod builder;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracing::Instrument;

pub use self::builder::ImsClientBuilder;

use crate::cache::{Cache, Effort, Load, Settings};
use crate::certificate::Certificate;
use crate::clock::SharedClock;
use crate::credentials::{Credentials, ServiceCredentials};
use crate::error::{Error, Failure};
use crate::exchange::{Endpoint, Exchange};
use crate::retry::{self, Limits};
use crate::signer::JwtSigner;
use crate::token::Token;

/// Gets access tokens from Adobe IMS.
///
/// Cheap to clone, and meant to be shared: one client for one credential in a process. Building one
/// proves the key and reads the system's root certificates; it needs no network, no runtime and no
/// task. Calls need a tokio runtime with its I/O and time drivers.
#[derive(Clone)]
pub struct ImsClient(Arc<Inner>);

struct Inner {
    cache: Cache<Exchanger>,
    /// What a client for another credential has in common with this one.
    common: Common,
}

#[derive(Clone, Debug)]
struct Common {
    /// Where to connect, if not to the host of the credentials.
    endpoint: Option<Endpoint>,
    limits: Limits,
    assertion_lifetime: Duration,
    refresh_before: Duration,
    clock: SharedClock,
}

impl ImsClient {
    /// A client with all defaults.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) without TLS compiled in or without root
    /// certificates; [`ErrorKind::Key`](crate::ErrorKind::Key) for a key that fails to sign.
    pub fn new(credentials: impl Into<Credentials>) -> Result<Self, Error> {
        Self::builder(credentials).build()
    }

    /// A client with settings of its own.
    pub fn builder(credentials: impl Into<Credentials>) -> ImsClientBuilder {
        ImsClientBuilder::new(credentials.into())
    }

    /// A client for another credential, with the connections and settings of this one. What costs is
    /// shared, so there may be thousands. Nothing of a token is shared. Never touches the network.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) for a key that fails to sign.
    pub fn with_credentials(&self, credentials: impl Into<Credentials>) -> Result<Self, Error> {
        let Credentials::Service(credentials) = credentials.into();
        let common = self.0.common.clone();
        let signer = JwtSigner::with_lifetime(&credentials, common.assertion_lifetime)?;
        let endpoint = common.endpoint_for(&credentials)?;
        let exchange = self.exchanger().exchange.with_signer(signer, endpoint);
        Ok(Self::assemble(exchange, common))
    }

    /// The access token, at once until its last 30 seconds: until then nothing waits for IMS but the first
    /// call, and calls after an outage that outlasted the token.
    ///
    /// Goes to the network only when it must. In the last hour of a token (or the last third of a
    /// shorter one) calls still get it at once, and one renewal runs beside them; in its last 30 seconds
    /// (or the last tenth) they wait for that, and still get the token until its end if it fails. Any
    /// number of calls share one exchange and its outcome.
    ///
    /// After a failure nobody asks IMS again for a while: 1, 2, 4, then 5 minutes while there is a good
    /// token; without one 1 second, doubling to 30, and calls get the same error at once. Longer if
    /// `Retry-After` says so. By the client's own [clock](ImsClientBuilder::clock).
    ///
    /// # Errors
    ///
    /// As [`exchange`](Self::exchange), but only where no good token is left.
    /// [`ErrorKind::Expired`](crate::ErrorKind::Expired) if IMS hands out a token that has already ended.
    /// Without a tokio runtime, [`ErrorKind::Usage`](crate::ErrorKind::Usage) unless there is a good token.
    ///
    /// # Panics
    ///
    /// As [`exchange`](Self::exchange).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future harms nobody: the exchange goes on for the others, and for the next call.
    pub async fn token(&self) -> Result<Token, Error> {
        match self.0.cache.serve(Duration::ZERO) {
            Some(token) => Ok(token),
            None => Box::pin(self.0.cache.wait(Duration::ZERO)).await,
        }
    }

    /// As [`token`](Self::token), but asks IMS for another one if the token does not live at least
    /// this long. One exchange for a call at most: where no token of IMS lives that long, the one there
    /// is is handed out.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token), and also where a token is good but too short-lived and there is no other.
    ///
    /// # Panics
    ///
    /// As [`exchange`](Self::exchange).
    pub async fn token_valid_for(&self, least: Duration) -> Result<Token, Error> {
        match self.0.cache.serve(least) {
            Some(token) => Ok(token),
            None => Box::pin(self.0.cache.wait(least)).await,
        }
    }

    /// Drops the token, so that the next [`token`](Self::token) gets another: for when an API answers 401
    /// to it. Once for a request: there is no brake, and during an outage the dropped token is gone.
    ///
    /// Does nothing if it is not the current one any more, so that many may forget the same token; clones
    /// are the same token, another with the same text is not. Never touches the network.
    pub fn forget(&self, token: &Token) {
        self.0.cache.forget(token);
    }

    /// Renews the token without being asked, until the last client is dropped, which this does not
    /// prevent. For services whose first call after a quiet night must not wait: `tokio::spawn` it. Twice
    /// is harmless.
    ///
    /// Gets the first token at once, and then looks at least once a minute: that is how soon it notices a
    /// forgotten token or a clock that was moved. Failures are told as [`tracing`] events alone, and tried
    /// again as [`token`](Self::token) does. Ends at once where there is no tokio runtime.
    ///
    /// # Panics
    ///
    /// As [`exchange`](Self::exchange).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the renewing, and nothing else.
    pub fn keep_fresh(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.cache.keep_fresh()
    }

    /// Exchanges a newly signed assertion for an access token. Always asks IMS: one exchange for one
    /// call, shared with nobody and kept nowhere; neither is it held back by earlier failures.
    ///
    /// Connection faults, time-outs of an attempt and answers that say "later" (408, 429, 5xx) are
    /// tried again, three attempts in all, with pauses in between and a new assertion each time. The
    /// whole call ends within 30 seconds, whatever the other side does. All these numbers are the
    /// builder's defaults.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). [`Error::is_transient`] tells whether to call again later,
    /// [`Error::hint`] what to do if not.
    ///
    /// # Panics
    ///
    /// tokio panics on a runtime whose time or I/O driver is off; `enable_all` turns both on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection and wipes what was signed. IMS may have made a token
    /// that nobody receives, which harms nothing: tokens of one credential do not replace each other.
    pub async fn exchange(&self) -> Result<Token, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(Failure::NoRuntime.into());
        }
        self.exchanger().exchange(self.0.common.limits).await
    }

    /// The certificate beside the key of the credentials: watch when it ends.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.credentials().certificate()
    }

    /// The client id of the credentials; what other Adobe APIs want as `x-api-key`.
    pub fn client_id(&self) -> &str {
        self.credentials().client_id()
    }

    /// The IMS organization of the credentials; what other Adobe APIs want as `x-gw-ims-org-id`.
    pub fn org_id(&self) -> Option<&str> {
        Some(self.credentials().org_id())
    }

    fn credentials(&self) -> &ServiceCredentials {
        self.exchanger().exchange.signer().credentials()
    }

    fn exchanger(&self) -> &Exchanger {
        self.0.cache.loader()
    }

    fn assemble(exchange: Exchange, common: Common) -> Self {
        let settings =
            Settings { refresh_before: common.refresh_before, wait: common.limits.call, jitter: fastrand::f64() };
        let exchanger = Exchanger { exchange, limits: common.limits };
        Self(Arc::new(Inner { cache: Cache::new(exchanger, common.clock.clone(), settings), common }))
    }
}

impl Common {
    fn endpoint_for(&self, credentials: &ServiceCredentials) -> Result<Endpoint, Error> {
        match &self.endpoint {
            Some(endpoint) => Ok(endpoint.clone()),
            None => Ok(Endpoint::of_host(credentials.ims_host())?),
        }
    }
}

/// An exchange with its retries: what the cache loads tokens with.
struct Exchanger {
    exchange: Exchange,
    limits: Limits,
}

impl Exchanger {
    async fn exchange(&self, limits: Limits) -> Result<Token, Error> {
        let exchange = &self.exchange;
        let skew = OnceLock::new();
        let span = tracing::debug_span!("ims_exchange", host = exchange.host());
        retry::run(limits, exchange.host(), fastrand::f64, || exchange.attempt(&skew)).instrument(span).await
    }
}

impl Load for Exchanger {
    async fn load(&self, effort: Effort) -> Result<Token, Error> {
        let attempts = match effort {
            Effort::AllAttempts => self.limits.attempts,
            Effort::OneAttempt => 1,
        };
        // A flight ends before those who wait for it give it up.
        let call = self.limits.call.saturating_sub(HEAD_START.min(self.limits.call.mul_f64(0.1)));
        self.exchange(Limits { attempts, call, ..self.limits }).await
    }

    fn host(&self) -> &str {
        self.exchange.host()
    }
}

// No state of it can be left half changed by a panic; reqwest's client only does not say so.
impl UnwindSafe for ImsClient {}
impl RefUnwindSafe for ImsClient {}

impl fmt::Debug for ImsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { cache: _, common } = &*self.0;
        f.debug_struct("ImsClient")
            .field("client_id", &self.client_id())
            .field("host", &self.exchanger().host())
            .field("settings", common)
            .finish_non_exhaustive()
    }
}

/// Enough for its outcome to reach them.
const HEAD_START: Duration = Duration::from_millis(250);
