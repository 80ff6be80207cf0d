//! The access tokens that the mock has issued, by their digests: which are known, expired or
//! invalidated.

use std::collections::HashMap;
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};

use super::settings::ClientId;

#[derive(Default)]
pub(super) struct IssuedTokens(HashMap<Vec<u8>, IssuedToken>);

struct IssuedToken {
    client_id: ClientId,
    /// `None` for a time beyond the calendar.
    expires_at: Option<SystemTime>,
    invalidated: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenStatus {
    Valid,
    Expired,
    Invalidated,
    Unknown,
}

impl IssuedTokens {
    /// The same text issued again is a new token.
    pub(super) fn add(&mut self, token: &str, client_id: ClientId, expires_at: Option<SystemTime>) {
        self.0.insert(key(token), IssuedToken { client_id, expires_at, invalidated: false });
    }

    pub(super) fn status(&self, token: &str, now: SystemTime) -> TokenStatus {
        match self.0.get(&key(token)) {
            None => TokenStatus::Unknown,
            Some(token) if token.invalidated => TokenStatus::Invalidated,
            Some(token) if token.expires_at.is_some_and(|end| end <= now) => TokenStatus::Expired,
            Some(_) => TokenStatus::Valid,
        }
    }

    /// The client it was issued to.
    pub(super) fn client_of(&self, token: &str) -> Option<&ClientId> {
        self.0.get(&key(token)).map(|token| &token.client_id)
    }

    pub(super) fn invalidate(&mut self, token: &str) {
        if let Some(token) = self.0.get_mut(&key(token)) {
            token.invalidated = true;
        }
    }
}

/// A digest is smaller than a token, and no secret.
fn key(token: &str) -> Vec<u8> {
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}
