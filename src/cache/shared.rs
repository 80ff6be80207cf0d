//! What callers and the exchange in progress share: each decides here, under one lock, what to do
//! next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::cooldown::{Cooldown, Phase};
use super::entry::{Age, Entry};
use super::flight::{Flight, Landing, Outcome};
use super::{CacheConfig, Load, Refresh, Wanted};
use crate::clock::{Deadline, Moment, SharedClock, Stopwatch};
use crate::error::{ConnectionError, Error, ResponseError, UsageError};
use crate::retry::MAX_LATENESS;
use crate::telemetry;
use crate::token::Token;

/// What an exchange in progress and its waiters share: outlives the cache by no more than an
/// exchange.
pub(super) struct Shared<L> {
    pub(super) loader: L,
    pub(super) clock: SharedClock,
    pub(super) config: CacheConfig,
    /// Read without a lock by every hit.
    pub(super) slot: ArcSwapOption<Entry>,
    pub(super) state: Mutex<State>,
    /// Wakes `keep_fresh` when the cache is dropped; from then on nothing is started.
    pub(super) closed: watch::Sender<bool>,
}

#[derive(Default)]
pub(super) struct State {
    /// The number of the exchange started last.
    pub(super) started: u64,
    pub(super) flight: Option<Flight>,
    /// Exchanges past their limit, which may still bring a token.
    pub(super) abandoned: Vec<AbortHandle>,
    /// The exchange that the token in the slot came from.
    pub(super) stored: u64,
    pub(super) cooldown: Option<Cooldown>,
    /// No token is forgotten before: the last one that was has just been replaced.
    pub(super) forget_again: Option<Moment>,
}

/// What to do for one caller.
enum Step {
    Serve(Token),
    Fail(Error),
    Join(Joined),
}

/// What became of the outcome of an exchange.
pub(super) enum Landed {
    Stored,
    Failed(Failed),
    Late,
}

/// What is known after a failure.
pub(super) struct Failed {
    time_left: Option<Duration>,
    next_try: Duration,
}

/// An exchange that a caller waits for.
struct Joined {
    wanted: Wanted,
    left: Duration,
    outcome: Outcome,
}

impl<L: Load> Shared<L> {
    pub(super) fn new(loader: L, clock: SharedClock, config: CacheConfig) -> Self {
        Self {
            loader,
            clock,
            config,
            slot: ArcSwapOption::empty(),
            state: Mutex::default(),
            closed: watch::Sender::new(false),
        }
    }

    /// The token while it is fresh or in its refresh window. No lock and no allocation, except for
    /// the caller who starts a refresh.
    #[inline]
    pub(super) fn serve(self: &Arc<Self>, least: Duration) -> Option<Token> {
        let entry = self.slot.load();
        let entry = entry.as_ref()?;
        let now = self.now();
        let age = entry.age(now);
        if age >= Age::NearlyExpired || !entry.token.serves(least, now) {
            return None;
        }
        if age == Age::RefreshWindow {
            self.refresh_in_background(entry, now);
        }
        Some(entry.token.clone())
    }

    /// Starts an exchange, unless there is one, one has just landed, or the cooldown holds it back.
    /// If the lock is taken, its holder is already deciding.
    fn refresh_in_background(self: &Arc<Self>, entry: &Arc<Entry>, now: Moment) {
        let state = match self.state.try_lock() {
            Err(TryLockError::Poisoned(state)) => Ok(state.into_inner()),
            state => state,
        };
        if let Ok(mut state) = state
            && self.slot.load().as_ref().is_some_and(|current| Arc::ptr_eq(current, entry))
            && !state.flight.as_ref().is_some_and(|flight| flight.is_alive())
            && !state.holds_back(Phase::Cached, Refresh::Background, now)
            && let Ok(runtime) = Handle::try_current()
        {
            self.start(&mut state, self.wanted(Refresh::Background, Duration::ZERO), now, &runtime);
        }
    }

    /// For a caller who was not served: the outcome of the one exchange.
    pub(super) async fn wait(self: &Arc<Self>, least: Duration) -> Result<Token, Error> {
        let now = self.now();
        let Ok(runtime) = Handle::try_current() else {
            return self.valid(least, now).map(|(token, _)| token).ok_or_else(|| UsageError::NoRuntime.into());
        };
        let mut deadline = Deadline::after(self.config.wait);
        let mut failure = Error::from(UsageError::RuntimeGone);
        let mut forgiven = false;
        for round in 0..MAX_ROUNDS {
            let mut joined = match self.step(least, &runtime) {
                Step::Serve(token) => return Ok(token),
                Step::Fail(error) => return Err(error),
                Step::Join(joined) => joined,
            };
            let mut limit = deadline.remaining().min(joined.left);
            if let Some((_, left)) = self.valid(least, self.now()) {
                limit = limit.min(left.mul_f64(0.5));
            }
            let watch = Stopwatch::start();
            let outcome = tokio::time::timeout(limit, joined.outcome.wait_for(Option::is_some)).await;
            let outcome = outcome.map(|outcome| outcome.ok().and_then(|outcome| (*outcome).clone()));
            failure = match outcome {
                Ok(Some(Ok(token))) if !token.is_expired() => {
                    // Another caller's exchange may have found a token in a store that is too short-lived for
                    // this one.
                    let is_own = joined.wanted.least >= least;
                    if is_own || round >= LAST_ROUND || token.serves(least, self.now()) {
                        return Ok(token);
                    }
                    continue;
                }
                // The caller comes late, from a suspended machine for one: the token has expired meanwhile.
                Ok(Some(Ok(_))) => ResponseError::ExpiredOnArrival.into(),
                // One attempt was enough for those who had a token. This caller is owed all of them.
                Ok(Some(Err(error)))
                    if joined.wanted.refresh == Refresh::Background
                        && error.is_transient()
                        && error.retry_after_of_ims().is_none()
                        && self.valid(least, self.now()).is_none() =>
                {
                    error
                }
                Ok(Some(Err(error))) => return self.valid_or(least, error),
                // The runtime that ran it has shut down: this one starts another.
                Ok(None) => UsageError::RuntimeGone.into(),
                Err(_) => {
                    if let Some((token, _)) = self.valid(least, self.now()) {
                        return Ok(token);
                    }
                    let host = self.loader.identity().host.to_owned();
                    let error = Error::from(ConnectionError::CallTimeout { host, limit: self.config.wait });
                    if !forgiven && watch.elapsed() > limit.saturating_add(MAX_LATENESS) {
                        // The process was frozen: that time does not count.
                        forgiven = true;
                        deadline = Deadline::after(self.config.wait);
                    } else if deadline.remaining().is_zero() {
                        return Err(error);
                    }
                    error
                }
            };
        }
        self.valid_or(least, failure)
    }

    /// For a caller who was not served: under the lock, so that one exchange is enough for all. The
    /// clock, which may be foreign code, is read outside of it.
    fn step(self: &Arc<Self>, least: Duration, runtime: &Handle) -> Step {
        let now = self.now();
        let mut state = self.state();
        let entry = self.slot.load();
        let age = entry.as_ref().map_or(Age::Expired, |entry| entry.age(now));
        // Another caller's exchange may have landed since the slot was read.
        if let Some(entry) = entry.as_ref()
            && age < Age::NearlyExpired
            && entry.token.serves(least, now)
        {
            return Step::Serve(entry.token.clone());
        }
        if let Some(flight) = state.flight.as_ref().filter(|flight| flight.is_alive()) {
            let (left, outcome) = (flight.left(), flight.outcome.clone());
            return Step::Join(Joined { wanted: flight.wanted, left, outcome });
        }
        if state.holds_back(Phase::of(age), Refresh::Foreground, now)
            && let Some(cooldown) = &state.cooldown
        {
            let error = cooldown.error.clone();
            return self.valid(least, now).map_or(Step::Fail(error), |(token, _)| Step::Serve(token));
        }
        self.start(&mut state, self.wanted(Refresh::Foreground, least), now, runtime)
    }

    /// The token in the slot until it expires, and how long that is: better than an error.
    pub(super) fn valid(&self, least: Duration, now: Moment) -> Option<(Token, Duration)> {
        let entry = self.slot.load();
        let entry = entry.as_ref().filter(|entry| entry.age(now) < Age::Expired && entry.token.serves(least, now))?;
        Some((entry.token.clone(), entry.token.remaining_at(now)))
    }

    fn valid_or(&self, least: Duration, error: Error) -> Result<Token, Error> {
        self.valid(least, self.now()).map(|(token, _)| token).ok_or(error)
    }

    fn wanted(&self, refresh: Refresh, least: Duration) -> Wanted {
        Wanted { refresh, elapsed: Duration::ZERO, least, refresh_before: self.config.refresh_before }
    }

    /// One task on the runtime of the caller that starts it. The loader bounds its time.
    fn start(self: &Arc<Self>, state: &mut State, wanted: Wanted, now: Moment, runtime: &Handle) -> Step {
        if *self.closed.borrow() {
            // `keep_fresh` on its way out: no client is left to ask for.
            return Step::Fail(UsageError::NoRuntime.into());
        }
        state.abandon();
        state.started = state.started.saturating_add(1);
        let number = state.started;
        let (sender, outcome) = watch::channel(None);
        let shared = Arc::clone(self);
        let task = runtime.spawn(async move {
            // Made here, so that a task that never runs ends without taking the lock.
            Landing { shared, number, wanted, started: now, sender, landed: false }.run().await;
        });
        let limit = self.config.wait;
        state.flight = Some(Flight::new(number, wanted, limit, outcome.clone(), task.abort_handle()));
        Step::Join(Joined { wanted, left: limit, outcome })
    }

    /// Stores what an exchange brought: a token in the slot, a failure never in its place.
    pub(super) fn land(
        &self,
        number: u64,
        refresh: Refresh,
        result: Result<Token, Error>,
    ) -> (Result<Token, Error>, Landed) {
        let result = match result {
            Ok(token) if token.is_expired() => Err(ResponseError::ExpiredOnArrival.into()),
            result => result,
        };
        let now = self.now();
        let mut state = self.state();
        state.flight.take_if(|flight| flight.number == number);
        let landed = match &result {
            Ok(token) if number > state.stored => {
                state.stored = number;
                state.cooldown = None;
                self.slot.store(Some(Arc::new(Entry::new(token.clone(), now, &self.config))));
                Landed::Stored
            }
            Err(error) if number == state.started => Landed::Failed(self.cool_down(&mut state, error, refresh, now)),
            // A later exchange may have brought something newer.
            _ => Landed::Late,
        };
        (result, landed)
    }

    /// Not under the lock: subscribers may do anything.
    pub(super) fn report(&self, result: &Result<Token, Error>, landed: Landed) {
        let identity = self.loader.identity();
        match (result, landed) {
            (Ok(token), Landed::Stored) => telemetry::token_cached(identity, token),
            (Err(error), Landed::Failed(failed)) => {
                telemetry::exchange_failed(identity, error, failed.time_left, failed.next_try);
            }
            _ => {}
        }
    }

    /// An exchange whose runtime has shut down. Callers who wait for it start another; while there
    /// is a token, the next refresh waits as after any failure. Without `now`, nothing but memory
    /// is touched.
    pub(super) fn interrupted(&self, number: u64, now: Option<Moment>, started: Moment) {
        let mut state = self.state();
        state.flight.take_if(|flight| flight.number == number);
        let at = now.unwrap_or(started);
        let age = self.slot.load().as_ref().map_or(Age::Expired, |entry| entry.age(at));
        if number != state.started || Phase::of(age) == Phase::Empty || *self.closed.borrow() {
            return;
        }
        let error = Error::from(UsageError::RuntimeGone);
        let failed = self.cool_down(&mut state, &error, Refresh::Background, at);
        drop(state);
        if now.is_some() {
            self.report(&Err(error), Landed::Failed(failed));
        }
    }

    /// Remembers a failure. How long callers still have a token, and when the next exchange is due.
    fn cool_down(&self, state: &mut State, error: &Error, refresh: Refresh, now: Moment) -> Failed {
        let entry = self.slot.load();
        let entry = entry.as_ref();
        let phase = Phase::of(entry.map_or(Age::Expired, |entry| entry.age(now)));
        let left = entry.map_or(Duration::ZERO, |entry| now.until(entry.nearly_expired));
        let previous = state.cooldown.take();
        let cooldown = Cooldown::start(previous, (error.clone(), refresh), (phase, left), now, fastrand::f64());
        let next_try = now.until(cooldown.until);
        state.cooldown = Some(cooldown);
        let cached = entry.filter(|_| phase == Phase::Cached);
        Failed { time_left: cached.map(|entry| entry.token.remaining_at(now)), next_try }
    }

    /// How long until there may be something to refresh, but never so long that a clock that was
    /// set is missed.
    pub(super) fn until_due(&self) -> Duration {
        let now = self.now();
        let pause = match self.slot.load().as_ref() {
            Some(entry) if entry.age(now) == Age::Fresh => now.until(entry.refresh_due),
            _ => {
                let state = self.state();
                let until = state.cooldown.as_ref().map(|cooldown| now.until(cooldown.until));
                until.unwrap_or_default()
            }
        };
        pause.clamp(MIN_LOOK, MAX_LOOK)
    }

    pub(super) fn now(&self) -> Moment {
        Moment::now(&self.clock)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can be left half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn holds_back(&self, phase: Phase, refresh: Refresh, now: Moment) -> bool {
        self.cooldown.as_ref().is_some_and(|cooldown| cooldown.holds(phase, refresh, now))
    }

    /// Gives up an exchange that is past its limit. If it still brings a token, that is used.
    fn abandon(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.abandoned.retain(|task| !task.is_finished());
            self.abandoned.push(flight.task);
        }
    }
}

/// How many exchanges one call waits for: those whose runtime shuts down, those past their limit,
/// and the one that follows a background refresh.
const MAX_ROUNDS: u32 = 4;
const LAST_ROUND: u32 = MAX_ROUNDS - 1;
/// How often `keep_fresh` looks.
const MIN_LOOK: Duration = Duration::from_millis(250);
const MAX_LOOK: Duration = Duration::from_secs(60);
