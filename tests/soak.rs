//! A thousand tasks, tokens of one second, an IMS that fails three times in ten, for `SOAK_SECONDS`, or five seconds
//! without it.
#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, reads the clock, and counts what is allocated"
)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use adobe_ims::{ErrorKind, ImsClient};
use support::material::CredentialsFile;
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

const TASKS: usize = 1000;
const ATTEMPTS: u64 = 3;

/// No expired token is served, nothing panics, there are no more requests than the exchanges may make, and no memory
/// leaks.
#[test]
fn a_thousand_tasks_survive_an_unreliable_ims() {
    let counts: &'static Counts = Box::leak(Box::default());
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(counts)).unwrap();
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        counts.panics.fetch_add(1, Ordering::SeqCst);
        print(panic);
    }));
    let seconds = std::env::var("SOAK_SECONDS").map_or(5, |seconds| seconds.parse().expect("SOAK_SECONDS"));
    let time = Duration::from_secs(seconds);
    let ims = ImsClient::builder(CredentialsFile::new().read().unwrap())
        .danger_endpoint(unreliable_ims(counts))
        .max_attempts(u32::try_from(ATTEMPTS).unwrap())
        .build()
        .unwrap();

    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(call_from_many_tasks(&ims, time / 3));
    let warm = live_bytes();
    let tally = runtime.block_on(call_from_many_tasks(&ims, time - time / 3));
    let grown = live_bytes() - warm;
    let passed = start.elapsed();

    let (exchanges, requests) = (counts.exchanges.load(Ordering::SeqCst), counts.requests.load(Ordering::SeqCst));
    assert_eq!(tally.expired.load(Ordering::SeqCst), 0);
    assert_eq!(counts.panics.load(Ordering::SeqCst), 0);
    assert!(requests <= exchanges * ATTEMPTS, "{requests} requests in {exchanges} exchanges");
    // A token is fresh for two thirds of its second; after a failure there is a cooldown, but one more exchange when the
    // token expires.
    assert!(exchanges <= 2 * passed.as_secs() + 4, "{exchanges} exchanges in {passed:?}");
    assert!(counts.failures.load(Ordering::SeqCst) >= requests / 5, "IMS was too reliable");
    assert!(tally.served.load(Ordering::SeqCst) > TASKS as u64 * seconds, "hardly any call got a token");
    assert!(grown < 32 * 1024, "{grown} bytes leaked");
}

#[derive(Default)]
struct Tally {
    served: AtomicU64,
    /// Served after they had expired.
    expired: AtomicU64,
}

async fn call_from_many_tasks(ims: &ImsClient, time: Duration) -> Arc<Tally> {
    let (tally, end) = (Arc::new(Tally::default()), Instant::now() + time);
    let tasks: Vec<_> =
        (0..TASKS).map(|number| tokio::spawn(call(number, ims.clone(), end, Arc::clone(&tally)))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    tally
}

async fn call(number: usize, ims: ImsClient, end: Instant, tally: Arc<Tally>) {
    while Instant::now() < end {
        let called = SystemTime::now();
        let outcome = match number % 10 {
            // Some have a short timeout, some need a minimum validity.
            0 => match tokio::time::timeout(Duration::from_millis(1), ims.token()).await {
                Ok(outcome) => outcome,
                Err(_) => continue,
            },
            1 => ims.token_valid_for(Duration::from_millis(500)).await,
            _ => ims.token().await,
        };
        match outcome {
            Ok(token) => {
                tally.served.fetch_add(1, Ordering::Relaxed);
                let expired = u64::from(token.expires_at() <= called);
                tally.expired.fetch_add(expired, Ordering::Relaxed);
            }
            Err(error) => {
                let expected = [ErrorKind::Connect, ErrorKind::Rejected, ErrorKind::Server, ErrorKind::Throttled];
                assert!(expected.contains(&error.kind()), "{error:?}");
            }
        }
        tokio::time::sleep(Duration::from_millis(20 + number as u64 % 40)).await;
    }
}

/// Sends canned responses for as long as the process lives, and records nothing.
fn unreliable_ims(counts: &'static Counts) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::spawn(move || serve(stream, counts));
        }
    });
    format!("http://{address}")
}

/// Until the client disconnects, or the script says so.
fn serve(mut stream: TcpStream, counts: &Counts) -> Option<()> {
    let mut request = [0; 16 * 1024];
    loop {
        let mut length = 0;
        while !is_whole(&request[..length]) {
            length += stream.read(&mut request[length..]).ok().filter(|read| *read > 0)?;
        }
        let number = counts.requests.fetch_add(1, Ordering::SeqCst);
        let (status, body) = match number % 20 {
            // A burst that is long enough to fail a whole exchange.
            3..=6 => ("503 Service Unavailable", String::new()),
            11 => ("400 Bad Request", r#"{"error":"invalid_token","error_description":"no"}"#.to_owned()),
            15 => {
                counts.failures.fetch_add(1, Ordering::SeqCst);
                return None;
            }
            _ => ("200 OK", format!(r#"{{"access_token":"token.{number}","token_type":"bearer","expires_in":1000}}"#)),
        };
        counts.failures.fetch_add(u64::from(!status.starts_with('2')), Ordering::SeqCst);
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).ok()?;
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(head) = request.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
    let length = std::str::from_utf8(&request[..head]).unwrap().lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
    });
    request.len() >= head + 4 + length.unwrap_or(0)
}

/// Of the whole process.
#[derive(Default)]
struct Counts {
    exchanges: AtomicU64,
    requests: AtomicU64,
    failures: AtomicU64,
    panics: AtomicU64,
}

/// Each exchange is a span of the crate.
impl<S: tracing::Subscriber> Layer<S> for &'static Counts {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let exchanges = u64::from(attributes.metadata().name() == "ims_exchange");
        self.exchanges.fetch_add(exchanges, Ordering::SeqCst);
    }
}

/// Counts what is allocated and not yet freed.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static LIVE: AtomicIsize = AtomicIsize::new(0);

fn live_bytes() -> isize {
    LIVE.load(Ordering::SeqCst)
}

// SAFETY: all calls are passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: see above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: see above.
        unsafe { System.dealloc(at, layout) }
    }
}
