//! The client credentials grant of OAuth Server-to-Server credentials (RFC 6749 section 4.4;
//! `POST /ims/token/v3`): id, secret and scopes for a token.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Learned, TokenRequest, Unit, listed};
use crate::credentials::OAuthCredentials;
use crate::error::ErrorResponse;
use crate::request::{ImsRequest, Value};

pub(crate) struct ClientCredentialsGrant {
    credentials: OAuthCredentials,
    /// Which of the client secrets worked last.
    working: AtomicUsize,
}

impl ClientCredentialsGrant {
    pub(super) fn new(credentials: OAuthCredentials) -> Self {
        Self { credentials, working: AtomicUsize::new(0) }
    }

    pub(super) fn credentials(&self) -> &OAuthCredentials {
        &self.credentials
    }

    /// Everything is in the body: Adobe's reference for Server-to-Server credentials, which
    /// separates scopes by commas.
    pub(super) fn request(&self, learned: &mut Learned) -> TokenRequest {
        let credentials = &self.credentials;
        let mut fields = vec![
            ("grant_type", Value::public("client_credentials")),
            ("client_id", Value::public(credentials.client_id())),
        ];
        fields.extend(self.secret(learned).map(|secret| ("client_secret", Value::Secret(secret.clone()))));
        fields.push(("scope", Value::Public(credentials.scopes().collect::<Vec<_>>().join(","))));
        let org_id = credentials.org_id().filter(|_| credentials.sends_org_id());
        fields.extend(org_id.map(|org_id| ("org_id", Value::public(org_id))));
        TokenRequest { ims: ImsRequest::new(PATH, fields), expires_in: Unit::Seconds }
    }

    /// A credential may have two live secrets while one replaces the other: the next one is tried
    /// at once if this one was refused, but not for a client id that IMS does not know.
    pub(super) fn learn(&self, refusal: &ErrorResponse, learned: &mut Learned) -> bool {
        if !is_about_secret(refusal) {
            return false;
        }
        learned.refused_secrets = learned.refused_secrets.saturating_add(1);
        learned.refused_secrets < self.credentials.client_secrets().len()
    }

    pub(super) fn succeeded(&self, learned: &Learned) {
        self.working.store(self.index(learned), Ordering::Relaxed);
    }

    pub(super) fn hint(&self, refusal: &ErrorResponse, learned: &Learned) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match refusal.code.as_deref()? {
            "invalid_client" if !is_about_secret(refusal) => {
                "IMS does not know this client id: check it, and that production and stage are not mixed up"
            }
            "invalid_client" => {
                return Some(Cow::Owned(match learned.refused_secrets {
                    0 | 1 => format!(
                        "IMS refused the client secret: it was deleted or belongs to another credential; {RENEW_SECRET}"
                    ),
                    tried => format!(
                        "IMS refused all {tried} client secrets: they were deleted or belong to another credential; \
                         {RENEW_SECRET}"
                    ),
                }));
            }
            "invalid_scope" => return Some(Cow::Owned(self.scope_hint())),
            "unauthorized_client" => {
                "this client may not use the client credentials grant: create an OAuth Server-to-Server credential in \
                 the Adobe Developer Console"
            }
            "unsupported_grant_type" => {
                "this endpoint does not support the client credentials grant: check the address given to \
                 `danger_endpoint`"
            }
            _ => return None,
        }))
    }

    fn scope_hint(&self) -> String {
        let names = listed(self.credentials.scopes());
        format!("requested: {names}; at least one of these is not granted: {GRANT_SCOPES}")
    }

    fn secret(&self, learned: &mut Learned) -> Option<&crate::secret::Secret> {
        learned.first_secret.get_or_insert_with(|| self.working.load(Ordering::Relaxed));
        self.credentials.client_secrets().get(self.index(learned))
    }

    fn index(&self, learned: &Learned) -> usize {
        let tried = learned.first_secret.unwrap_or_default().saturating_add(learned.refused_secrets);
        tried.checked_rem(self.credentials.client_secrets().len()).unwrap_or_default()
    }
}

/// "invalid client_secret parameter", or no description at all; never "invalid client_id
/// parameter".
fn is_about_secret(refusal: &ErrorResponse) -> bool {
    let description = refusal.description.as_deref().unwrap_or_default().to_ascii_lowercase();
    refusal.code.as_deref() == Some("invalid_client")
        && matches!(refusal.status.as_u16(), 400 | 401)
        && !description.contains("client_id")
}

const PATH: &str = "/ims/token/v3";
pub(crate) const GRANT_SCOPES: &str = "use the scopes that the Adobe Developer Console lists for the credential, or \
                                       add the missing API to the project";
pub(crate) const RENEW_SECRET: &str = "copy the current one from the Adobe Developer Console: your project > OAuth \
                                       Server-to-Server > Retrieve client secret";
