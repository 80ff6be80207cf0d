//! The checks of `/ims/validate_token/v1`. IMS responds with 200 to a bad token too, and the body
//! says what is wrong.

use std::time::SystemTime;

use serde_json::json;

use super::{Refusal, client, client_id_header, form, query, token_type};
use crate::testing::access_token::claims_of;
use crate::testing::clients::Clients;
use crate::testing::received::ReceivedRequest;
use crate::testing::tokens::{IssuedTokens, TokenStatus};

/// The JSON body of the response, or what is wrong with the request itself.
pub(super) fn verify(
    clients: &Clients,
    tokens: &IssuedTokens,
    request: &ReceivedRequest<'_>,
    now: SystemTime,
) -> Result<String, Refusal> {
    form(request)?;
    query(request)?;
    client_id_header(client(clients, request)?, request)?;
    let token_type = token_type(request, "type", &TYPES)?;
    let token = token(request)?;
    // Of IMS's own reasons only `bad_signature` is known.
    let reason = match tokens.status(token, now) {
        TokenStatus::Valid if token_type == "access_token" => {
            return Ok(json!({ "valid": true, "token": claims_of(token).unwrap_or_default() }).to_string());
        }
        TokenStatus::Valid => "wrong_type",
        TokenStatus::Expired => "expired",
        TokenStatus::Invalidated => "invalidated",
        TokenStatus::Unknown => "bad_signature",
    };
    Ok(json!({ "valid": false, "reason": reason }).to_string())
}

/// From the form or from the header `Authorization`.
fn token<'a>(request: &'a ReceivedRequest<'_>) -> Result<&'a str, Refusal> {
    match (request.form.get("token"), request.bearer) {
        (Some(token), None) | (None, Some(token)) => Ok(token),
        (Some(_), Some(_)) => Err(Refusal::new("invalid_request", "the token is given twice")),
        (None, None) => Err(Refusal::new("invalid_request", "the token parameter is missing")),
    }
}

const TYPES: [&str; 4] = ["access_token", "refresh_token", "device_token", "authorization_code"];
