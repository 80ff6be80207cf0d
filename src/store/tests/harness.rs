//! Processes that share a store in memory and an IMS that grants, fails or hangs, on paused time.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tracing::Level;
use tracing::subscriber::DefaultGuard;

use crate::cache::tests::events::{Told, listen};
use crate::cache::tests::harness::{DAY, HOUR, Time};
use crate::cache::{Cache, CacheConfig, Load, Refresh, Wanted};
use crate::clock::{Moment, SharedClock};
use crate::error::{Error, ErrorKind, ResponseError};
use crate::grant::Owner;
use crate::secret::Secret;
use crate::store::stored::{Shareable, Stored};
use crate::store::{Store, TokenStore, Vault};
use crate::telemetry::Identity;
use crate::testing::MemoryStore;
use crate::token::Token;

pub(super) const CALL: Duration = Duration::from_secs(30);
pub(super) const CONFIG: CacheConfig = CacheConfig { refresh_before: HOUR, wait: CALL, jitter: 0.0 };

/// What IMS does with a request.
#[derive(Clone, Copy)]
pub(super) enum Reply {
    Token(Duration),
    Failure,
    Nothing,
}

/// One IMS for all processes. Its tokens are called t1, t2 … after the number of the request.
#[derive(Clone)]
pub(super) struct Ims(Arc<Mutex<Script>>);

struct Script {
    reply: Reply,
    after: Duration,
    /// Of each request: why, and how much of the call's time was over.
    asked: Vec<(Refresh, Duration)>,
}

impl Ims {
    pub(super) fn replies(&self, reply: Reply, after: Duration) {
        let mut script = self.script();
        (script.reply, script.after) = (reply, after);
    }

    pub(super) fn requests(&self) -> usize {
        self.script().asked.len()
    }

    pub(super) fn asked(&self) -> Vec<(Refresh, Duration)> {
        self.script().asked.clone()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

/// The way of one process to IMS.
pub(super) struct Exchange {
    ims: Ims,
    clock: SharedClock,
    secret: Mutex<&'static str>,
}

impl Exchange {
    pub(super) fn set_secret(&self, secret: &'static str) {
        *self.secret.lock().unwrap() = secret;
    }
}

impl Load for Arc<Exchange> {
    async fn load(&self, wanted: Wanted) -> Result<Token, Error> {
        let sent = Moment::now(&self.clock);
        let (number, reply, after) = {
            let mut script = self.ims.script();
            script.asked.push((wanted.refresh, wanted.elapsed));
            (script.asked.len(), script.reply, script.after)
        };
        tokio::time::sleep(after).await;
        match reply {
            Reply::Token(lifetime) => {
                Ok(Token::new(&format!("t{number}"), lifetime, sent, self.clock.clone()).unwrap())
            }
            Reply::Failure => Err(ResponseError::Refused.into()),
            Reply::Nothing => pending().await,
        }
    }

    fn identity(&self) -> Identity<'_> {
        Identity::new("ims", "client")
    }
}

impl Shareable for Arc<Exchange> {
    fn vault(&self) -> Option<Vault> {
        let secret = Secret::from((*self.secret.lock().unwrap()).to_owned());
        Vault::new(Owner {
            kind: "jwt",
            ims_host: "ims",
            endpoint: "https://ims/",
            client_id: "client",
            org_id: "org",
            account: "account",
            scopes: vec!["scope"],
            secret: &secret,
        })
    }
}

/// A machine with a store and an IMS.
pub(super) struct World {
    pub(super) time: Time,
    pub(super) ims: Ims,
    pub(super) store: MemoryStore,
}

impl World {
    /// An empty store; IMS grants a day after half a second.
    pub(super) fn new() -> Self {
        let time = Time::start();
        let script = Script { reply: Reply::Token(DAY), after: Duration::from_millis(500), asked: Vec::new() };
        let store = MemoryStore::with_clock(time.clone());
        Self { ims: Ims(Arc::new(Mutex::new(script))), store, time }
    }

    /// A new process with its own view of the store.
    pub(super) fn process(&self) -> Process {
        self.process_with(self.store.clone())
    }

    pub(super) fn processes(&self, count: usize) -> Vec<Process> {
        (0..count).map(|_| self.process()).collect()
    }

    pub(super) fn process_with(&self, store: impl TokenStore) -> Process {
        self.client_of(&Arc::new(Store::new(store)))
    }

    /// A client of a process that has others.
    pub(super) fn client_of(&self, store: &Arc<Store>) -> Process {
        let clock = SharedClock::new(self.time.clone());
        let exchange = Exchange { ims: self.ims.clone(), clock: clock.clone(), secret: Mutex::new("secret") };
        let exchange = Arc::new(exchange);
        let loader = Stored::new(Arc::clone(&exchange), Some(Arc::clone(store)), clock.clone(), CALL);
        Process { exchange, cache: Arc::new(Cache::new(loader, clock, CONFIG)) }
    }
}

#[derive(Clone)]
pub(super) struct Process {
    pub(super) exchange: Arc<Exchange>,
    pub(super) cache: Arc<Cache<Stored<Arc<Exchange>>>>,
}

/// What a caller sees, in short.
pub(super) type Seen = Result<String, ErrorKind>;

pub(super) fn ok(text: &str) -> Seen {
    Ok(text.to_owned())
}

impl Process {
    pub(super) async fn token(&self) -> Seen {
        self.token_valid_for(Duration::ZERO).await
    }

    pub(super) async fn token_valid_for(&self, least: Duration) -> Seen {
        let token = self.cache.token(least).await;
        token.map(|token| token.expose_secret().to_owned()).map_err(|error| error.kind())
    }

    pub(super) async fn full_token(&self) -> Token {
        self.cache.token(Duration::ZERO).await.unwrap()
    }
}

/// What all of them see who call at the same time.
pub(super) async fn all_at_once(processes: &[Process]) -> Vec<Seen> {
    let calls: Vec<_> = processes.iter().cloned().map(|process| async move { process.token().await }).collect();
    let calls: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    let mut seen = Vec::new();
    for call in calls {
        seen.push(call.await.unwrap());
    }
    seen
}

/// The events at INFO and above, as "LEVEL message".
pub(super) fn events() -> (DefaultGuard, Arc<Mutex<Vec<String>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let guard = listen(move |Told { level, fields, .. }| {
        if level <= Level::INFO {
            let message = fields.iter().find(|(name, _)| name == "message").map(|(_, text)| text.as_str());
            heard.lock().unwrap().push(format!("{level} {}", message.unwrap_or_default()));
        }
    });
    (guard, events)
}

pub(super) const FAILED: &str = "WARN token store failed, tokens are requested without it";
pub(super) const WORKS: &str = "INFO token store works again";
pub(super) const UNREADABLE: &str =
    "WARN token in the store is damaged or not of this credential, it will be overwritten";
