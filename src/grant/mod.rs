//! How each kind of credential asks IMS for a token: what to send, what a refusal teaches, what to
//! advise. Knows no HTTP.

mod client_credentials;
mod jwt;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use self::client_credentials::ClientCredentialsGrant;
use self::jwt::JwtGrant;

use crate::certificate::Certificate;
use crate::clock::Skew;
use crate::credentials::{Credentials, DevelopmentToken};
use crate::error::{CredentialsError, Error, ErrorResponse};
use crate::request::ImsRequest;
use crate::secret::Secret;

pub(crate) use self::client_credentials::{GRANT_SCOPES, RENEW_SECRET};
pub(crate) use self::jwt::{CREATE_CERTIFICATE, certificate_hint};

/// A closed set, like [`Credentials`]: the compiler lists what a new kind lacks.
pub(crate) enum Grant {
    Jwt(JwtGrant),
    ClientCredentials(ClientCredentialsGrant),
    /// A development token needs no grant: there is nothing to request.
    None(DevelopmentToken),
}

/// One request for a token.
pub(crate) struct TokenRequest {
    pub(crate) ims: ImsRequest,
    /// In which unit the endpoint gives `expires_in`.
    pub(crate) expires_in: Unit,
}

/// Whose tokens they are: credentials that agree in all of it share their tokens.
pub(crate) struct Owner<'a> {
    /// The kind of credential.
    pub(crate) kind: &'static str,
    pub(crate) ims_host: &'a str,
    /// Where the client connects: what a mock issues must not reach production.
    pub(crate) endpoint: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) org_id: &'a str,
    /// The technical account.
    pub(crate) account: &'a str,
    /// Scopes or metascopes, in any order.
    pub(crate) scopes: Vec<&'a str>,
    pub(crate) secret: &'a Secret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Seconds,
}

/// What the refusals of one call have taught.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// How far the local clock is off, where a refusal made it worth signing once more.
    skew: Option<Skew>,
    /// How far it is off by the last response, whatever that was.
    pub(crate) measured: Option<Skew>,
    /// Which client secret was tried first, and how many have been refused.
    first_secret: Option<usize>,
    refused_secrets: usize,
}

impl Learned {
    /// Whether an assertion was signed once more with the time of IMS.
    pub(crate) fn is_corrected(&self) -> bool {
        self.skew.is_some()
    }

    /// How many client secrets IMS refused.
    pub(crate) fn refused_secrets(&self) -> usize {
        self.refused_secrets
    }
}

impl Grant {
    pub(crate) fn new(credentials: Credentials, assertion_lifetime: Duration) -> Result<Self, Error> {
        match credentials {
            Credentials::Service(credentials) => Ok(Self::Jwt(JwtGrant::new(credentials, assertion_lifetime)?)),
            Credentials::OAuth(credentials) => Ok(Self::ClientCredentials(ClientCredentialsGrant::new(credentials))),
            Credentials::Development(token) => Ok(Self::None(token)),
        }
    }

    /// What to send now. `limit` is for a key that signs elsewhere.
    pub(crate) async fn request(
        &self,
        now: SystemTime,
        learned: &mut Learned,
        limit: Duration,
    ) -> Result<TokenRequest, Error> {
        match self {
            Self::Jwt(grant) => grant.request(now, learned, limit).await,
            Self::ClientCredentials(grant) => Ok(grant.request(learned)),
            Self::None(token) => Err(CredentialsError::Expired { at: token.token().expires_at() }.into()),
        }
    }

    /// Whether a refusal is worth one more request, and what is to change in it.
    pub(crate) fn learn(&self, refusal: &ErrorResponse, learned: &mut Learned) -> bool {
        match self {
            Self::Jwt(grant) => grant.learn(refusal, learned),
            Self::ClientCredentials(grant) => grant.learn(refusal, learned),
            Self::None(_) => false,
        }
    }

    /// A token came: what was learned holds for the next call too.
    pub(crate) fn succeeded(&self, learned: &Learned) {
        match self {
            Self::ClientCredentials(grant) => grant.succeeded(learned),
            Self::Jwt(_) | Self::None(_) => {}
        }
    }

    /// What to do about a refusal; `None` for what is not particular to this grant.
    pub(crate) fn hint(
        &self,
        refusal: &ErrorResponse,
        learned: &Learned,
        now: SystemTime,
    ) -> Option<Cow<'static, str>> {
        match self {
            Self::Jwt(grant) => grant.hint(refusal, now),
            Self::ClientCredentials(grant) => grant.hint(refusal, learned),
            Self::None(_) => None,
        }
    }

    /// As a metric names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Jwt(_) => "jwt",
            Self::ClientCredentials(_) => "client_credentials",
            Self::None(_) => "none",
        }
    }

    /// What the grant was made of.
    pub(crate) fn credentials(&self) -> Credentials {
        match self {
            Self::Jwt(grant) => Credentials::Service(grant.credentials().clone()),
            Self::ClientCredentials(grant) => Credentials::OAuth(grant.credentials().clone()),
            Self::None(token) => Credentials::Development(token.clone()),
        }
    }

    pub(crate) fn client_id(&self) -> &str {
        match self {
            Self::Jwt(grant) => grant.credentials().client_id(),
            Self::ClientCredentials(grant) => grant.credentials().client_id(),
            Self::None(token) => token.client_id(),
        }
    }

    pub(crate) fn org_id(&self) -> Option<&str> {
        match self {
            Self::Jwt(grant) => Some(grant.credentials().org_id()),
            Self::ClientCredentials(grant) => grant.credentials().org_id(),
            Self::None(_) => None,
        }
    }

    /// The host that the credential belongs to.
    pub(crate) fn ims_host(&self) -> &str {
        match self {
            Self::Jwt(grant) => grant.credentials().ims_host(),
            Self::ClientCredentials(grant) => grant.credentials().ims_host(),
            Self::None(token) => token.ims_host(),
        }
    }

    /// What distinguishes its tokens from others in a store. `None` where none are requested.
    pub(crate) fn owner<'a>(&'a self, endpoint: &'a str) -> Option<Owner<'a>> {
        let (kind, account, scopes, secret) = match self {
            Self::Jwt(grant) => {
                let credentials = grant.credentials();
                let (account, secret) = (credentials.technical_account_id(), credentials.client_secret());
                ("jwt", account, credentials.metascopes().collect(), secret)
            }
            Self::ClientCredentials(grant) => {
                let credentials = grant.credentials();
                // Which organization a token is for may depend on whether it was sent.
                let kind = match credentials.sends_org_id() {
                    true => "client_credentials with org_id",
                    false => "client_credentials",
                };
                (kind, "", credentials.scopes().collect(), credentials.client_secrets().first()?)
            }
            Self::None(_) => return None,
        };
        let (ims_host, client_id, org_id) = (self.ims_host(), self.client_id(), self.org_id().unwrap_or_default());
        Some(Owner { kind, ims_host, endpoint, client_id, org_id, account, scopes, secret })
    }

    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Jwt(grant) => grant.credentials().certificate(),
            Self::ClientCredentials(_) | Self::None(_) => None,
        }
    }
}

/// The first few of them, for a message.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let (names, mut more) = (names.collect::<Vec<_>>(), String::new());
    if let count @ 1.. = names.len().saturating_sub(MAX_LISTED) {
        more = format!(" and {count} more");
    }
    let first = names.into_iter().take(MAX_LISTED).collect::<Vec<_>>().join(", ");
    first + &more
}

/// Scopes in a message.
const MAX_LISTED: usize = 6;
