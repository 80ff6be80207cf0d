//! The client secrets of one credential: at most two are live, a revoked one keeps its index.

use std::fmt;

use super::error::unusable;
use super::random::random_text;
use crate::Error;
use crate::secret::Secret;

pub(super) struct ClientSecrets {
    prefix: &'static str,
    /// In the order they were added.
    all: Vec<ClientSecret>,
}

struct ClientSecret {
    text: Secret,
    live: bool,
}

impl ClientSecrets {
    /// With one secret. Adobe's begin with `s8e-` or `p8e-`.
    pub(super) fn new(prefix: &'static str) -> Self {
        let mut secrets = Self { prefix, all: Vec::new() };
        secrets.push();
        secrets
    }

    /// The index of the new one.
    pub(super) fn add(&mut self) -> Result<usize, Error> {
        if self.live().count() >= MAX_LIVE {
            return Err(unusable("a credential has at most two live client secrets: revoke one first"));
        }
        let index = self.all.len();
        self.push();
        Ok(index)
    }

    pub(super) fn revoke(&mut self, index: usize) {
        if let Some(secret) = self.all.get_mut(index) {
            secret.live = false;
        }
    }

    /// All but the newest.
    pub(super) fn revoke_old(&mut self) {
        for secret in self.all.iter_mut().rev().skip(1) {
            secret.live = false;
        }
    }

    /// Oldest first.
    pub(super) fn live(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|secret| secret.live).map(|secret| secret.text.expose())
    }

    pub(super) fn accept(&self, text: &str) -> bool {
        self.live().any(|live| live == text)
    }

    /// Which one this is, live or revoked.
    pub(super) fn index_of(&self, text: &str) -> Option<usize> {
        self.all.iter().position(|secret| secret.text.expose() == text)
    }

    fn push(&mut self) {
        let text = format!("{}{}", self.prefix, random_text(LENGTH));
        self.all.push(ClientSecret { text: text.into(), live: true });
    }
}

impl fmt::Debug for ClientSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prefix: _, all } = self;
        let live: Vec<bool> = all.iter().map(|secret| secret.live).collect();
        f.debug_struct("ClientSecrets").field("live", &live).finish()
    }
}

/// As in the Developer Console.
const MAX_LIVE: usize = 2;

const LENGTH: usize = 32;
