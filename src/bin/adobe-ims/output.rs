//! Writes text and JSON.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use adobe_ims::{Token, TokenClaims};
use serde::Serialize;
use x509_cert::der::DateTime;

use crate::Failure;

pub(crate) fn print(text: impl fmt::Display) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    // Texts and numbers always become JSON.
    print(serde_json::to_string_pretty(value).unwrap_or_default())
}

#[derive(Serialize)]
pub(crate) struct TokenJson<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_at: Option<String>,
    expires_at_epoch: u64,
}

impl<'a> TokenJson<'a> {
    pub(crate) fn of(token: &'a Token) -> Self {
        let (access_token, token_type, expires_at) = (token.expose_secret(), token.token_type(), token.expires_at());
        let expires_at_epoch = since_epoch(expires_at).as_secs();
        Self { access_token, token_type, expires_at: rfc3339(expires_at), expires_at_epoch }
    }
}

#[derive(Serialize)]
pub(crate) struct ClaimsJson<'a> {
    client_id: Option<&'a str>,
    user_id: Option<&'a str>,
    #[serde(rename = "as")]
    authorization_server: Option<&'a str>,
    scope: Vec<&'a str>,
    created_at: Option<String>,
    expires_at: Option<String>,
}

impl<'a> ClaimsJson<'a> {
    pub(crate) fn of(claims: &'a TokenClaims) -> Self {
        let expires_at = || claims.created_at()?.checked_add(claims.lifetime()?);
        Self {
            client_id: claims.client_id(),
            user_id: claims.user_id(),
            authorization_server: claims.authorization_server(),
            scope: claims.scopes().collect(),
            created_at: claims.created_at().and_then(rfc3339),
            expires_at: expires_at().and_then(rfc3339),
        }
    }
}

/// Writes a line for each claim that the token has.
impl fmt::Display for ClaimsJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_id, user_id, authorization_server, scope, created_at, expires_at } = self;
        let scope = (!scope.is_empty()).then(|| scope.join(","));
        let lines = [
            ("client_id", *client_id),
            ("user_id", *user_id),
            ("as", *authorization_server),
            ("scope", scope.as_deref()),
            ("created_at", created_at.as_deref()),
            ("expires_at", expires_at.as_deref()),
        ];
        let lines = lines.into_iter().filter_map(|(name, value)| Some((name, value?)));
        // The token is untrusted: its control characters must not reach the terminal.
        let lines = lines.map(|(name, value)| format!("{name:<12}{}", value.replace(char::is_control, " ")));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// `None` for a year beyond 9999.
fn rfc3339(time: SystemTime) -> Option<String> {
    let seconds = Duration::from_secs(since_epoch(time).as_secs());
    Some(DateTime::from_unix_duration(seconds).ok()?.to_string())
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
