//! Ten thousand seeded schedules on one thread and paused time. Every caller is polled by hand, so that each poll, drop
//! and move of a clock is a step of the schedule; the flights run while the schedule yields.
#![allow(clippy::arithmetic_side_effects, reason = "a test may stop at the first surprise")]

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use http::StatusCode;
use tokio::task::yield_now;

use super::{LIMIT, Model, Now, REFRESH_BEFORE, Seen};
use crate::cache::{Cache, CacheConfig, Load, Refresh, Wanted};
use crate::clock::{Clock, SharedClock};
use crate::error::{ConnectionError, Error, ErrorKind, ErrorResponse, ResponseError};
use crate::telemetry::Identity;
use crate::testing::ManualClock;
use crate::token::Token;

/// What the loader, the callers and the schedule share.
struct World {
    rng: Rng,
    clock: ManualClock,
    model: Model,
    tokens: Vec<Token>,
    /// When the flight under way is done, on the monotonic clock.
    done: Option<i64>,
    /// Good days and bad ones: of ten flights so many fail.
    failing: u8,
}

#[derive(Clone)]
struct Ims(Arc<Mutex<World>>);

/// Tells when a flight was cancelled.
struct Flying(Ims, usize);

impl Ims {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Load for Ims {
    async fn load(&self, wanted: Wanted) -> Result<Token, Error> {
        let beside = wanted.refresh == Refresh::Background;
        let (flying, answer, yields, done, late) = {
            let mut world = self.world();
            let flying = Flying(self.clone(), world.model.begins(beside));
            let answer = world.answer(flying.1);
            let hangs = matches!(&answer, Err(error) if error.kind() == ErrorKind::Timeout);
            let takes = match world.rng.u8(..4) {
                // A call ends before those who wait for it give up.
                _ if hangs => LIMIT - 1,
                0 => 0,
                1 => world.rng.i64(1..100),
                _ => world.rng.i64(1..LIMIT),
            };
            let done = world.model.now.monotonic + takes;
            world.done = None;
            let late = if hangs { 0 } else { world.rng.u8(..4) };
            (flying, answer, world.rng.u8(..3), done, late)
        };
        for _ in 0..yields {
            yield_now().await;
        }
        let takes = {
            let mut world = self.world();
            world.done = Some(done);
            done - world.model.now.monotonic
        };
        tokio::time::sleep(millis(takes)).await;
        // Counted from the arrival, which may be a while before the cache hears of it.
        let answer = answer.and_then(|life| self.world().grants(life));
        for _ in 0..late {
            yield_now().await;
        }
        let mut world = self.world();
        let end = match &answer {
            Ok((_, end)) => Ok(*end),
            Err(error) => Err(told(error)),
        };
        world.model.lands(flying.1, end);
        answer.map(|(token, _)| {
            world.tokens.push(token.clone());
            token
        })
    }

    fn identity(&self) -> Identity<'_> {
        Identity::new("ims", "client")
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        let mut world = self.0.world();
        if world.model.flight.as_ref().is_some_and(|flight| flight.number == self.1) {
            world.model.flight = None;
        }
    }
}

impl World {
    /// The life of a token, or a failure that tells the number of its flight.
    fn answer(&mut self, number: usize) -> Result<i64, Error> {
        let first = self.model.grants.is_empty() && self.rng.bool();
        if first || self.rng.u8(..10) >= self.failing {
            // As many seconds as hours, and now and then a token that has ended on arrival.
            let longest = *self.rng.choice(&[2_000, 60_000, 900_000, 86_400_000]).unwrap_or(&1);
            let life = self.rng.i64(1_000..longest);
            return Ok(if self.rng.u8(..16) == 0 { 0 } else { life });
        }
        let number = number.to_string();
        let (failure, status, retry_after) = match self.rng.u8(..5) {
            0 => (ResponseError::Refused, StatusCode::BAD_REQUEST, None),
            1 => return Err(ConnectionError::CallTimeout { host: number, limit: millis(LIMIT) }.into()),
            2 => {
                let most = *self.rng.choice(&[5, 90, 3600]).unwrap_or(&1);
                let retry_after = Some(Duration::from_secs(self.rng.u64(1..=most)));
                (ResponseError::Throttled, StatusCode::TOO_MANY_REQUESTS, retry_after)
            }
            _ => (ResponseError::Server, StatusCode::SERVICE_UNAVAILABLE, None),
        };
        let (code, description) = (Some(number), None);
        let response = ErrorResponse { status, code, description, debug_id: None, retry_after, skew: None };
        Err(Error::from_response(failure, response, None))
    }

    /// All tokens have the same text: they are told apart by identity alone.
    fn grants(&self, life: i64) -> Result<(Token, Now), Error> {
        let token = Token::for_tests_with_clock("t", millis(life), self.clock.clone())?;
        let Now { wall, monotonic, truly } = self.model.now;
        Ok((token, Now { wall: wall + life, monotonic: monotonic + life, truly }))
    }

    fn seen(&self, poll: &Poll<Result<Token, Error>>) -> Seen {
        match poll {
            Poll::Pending => Seen::Pending,
            Poll::Ready(Ok(token)) => {
                Seen::Token(self.tokens.iter().position(|granted| granted.is(token)).unwrap_or_default())
            }
            Poll::Ready(Err(error)) => {
                let text = error.code().map_or_else(|| error.to_string(), str::to_owned);
                let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
                match error.kind() {
                    ErrorKind::Timeout if text.contains(" ims ") => Seen::Timeout,
                    // The cache's own: the flight is known by its token alone.
                    ErrorKind::Expired => Seen::Failure(self.model.flights, None),
                    _ => Seen::Failure(numbers.next().unwrap_or_default(), told(error)),
                }
            }
        }
    }
}

fn told(error: &Error) -> Option<i64> {
    error.retry_after().and_then(|wait| wait.as_millis().try_into().ok())
}

fn millis(count: i64) -> Duration {
    Duration::from_millis(count.try_into().unwrap_or_default())
}

type Caller = Pin<Box<dyn Future<Output = Result<Token, Error>>>>;

struct Schedule {
    ims: Ims,
    rng: Rng,
    start: SystemTime,
    cache: Arc<Cache<Ims>>,
    /// Their names, how long their token must live, and whether they have been polled.
    callers: Vec<(usize, i64, bool, Caller)>,
    keeper: Option<Pin<Box<dyn Future<Output = ()>>>>,
    named: usize,
    /// How often somebody could have asked.
    chances: usize,
    held: Vec<Token>,
}

impl Schedule {
    fn new(seed: u64) -> Self {
        fastrand::seed(seed); // the cache's own draws
        let mut rng = Rng::with_seed(seed);
        let clock = ManualClock::new();
        let config = CacheConfig { refresh_before: millis(REFRESH_BEFORE), wait: millis(LIMIT), jitter: rng.f64() };
        let world = World {
            rng: rng.fork(),
            clock: clock.clone(),
            model: Model::default(),
            tokens: Vec::new(),
            done: None,
            failing: *rng.choice(&[0, 3, 5, 9]).unwrap_or(&0),
        };
        let ims = Ims(Arc::new(Mutex::new(world)));
        let cache = Arc::new(Cache::new(ims.clone(), SharedClock::new(clock.clone()), config));
        let keeper: Option<Pin<Box<dyn Future<Output = ()>>>> = match rng.u8(..8) {
            0 => Some(Box::pin(cache.keep_fresh())),
            _ => None,
        };
        Self {
            ims,
            rng,
            start: clock.now(),
            cache,
            callers: Vec::new(),
            keeper,
            named: 0,
            chances: 0,
            held: Vec::new(),
        }
    }

    async fn run(mut self) -> Result<(), String> {
        for _ in 0..self.rng.u8(10..40) {
            self.step().await;
            if let Some(broken) = self.ims.world().model.broken.take() {
                return Err(broken);
            }
        }
        self.end().await;
        self.ims.world().model.broken.take().map_or(Ok(()), Err)
    }

    async fn step(&mut self) {
        match self.rng.u8(..16) {
            0..=3 => self.call(),
            4..=6 => self.poll_some(),
            7 => drop(self.drop_one()),
            8 => self.forget().await,
            9..=10 => self.settle().await,
            11..=13 => self.advance().await,
            14 => self.suspend().await,
            _ => self.set_wall_clock().await,
        }
    }

    /// A call, polled for the first time now or later.
    fn call(&mut self) {
        let cache = Arc::clone(&self.cache);
        let left = self.ims.world().model.good(0).map_or(1, |(.., left)| left.min(86_000_000));
        let least = match self.rng.u8(..4) {
            0 => self.rng.i64(1..60_000),
            // More than is left, less than the whole life.
            1 => left + self.rng.i64(0..86_400_000 - left),
            _ => 0,
        };
        let caller: Caller = match least {
            0 => Box::pin(async move { cache.token(Duration::ZERO).await }),
            _ => Box::pin(async move { cache.token(millis(least)).await }),
        };
        self.named += 1;
        self.callers.push((self.named, least, false, caller));
        if self.rng.u8(..4) > 0 {
            self.poll(self.callers.len() - 1);
        }
    }

    fn poll_some(&mut self) {
        for at in (0..self.callers.len()).rev() {
            if self.rng.bool() {
                self.poll(at);
            }
        }
        self.keep();
    }

    fn poll(&mut self, at: usize) {
        self.chances += 1;
        let (name, least, polled, caller) = &mut self.callers[at];
        let poll = caller.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let mut world = self.ims.world();
        let seen = world.seen(&poll);
        match std::mem::replace(polled, true) {
            false => world.model.calls(*name, *least, &seen),
            true => world.model.goes_on(*name, &seen),
        }
        drop(world);
        if let Poll::Ready(result) = poll {
            self.held.extend(result);
            drop(self.callers.swap_remove(at));
        }
    }

    fn keep(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            self.chances += 1;
            let ended = keeper.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            let mut world = self.ims.world();
            world.model.perhaps = true;
            world.model.gives_up();
            world.model.rule(!ended, "a keeper goes on while there is a client");
        }
    }

    fn drop_one(&mut self) -> Option<Caller> {
        if self.callers.is_empty() {
            return None;
        }
        let (name, _, _, caller) = self.callers.swap_remove(self.rng.usize(..self.callers.len()));
        Some(caller).inspect(|_| self.ims.world().model.drops(name))
    }

    async fn forget(&mut self) {
        self.settle().await;
        if let Some(token) = self.rng.choice(&self.held) {
            self.cache.forget(token);
            let mut world = self.ims.world();
            let id = world.tokens.iter().position(|granted| granted.is(token)).unwrap_or(usize::MAX);
            world.model.forgets(id);
        }
    }

    async fn settle(&mut self) {
        for _ in 0..self.rng.u8(1..4) {
            yield_now().await;
        }
        self.ims.world().model.settles();
    }

    async fn advance(&mut self) {
        let by = self.moment();
        self.pass(by).await;
        if self.rng.bool() {
            self.settle().await;
        }
    }

    /// Whether no rule has been broken: after that the model knows no more what flies.
    fn keeps(&self) -> bool {
        self.ims.world().model.broken.is_none()
    }

    /// Time goes by, on both clocks and the runtime's, and no flight lands later than it should.
    async fn pass(&mut self, mut by: i64) {
        while by > 0 && self.keeps() {
            self.settle().await;
            let step = {
                let mut world = self.ims.world();
                let now = world.model.now.monotonic;
                let step = match world.model.flight {
                    Some(_) => by.min(world.done.map_or(0, |done| done - now)),
                    None => by,
                };
                world.clock.advance(millis(step));
                let Now { wall, monotonic, truly } = &mut world.model.now;
                (*wall, *monotonic, *truly) = (*wall + step, *monotonic + step, *truly + step);
                world.model.look();
                step
            };
            if step > 0 {
                tokio::time::advance(millis(step)).await;
            }
            by -= step;
        }
    }

    /// What has arrived lands, so that both clocks tell the same life.
    async fn land(&mut self) {
        self.settle().await;
        loop {
            let arrived = {
                let world = self.ims.world();
                world.model.flight.is_some() && world.done.is_some_and(|done| done <= world.model.now.monotonic)
            };
            if !arrived || !self.keeps() {
                return;
            }
            self.settle().await;
        }
    }

    async fn suspend(&mut self) {
        self.land().await;
        let by = self.moment();
        let mut world = self.ims.world();
        world.clock.suspend(millis(by));
        world.model.now.wall += by;
        world.model.now.truly += by;
        world.model.look();
    }

    async fn set_wall_clock(&mut self) {
        self.land().await;
        let by = self.moment();
        let forward = self.rng.bool();
        let mut world = self.ims.world();
        let now = &mut world.model.now;
        now.wall += if forward { by } else { -by };
        // Only relative to the start: nobody's wall clock is a matter of the model.
        let wall = match u64::try_from(now.wall) {
            Ok(after) => self.start + Duration::from_millis(after),
            Err(_) => self.start - millis(-now.wall),
        };
        world.clock.set(wall);
        world.model.look();
    }

    /// How far a clock moves: anywhere, or close to where something changes.
    fn moment(&mut self) -> i64 {
        let world = self.ims.world();
        let token = world.model.good(0).map(|(_, grant, left)| (left, grant.ageing(), grant.last_seconds()));
        drop(world);
        let to = match (self.rng.u8(..16), token) {
            (0, Some((left, ..))) => left - self.rng.i64(0..3),
            (1, Some((left, _, last))) => left - last + self.rng.i64(-2..3),
            (2..=5, Some((left, ageing, _))) => left - ageing * self.rng.i64(0..10) / 10,
            (6, _) => self.rng.i64(1..86_400_000 * 2),
            (7, _) => self.rng.i64(1..400_000),
            (8, _) => LIMIT + self.rng.i64(-1..2),
            (9, _) => self.rng.i64(1..40_000),
            (10..=13, _) => self.rng.i64(1..200),
            _ => self.rng.i64(1..2_000),
        };
        to.max(1)
    }

    /// All calls end, and with the last client its flight and its keeper.
    async fn end(&mut self) {
        self.pass(LIMIT + 2).await;
        self.settle().await;
        self.callers.retain(|(_, _, polled, _)| *polled);
        while let Some(at) = self.callers.len().checked_sub(1) {
            self.poll(at);
            if self.callers.len() > at {
                return self.ims.world().model.rule(false, "every call ends");
            }
        }
        self.cache = Arc::new(Cache::new(
            self.ims.clone(),
            SharedClock::default(),
            CacheConfig { refresh_before: Duration::ZERO, wait: Duration::ZERO, jitter: 0.0 },
        ));
        for _ in 0..3 {
            yield_now().await;
        }
        let keeper = self.keeper.take();
        let mut world = self.ims.world();
        let flights = world.model.flights;
        world.model.rule(flights <= self.chances, "no flight but from a call");
        let quiet = world.model.flight.is_none();
        world.model.rule(quiet, "the last client takes its flight along");
        drop(world);
        if let Some(mut keeper) = keeper {
            let ended = keeper.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            self.ims.world().model.rule(ended, "the last client takes its keeper along");
        }
    }
}

fn schedule(seed: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.map_err(|error| error.to_string())?.block_on(Schedule::new(seed).run())
}

#[test]
fn ten_thousand_schedules_break_no_rule() {
    let mut broken = (0..10_000).filter_map(|seed| Some((seed, schedule(seed).err()?)));
    if let Some((seed, rule)) = broken.next() {
        let more = broken.count() + 1;
        panic!("{more} of 10000 schedules break a rule; the first is that of seed {seed}: {rule}");
    }
}
