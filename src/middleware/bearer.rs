//! What is decided about a request and its response, independent of the HTTP client.

use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::hosts::{Hosts, Target};
use crate::error::{ConfigError, Error};
use crate::source::TokenSource;
use crate::telemetry;
use crate::token::Token;

/// Puts an access token on the requests to named hosts, and retries once after a 401: see the
/// [module](super).
///
/// Cheap to clone; clones share the token source. Give it to a `BearerLayer` (feature `tower`), or
/// use it as a middleware of the crate reqwest-middleware (feature `reqwest-middleware`).
#[derive(Clone)]
pub struct Bearer(Arc<Inner>);

struct Inner {
    tokens: Box<dyn TokenSource>,
    hosts: Hosts,
    api_key: Option<HeaderValue>,
    org_id: Option<HeaderValue>,
}

impl Bearer {
    /// Creates a middleware that sets the `Authorization` header on requests to `hosts`.
    ///
    /// Each host is a name (`author-p1-e1.adobeaemcloud.com`), an address, or `*.` and a domain
    /// (`*.adobe.io`), which stands for all hosts below the domain, at any depth, and not for the
    /// domain itself. With a port (`localhost:4502`), it is only that port; without one, any port.
    /// Only `https` requests get the token, and `http` ones to loopback: a literal in 127.0.0.0/8,
    /// `[::1]`, or `localhost`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for an empty list, and for a host that
    /// cannot be used.
    pub fn new(
        tokens: impl TokenSource + 'static,
        hosts: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, Error> {
        Self::builder(tokens, hosts).build()
    }

    /// Returns a builder, to set the headers that most Adobe APIs other than AEM also require.
    ///
    /// `hosts` as for [`new`](Self::new).
    pub fn builder(
        tokens: impl TokenSource + 'static,
        hosts: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> BearerBuilder {
        BearerBuilder { tokens: Box::new(tokens), hosts: Hosts::parse(hosts), api_key: None, org_id: None }
    }

    /// Whether the request gets the token. A request that has an `Authorization` is its caller's
    /// own.
    pub(super) fn applies_to(&self, target: Option<Target<'_>>, headers: &HeaderMap) -> bool {
        let checked = match target {
            _ if headers.contains_key(AUTHORIZATION) => Err("the request has an authorization"),
            Some(target) => self.0.hosts.check(target),
            None => Err("the request names no host"),
        };
        if let Err(reason) = checked {
            telemetry::request_passed(target.map(|target| target.host), reason);
        }
        checked.is_ok()
    }

    /// The token for the first attempt.
    pub(super) async fn token(&self) -> Result<Token, Error> {
        self.0.tokens.token().await
    }

    /// Sets the headers for one attempt.
    pub(super) fn set(&self, headers: &mut HeaderMap, token: &Token) {
        let Inner { tokens: _, hosts: _, api_key, org_id } = &*self.0;
        // `insert` panics on a map of 32768 headers. No server takes such a request anyway.
        let _ = headers.try_insert(AUTHORIZATION, token.authorization());
        for (name, value) in [(X_API_KEY, api_key), (X_GW_IMS_ORG_ID, org_id)] {
            if let Some(value) = value
                && !headers.contains_key(&name)
            {
                let _ = headers.try_insert(name, value.clone());
            }
        }
    }

    /// Whether the response refuses the token. If so, the token is forgotten, and the next request
    /// gets another. A 403 is about the rights of the account, which another token does not change.
    pub(super) fn is_refused(&self, status: StatusCode, token: &Token) -> bool {
        let is_refused = status == StatusCode::UNAUTHORIZED;
        if is_refused {
            telemetry::token_refused();
            self.0.tokens.forget(token);
        }
        is_refused
    }

    /// The token for the retry. `None` if the source still has only the refused one: a fixed token,
    /// or one that replaced another less than a minute ago.
    pub(super) async fn another(&self, refused: &Token) -> Result<Option<Token>, Error> {
        Ok(Some(self.token().await?).filter(|token| !token.is(refused)))
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { tokens: _, hosts, api_key, org_id } = &*self.0;
        f.debug_struct("Bearer")
            .field("hosts", hosts)
            .field("api_key", api_key)
            .field("org_id", org_id)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Bearer`]; from [`Bearer::builder`].
///
/// ```
/// # fn example(ims: adobe_ims::ImsClient) -> Result<(), adobe_ims::Error> {
/// use adobe_ims::middleware::Bearer;
///
/// let bearer = Bearer::builder(ims.clone(), ["*.adobe.io"])
///     .api_key(ims.client_id())
///     .org_id(ims.org_id())
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "call `build` to get the middleware"]
pub struct BearerBuilder {
    tokens: Box<dyn TokenSource>,
    hosts: Result<Hosts, ConfigError>,
    api_key: Option<String>,
    org_id: Option<String>,
}

impl BearerBuilder {
    /// Sets `x-api-key` on the same requests, unless they have one: the client id that the token is
    /// issued to. Adobe's gateway refuses another one with 403.
    pub fn api_key(mut self, client_id: impl Into<String>) -> Self {
        self.api_key = Some(client_id.into());
        self
    }

    /// Sets `x-gw-ims-org-id` on the same requests, unless they have one. `None` sets nothing.
    pub fn org_id<'a>(mut self, org_id: impl Into<Option<&'a str>>) -> Self {
        self.org_id = org_id.into().map(str::to_owned);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for an empty list of hosts, a host that
    /// cannot be used, and a text that a header cannot carry.
    pub fn build(self) -> Result<Bearer, Error> {
        let Self { tokens, hosts, api_key, org_id } = self;
        let (api_key, org_id) = (value("api_key", api_key)?, value("org_id", org_id)?);
        Ok(Bearer(Arc::new(Inner { tokens, hosts: hosts?, api_key, org_id })))
    }
}

impl fmt::Debug for BearerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens: _, hosts, api_key, org_id } = self;
        f.debug_struct("BearerBuilder")
            .field("hosts", hosts)
            .field("api_key", api_key)
            .field("org_id", org_id)
            .finish_non_exhaustive()
    }
}

fn value(name: &'static str, text: Option<String>) -> Result<Option<HeaderValue>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    let value = HeaderValue::try_from(text).ok().filter(|value| !value.is_empty());
    let problem = "it is empty, or a header cannot carry it";
    value.map(Some).ok_or(ConfigError::Setting { name, problem, hint: "take the text as it is in the credentials" })
}

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_GW_IMS_ORG_ID: HeaderName = HeaderName::from_static("x-gw-ims-org-id");
