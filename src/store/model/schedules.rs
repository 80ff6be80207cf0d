//! Ten thousand seeded schedules of two to four processes on one thread and paused time: their
//! machines' clocks a day apart, a store that fails, hangs, loses, and holds what others put there,
//! and processes that are killed.
#![allow(clippy::arithmetic_side_effects, reason = "a test may stop at the first surprise")]

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use fastrand::Rng;
use http::StatusCode;

use super::{CALL, Model, REFRESH_BEFORE};
use crate::cache::{Cache, CacheConfig, Load, Refresh, Wanted};
use crate::clock::{Clock, Moment, SharedClock, Stopwatch, SystemClock};
use crate::error::{Error, ErrorResponse, ResponseError};
use crate::grant::Owner;
use crate::secret::Secret;
use crate::store::stored::{Shareable, Stored};
use crate::store::{Lease, SealedToken, Store, StoreError, StoreFuture, TokenStore, Vault};
use crate::telemetry::Identity;
use crate::token::Token;

/// What all processes of a schedule share.
struct World {
    runtime: Stopwatch,
    /// True time that went by at once, in milliseconds: machines slept.
    skipped: AtomicI64,
    inside: Mutex<Inside>,
}

struct Inside {
    rng: Rng,
    model: Model,
    value: Option<Value>,
    lease: Option<(u64, i64)>,
    leased: u64,
    health: Health,
    /// Of ten exchanges so many fail.
    failing: u8,
}

/// What is under the one key: when it expires, and which token it is, if it is one.
struct Value {
    bytes: Vec<u8>,
    end: i64,
    grant: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Health {
    Fine,
    Unreachable,
    Hanging,
    Full,
    WithoutLeases,
}

impl World {
    /// True time.
    fn now(&self) -> i64 {
        let passed = i64::try_from(self.runtime.elapsed().as_millis()).unwrap_or(i64::MAX);
        passed + self.skipped.load(Ordering::SeqCst)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clocks of one machine: the wall clock is off, the monotonic one stood still while the
/// machine slept.
#[derive(Clone)]
struct MachineClock {
    world: Arc<World>,
    start: Moment,
    off: i64,
    slept: Arc<AtomicI64>,
}

impl Clock for MachineClock {
    fn now(&self) -> SystemTime {
        match u64::try_from(self.world.now() + self.off) {
            Ok(after) => self.start.wall + Duration::from_millis(after),
            Err(_) => self.start.wall - millis(-(self.world.now() + self.off)),
        }
    }

    fn monotonic(&self) -> Instant {
        self.start.monotonic + millis(self.world.now() - self.slept.load(Ordering::SeqCst))
    }
}

/// The way of one process to IMS.
struct Exchange {
    world: Arc<World>,
    process: usize,
    clock: SharedClock,
}

impl Load for Exchange {
    async fn load(&self, wanted: Wanted) -> Result<Token, Error> {
        let sent = self.world.now();
        let moment = Moment::now(&self.clock);
        let (number, fails, takes, life) = {
            let mut inside = self.world.inside();
            let number = inside.model.begins(self.process, sent);
            let fails = inside.rng.u8(..10) < inside.failing;
            let left = CALL - 2 - i64::try_from(wanted.elapsed.as_millis()).unwrap_or_default();
            let takes = match inside.rng.u8(..8) {
                0 => left.max(1),
                1 => inside.rng.i64(1..left.max(2)),
                _ => inside.rng.i64(1..1_000),
            };
            let longest = *inside.rng.choice(&[5_000, 100_000, 3_600_000, 86_400_000]).unwrap_or(&1);
            (number, fails, takes, inside.rng.i64(2_000..longest))
        };
        tokio::time::sleep(millis(takes)).await;
        let mut inside = self.world.inside();
        if fails {
            inside.model.refuses(self.process, number);
            return Err(failure(number));
        }
        let grant = inside.model.grants(self.process, sent, life);
        let token = Token::new(&format!("t{grant}"), millis(life), moment, self.clock.clone());
        token.ok_or_else(|| failure(number))
    }

    fn identity(&self) -> Identity<'_> {
        Identity::new("ims", "client")
    }
}

impl Shareable for Exchange {
    fn vault(&self) -> Option<Vault> {
        vault()
    }
}

/// All processes have the same credential.
fn vault() -> Option<Vault> {
    Vault::new(Owner {
        kind: "jwt",
        ims_host: "ims",
        endpoint: "https://ims/",
        client_id: "client",
        org_id: "org",
        account: "account",
        scopes: vec!["scope"],
        secret: &Secret::from("secret".to_owned()),
    })
}

fn failure(number: usize) -> Error {
    let (status, code) = (StatusCode::BAD_REQUEST, Some(number.to_string()));
    let response = ErrorResponse { status, code, description: None, debug_id: None, retry_after: None, skew: None };
    Error::from_response(ResponseError::Refused, response, None)
}

/// Tells the model when a load begins and ends.
struct Watched {
    stored: Stored<Exchange>,
    world: Arc<World>,
    process: usize,
}

impl Load for Watched {
    async fn load(&self, wanted: Wanted) -> Result<Token, Error> {
        let least = wanted.least.as_millis().try_into().unwrap_or(i64::MAX);
        let background = wanted.refresh == Refresh::Background;
        self.world.inside().model.loads(self.process, self.world.now(), background, least);
        let result = self.stored.load(wanted).await;
        let grant = result.as_ref().ok().and_then(number);
        self.world.inside().model.loaded(self.process, self.world.now(), grant);
        result
    }

    fn identity(&self) -> Identity<'_> {
        self.stored.identity()
    }

    fn forget(&self, token: &Token) {
        self.stored.forget(token);
        if let Some(grant) = number(token) {
            self.world.inside().model.forgets(self.process, grant);
        }
    }
}

/// The store as one process sees it.
struct Seen {
    world: Arc<World>,
    process: usize,
    /// A killed process gives nothing back.
    alive: Arc<AtomicBool>,
}

impl Seen {
    /// The way to the store: takes a while, and may fail.
    async fn reach(&self, writes: bool) -> Result<(), StoreError> {
        let takes = {
            let mut inside = self.world.inside();
            if inside.rng.bool() { 0 } else { inside.rng.i64(0..40) }
        };
        tokio::time::sleep(millis(takes)).await;
        let now = self.world.now();
        let hangs = {
            let mut inside = self.world.inside();
            match inside.health {
                Health::Fine | Health::WithoutLeases => return Ok(()),
                Health::Full if !writes => return Ok(()),
                _ => inside.model.fails(self.process, now),
            }
            inside.health == Health::Hanging
        };
        // Until whoever asks gives up.
        let _hanging = hangs.then(|| Hanging(self));
        match hangs {
            true => pending().await,
            false => Err(StoreError::unreachable("a schedule says so")),
        }
    }
}

struct Hanging<'a>(&'a Seen);

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        let now = self.0.world.now();
        self.0.world.inside().model.fails(self.0.process, now);
    }
}

impl TokenStore for Seen {
    fn load<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Option<SealedToken>> {
        Box::pin(async move {
            self.reach(false).await?;
            let now = self.world.now();
            let mut inside = self.world.inside();
            let value = inside.value.as_ref().filter(|value| value.end > now);
            let read = value.map(|value| SealedToken::new(value.bytes.as_slice(), millis(value.end - now)));
            let grant = value.and_then(|value| value.grant);
            inside.model.reads(self.process, grant);
            Ok(read)
        })
    }

    fn save<'a>(&'a self, _: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let skipped = self.world.skipped.load(Ordering::SeqCst);
            self.reach(true).await?;
            let slept = skipped != self.world.skipped.load(Ordering::SeqCst);
            let end = self.world.now() + i64::try_from(token.remaining().as_millis()).unwrap_or(i64::MAX);
            let mut inside = self.world.inside();
            let grant = opened(token);
            inside.model.saves(self.process, grant, end, slept);
            inside.value = Some(Value { bytes: token.bytes().to_vec(), end, grant });
            Ok(())
        })
    }

    fn remove<'a>(&'a self, _: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            self.reach(true).await?;
            let mut inside = self.world.inside();
            inside.model.removes(self.process, opened(token));
            inside.value.take_if(|value| value.bytes == token.bytes());
            Ok(())
        })
    }

    fn lease<'a>(&'a self, _: &'a str, lifetime: Duration) -> StoreFuture<'a, Lease> {
        Box::pin(async move {
            self.reach(true).await?;
            let now = self.world.now();
            let mut inside = self.world.inside();
            if inside.health == Health::WithoutLeases {
                inside.model.has_no_leases(self.process);
                return Ok(Lease::Unsupported);
            }
            if inside.lease.is_some_and(|(_, until)| until > now) {
                return Ok(Lease::Busy);
            }
            inside.model.leases(self.process);
            inside.leased += 1;
            let number = inside.leased;
            inside.lease = Some((number, now + i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX)));
            let (world, alive) = (Arc::clone(&self.world), Arc::clone(&self.alive));
            Ok(Lease::Held(Box::pin(async move {
                if alive.load(Ordering::SeqCst) {
                    world.inside().lease.take_if(|(held, _)| *held == number);
                }
            })))
        })
    }
}

/// Which token of IMS it is, if it is one that its credential opens.
fn opened(sealed: &SealedToken) -> Option<usize> {
    static VAULT: LazyLock<Option<Vault>> = LazyLock::new(vault);
    let clock = SharedClock::default();
    number(&VAULT.as_ref()?.open(sealed, Moment::now(&clock), &clock).ok()??)
}

/// Their texts are numbered.
fn number(token: &Token) -> Option<usize> {
    token.expose_secret().strip_prefix('t')?.parse().ok()
}

fn millis(count: i64) -> Duration {
    Duration::from_millis(count.try_into().unwrap_or_default())
}

impl World {
    fn new(mut rng: Rng) -> Self {
        let failing = *rng.choice(&[0, 0, 2, 6]).unwrap_or(&0);
        let (model, health) = (Model::default(), Health::Fine);
        let inside = Inside { rng, model, value: None, lease: None, leased: 0, health, failing };
        Self { runtime: Stopwatch::start(), skipped: AtomicI64::new(0), inside: Mutex::new(inside) }
    }
}

/// A process with its cache.
struct Running {
    process: usize,
    cache: Arc<Cache<Watched>>,
    clock: MachineClock,
    alive: Arc<AtomicBool>,
    calls: Vec<tokio::task::JoinHandle<()>>,
    held: Arc<Mutex<Vec<Token>>>,
}

struct Schedule {
    world: Arc<World>,
    rng: Rng,
    running: Vec<Running>,
}

impl Schedule {
    fn new(seed: u64) -> Self {
        fastrand::seed(seed); // the draws of cache and store
        let mut rng = Rng::with_seed(seed);
        let world = Arc::new(World::new(rng.fork()));
        let mut schedule = Self { world, rng, running: Vec::new() };
        for _ in 0..schedule.rng.u8(2..5) {
            let running = schedule.start();
            schedule.running.push(running);
        }
        schedule
    }

    /// A new process, on a machine with a clock of its own.
    fn start(&mut self) -> Running {
        let process = {
            let mut inside = self.world.inside();
            inside.model.processes.push(super::Process::default());
            inside.model.processes.len() - 1
        };
        let off = *self.rng.choice(&[0, 0, 250, -250, 86_400_000, -86_400_000]).unwrap_or(&0);
        let (world, slept) = (Arc::clone(&self.world), Arc::default());
        let clock = MachineClock { world, start: Moment::now(&SystemClock), off, slept };
        let shared = SharedClock::new(clock.clone());
        let alive = Arc::new(AtomicBool::new(true));
        let seen = Seen { world: Arc::clone(&self.world), process, alive: Arc::clone(&alive) };
        let exchange = Exchange { world: Arc::clone(&self.world), process, clock: shared.clone() };
        let store = Some(Arc::new(Store::new(seen)));
        let stored = Stored::new(exchange, store, shared.clone(), millis(CALL));
        let watched = Watched { stored, world: Arc::clone(&self.world), process };
        let refresh_before = millis(REFRESH_BEFORE);
        let config = CacheConfig { refresh_before, wait: millis(CALL), jitter: self.rng.f64() };
        let cache = Arc::new(Cache::new(watched, shared, config));
        Running { process, cache, clock, alive, calls: Vec::new(), held: Arc::default() }
    }

    async fn run(mut self) -> Result<(), String> {
        for _ in 0..self.rng.u8(20..60) {
            self.step().await;
            if let Some(broken) = self.world.inside().model.broken.take() {
                return Err(broken);
            }
        }
        // All calls end.
        self.pass(2 * CALL).await;
        let waits = self.running.iter().flat_map(|running| &running.calls).any(|call| !call.is_finished());
        let mut inside = self.world.inside();
        inside.model.rule(!waits, "every call ends", &());
        inside.model.broken.take().map_or(Ok(()), Err)
    }

    async fn step(&mut self) {
        let at = self.rng.usize(..self.running.len());
        match self.rng.u8(..32) {
            0..=9 => self.call(at),
            // All at once.
            10..=11 => (0..self.running.len()).for_each(|at| self.call(at)),
            12..=13 => self.forget(at),
            14..=21 => {
                let by = self.moment();
                self.pass(by).await;
            }
            22 => self.sleep(at),
            23 => self.kill(at).await,
            24 => drop(self.running[at].calls.pop().map(|call| call.abort())),
            25..=27 => self.change_health(),
            28 => self.world.inside().value = None,
            29..=30 => self.plant(),
            _ => tokio::task::yield_now().await,
        }
    }

    fn call(&mut self, at: usize) {
        let running = &mut self.running[at];
        let least = match self.rng.u8(..6) {
            0 => self.rng.i64(1..86_400_000),
            _ => 0,
        };
        let (world, process) = (Arc::clone(&self.world), running.process);
        let (cache, held) = (Arc::clone(&running.cache), Arc::clone(&running.held));
        running.calls.push(tokio::spawn(async move {
            let forgotten = world.inside().model.processes[process].forgotten.len();
            // Time that went by at once was nobody's.
            let watch = Stopwatch::start();
            let result = cache.token(millis(least)).await;
            let took = i64::try_from(watch.elapsed().as_millis()).unwrap_or(i64::MAX);
            let now = world.now();
            let mut inside = world.inside();
            let seen = match &result {
                Ok(token) => Ok(number(token)),
                // The cache's own errors have no number: a token that expired on its way.
                Err(error) => match error.code().and_then(|code| code.parse().ok()) {
                    Some(number) => Err(number),
                    None => return,
                },
            };
            inside.model.ends(process, (now - took, now), forgotten, seen);
            drop(inside);
            held.lock().unwrap_or_else(PoisonError::into_inner).extend(result);
        }));
    }

    fn forget(&mut self, at: usize) {
        let running = &self.running[at];
        let held = running.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = self.rng.choice(held.as_slice()) {
            running.cache.forget(token);
        }
    }

    async fn pass(&self, by: i64) {
        tokio::time::sleep(millis(by)).await;
    }

    /// One machine sleeps, while true time goes by for all.
    fn sleep(&mut self, at: usize) {
        let by = self.moment();
        self.running[at].clock.slept.fetch_add(by, Ordering::SeqCst);
        self.world.skipped.fetch_add(by, Ordering::SeqCst);
    }

    /// Killed: what it held stays held. Another process starts in its place.
    async fn kill(&mut self, at: usize) {
        let started = self.start();
        let killed = std::mem::replace(&mut self.running[at], started);
        killed.alive.store(false, Ordering::SeqCst);
        killed.calls.iter().for_each(tokio::task::JoinHandle::abort);
        drop(killed);
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    }

    fn change_health(&mut self) {
        let ill = [Health::Unreachable, Health::Hanging, Health::Full, Health::WithoutLeases];
        let mut inside = self.world.inside();
        inside.health = match inside.health {
            Health::Fine => *self.rng.choice(&ill).unwrap_or(&Health::Fine),
            _ => Health::Fine,
        };
    }

    /// Somebody puts something else there: damaged, of another format, of another key, or a token
    /// in plain.
    fn plant(&mut self) {
        let now = self.world.now();
        let end = now + self.rng.i64(1..86_400_000);
        let at = self.rng.usize(..64);
        let mut inside = self.world.inside();
        let bytes = match (self.rng.u8(..5), &inside.value) {
            (0, Some(value)) => {
                let mut bytes = value.bytes.clone();
                let at = at % bytes.len().max(1);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1);
                bytes
            }
            (1, Some(value)) => value.bytes[..value.bytes.len() / 2].to_vec(),
            (2, _) => Vec::new(),
            (3, _) => b"planted".to_vec(),
            _ => b"t999999".to_vec(),
        };
        inside.value = Some(Value { bytes, end, grant: None });
    }

    fn moment(&mut self) -> i64 {
        match self.rng.u8(..10) {
            0 => self.rng.i64(1..86_400_000),
            1 => self.rng.i64(1..3_600_000),
            2..=3 => self.rng.i64(1..120_000),
            4..=6 => self.rng.i64(1..12_000),
            _ => self.rng.i64(1..600),
        }
    }
}

fn schedule(seed: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(async { Schedule::new(seed).run().await })
}

#[test]
fn ten_thousand_schedules_break_no_rule() {
    let mut broken = (0..10_000).filter_map(|seed| Some((seed, schedule(seed).err()?)));
    if let Some((seed, rule)) = broken.next() {
        let more = broken.count() + 1;
        panic!("{more} of 10000 schedules break a rule; the first is that of seed {seed}: {rule}");
    }
}
