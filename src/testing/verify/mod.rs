//! What IMS would say to a request: the checks and their order, as pure functions of the request,
//! of what IMS has on file, and of a time. Descriptions that IMS is known to give are given word
//! for word; the others are our own.

mod client_credentials;
mod invalidation;
mod jwt;
mod validation;

use std::time::SystemTime;

use http::StatusCode;

use super::clients::{Client, Clients};
use super::endpoint::MockEndpoint;
use super::form::FormFault;
use super::received::ReceivedRequest;
use super::token_response::TokenGrant;
use super::tokens::IssuedTokens;

/// What a request gets that passed all checks.
pub(super) enum Verified<'a> {
    Token(TokenGrant<'a>),
    /// The JSON body that says whether a token is valid.
    Validation(String),
    /// This token is to be invalidated.
    Invalidation(String),
}

/// How IMS says no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) description: String,
}

impl Refusal {
    fn new(code: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, description: description.into() }
    }

    fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

/// What the request gets, or the first thing that is wrong with it.
pub(super) fn verify<'a>(
    clients: &'a Clients,
    tokens: &IssuedTokens,
    request: &ReceivedRequest<'_>,
    now: SystemTime,
) -> Result<Verified<'a>, Refusal> {
    match request.endpoint {
        MockEndpoint::JwtExchange => jwt::verify(clients, request, now).map(Verified::Token),
        MockEndpoint::Token => client_credentials::verify(clients, request).map(Verified::Token),
        MockEndpoint::ValidateToken => validation::verify(clients, tokens, request, now).map(Verified::Validation),
        MockEndpoint::InvalidateToken => {
            invalidation::verify(clients, tokens, request, now).map(Verified::Invalidation)
        }
    }
}

fn form(request: &ReceivedRequest<'_>) -> Result<(), Refusal> {
    match request.form.fault() {
        None => Ok(()),
        Some(FormFault::TooLarge) => {
            Err(Refusal::new("invalid_request", "the request is too large").with_status(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Some(FormFault::NotAForm) => {
            Err(Refusal::new("invalid_request", "the body is neither an urlencoded nor a multipart form"))
        }
        Some(FormFault::RepeatedField) => Err(Refusal::new("invalid_request", "a form field is given twice")),
    }
}

/// What is in a URL is logged along the way. For the client id, this does no harm, and Adobe's
/// clients put it there.
fn query(request: &ReceivedRequest<'_>) -> Result<(), Refusal> {
    if request.query.iter().any(|(name, _)| name != "client_id") {
        return Err(Refusal::new("invalid_request", "no parameter but client_id may be in the query"));
    }
    if request.client_ids_in_query().any(|client_id| Some(client_id) != request.client_id()) {
        return Err(Refusal::new("invalid_request", "the client_id of the query is not that of the form"));
    }
    Ok(())
}

fn client<'a>(clients: &'a Clients, request: &ReceivedRequest<'_>) -> Result<Client<'a>, Refusal> {
    request
        .client_id()
        .and_then(|client_id| clients.find(client_id))
        .ok_or_else(|| Refusal::new("invalid_client", "invalid client_id parameter"))
}

fn client_secret(clients: &Clients, client: Client<'_>, request: &ReceivedRequest<'_>) -> Result<(), Refusal> {
    match request.form.get("client_secret").is_some_and(|secret| client.secrets().accept(secret)) {
        true => Ok(()),
        false => {
            Err(Refusal::new("invalid_client", "invalid client_secret parameter")
                .with_status(clients.wrong_secret_status))
        }
    }
}

/// Where the client id is also in the header `X-IMS-ClientId`, it is the same.
fn client_id_header(client: Client<'_>, request: &ReceivedRequest<'_>) -> Result<(), Refusal> {
    match request.ims_client_id.is_none_or(|client_id| client_id == client.id().as_str()) {
        true => Ok(()),
        false => Err(Refusal::new("invalid_request", "the header X-IMS-ClientId is not the client_id parameter")),
    }
}

/// The type of the token that a request is about; `parameter` has it.
fn token_type<'a>(request: &'a ReceivedRequest<'_>, parameter: &str, known: &[&str]) -> Result<&'a str, Refusal> {
    let token_type = request.form.get(parameter).filter(|token_type| known.contains(token_type));
    token_type
        .ok_or_else(|| Refusal::new("invalid_request", format!("the {parameter} parameter is missing or unknown")))
}
