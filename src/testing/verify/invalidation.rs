//! The checks of `/ims/invalidate_token/v2`.

use std::time::SystemTime;

use super::{Refusal, client, client_id_header, client_secret, form, query, token_type};
use crate::testing::clients::Clients;
use crate::testing::received::ReceivedRequest;
use crate::testing::tokens::{IssuedTokens, TokenStatus};

/// The token to invalidate, or the first thing that is wrong.
pub(super) fn verify(
    clients: &Clients,
    tokens: &IssuedTokens,
    request: &ReceivedRequest<'_>,
    now: SystemTime,
) -> Result<String, Refusal> {
    form(request)?;
    query(request)?;
    let client = client(clients, request)?;
    client_id_header(client, request)?;
    let token_type = token_type(request, "token_type", &TYPES)?;
    // Optional for an access token, but never ignored.
    if token_type == "service_token" || request.form.has("client_secret") {
        client_secret(clients, client, request)?;
    }
    if request.form.get("cascading").is_some_and(|value| value != "all") {
        return Err(Refusal::new("invalid_request", "the cascading parameter is not `all`"));
    }
    let Some(token) = request.form.get("token") else {
        return Err(Refusal::new("invalid_request", "the token parameter is missing"));
    };
    if tokens.status(token, now) == TokenStatus::Unknown || token_type != "access_token" {
        return Err(Refusal::new("invalid_token", "no token of this type and text was issued"));
    }
    if tokens.client_of(token) != Some(client.id()) {
        return Err(Refusal::new("invalid_client", "the token was issued to another client"));
    }
    Ok(token.to_owned())
}

const TYPES: [&str; 5] = ["access_token", "refresh_token", "device_token", "service_token", "promise_token"];
