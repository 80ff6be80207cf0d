//! The checks of the client credentials grant, for the OAuth Server-to-Server credential.

use std::time::Duration;

use super::{Refusal, client, client_secret, form, query};
use crate::testing::clients::{Client, Clients};
use crate::testing::oauth_client::OAuthClient;
use crate::testing::received::ReceivedRequest;
use crate::testing::settings::is_org_id;
use crate::testing::token_response::{TokenGrant, Unit};

/// The token granted, or the first thing that is wrong.
pub(super) fn verify<'a>(clients: &'a Clients, request: &ReceivedRequest<'_>) -> Result<TokenGrant<'a>, Refusal> {
    form(request)?;
    query(request)?;
    grant_type(request)?;
    let client = client(clients, request)?;
    client_secret(clients, client, request)?;
    let Client::OAuth(oauth) = client else {
        return Err(Refusal::new("unauthorized_client", "the client may not use the client credentials grant"));
    };
    let lifetime = organization(oauth, request)?;
    let scopes = scopes(oauth, request)?;
    Ok(TokenGrant { ims_host: &clients.ims_host, client, scopes, lifetime, unit: Unit::Seconds })
}

fn grant_type(request: &ReceivedRequest<'_>) -> Result<(), Refusal> {
    match request.form.get("grant_type") {
        Some("client_credentials") => Ok(()),
        Some(_) => Err(Refusal::new("unsupported_grant_type", "the grant type is not supported here")),
        None => Err(Refusal::new("invalid_request", "the grant_type parameter is missing")),
    }
}

/// How long a token for this organization lives.
fn organization(oauth: &OAuthClient, request: &ReceivedRequest<'_>) -> Result<Duration, Refusal> {
    match request.form.get("org_id") {
        None => Ok(DAY),
        Some(org_id) if oauth.multi_org && is_org_id(org_id) => Ok(HOUR),
        Some(org_id) if org_id == oauth.org_id.as_str() => Ok(DAY),
        Some(_) => Err(Refusal::new("invalid_request", "the org_id parameter is not an organization of this client")),
    }
}

/// All that were asked for, in that order.
fn scopes(oauth: &OAuthClient, request: &ReceivedRequest<'_>) -> Result<Vec<String>, Refusal> {
    let mut granted: Vec<String> = Vec::new();
    for scope in request.scopes() {
        if !oauth.scopes.contain(scope) {
            return Err(Refusal::new("invalid_scope", "the scope parameter names a scope that is not granted"));
        }
        if !granted.iter().any(|known| known == scope) {
            granted.push(scope.to_owned());
        }
    }
    match granted.is_empty() {
        true => Err(Refusal::new("invalid_scope", "the scope parameter is missing")),
        false => Ok(granted),
    }
}

const DAY: Duration = Duration::from_secs(86_400);

/// For a client that no single organization owns, by Adobe's documentation.
const HOUR: Duration = Duration::from_secs(3600);
