//! Asks IMS whether a token is valid: `POST /ims/validate_token/v1` (`adobe/ims-go`,
//! `adobe/aio-lib-ims`).

use serde::Deserialize;

use super::{Exchange, response};
use crate::error::Error;
use crate::lenient::LenientText;
use crate::request::{ImsRequest, Value};
use crate::token::Token;

/// What IMS says about a token.
#[derive(Clone, Debug)]
pub struct Validation {
    is_valid: bool,
    reason: Option<String>,
}

impl Validation {
    /// Whether IMS accepts the token.
    pub fn is_valid(&self) -> bool {
        self.is_valid
    }

    /// Why IMS does not accept it, such as `bad_signature`: at most 200 printable characters.
    /// `None` for a valid token, and where IMS gives no reason.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

impl Exchange {
    pub(crate) async fn validate(&self, token: &Token) -> Result<Validation, Error> {
        // As Adobe's own client does it: the client that the token was issued to, if it says so.
        let claims = token.claims();
        let client_id = claims.as_ref().and_then(|claims| claims.client_id()).unwrap_or(self.client_id());
        let fields = vec![
            ("type", Value::public("access_token")),
            ("client_id", Value::public(client_id)),
            ("token", Value::Secret(token.secret())),
        ];
        let request = ImsRequest::new("/ims/validate_token/v1", fields);
        self.call(&request, |received, request, endpoint| {
            let unusable = |problem| response::unusable(received, request, problem);
            let body = response::read_json::<Body>(received, request, endpoint)?;
            let is_valid = match body.valid {
                Valid::Bool(valid) => valid,
                Valid::Text(text) if text.eq_ignore_ascii_case("true") => true,
                Valid::Text(text) if text.eq_ignore_ascii_case("false") => false,
                Valid::Text(_) => return Err(unusable("its `valid` is neither true nor false")),
            };
            let reason = body.reason.as_ref().and_then(LenientText::text).filter(|_| !is_valid);
            let reason = reason.and_then(|reason| request.secrets(None).clean(reason, MAX_REASON));
            Ok(Validation { is_valid, reason })
        })
        .await
    }
}

/// IMS sends 200 for a bad token too. One of Adobe's fixtures has `valid` as a text.
#[derive(Deserialize)]
struct Body {
    valid: Valid,
    reason: Option<LenientText>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Valid {
    Bool(bool),
    Text(String),
}

const MAX_REASON: usize = 200;
