//! One exchange in progress, for all callers that need its token.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::shared::Shared;
use super::{Load, Wanted};
use crate::caught::{Panicked, caught};
use crate::clock::{Deadline, Moment};
use crate::error::{Error, UsageError};
use crate::token::Token;

pub(super) struct Flight {
    pub(super) number: u64,
    pub(super) wanted: Wanted,
    /// Its own limit, by the clock of timeouts: past it, its runtime is no longer driven.
    deadline: Deadline,
    pub(super) outcome: Outcome,
    pub(super) task: AbortHandle,
}

/// `None` until there is one. A closed channel without one is an exchange whose runtime has shut
/// down.
pub(super) type Outcome = watch::Receiver<Option<Result<Token, Error>>>;

impl Flight {
    pub(super) fn new(number: u64, wanted: Wanted, limit: Duration, outcome: Outcome, task: AbortHandle) -> Self {
        Self { number, wanted, deadline: Deadline::after(limit), outcome, task }
    }

    /// How long it may still take.
    pub(super) fn left(&self) -> Duration {
        self.deadline.remaining()
    }

    /// Whether it may still bring a token in time: its runtime has not shut down, and its limit has
    /// not passed.
    pub(super) fn is_alive(&self) -> bool {
        self.outcome.has_changed().is_ok() && !self.left().is_zero()
    }
}

/// Makes sure that an exchange ends with an outcome, however it ends.
pub(super) struct Landing<L: Load> {
    pub(super) shared: Arc<Shared<L>>,
    pub(super) number: u64,
    pub(super) wanted: Wanted,
    pub(super) started: Moment,
    pub(super) sender: watch::Sender<Option<Result<Token, Error>>>,
    pub(super) landed: bool,
}

impl<L: Load> Landing<L> {
    /// Loads a token. A panic becomes an error: of a clock that was given to the client, or of
    /// tokio on a runtime without drivers.
    pub(super) async fn run(mut self) {
        let result = caught(self.shared.loader.load(self.wanted)).await;
        let result = result.unwrap_or_else(|Panicked| Err(UsageError::Panicked.into()));
        let (result, landed) = self.shared.land(self.number, self.wanted.refresh, result);
        self.landed = true;
        self.sender.send_replace(Some(result.clone()));
        // Last, since it runs other people's code.
        self.shared.report(&result, landed);
    }
}

impl<L: Load> Drop for Landing<L> {
    fn drop(&mut self) {
        if !self.landed {
            // While unwinding, no foreign code may run: a second panic would abort the process.
            let now = if std::thread::panicking() { None } else { Some(self.shared.now()) };
            self.shared.interrupted(self.number, now, self.started);
        }
    }
}
