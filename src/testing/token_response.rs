//! The body of a token response, and how a test may change it.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::access_token::{access_token, millis};
use super::clients::Client;
use super::random::random_text;
use super::settings::ImsHost;
use super::tokens::IssuedTokens;

/// A token that a request is entitled to.
pub(super) struct TokenGrant<'a> {
    pub(super) ims_host: &'a ImsHost,
    pub(super) client: Client<'a>,
    pub(super) scopes: Vec<String>,
    pub(super) lifetime: Duration,
    pub(super) unit: Unit,
}

/// Of `expires_in`: the endpoints differ.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Milliseconds,
    Seconds,
}

/// How a response differs from the one IMS gives; by default not at all.
#[derive(Clone, Default)]
pub(super) struct TokenChanges {
    pub(super) lifetime: Option<Duration>,
    pub(super) unit: Option<Unit>,
    pub(super) as_text: bool,
    pub(super) without_expiry: bool,
    pub(super) token: TokenShape,
}

#[derive(Clone, Default)]
pub(super) enum TokenShape {
    #[default]
    Jwt,
    Opaque,
    Given(String),
}

impl TokenChanges {
    /// Issues the token: the JSON body of the response.
    pub(super) fn issue(&self, grant: &TokenGrant<'_>, tokens: &mut IssuedTokens, now: SystemTime) -> String {
        let lifetime = self.lifetime.unwrap_or(grant.lifetime);
        let token = match &self.token {
            TokenShape::Jwt => access_token(grant.ims_host, grant.client, &grant.scopes, now, lifetime),
            TokenShape::Opaque => random_text(OPAQUE_LENGTH),
            TokenShape::Given(token) => token.clone(),
        };
        tokens.add(&token, grant.client.id().clone(), now.checked_add(lifetime));

        let mut body = json!({ "token_type": "bearer", "access_token": token });
        if let (Value::Object(fields), false) = (&mut body, self.without_expiry) {
            fields.insert("expires_in".to_owned(), self.expires_in(grant));
        }
        body.to_string()
    }

    fn expires_in(&self, grant: &TokenGrant<'_>) -> Value {
        let millis = match self.lifetime {
            Some(lifetime) => millis(lifetime),
            // IMS subtracts the milliseconds it took to respond.
            None => millis(grant.lifetime).saturating_sub(fastrand::u64(1..=10)),
        };
        let number = match self.unit.unwrap_or(grant.unit) {
            Unit::Milliseconds => millis,
            Unit::Seconds => millis / 1000,
        };
        if self.as_text { json!(number.to_string()) } else { json!(number) }
    }
}

const OPAQUE_LENGTH: usize = 64;
