//! A development token in place of a cache and an exchange: there is nothing to ask IMS for.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock::{Moment, SharedClock};
use crate::credentials::{Credentials, DevelopmentToken};
use crate::error::{CredentialsError, Error, UsageError};
use crate::exchange::CredentialsFile;
use crate::telemetry::{self, Identity};
use crate::token::Token;

pub(super) struct Development {
    token: ArcSwap<Token>,
    client_id: String,
    clock: SharedClock,
    file: Option<CredentialsFile>,
    /// The file is not read again before.
    next_look: Mutex<Option<Moment>>,
}

impl Development {
    pub(super) fn new(token: &DevelopmentToken, clock: SharedClock, file: Option<PathBuf>) -> Result<Self, Error> {
        Ok(Self {
            token: ArcSwap::from_pointee(token.by_clock(clock.clone())?),
            client_id: token.client_id().to_owned(),
            clock,
            file: file.map(CredentialsFile::new),
            next_look: Mutex::default(),
        })
    }

    /// The token until it expires; then the one in the file that it came from, if that is another.
    pub(super) async fn token(&self, identity: Identity<'_>) -> Result<Token, Error> {
        if let Some(token) = self.valid() {
            return Ok(token);
        }
        if let Some(file) = self.file.as_ref().filter(|_| self.may_look()) {
            match self.read(file).await {
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

    /// Once in a while: a file that has not been replaced yet is not read for every call.
    fn may_look(&self) -> bool {
        let now = Moment::now(&self.clock);
        let mut next = self.next_look.lock().unwrap_or_else(PoisonError::into_inner);
        let may_look = next.is_none_or(|next| now.is_past(next));
        if may_look {
            *next = now.checked_add(MIN_BETWEEN_LOOKS);
        }
        may_look
    }

    async fn read(&self, file: &CredentialsFile) -> Result<Token, Error> {
        if tokio::runtime::Handle::try_current().is_err() {
            return Err(UsageError::NoRuntime.into());
        }
        let bytes = file.read(CredentialsFile::MAX_READ).await?;
        match file.parse(CredentialsFile::MAX_READ, move || Credentials::from_json(&*bytes)).await? {
            Credentials::Development(token) if token.client_id() == self.client_id => {
                token.by_clock(self.clock.clone())
            }
            _ => Err(UsageError::AnotherClient.into()),
        }
    }
}

const MIN_BETWEEN_LOOKS: Duration = Duration::from_secs(1);
