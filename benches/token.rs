//! What a kept token costs, and what many callers cost who have none.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench measures time, prints, and may stop at the first surprise"
)]

mod support;

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use adobe_ims::{Clock, ImsClient, ImsClientBuilder};
use arc_swap::ArcSwap;
use support::material::CredentialsFile;
use support::server::Server;
use support::{bytes_in_use, compare, cost};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

fn main() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    hits(&runtime);
    herds(&runtime);
    clients();
}

/// A thousand reads of a kept token: alone, on two threads, and while a renewal hangs.
fn hits(runtime: &Runtime) {
    let server = Server::start();
    let ims = client(&server);
    runtime.block_on(ims.token()).unwrap();
    let slot = Arc::new(ArcSwap::from_pointee(String::from("token")));
    let hits = || cost(|| many(|| ims.token()));

    compare("token(), a thousand hits", "1.10", 2000, hits, || cost(|| many(|| by_hand(&slot))));
    compare(
        "token(), a thousand hits on each of two threads",
        "floor",
        500,
        || cost(|| two_threads(|| many(|| ims.token()))),
        || cost(|| two_threads(|| many(|| by_hand(&slot)))),
    );

    // Half an hour before its end, by a clock that is moved.
    let ahead = Ahead::default();
    let ageing = builder(&server).clock(ahead.clone()).build().unwrap();
    runtime.block_on(ageing.token()).unwrap();
    server.hang();
    ahead.0.store(23 * 3600 + 1800, Ordering::SeqCst);
    let _runtime = runtime.enter();
    ready(ageing.token()).unwrap();
    compare("token(), a thousand while a renewal hangs", "a hit", 2000, || cost(|| many(|| ageing.token())), hits);
}

/// Ten thousand callers without a token, beside one exchange.
fn herds(runtime: &Runtime) {
    let server = Server::start();
    let one = client(&server);
    compare(
        "10 000 cold callers, beside one exchange",
        "1.5",
        40,
        || {
            let (ims, before) = (client(&server), server.requests());
            let cost = cost(|| callers(runtime, &ims, 10_000));
            assert_eq!(server.requests() - before, 1);
            cost
        },
        || cost(|| runtime.block_on(one.exchange()).unwrap()),
    );
    compare(
        "10 000 cold callers, beside as many tasks",
        "1.5",
        40,
        || {
            let ims = client(&server);
            cost(|| callers(runtime, &ims, 10_000))
        },
        || {
            cost(|| {
                runtime.block_on(async {
                    one.exchange().await.unwrap();
                    (0..10_000).map(|_| std::future::ready(())).collect::<JoinSet<_>>().join_all().await;
                });
            })
        },
    );
    server.fail();
    compare(
        "100 callers, all refused, beside one refused exchange",
        "none",
        200,
        || {
            let (ims, before) = (client(&server), server.requests());
            let cost = cost(|| callers(runtime, &ims, 100));
            assert_eq!(server.requests() - before, 1);
            cost
        },
        || cost(|| runtime.block_on(one.exchange()).unwrap_err()),
    );
}

/// What each of ten thousand clients for one credential takes.
fn clients() {
    const CLIENTS: usize = 10_000;
    let credentials = CredentialsFile::new().read().unwrap();
    let first = ImsClient::builder(credentials.clone()).danger_endpoint("http://127.0.0.1:1").build().unwrap();
    let before = bytes_in_use();
    let clients = (0..CLIENTS).map(|_| first.with_credentials(credentials.clone()).unwrap()).collect::<Vec<_>>();
    let each = (bytes_in_use() - before) / clients.len();
    println!("{:<48} {each} bytes each, target 8192", "10 000 clients by with_credentials");
}

fn builder(server: &Server) -> ImsClientBuilder {
    ImsClient::builder(CredentialsFile::new().read().unwrap()).danger_endpoint(server.endpoint())
}

fn client(server: &Server) -> ImsClient {
    builder(server).build().unwrap()
}

fn callers(runtime: &Runtime, ims: &ImsClient, count: usize) {
    runtime.block_on(async {
        let calls = (0..count).map(|_| ims.clone()).map(|ims| async move { black_box(ims.token().await).is_ok() });
        calls.collect::<JoinSet<_>>().join_all().await;
    });
}

/// The hand-written floor of a hit.
async fn by_hand(slot: &ArcSwap<String>) -> Arc<String> {
    let token = slot.load_full();
    black_box((SystemTime::now(), Instant::now()));
    token
}

fn many<F: Future>(mut one: impl FnMut() -> F) {
    ready(async {
        for _ in 0..1000 {
            black_box(one().await);
        }
    });
}

fn two_threads(work: impl Fn() + Sync) {
    thread::scope(|scope| {
        scope.spawn(&work);
        scope.spawn(&work);
    });
}

/// What is there at the first look; anything else stops the bench.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("a hit never waits"),
    }
}

/// The machine's clocks, so many seconds ahead.
#[derive(Clone, Default)]
struct Ahead(Arc<AtomicU64>);

impl Clock for Ahead {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
