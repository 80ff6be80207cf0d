//! Processes that share a store: this test root once more, as a program that asks for tokens and prints what it gets.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use adobe_ims::store::{FileStore, RedisStore};
use adobe_ims::testing::MockIms;
use adobe_ims::{Clock, ImsClient, ImsClientBuilder, ServiceCredentials};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::child::argument;

/// What a process does.
#[derive(Clone)]
pub struct Job {
    store: String,
    endpoint: String,
    credentials: String,
    timeout: Duration,
    clients: u64,
    clock_ahead: i64,
    go: Option<PathBuf>,
}

impl Job {
    /// One client asks for one token. `store` is the directory of a file store, or the URL of a Redis.
    pub fn new(mock: &MockIms, store: impl ToString) -> Self {
        Self {
            store: store.to_string(),
            endpoint: mock.endpoint().to_owned(),
            credentials: mock.credentials_json(),
            timeout: Duration::from_secs(30),
            clients: 1,
            clock_ahead: 0,
            go: None,
        }
    }

    pub fn in_directory(mock: &MockIms, directory: &Path) -> Self {
        Self::new(mock, directory.to_str().unwrap())
    }

    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// So many clients with a cache of their own share the store of the process and ask one after the other.
    pub fn clients(self, clients: u64) -> Self {
        Self { clients, ..self }
    }

    /// Its wall clock is so many seconds ahead of the others.
    pub fn clock_ahead(self, seconds: i64) -> Self {
        Self { clock_ahead: seconds, ..self }
    }

    /// Waits with its first call until this file is there.
    pub fn after(self, go: &Path) -> Self {
        Self { go: Some(go.to_owned()), ..self }
    }

    /// Returns once the process is about to ask.
    pub fn start(&self) -> Process {
        let Self { store, endpoint, credentials, timeout, clients, clock_ahead, go } = self;
        let job = json!({
            "store": store,
            "endpoint": endpoint,
            "credentials": credentials,
            "timeout": u64::try_from(timeout.as_millis()).unwrap(),
            "clients": clients,
            "clock_ahead": clock_ahead,
            "go": go,
        });
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "fleet::a_process", "--nocapture"]).env("ADOBE_IMS_TEST_JOB", job.to_string());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("ready") {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the process ended before it was ready");
        }
        Process { child, output }
    }

    pub fn run(&self) -> Report {
        self.start().report()
    }

    /// So many at once: all are ready before the first one asks.
    pub fn start_together(&self, count: usize, directory: &Path) -> Vec<Process> {
        let go = directory.join(format!("go-{}", unique()));
        let job = self.clone().after(&go);
        let processes = (0..count).map(|_| job.start()).collect();
        std::fs::write(go, "").unwrap();
        processes
    }
}

/// Another name each time.
fn unique() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos()
}

pub struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    pub fn signal(&self, signal: &str) {
        signal_process(self.child.id(), signal);
    }

    pub fn report(mut self) -> Report {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {text}");
        let after = |start: &str| text.lines().filter_map(|line| line.strip_prefix(start)).map(str::to_owned).collect();
        let took: Vec<String> = after("took ");
        let took = took.iter().map(|millis| Duration::from_millis(millis.parse().unwrap())).max().unwrap();
        Report { tokens: after("token "), errors: after("error "), events: after("event "), took }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// By the command of the same name: the standard library has no signals.
pub fn signal_process(id: u32, signal: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &id.to_string()]).status().unwrap().success());
}

/// What a process got.
#[derive(Debug)]
pub struct Report {
    pub tokens: Vec<String>,
    pub errors: Vec<String>,
    /// At INFO and above.
    pub events: Vec<String>,
    /// The slowest call.
    pub took: Duration,
}

impl Report {
    /// The one token of a process that got one.
    #[track_caller]
    pub fn token(&self) -> &str {
        assert_eq!((self.tokens.len(), self.errors.len()), (1, 0), "{self:?}");
        &self.tokens[0]
    }
}

/// All got the same token.
#[track_caller]
pub fn assert_one_token(reports: &[Report]) {
    for report in reports {
        assert_eq!(report.token(), reports[0].token());
    }
}

pub const FAILED: &str = "WARN token store failed, tokens are requested without it";
pub const WORKS: &str = "INFO token store works again";
pub const UNREADABLE: &str = "WARN token in the store is damaged or not of this credential, it will be overwritten";

/// The program: does nothing but in a child.
#[test]
fn a_process() {
    let Some(job) = argument("JOB") else { return };
    let job: Value = serde_json::from_str(&job).unwrap();
    let events = Arc::new(Mutex::new(Vec::new()));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(Events(Arc::clone(&events)))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let credentials = ServiceCredentials::from_json(job["credentials"].as_str().unwrap()).unwrap();
    let builder = ImsClient::builder(credentials.clone()).danger_endpoint(job["endpoint"].as_str().unwrap());
    let builder = builder.timeout(Duration::from_millis(job["timeout"].as_u64().unwrap()));
    let builder = builder.clock(Ahead(job["clock_ahead"].as_i64().unwrap()));
    let first = with_store(builder, job["store"].as_str().unwrap()).build().unwrap();
    let others = (1..job["clients"].as_u64().unwrap()).map(|_| first.with_credentials(credentials.clone()).unwrap());
    let clients: Vec<_> = std::iter::once(first.clone()).chain(others).collect();

    println!("\nready");
    if let Some(go) = job["go"].as_str() {
        while !Path::new(go).exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    for ims in clients {
        let start = Instant::now();
        match runtime.block_on(ims.token()) {
            Ok(token) => println!("token {}", token.expose_secret()),
            Err(error) => println!("error {}", error.kind()),
        }
        println!("took {}", start.elapsed().as_millis());
    }
    events.lock().unwrap().iter().for_each(|event| println!("event {event}"));
}

fn with_store(builder: ImsClientBuilder, store: &str) -> ImsClientBuilder {
    match store.contains("://") {
        true => builder.store(RedisStore::new(store).unwrap()),
        false => builder.store(FileStore::new(store).unwrap()),
    }
}

/// The machine's clocks, the wall clock so many seconds ahead.
struct Ahead(i64);

impl Clock for Ahead {
    fn now(&self) -> SystemTime {
        let by = Duration::from_secs(self.0.unsigned_abs());
        if self.0 < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// Collects the events on this thread until the guard is dropped.
pub fn listen(events: &Arc<Mutex<Vec<String>>>) -> DefaultGuard {
    crate::listening::listen(tracing_subscriber::registry().with(Events(Arc::clone(events))))
}

struct Events(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level <= Level::INFO && event.metadata().target() == "adobe_ims" {
            let mut message = Message(String::new());
            event.record(&mut message);
            self.0.lock().unwrap().push(format!("{level} {}", message.0));
        }
    }
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
