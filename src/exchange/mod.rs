//! One call to IMS with its retries: mechanism only. What is particular to a kind of credential is the
//! grant's.

mod response;

use std::time::Duration;

use tracing::Instrument;

use self::response::Refusal;
pub(crate) use self::response::read_token;
use crate::clock::SharedClock;
use crate::error::{Error, ResponseError};
use crate::form;
use crate::grant::{Grant, Learned};
use crate::retry::{Limits, Retry};
use crate::telemetry::{self, Identity};
use crate::token::Token;
use crate::transport::{Endpoint, Transport};

/// Exchanges the grant of one credential for tokens.
pub(crate) struct Exchange {
    transport: Transport,
    endpoint: Endpoint,
    grant: Grant,
    clock: SharedClock,
    limits: Limits,
}

impl Exchange {
    pub(crate) fn new(
        transport: Transport,
        endpoint: Endpoint,
        grant: Grant,
        clock: SharedClock,
        limits: Limits,
    ) -> Self {
        Self { transport, endpoint, grant, clock, limits }
    }

    /// The same connections and settings, for another credential.
    pub(crate) fn with_grant(&self, grant: Grant, endpoint: Endpoint) -> Self {
        let (transport, clock) = (self.transport.clone(), self.clock.clone());
        Self { transport, endpoint, grant, clock, limits: self.limits }
    }

    pub(crate) fn grant(&self) -> &Grant {
        &self.grant
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
        Identity { host: self.endpoint.host(), client_id: self.grant.client_id() }
    }

    /// Gets a token with at most `attempts` attempts, ending `margin` before the limit of a call.
    pub(crate) async fn token(&self, attempts: u32, margin: Duration) -> Result<Token, Error> {
        let call = async {
            let limits = Limits { attempts, ..self.limits };
            let mut retry = Retry::new(limits, margin, self.endpoint.host());
            let mut learned = Learned::default();
            loop {
                match retry.attempt(self.attempt(&mut learned)).await {
                    Ok(token) => return Ok(token),
                    Err(error) => retry.pause(error, fastrand::f64()).await?,
                }
            }
        };
        call.instrument(telemetry::exchange_span(self.identity())).await
    }

    /// One attempt: a request, and another one at once where a refusal taught what to change.
    async fn attempt(&self, learned: &mut Learned) -> Result<Token, Error> {
        use crate::clock::Clock as _;
        loop {
            let request = self.grant.request(self.clock.now(), learned)?;
            let form = form::encode(&request.fields());
            let received = self.transport.post(&self.endpoint, request.endpoint.path, &[], form).await?;
            let Refusal { failure, response } = match read_token(&received, &request, &self.endpoint) {
                Ok(granted) => match granted.into_token(received.sent, &self.clock) {
                    Some(token) => return Ok(token),
                    None => response::out_of_range(&received, &request),
                },
                Err(refusal) => refusal,
            };
            let is_refusal = matches!(failure, ResponseError::Refused);
            if is_refusal && self.grant.learn(&response, learned) {
                continue;
            }
            let asks_grant = is_refusal || matches!(failure, ResponseError::Server);
            let hint = asks_grant.then(|| self.grant.hint(&response, self.clock.now())).flatten();
            return Err(Error::from_response(failure, response, hint));
        }
    }
}
