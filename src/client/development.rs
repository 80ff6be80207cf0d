//! A development token in place of a cache and an exchange: there is nothing to ask IMS for.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clock::SharedClock;
use crate::credentials::{Credentials, DevelopmentToken};
use crate::error::{CredentialsError, Error, UsageError};
use crate::telemetry::{self, Identity};
use crate::token::Token;

pub(super) struct Development {
    token: ArcSwap<Token>,
    clock: SharedClock,
    reload: Option<PathBuf>,
}

impl Development {
    pub(super) fn new(token: &DevelopmentToken, clock: SharedClock, reload: Option<PathBuf>) -> Result<Self, Error> {
        Ok(Self { token: ArcSwap::from_pointee(token.by_clock(clock.clone())?), clock, reload })
    }

    /// The token until it expires; then the one in the file that it came from, if that is another.
    pub(super) async fn token(&self, identity: Identity<'_>) -> Result<Token, Error> {
        if let Some(token) = self.valid() {
            return Ok(token);
        }
        if let Some(path) = &self.reload {
            match self.read(path.clone()).await {
                Ok(token) => self.token.store(Arc::new(token)),
                Err(error) => telemetry::reload_failed(identity, &error),
            }
        }
        let expired = || CredentialsError::Expired { at: self.token.load().expires_at() };
        self.valid().ok_or_else(|| expired().into())
    }

    pub(super) fn valid(&self) -> Option<Token> {
        let token = self.token.load();
        (!token.is_expired()).then(|| Token::clone(&token))
    }

    async fn read(&self, path: PathBuf) -> Result<Token, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(UsageError::NoRuntime.into());
        }
        let read = tokio::task::spawn_blocking(move || Credentials::from_file(path)).await;
        match read.map_err(|_| UsageError::RuntimeGone)?? {
            Credentials::Development(token) => token.by_clock(self.clock.clone()),
            _ => Err(UsageError::AnotherClient.into()),
        }
    }
}
