//! One call to IMS with its retries: mechanism only. What is particular to a kind of credential is
//! the grant's.

mod reload;
mod response;
mod revoke;
mod validate;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderName, HeaderValue, StatusCode};
use tracing::Instrument;

pub use self::validate::Validation;

pub(crate) use self::reload::{CredentialsFile, Reload};
pub(crate) use self::response::read_token;

use self::reload::Changed;
use self::response::Refusal;
#[cfg(feature = "metrics")]
use crate::certificate::Certificate;
use crate::clock::{Clock, SharedClock, Stopwatch};
use crate::error::{Error, ErrorKind, ResponseError, UsageError};
use crate::grant::{Grant, Learned};
use crate::request::ImsRequest;
use crate::retry::{Limits, Retry};
use crate::telemetry::{self, Identity};
use crate::token::Token;
use crate::transport::{Endpoint, Received, Transport};

/// Exchanges the grant of one client for tokens.
pub(crate) struct Exchange {
    transport: Transport,
    endpoint: Endpoint,
    /// Another key or secret of the same client may take its place.
    grant: ArcSwap<Grant>,
    client_id: String,
    org_id: Option<String>,
    ims_host: String,
    clock: SharedClock,
    limits: Limits,
    reload: Option<Reload>,
    /// The client's label on metrics.
    #[cfg(feature = "metrics")]
    label: Option<String>,
}

impl Exchange {
    pub(crate) fn new(
        transport: Transport,
        endpoint: Endpoint,
        grant: Grant,
        clock: SharedClock,
        limits: Limits,
    ) -> Self {
        let (client_id, org_id) = (grant.client_id().to_owned(), grant.org_id().map(str::to_owned));
        let ims_host = grant.ims_host().to_owned();
        let grant = ArcSwap::from_pointee(grant);
        Self {
            transport,
            endpoint,
            grant,
            client_id,
            org_id,
            ims_host,
            clock,
            limits,
            reload: None,
            #[cfg(feature = "metrics")]
            label: None,
        }
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn with_label(self, label: Option<String>) -> Self {
        Self { label, ..self }
    }

    /// Reads the credentials again from a file when a token is requested.
    pub(crate) fn with_reload(self, reload: Reload) -> Self {
        Self { reload: Some(reload), ..self }
    }

    /// The same connections and settings, for another client.
    pub(crate) fn with_grant(&self, grant: Grant, endpoint: Endpoint) -> Self {
        let exchange = Self::new(self.transport.clone(), endpoint, grant, self.clock.clone(), self.limits);
        #[cfg(feature = "metrics")]
        let exchange = exchange.with_label(self.label.clone());
        exchange
    }

    pub(crate) fn grant(&self) -> Arc<Grant> {
        self.grant.load_full()
    }

    /// Sets the grant; returns the one before.
    pub(crate) fn set_grant(&self, grant: Grant) -> Arc<Grant> {
        self.grant.swap(Arc::new(grant))
    }

    /// The credentials were replaced: the file counts again when it changes.
    pub(crate) async fn skip_file(&self) {
        if let Some(reload) = &self.reload {
            reload.skip_current().await;
        }
    }

    /// Whether its tokens are tokens of this client: `x-api-key` and `x-gw-ims-org-id` must match them.
    pub(crate) fn is_for(&self, grant: &Grant) -> bool {
        self.client_id == grant.client_id()
            && self.ims_host == grant.ims_host()
            && self.org_id().zip(grant.org_id()).is_none_or(|(own, other)| own == other)
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    pub(crate) fn org_id(&self) -> Option<&str> {
        self.org_id.as_deref()
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    pub(crate) fn identity(&self) -> Identity<'_> {
        Identity {
            #[cfg(feature = "metrics")]
            label: self.label.as_deref(),
            #[cfg(feature = "metrics")]
            certificate_not_after: self.grant.load().certificate().map(Certificate::not_after),
            ..Identity::new(self.endpoint.host(), &self.client_id)
        }
    }

    /// Gets a token with at most `attempts` attempts, ending `margin` before the limit of a call.
    pub(crate) async fn token(&self, attempts: u32, margin: Duration) -> Result<Token, Error> {
        let mut retry = Retry::new(Limits { attempts, ..self.limits }, margin, self.endpoint.host());
        let call = async {
            match &self.reload {
                Some(reload) => self.token_with_reload(reload, &mut retry).await,
                None => self.token_by(&self.grant(), &mut retry).await,
            }
        };
        self.observed(call, || self.grant().name()).await
    }

    /// Gets a token by a grant that is not the client's yet.
    pub(crate) async fn try_grant(&self, grant: &Grant) -> Result<Token, Error> {
        let mut retry = Retry::new(self.limits, Duration::ZERO, self.endpoint.host());
        self.observed(self.token_by(grant, &mut retry), || grant.name()).await
    }

    /// Gets a token in one attempt, and returns with the outcome what the responses have shown.
    pub(crate) async fn probe(&self) -> (Result<Token, Error>, Learned) {
        let (grant, mut learned) = (self.grant(), Learned::default());
        let limits = Limits { attempts: 1, ..self.limits };
        let mut retry = Retry::new(limits, Duration::ZERO, self.endpoint.host());
        let result = self.observed(self.token_learning(&grant, &mut retry, &mut learned), || grant.name()).await;
        (result, learned)
    }

    /// One exchange as telemetry sees it. `grant` is the one that was used last.
    async fn observed(
        &self,
        call: impl Future<Output = Result<Token, Error>>,
        grant: impl Fn() -> &'static str,
    ) -> Result<Token, Error> {
        let watch = Stopwatch::start();
        let result = call.instrument(telemetry::exchange_span(self.identity())).await;
        telemetry::exchange_ended(self.identity(), grant(), watch.elapsed(), result.as_ref().err());
        result
    }

    /// A changed file is tried first, and becomes the current grant if it works. Otherwise the
    /// current one is used; if IMS refuses it, the file may have changed meanwhile.
    async fn token_with_reload(&self, reload: &Reload, retry: &mut Retry<'_>) -> Result<Token, Error> {
        let current = self.grant();
        let changed = self.reload(reload, retry.left(), None).await;
        if let Some(changed) = &changed {
            match self.token_by(&changed.grant, retry).await {
                Err(error) if is_about_credentials(&error) => {
                    telemetry::reload_refused(self.identity(), &error);
                    retry.restart();
                }
                result => return result.inspect(|_| self.accept(reload, changed, &current)),
            }
        }
        let error = match self.token_by(&current, retry).await {
            Err(error) if error.kind() == ErrorKind::Rejected => error,
            result => return result,
        };
        let Some(later) = self.reload(reload, retry.left(), changed.as_ref()).await else { return Err(error) };
        retry.restart();
        self.token_by(&later.grant, retry).await.inspect(|_| self.accept(reload, &later, &current))
    }

    /// A file that cannot be used is a warning: the current grant stays in use.
    async fn reload(&self, reload: &Reload, left: Duration, tried: Option<&Changed>) -> Option<Changed> {
        let changed = match reload.read(left, tried).await {
            Ok(Some(changed)) if !self.is_for(&changed.grant) => Err(UsageError::AnotherClient.into()),
            changed => changed,
        };
        changed.inspect_err(|error| telemetry::reload_failed(self.identity(), error)).ok().flatten()
    }

    /// Unless `replace` has set other credentials meanwhile.
    fn accept(&self, reload: &Reload, changed: &Changed, current: &Arc<Grant>) {
        let before = self.grant.compare_and_swap(current, Arc::clone(&changed.grant));
        if Arc::ptr_eq(&before, current) {
            reload.accept(changed);
        }
    }

    async fn token_by(&self, grant: &Grant, retry: &mut Retry<'_>) -> Result<Token, Error> {
        self.token_learning(grant, retry, &mut Learned::default()).await
    }

    async fn token_learning(
        &self,
        grant: &Grant,
        retry: &mut Retry<'_>,
        learned: &mut Learned,
    ) -> Result<Token, Error> {
        loop {
            match retry.attempt(self.attempt(grant, learned)).await {
                Ok(token) => return Ok(token),
                Err(error) => retry.pause(error, fastrand::f64()).await?,
            }
        }
    }

    /// One attempt: a request, and another one at once where a refusal taught what to change.
    async fn attempt(&self, grant: &Grant, learned: &mut Learned) -> Result<Token, Error> {
        loop {
            // Shorter than the attempt, so that a key that hangs is reported as such.
            let limit = self.limits.attempt.min(self.limits.call).mul_f64(0.8);
            let request = grant.request(self.clock.now(), learned, limit).await?;
            let received = self.post(&request.ims, &[]).await?;
            learned.measured = response::skew(&received);
            let refusal = match read_token(&received, &request, &self.endpoint, &self.clock) {
                Ok(token) => {
                    grant.succeeded(learned);
                    return Ok(token);
                }
                Err(refusal) => *refusal,
            };
            if matches!(refusal.failure, ResponseError::Refused) && grant.learn(&refusal.response, learned) {
                continue;
            }
            return Err(self.refused(refusal, grant, learned));
        }
    }

    /// The error of a refusal, with the grant's advice.
    fn refused(&self, refusal: Refusal, grant: &Grant, learned: &Learned) -> Error {
        let Refusal { failure, response } = refusal;
        let is_grants = matches!(failure, ResponseError::Refused | ResponseError::Server);
        let hint = is_grants.then(|| grant.hint(&response, learned, self.clock.now())).flatten();
        Error::from_response(failure, response, hint)
    }

    async fn post(&self, request: &ImsRequest, headers: &[(HeaderName, HeaderValue)]) -> Result<Received, Error> {
        self.transport.post(&self.endpoint, request.path, headers, request.form()).await
    }

    /// A call on another path than those for tokens: the same retries, and its own way to read the
    /// response.
    async fn call<T>(
        &self,
        request: &ImsRequest,
        read: impl Fn(&Received, &ImsRequest, &Endpoint) -> Result<T, Box<Refusal>>,
    ) -> Result<T, Error> {
        let mut retry = Retry::new(self.limits, Duration::ZERO, self.endpoint.host());
        // "Will be mandatory", says Adobe of these endpoints.
        let client_id = HeaderValue::from_str(&self.client_id).ok();
        let headers: Vec<_> = client_id.into_iter().map(|id| (X_IMS_CLIENT_ID, id)).collect();
        loop {
            let attempt = async {
                let received = self.post(request, &headers).await?;
                let result = read(&received, request, &self.endpoint);
                result.map_err(|refusal| Error::from_response(refusal.failure, refusal.response, None))
            };
            match retry.attempt(attempt).await {
                Ok(done) => return Ok(done),
                Err(error) => retry.pause(error, fastrand::f64()).await?,
            }
        }
    }
}

/// Whether other credentials may fare better: a refusal, or the 500 that a migrated credential gets.
fn is_about_credentials(error: &Error) -> bool {
    !error.is_transient() || error.status() == Some(StatusCode::INTERNAL_SERVER_ERROR)
}

const X_IMS_CLIENT_ID: HeaderName = HeaderName::from_static("x-ims-clientid");
