//! A cache in front of a scripted IMS, on paused time and without sockets.

use std::collections::VecDeque;
use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;

use crate::cache::{Cache, CacheConfig, Load, Refresh, Wanted};
use crate::clock::{Clock, SharedClock, Stopwatch};
use crate::error::{Error, ErrorKind, ErrorResponse, ResponseError};
use crate::retry::{Limits, Retry};
use crate::telemetry::Identity;
use crate::testing::ManualClock;
use crate::token::Token;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// One time for all: the cache's clock goes with the runtime's, and a test can make it jump.
#[derive(Clone)]
pub(crate) struct Time {
    /// Moves the cache's clock alone: suspend, a clock set anew, time that passes without a runtime.
    pub(super) jumps: ManualClock,
    runtime: Stopwatch,
    /// Each token has a clone of its time.
    held: Arc<()>,
    on_next_read: Arc<Mutex<Option<Action>>>,
}

type Action = Box<dyn FnOnce() + Send>;

impl Time {
    pub(crate) fn start() -> Self {
        Self {
            jumps: ManualClock::new(),
            runtime: Stopwatch::start(),
            held: Arc::default(),
            on_next_read: Arc::default(),
        }
    }

    /// Moves both clocks together, through every timer on the way.
    pub(crate) async fn pass(&self, by: Duration) {
        tokio::time::sleep(by).await;
    }

    /// Lets the tasks run that are due.
    pub(crate) async fn settle(&self) {
        self.pass(Duration::from_millis(1)).await;
    }

    /// How many hold it: grows and shrinks with the number of tokens that are kept anywhere.
    pub(super) fn holders(&self) -> usize {
        Arc::strong_count(&self.held)
    }

    /// Does this when the cache looks at the clock the next time: as another thread might at that moment.
    pub(super) fn on_next_clock_read(&self, act: impl FnOnce() + Send + 'static) {
        *self.on_next_read.lock().unwrap() = Some(Box::new(act));
    }

    pub(crate) fn passed(&self) -> Duration {
        self.runtime.elapsed()
    }
}

impl Clock for Time {
    fn now(&self) -> SystemTime {
        let action = self.on_next_read.lock().unwrap().take();
        action.into_iter().for_each(|act| act());
        self.jumps.now() + self.passed()
    }

    fn monotonic(&self) -> Instant {
        self.jumps.monotonic() + self.passed()
    }
}

/// What IMS does with one request.
#[derive(Clone)]
pub(super) struct Reply {
    after: Duration,
    outcome: Outcome,
}

#[derive(Clone)]
enum Outcome {
    Token(Duration),
    Failure(Error),
    Nothing,
    Panic,
}

/// A token of this life, at once. They are called t1, t2 … after the number of the request.
pub(super) fn grant(life: Duration) -> Reply {
    Reply { after: Duration::ZERO, outcome: Outcome::Token(life) }
}

pub(super) fn fail(error: impl Into<Error>) -> Reply {
    Reply { after: Duration::ZERO, outcome: Outcome::Failure(error.into()) }
}

/// Never answers: the attempt ends at its limit of 10 s, a call with all its attempts at 30 s.
pub(super) fn hang() -> Reply {
    Reply { after: Duration::ZERO, outcome: Outcome::Nothing }
}

pub(super) fn panicking() -> Reply {
    Reply { after: Duration::ZERO, outcome: Outcome::Panic }
}

impl Reply {
    pub(super) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

/// A failure that is worth another attempt.
pub(super) fn unavailable() -> Error {
    failed(ResponseError::Server, 503, None)
}

pub(super) fn refused() -> Error {
    failed(ResponseError::Refused, 400, None)
}

/// "Slow down", for as long as IMS asks.
pub(super) fn throttled(wait: Duration) -> Error {
    failed(ResponseError::Throttled, 429, Some(wait))
}

/// A page of something that is not IMS, which asks to wait.
pub(super) fn sign_in_page(wait: Duration) -> Error {
    failed(ResponseError::Unusable { problem: "it is HTML" }, 200, Some(wait))
}

fn failed(failure: ResponseError, status: u16, retry_after: Option<Duration>) -> Error {
    let status = StatusCode::from_u16(status).unwrap();
    let (code, debug_id) = (Some("a_code".to_owned()), Some("a-debug-id".to_owned()));
    let description = Some("a description".to_owned());
    let response = ErrorResponse { status, code, description, debug_id, retry_after, skew: None };
    Error::from_response(failure, response, None)
}

/// A fetch as the loader saw it begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StartedFetch {
    pub(super) at: Duration,
    pub(super) refresh: Refresh,
}

/// The scripted IMS, behind the same limits and retries as the real one. Clones are the same.
#[derive(Clone)]
pub(super) struct Ims(Arc<State>);

struct State {
    time: Time,
    script: Mutex<Script>,
}

struct Script {
    next: VecDeque<Reply>,
    always: Reply,
    fetches: Vec<StartedFetch>,
    requests: u32,
    in_flight: u32,
    cut: u32,
}

impl Ims {
    fn new(time: Time) -> Self {
        let always = grant(DAY);
        let script = Script { next: VecDeque::new(), always, fetches: Vec::new(), requests: 0, in_flight: 0, cut: 0 };
        Self(Arc::new(State { time, script: Mutex::new(script) }))
    }

    /// For one request, before what it says always.
    pub(super) fn next(&self, reply: Reply) {
        self.script().next.push_back(reply);
    }

    /// Ends what was said for single requests.
    pub(super) fn always(&self, reply: Reply) {
        let mut script = self.script();
        script.next.clear();
        script.always = reply;
    }

    pub(super) fn fetches(&self) -> Vec<StartedFetch> {
        self.script().fetches.clone()
    }

    pub(super) fn refreshes(&self) -> Vec<Refresh> {
        self.fetches().into_iter().map(|fetch| fetch.refresh).collect()
    }

    /// The time between each flight's start and the next one's.
    pub(super) fn gaps(&self) -> Vec<Duration> {
        self.fetches().windows(2).map(|pair| pair[1].at - pair[0].at).collect()
    }

    pub(super) fn requests(&self) -> u32 {
        self.script().requests
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.script().in_flight
    }

    /// How many requests were dropped before their answer.
    pub(super) fn cut(&self) -> u32 {
        self.script().cut
    }

    /// Whether a cache, or a flight of it, still holds the loader.
    pub(super) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    async fn request(&self) -> Result<Token, Error> {
        let (number, reply) = {
            let mut script = self.script();
            script.requests += 1;
            script.in_flight += 1;
            (script.requests, script.next.pop_front().unwrap_or_else(|| script.always.clone()))
        };
        let mut request = Request { state: &self.0, answered: false };
        tokio::time::sleep(reply.after).await;
        let answer = match reply.outcome {
            Outcome::Token(life) => Token::for_tests_with_clock(&format!("t{number}"), life, self.0.time.clone()),
            Outcome::Failure(error) => Err(error),
            Outcome::Nothing => pending().await,
            Outcome::Panic => panic!("a loader that panics"),
        };
        request.answered = true;
        answer
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.script.lock().unwrap()
    }
}

/// Tells when a request's future is dropped.
struct Request<'a> {
    state: &'a State,
    answered: bool,
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        let mut script = self.state.script.lock().unwrap();
        script.in_flight -= 1;
        script.cut += u32::from(!self.answered);
    }
}

impl Load for Ims {
    async fn load(&self, wanted: Wanted) -> Result<Token, Error> {
        let refresh = wanted.refresh;
        let at = self.0.time.passed();
        self.script().fetches.push(StartedFetch { at, refresh });
        let attempts = if refresh == Refresh::Background { 1 } else { LIMITS.attempts };
        let mut retry = Retry::new(Limits { attempts, ..LIMITS }, Duration::ZERO, "ims");
        loop {
            match retry.attempt(self.request()).await {
                Ok(token) => return Ok(token),
                Err(error) => retry.pause(error, fastrand::f64()).await?,
            }
        }
    }

    fn identity(&self) -> Identity<'_> {
        Identity::new("ims", "client")
    }
}

pub(super) const LIMITS: Limits =
    Limits { attempts: 3, attempt: Duration::from_secs(10), call: Duration::from_secs(30) };
pub(super) const CONFIG: CacheConfig =
    CacheConfig { refresh_before: HOUR, wait: LIMITS.call.saturating_add(Duration::from_millis(250)), jitter: 0.0 };

/// What a caller sees, in short.
pub(super) type Seen = Result<String, ErrorKind>;

pub(super) fn ok(text: &str) -> Seen {
    Ok(text.to_owned())
}

pub(super) fn seen(result: Result<Token, Error>) -> Seen {
    result.map(|token| token.expose_secret().to_owned()).map_err(|error| error.kind())
}

/// A cache with its IMS. Clones share both.
#[derive(Clone)]
pub(super) struct Harness {
    pub(super) cache: Arc<Cache<Ims>>,
    pub(super) ims: Ims,
    pub(super) time: Time,
}

impl Harness {
    /// An empty cache; IMS grants a day, at once.
    pub(super) fn cold() -> Self {
        Self::new(Time::start(), CONFIG)
    }

    /// A cache that has just been given "t1" of this life.
    pub(super) async fn holding(life: Duration) -> Self {
        let harness = Self::cold();
        harness.ims.next(grant(life));
        assert_eq!(harness.token().await, ok("t1"));
        harness
    }

    pub(super) fn new(time: Time, config: CacheConfig) -> Self {
        let ims = Ims::new(time.clone());
        Self { cache: Arc::new(Cache::new(ims.clone(), SharedClock::new(time.clone()), config)), ims, time }
    }

    pub(super) async fn token(&self) -> Seen {
        seen(self.cache.token(Duration::ZERO).await)
    }

    pub(super) async fn token_valid_for(&self, least: Duration) -> Seen {
        seen(self.cache.token(least).await)
    }

    /// What a call has to show after one poll; `None` if it waits. Then it is dropped.
    pub(super) fn at_once(&self) -> Option<Seen> {
        at_once(self.token())
    }

    /// A token called "newer" comes from another flight while the next caller looks at the clock.
    pub(super) fn land_during_the_next_look(&self) {
        let harness = self.clone();
        self.time.on_next_clock_read(move || {
            let newer = Token::for_tests_with_clock("newer", DAY, harness.time.clone());
            drop(harness.cache.0.land(u64::MAX, Refresh::Foreground, newer));
        });
    }

    /// What this many callers at the same time see.
    pub(super) async fn concurrently(&self, callers: usize) -> Vec<Seen> {
        let callers: Vec<_> =
            (0..callers).map(|_| self.clone()).map(|harness| async move { harness.token().await }).collect();
        let callers: Vec<_> = callers.into_iter().map(tokio::spawn).collect();
        let mut seen = Vec::new();
        for caller in callers {
            seen.push(caller.await.unwrap());
        }
        seen
    }
}

/// The outcome of a future's first poll.
pub(super) fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}
