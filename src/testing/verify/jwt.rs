//! The checks of the JWT exchange, for the technical account.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use serde_json::Value;

use super::{Refusal, client, client_secret, form};
use crate::testing::account::{TECHNICAL_ACCOUNT_ID, TechnicalAccount};
use crate::testing::assertion::ReceivedAssertion;
use crate::testing::clients::{Client, Clients};
use crate::testing::received::ReceivedRequest;
use crate::testing::settings::ImsHost;
use crate::testing::token_response::{TokenGrant, Unit};

/// The token granted, or the first thing that is wrong.
pub(super) fn verify<'a>(
    clients: &'a Clients,
    request: &ReceivedRequest<'_>,
    now: SystemTime,
) -> Result<TokenGrant<'a>, Refusal> {
    query(request)?;
    form(request)?;
    if request.form.get("jwt_token").is_none() {
        return Err(Refusal::new("invalid_token", "the jwt_token parameter is missing"));
    }
    let client = client(clients, request)?;
    client_secret(clients, client, request)?;
    let Client::Account(account) = client else {
        let refusal = Refusal::new("invalid_client", "the client may not exchange JWTs");
        return Err(refusal.with_status(StatusCode::UNAUTHORIZED));
    };
    let assertion = well_formed(request.assertion.as_ref())?;
    audience(&clients.ims_host, account, assertion)?;
    signature(account, assertion, now)?;
    expiry(assertion, now)?;
    parties(account, assertion)?;
    let scopes = metascopes(account, assertion)?;
    Ok(TokenGrant { ims_host: &clients.ims_host, client, scopes, lifetime: DAY, unit: Unit::Milliseconds })
}

/// Seen in real use for parameters in the query.
fn query(request: &ReceivedRequest<'_>) -> Result<(), Refusal> {
    match request.query.iter().any(|(name, _)| ["client_id", "client_secret", "jwt_token"].contains(&name.as_str())) {
        true => {
            Err(Refusal::new("internal_error", "Please try again later").with_status(StatusCode::INTERNAL_SERVER_ERROR))
        }
        false => Ok(()),
    }
}

fn well_formed(assertion: Option<&ReceivedAssertion>) -> Result<&ReceivedAssertion, Refusal> {
    assertion
        .filter(|assertion| assertion.is_integer("exp") == Some(true) && assertion.is_integer("jti") != Some(false))
        .ok_or_else(|| Refusal::new("invalid_token", "JWT token is incorrectly formatted, and can not be decoded."))
}

fn audience(ims_host: &ImsHost, account: &TechnicalAccount, assertion: &ReceivedAssertion) -> Result<(), Refusal> {
    let matches = assertion.text("aud").and_then(|aud| aud.split_once("/c/")).is_some_and(|(origin, client_id)| {
        account.origins.iter().any(|known| known == origin) && client_id == account.client_id.as_str()
    });
    if matches {
        return Ok(());
    }
    let (host, client_id) = (ims_host.as_str(), account.client_id.as_str());
    Err(Refusal::new("invalid_client", format!("the audience of the JWT is not https://{host}/c/{client_id}")))
}

/// A binding is found by organization, account and key; IMS does not say which of them does not
/// fit.
fn signature(account: &TechnicalAccount, assertion: &ReceivedAssertion, now: SystemTime) -> Result<(), Refusal> {
    if assertion.algorithm.as_deref() != Some("RS256") {
        return Err(Refusal::new("invalid_signature", "the JWT is not signed with RS256"));
    }
    let stranger = |claim: &str, own: &str, domain: &str| {
        assertion.text(claim).is_some_and(|value| value != own && is_adobe_id(value, domain))
    };
    let signer = account.signer_of(assertion.message.as_bytes(), &assertion.signature);
    if signer.is_some_and(|(_, binding)| binding.is_valid(now))
        && !stranger("iss", account.org_id.as_str(), ORG_DOMAIN)
        && !stranger("sub", TECHNICAL_ACCOUNT_ID, ACCOUNT_DOMAIN)
    {
        return Ok(());
    }
    Err(Refusal::new("invalid_token", "Could not match JWT signature to any of the bindings"))
}

fn expiry(assertion: &ReceivedAssertion, now: SystemTime) -> Result<(), Refusal> {
    // On some platforms `exp` in milliseconds is beyond the calendar: far ahead. A negative one is
    // past.
    let is_negative = assertion.claims.get("exp").is_some_and(|exp| !exp.is_u64());
    let end = assertion.expires_at().and_then(|exp| exp.checked_add(SKEW));
    if is_negative || end.is_some_and(|end| end < now) {
        return Err(Refusal::new("invalid_token", "the JWT has expired"));
    }
    Ok(())
}

/// What is left after [`signature`] is either the account's own or of no known shape.
fn parties(account: &TechnicalAccount, assertion: &ReceivedAssertion) -> Result<(), Refusal> {
    if assertion.text("iss") != Some(account.org_id.as_str()) {
        return Err(Refusal::new("bad_request", "the iss claim is not the id of an organization"));
    }
    if assertion.text("sub") != Some(TECHNICAL_ACCOUNT_ID) {
        return Err(Refusal::new("bad_request", "the sub claim is not the id of a technical account"));
    }
    Ok(())
}

fn metascopes(account: &TechnicalAccount, assertion: &ReceivedAssertion) -> Result<Vec<String>, Refusal> {
    let mut granted = Vec::new();
    for (origin, name, value) in assertion.scope_claims() {
        let is_bound = account.metascopes.contain(name);
        if !is_bound || *value != Value::Bool(true) || !account.origins.iter().any(|known| known == origin) {
            granted.clear();
            break;
        }
        granted.push(name.to_owned());
    }
    if granted.is_empty() {
        return Err(Refusal::new(
            "invalid_scope",
            "The metascopes in the JWT are not a subset of the metascopes in the binding.",
        ));
    }
    granted.sort_unstable();
    granted.dedup();
    Ok(granted)
}

/// `<24 hex>@domain`; the e-mail form of a technical account is none.
fn is_adobe_id(value: &str, domain: &str) -> bool {
    value
        .split_once('@')
        .is_some_and(|(name, at)| at == domain && name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What IMS allows between its clock and the signer's.
const SKEW: Duration = Duration::from_secs(30);

const DAY: Duration = Duration::from_secs(86_400);

const ORG_DOMAIN: &str = "AdobeOrg";
const ACCOUNT_DOMAIN: &str = "techacct.adobe.com";
