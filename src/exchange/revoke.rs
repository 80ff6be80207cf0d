//! Revokes a token: `POST /ims/invalidate_token/v2` (`adobe/ims-go`, `adobe/aio-lib-ims`).

use super::{Exchange, response};
use crate::error::Error;
use crate::request::{ImsRequest, Value};
use crate::token::Token;

impl Exchange {
    /// Only this token, not those that were made from it (`cascading`). IMS needs no secret for it.
    pub(crate) async fn revoke(&self, token: &Token) -> Result<(), Error> {
        let fields = vec![
            ("token_type", Value::public("access_token")),
            ("client_id", Value::public(self.client_id())),
            ("token", Value::Secret(token.secret())),
        ];
        self.call(&ImsRequest::new("/ims/invalidate_token/v2", fields), response::read_nothing).await
    }
}
