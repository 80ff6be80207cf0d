//! What the mock remembers of a request: enough to assert on, and nothing secret.

use std::time::SystemTime;

use http::StatusCode;
use serde_json::Value;

use super::assertion::ReceivedAssertion;
use super::clients::Clients;
use super::endpoint::MockEndpoint;
use super::received::ReceivedRequest;
use super::response::Response;

/// A request that the mock received: what was in it, and the response.
///
/// The values are those that came with the request, right or wrong, and `None` where there were
/// none that could be read. Client secret, assertion and token are not kept, so a request may be
/// printed. Long texts are cut.
#[derive(Clone, Debug)]
pub struct MockRequest {
    endpoint: MockEndpoint,
    path: String,
    user_agent: Option<String>,
    ims_client_id: Option<String>,
    field_names: Vec<String>,
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret_index: Option<usize>,
    scopes: Vec<String>,
    org_id: Option<String>,
    assertion: AssertionClaims,
    status: u16,
    code: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct AssertionClaims {
    issuer: Option<String>,
    subject: Option<String>,
    audience: Option<String>,
    metascopes: Vec<String>,
    expires_at: Option<SystemTime>,
    key_index: Option<usize>,
}

impl MockRequest {
    /// The endpoint it was sent to.
    #[must_use]
    pub fn endpoint(&self) -> MockEndpoint {
        self.endpoint
    }

    /// The path, without a query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The `User-Agent` header.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// The `X-IMS-ClientId` header.
    #[must_use]
    pub fn ims_client_id(&self) -> Option<&str> {
        self.ims_client_id.as_deref()
    }

    /// The names of the form fields, in the order they were sent.
    #[must_use]
    pub fn field_names(&self) -> &[String] {
        &self.field_names
    }

    /// The form field `grant_type`. The JWT exchange has none.
    #[must_use]
    pub fn grant_type(&self) -> Option<&str> {
        self.grant_type.as_deref()
    }

    /// The form field `client_id`, or the query parameter of that name.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// Which of the client's secrets the request carried, counted from 0 in the order they were
    /// created. A revoked secret keeps its index. `None` for a wrong secret, and where there is
    /// none.
    #[must_use]
    pub fn client_secret_index(&self) -> Option<usize> {
        self.client_secret_index
    }

    /// The items of the form field `scope`.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The form field `org_id`.
    #[must_use]
    pub fn org_id(&self) -> Option<&str> {
        self.org_id.as_deref()
    }

    /// The assertion's claim `iss`: the organization.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.assertion.issuer.as_deref()
    }

    /// The assertion's claim `sub`: the technical account.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.assertion.subject.as_deref()
    }

    /// The assertion's claim `aud`.
    #[must_use]
    pub fn audience(&self) -> Option<&str> {
        self.assertion.audience.as_deref()
    }

    /// The short names of the assertion's scope claims that are `true`, whatever host they name.
    #[must_use]
    pub fn metascopes(&self) -> &[String] {
        &self.assertion.metascopes
    }

    /// The assertion's claim `exp`: when it expires.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.assertion.expires_at
    }

    /// Which of the account's keys signed the assertion, counted from 0 in the order they were
    /// created. A revoked key keeps its index. `None` for a signature of another key.
    #[must_use]
    pub fn key_index(&self) -> Option<usize> {
        self.assertion.key_index
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The error code of the response. `None` for a success, and for a scripted response without
    /// one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    pub(super) fn new(request: &ReceivedRequest<'_>, clients: &Clients, response: &Response) -> Self {
        let field = |name| request.form.get(name).map(bounded);
        Self {
            endpoint: request.endpoint,
            path: bounded(request.path),
            user_agent: request.user_agent.map(bounded),
            ims_client_id: request.ims_client_id.map(bounded),
            field_names: request.form.names().map(bounded).collect(),
            grant_type: field("grant_type"),
            client_id: request.client_id().map(bounded),
            client_secret_index: client_secret_index(request, clients),
            scopes: request.scopes().take(MAX_SCOPES).map(bounded).collect(),
            org_id: field("org_id"),
            assertion: request.assertion.as_ref().map(|it| AssertionClaims::new(it, clients)).unwrap_or_default(),
            status: StatusCode::as_u16(&response.status),
            code: response.code.as_deref().map(bounded),
        }
    }
}

impl AssertionClaims {
    fn new(assertion: &ReceivedAssertion, clients: &Clients) -> Self {
        let claim = |name| assertion.text(name).map(bounded);
        let scopes = assertion.scope_claims().filter(|(_, _, value)| **value == Value::Bool(true));
        let signer = clients.account.signer_of(assertion.message.as_bytes(), &assertion.signature);
        Self {
            issuer: claim("iss"),
            subject: claim("sub"),
            audience: claim("aud"),
            metascopes: scopes.map(|(_, name, _)| bounded(name)).take(MAX_SCOPES).collect(),
            expires_at: assertion.expires_at(),
            key_index: signer.map(|(index, _)| index),
        }
    }
}

fn client_secret_index(request: &ReceivedRequest<'_>, clients: &Clients) -> Option<usize> {
    let client = clients.registered(request.client_id()?)?;
    client.secrets().index_of(request.form.get("client_secret")?)
}

fn bounded(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// Longer than any honest value; keeps the record small whatever is sent.
const MAX_TEXT: usize = 512;

/// Adobe knows about thirty metascopes.
const MAX_SCOPES: usize = 64;
