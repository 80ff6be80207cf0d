//! What the stand-in remembers of a token request: enough to assert on, and nothing secret.

use std::time::SystemTime;

use serde_json::Value;

use super::verify::TokenRequest;

/// A token request that the stand-in has answered: what it asked with, and what it was told.
///
/// The claims are those the request came with, whether or not they were right; `None` where there was none that could be
/// read. Client secret, assertion and token are not kept, so a request may be printed. Long texts are cut.
#[derive(Clone, Debug)]
pub struct MockRequest {
    path: String,
    user_agent: Option<String>,
    client_id: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    audience: Option<String>,
    metascopes: Vec<String>,
    expires_at: Option<SystemTime>,
    status: u16,
    code: Option<String>,
}

impl MockRequest {
    /// The path asked, without a query.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The `User-Agent` header.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// The form field `client_id`.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The claim `iss`: the organisation.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The claim `sub`: the technical account.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The claim `aud`.
    #[must_use]
    pub fn audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    /// The short names of the scope claims that are `true`, for whatever host they were built.
    #[must_use]
    pub fn metascopes(&self) -> &[String] {
        &self.metascopes
    }

    /// The claim `exp`: the end of the assertion.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }

    /// The status it was answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The error code it was answered with; `None` for a grant, and for a scripted answer without one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    pub(super) fn new(
        path: &str,
        user_agent: Option<&str>,
        request: &TokenRequest,
        status: u16,
        code: Option<&str>,
    ) -> Self {
        let assertion = request.assertion.as_ref();
        let claim = |name| assertion.and_then(|assertion| assertion.text(name)).map(bounded);
        Self {
            path: bounded(path),
            user_agent: user_agent.map(bounded),
            client_id: request.form.get("client_id").map(bounded),
            issuer: claim("iss"),
            subject: claim("sub"),
            audience: claim("aud"),
            metascopes: assertion
                .into_iter()
                .flat_map(|assertion| assertion.scope_claims())
                .filter(|(_, _, value)| **value == Value::Bool(true))
                .map(|(_, name, _)| bounded(name))
                .take(MAX_METASCOPES)
                .collect(),
            expires_at: assertion.and_then(|assertion| assertion.expires_at()),
            status,
            code: code.map(bounded),
        }
    }
}

fn bounded(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// Longer than any honest value; keeps the record small whatever is sent.
const MAX_TEXT: usize = 512;

/// Adobe knows about thirty.
const MAX_METASCOPES: usize = 64;
