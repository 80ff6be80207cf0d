//! How each kind of credential asks IMS for a token: what to send, what a refusal teaches, what to
//! advise. Knows no HTTP.

mod jwt;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

pub(crate) use self::jwt::JwtGrant;

use crate::certificate::Certificate;
use crate::clock::Skew;
use crate::credentials::Credentials;
use crate::error::{CredentialsError, Error, ErrorResponse};
use crate::secret::Secret;

/// A set closed like that of [`Credentials`]: the compiler lists what a new kind lacks.
pub(crate) enum Grant {
    Jwt(JwtGrant),
}

/// One request for a token.
pub(crate) struct TokenRequest {
    pub(crate) endpoint: TokenEndpoint,
    fields: Vec<(&'static str, Value)>,
}

/// What a form field holds.
pub(crate) enum Value {
    Public(String),
    Secret(Secret),
}

/// Where a grant is exchanged, and in which unit this endpoint gives `expires_in`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenEndpoint {
    pub(crate) path: &'static str,
    pub(crate) expires_in: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    #[cfg_attr(not(test), expect(dead_code, reason = "the unit of the token endpoint, for the next grant"))]
    Seconds,
}

/// What the refusals of one call have taught.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// How far the local clock is off.
    pub(crate) skew: Option<Skew>,
}

impl Grant {
    pub(crate) fn new(credentials: Credentials, assertion_lifetime: Duration) -> Result<Self, Error> {
        match credentials {
            Credentials::Service(credentials) => Ok(Self::Jwt(JwtGrant::new(credentials, assertion_lifetime)?)),
            Credentials::OAuth(_) | Credentials::Development(_) => {
                let found = "OAuth Server-to-Server credentials or a development token";
                Err(CredentialsError::Kind { found, expected: "service credentials" }.into())
            }
        }
    }

    /// What to send now.
    pub(crate) fn request(&self, now: SystemTime, learned: &Learned) -> Result<TokenRequest, Error> {
        match self {
            Self::Jwt(grant) => grant.request(now, learned),
        }
    }

    /// Whether a refusal is worth one more request, and what is to change in it.
    pub(crate) fn learn(&self, refusal: &ErrorResponse, learned: &mut Learned) -> bool {
        match self {
            Self::Jwt(grant) => grant.learn(refusal, learned),
        }
    }

    /// What to do about a refusal; `None` for what is not particular to this grant.
    pub(crate) fn hint(&self, refusal: &ErrorResponse, now: SystemTime) -> Option<Cow<'static, str>> {
        match self {
            Self::Jwt(grant) => grant.hint(refusal, now),
        }
    }

    pub(crate) fn client_id(&self) -> &str {
        match self {
            Self::Jwt(grant) => grant.credentials().client_id(),
        }
    }

    pub(crate) fn org_id(&self) -> Option<&str> {
        match self {
            Self::Jwt(grant) => Some(grant.credentials().org_id()),
        }
    }

    /// The host that the credential belongs to.
    pub(crate) fn ims_host(&self) -> &str {
        match self {
            Self::Jwt(grant) => grant.credentials().ims_host(),
        }
    }

    pub(crate) fn certificate(&self) -> Option<&Certificate> {
        match self {
            Self::Jwt(grant) => grant.credentials().certificate(),
        }
    }
}

impl TokenRequest {
    pub(crate) fn new(endpoint: TokenEndpoint, fields: Vec<(&'static str, Value)>) -> Self {
        Self { endpoint, fields }
    }

    pub(crate) fn fields(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (*name, value.text())).collect()
    }

    /// What must not come back in a message.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter_map(|(_, value)| match value {
            Value::Public(_) => None,
            Value::Secret(secret) => Some(secret.expose()),
        })
    }
}

impl Value {
    fn text(&self) -> &str {
        match self {
            Self::Public(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}
