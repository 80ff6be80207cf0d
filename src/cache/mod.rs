//! Serve, renew beside, or wait: decided from a token, a time and a flight. Knows no HTTP: it is handed
//! a loader, a clock and its settings.

mod entry;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::clock::{Deadline, Moment, SharedClock};
use crate::error::{Error, Failure};
use crate::retry::{self, Regime};
use crate::token::Token;

use self::entry::{Age, Entry};

/// Where tokens come from.
pub(crate) trait Load: Send + Sync + 'static {
    /// Gets a token within the limits of a call. Dropping the future cancels the request.
    fn load(&self, effort: Effort) -> impl Future<Output = Result<Token, Error>> + Send;

    /// Who is asked, for messages.
    fn host(&self) -> &str;
}

/// How hard to try: callers who wait deserve all attempts, a renewal beside them one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    AllAttempts,
    OneAttempt,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How long before its end a token begins to age, if a third of its life is not less.
    pub(crate) refresh_before: Duration,
    /// The longest that a caller waits for a flight: a little longer than one takes, so that its own
    /// outcome, which says more, is told and remembered.
    pub(crate) wait: Duration,
    /// From 0 to 1, drawn once for each client, so that many clients do not renew at the same moment.
    pub(crate) jitter: f64,
}

/// One credential's token, kept. Dropping it cancels a flight under way.
pub(crate) struct Cache<L: Load>(Arc<Shared<L>>);

/// What a flight and its waiters share: it outlives the cache by no more than a flight.
pub(crate) struct Shared<L> {
    loader: L,
    clock: SharedClock,
    settings: Settings,
    /// Read without a lock by every hit.
    slot: ArcSwapOption<Entry>,
    state: Mutex<State>,
    /// Tells those who sleep beside the cache that it was dropped.
    closed: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// Flights started so far; the last one's number.
    flights: u64,
    flight: Option<Flight>,
    /// Flights that nobody waits for any more, and that may still bring a token.
    abandoned: Vec<AbortHandle>,
    /// The flight that the token in the slot came from.
    stored: u64,
    failed: Option<Failed>,
}

/// One exchange under way for everybody.
struct Flight {
    number: u64,
    outcome: Outcome,
    task: AbortHandle,
}

type Outcome = watch::Receiver<Option<Result<Token, Error>>>;

/// The last failure, until a token comes.
struct Failed {
    error: Error,
    regime: Regime,
    /// In a row, in this regime.
    count: u32,
    /// Nobody asks again in this regime before.
    until: Moment,
    /// Nobody asks again in any before: so the other side told us.
    told: Moment,
}

impl Failed {
    fn holds(&self, regime: Regime, now: Moment) -> bool {
        !now.has_reached(self.told) || (regime == self.regime && !now.has_reached(self.until))
    }
}

/// What to do for one caller.
enum Step {
    Serve(Token),
    Fail(Error),
    Join(u64, Outcome),
}

impl<L: Load> Cache<L> {
    pub(crate) fn new(loader: L, clock: SharedClock, settings: Settings) -> Self {
        Self(Arc::new(Shared {
            loader,
            clock,
            settings,
            slot: ArcSwapOption::empty(),
            state: Mutex::default(),
            closed: watch::Sender::new(false),
        }))
    }

    pub(crate) fn loader(&self) -> &L {
        &self.0.loader
    }

    /// The token while it is fresh or ageing, if it lives at least this long or no token ever does. No lock
    /// and no allocation, but for who starts a renewal.
    #[inline]
    pub(crate) fn serve(&self, least: Duration) -> Option<Token> {
        self.0.serve(least)
    }

    /// For a caller who was not served: the outcome of the one flight.
    pub(crate) async fn wait(&self, least: Duration) -> Result<Token, Error> {
        self.0.wait(least).await
    }

    /// Drops the token if it is the current one.
    pub(crate) fn forget(&self, token: &Token) {
        let _state = self.0.state();
        if self.0.slot.load().as_ref().is_some_and(|entry| entry.token.is(token)) {
            self.0.slot.store(None);
        }
    }

    /// Renews without being asked until the cache is dropped, which it does not prevent.
    pub(crate) fn keep_fresh(&self) -> impl Future<Output = ()> + Send + 'static {
        let (shared, mut closed) = (Arc::downgrade(&self.0), self.0.closed.subscribe());
        async move {
            while let Some(shared) = shared.upgrade()
                && Handle::try_current().is_ok()
            {
                // A failure is remembered, told as an event, and tried again when its time has come.
                if shared.serve(Duration::ZERO).is_none() {
                    let _ = shared.wait(Duration::ZERO).await;
                }
                let pause = shared.until_due();
                drop(shared);
                if tokio::time::timeout(pause, closed.wait_for(|closed| *closed)).await.is_ok() {
                    return;
                }
            }
        }
    }
}

impl<L: Load> Drop for Cache<L> {
    fn drop(&mut self) {
        let (flight, abandoned) = {
            let mut state = self.0.state();
            state.closed = true;
            (state.flight.take(), std::mem::take(&mut state.abandoned))
        };
        flight.map(|flight| flight.task).into_iter().chain(abandoned).for_each(|task| task.abort());
        // Those who are woken may do anything, so not under the lock.
        self.0.closed.send_replace(true);
    }
}

impl<L: Load> Shared<L> {
    #[inline]
    fn serve(self: &Arc<Self>, least: Duration) -> Option<Token> {
        let entry = self.slot.load();
        let entry = entry.as_ref()?;
        let now = Moment::now(&self.clock);
        let age = entry.age(now);
        if age >= Age::Spent || !entry.serves(least, now) {
            return None;
        }
        if age == Age::Ageing {
            self.renew_beside(entry, now);
        }
        Some(entry.token.clone())
    }

    /// Starts a flight of one attempt, unless there is one, one has just landed, or the last failure is
    /// too fresh. Whoever holds the lock sees to it; nobody waits for that.
    fn renew_beside(self: &Arc<Self>, entry: &Arc<Entry>, now: Moment) {
        if let Ok(mut state) = self.state.try_lock()
            && self.slot.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, entry))
            && !state.flight.as_ref().is_some_and(Flight::is_alive)
            && !state.failed.as_ref().is_some_and(|failed| failed.holds(Regime::Ageing, now))
            && let Ok(runtime) = Handle::try_current()
        {
            self.start(&mut state, Effort::OneAttempt, &runtime);
        }
    }

    async fn wait(self: &Arc<Self>, least: Duration) -> Result<Token, Error> {
        let Ok(runtime) = Handle::try_current() else {
            return self.good(least, Moment::now(&self.clock)).ok_or_else(|| Failure::NoRuntime.into());
        };
        let deadline = Deadline::after(self.settings.wait);
        let mut failure = Failure::NoRuntime;
        for earlier in 0..MOST_FLIGHTS {
            let (number, mut outcome) = match self.step(least, &runtime) {
                Step::Serve(token) => return Ok(token),
                Step::Fail(error) => return Err(error),
                Step::Join(number, outcome) => (number, outcome),
            };
            let error = match tokio::time::timeout(deadline.remaining(), outcome.wait_for(Option::is_some)).await {
                Ok(Ok(outcome)) => match &*outcome {
                    Some(Ok(token)) if !token.is_expired() => return Ok(token.clone()),
                    Some(Err(error)) => error.clone(),
                    // The caller comes late, from a suspended machine for one: the token has ended meanwhile.
                    _ => {
                        failure = Failure::HandedOutExpired;
                        continue;
                    }
                },
                // The runtime that flew it has ended: this one starts another.
                Ok(Err(_)) => continue,
                Err(_) => {
                    // One that was joined later may be younger than the limit: it is still the others'.
                    if earlier == 0 {
                        self.abandon(number);
                    }
                    let host = self.loader.host().to_owned();
                    Failure::CallTimeout { host, limit: self.settings.wait }.into()
                }
            };
            return self.good(least, Moment::now(&self.clock)).ok_or(error);
        }
        Err(failure.into())
    }

    /// For a caller who was not served: under the lock, so that one flight is enough for all. The clock,
    /// which may be anybody's code, is read outside of it.
    fn step(self: &Arc<Self>, least: Duration, runtime: &Handle) -> Step {
        let now = Moment::now(&self.clock);
        let mut state = self.state();
        let entry = self.slot.load();
        let age = entry.as_ref().map_or(Age::Ended, |entry| entry.age(now));
        // Another caller's flight may have landed since the slot was looked at.
        if let Some(entry) = entry.as_ref()
            && age < Age::Spent
            && entry.serves(least, now)
        {
            return Step::Serve(entry.token.clone());
        }
        if let Some(flight) = state.flight.as_ref().filter(|flight| flight.is_alive()) {
            return Step::Join(flight.number, flight.outcome.clone());
        }
        if let Some(failed) = state.failed.as_ref().filter(|failed| failed.holds(Regime::at(age), now)) {
            let error = failed.error.clone();
            return self.good(least, now).map_or(Step::Fail(error), Step::Serve);
        }
        self.start(&mut state, Effort::AllAttempts, runtime)
    }

    /// The token in the slot until its true end: better than an error.
    fn good(&self, least: Duration, now: Moment) -> Option<Token> {
        let entry = self.slot.load_full().filter(|entry| entry.age(now) < Age::Ended && entry.serves(least, now));
        entry.map(|entry| entry.token.clone())
    }

    /// One task on the runtime of the caller that starts it. The loader bounds its time.
    fn start(self: &Arc<Self>, state: &mut State, effort: Effort, runtime: &Handle) -> Step {
        if state.closed {
            // `keep_fresh` on its way out; nobody else is left to ask.
            return Step::Fail(Failure::NoRuntime.into());
        }
        state.flights = state.flights.saturating_add(1);
        let number = state.flights;
        let (sender, outcome) = watch::channel(None);
        let shared = Arc::clone(self);
        let task = runtime.spawn(async move {
            let result = shared.loader.load(effort).await;
            sender.send_replace(Some(shared.land(number, result)));
        });
        state.flight = Some(Flight { number, outcome: outcome.clone(), task: task.abort_handle() });
        Step::Join(number, outcome)
    }

    /// Keeps what a flight brought: a token in the slot, a failure never in its place.
    fn land(&self, number: u64, result: Result<Token, Error>) -> Result<Token, Error> {
        let result = match result {
            Ok(token) if token.is_expired() => Err(Failure::HandedOutExpired.into()),
            result => result,
        };
        let now = Moment::now(&self.clock);
        let mut state = self.state();
        state.flight.take_if(|flight| flight.number == number);
        match &result {
            Ok(token) if number > state.stored => {
                state.stored = number;
                state.failed = None;
                self.slot.store(Some(Arc::new(Entry::new(token.clone(), now, &self.settings))));
            }
            // A later flight has already told something newer.
            Err(error) if number == state.flights => {
                let pause = self.remember(&mut state, error, now);
                // Those who listen may do anything, and must not do it under the lock.
                drop(state);
                self.warn(error, pause, now);
            }
            _ => {}
        }
        result
    }

    /// How long nobody asks again.
    fn remember(&self, state: &mut State, error: &Error, now: Moment) -> Duration {
        let entry = self.slot.load();
        let entry = entry.as_ref();
        let regime = Regime::at(entry.map_or(Age::Ended, |entry| entry.age(now)));
        let left = entry.map_or(Duration::ZERO, |entry| now.until(entry.spent));
        let before = state.failed.take().filter(|failed| failed.regime == regime);
        let count = before.map_or(0, |failed| failed.count).saturating_add(1);
        let told = error.retry_after().unwrap_or_default();
        let pause = retry::cool_down(regime, count, left, fastrand::f64()).max(told);
        let point = |pause| now.later(pause).unwrap_or(now);
        state.failed = Some(Failed { error: error.clone(), regime, count, until: point(pause), told: point(told) });
        pause
    }

    /// While a token is good no caller is told.
    fn warn(&self, error: &Error, pause: Duration, now: Moment) {
        if let Some(entry) = self.slot.load().as_ref().filter(|entry| entry.age(now) < Age::Spent) {
            tracing::warn!(
                kind = ?error.kind(),
                code = error.code(),
                debug_id = error.debug_id(),
                time_left = ?entry.token.remaining_at(now),
                next_try = ?pause,
                "renewal failed, the token is still good"
            );
        }
    }

    /// A flight that did not end in time is nobody's any more. What it brings is still taken.
    fn abandon(&self, number: u64) {
        let mut state = self.state();
        if let Some(flight) = state.flight.take_if(|flight| flight.number == number) {
            state.abandoned.retain(|task| !task.is_finished());
            state.abandoned.push(flight.task);
        }
    }

    /// How long until there may be something to renew, but never so long that a clock set anew is missed.
    fn until_due(&self) -> Duration {
        let now = Moment::now(&self.clock);
        let pause = match self.slot.load().as_ref() {
            Some(entry) if entry.age(now) == Age::Fresh => now.until(entry.ageing),
            _ => {
                let state = self.state();
                let until = state.failed.as_ref().map(|failed| now.until(failed.until));
                until.unwrap_or_default()
            }
        };
        pause.clamp(SHORTEST_LOOK, LONGEST_LOOK)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can be left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Regime {
    /// A token that is too short-lived for one caller is good for the others.
    fn at(age: Age) -> Self {
        if age < Age::Spent { Self::Ageing } else { Self::Spent }
    }
}

impl Flight {
    /// Its runtime has not ended, or it has landed.
    fn is_alive(&self) -> bool {
        self.outcome.has_changed().is_ok()
    }
}

impl<L: Load> fmt::Debug for Cache<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { loader: _, clock: _, settings, slot: _, state: _, closed: _ } = &*self.0;
        f.debug_struct("Cache").field("settings", settings).finish_non_exhaustive()
    }
}

/// Of those that end with their runtime, for one call.
const MOST_FLIGHTS: u32 = 3;
/// How often `keep_fresh` looks, at most and at least.
const SHORTEST_LOOK: Duration = Duration::from_millis(250);
const LONGEST_LOOK: Duration = Duration::from_secs(60);

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
