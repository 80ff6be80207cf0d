//! Real processes with one Redis, which is killed, stopped, restarted, full, or something else.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adobe_ims::store::{RedisStore, SealedToken, TokenStore};
use adobe_ims::testing::{ManualClock, MockAnswer, MockIms};
use tempfile::TempDir;

use crate::fake_redis;
use crate::fleet::{self, FAILED, Job, Process, Report, UNREADABLE, WORKS, assert_one_token};
use crate::processes_file::slow_mock;
use crate::redis_server::RedisServer;

const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);

fn reports(processes: Vec<Process>) -> Vec<Report> {
    processes.into_iter().map(Process::report).collect()
}

fn wait_for_requests(mock: &MockIms, count: u64) {
    let deadline = Instant::now() + 30 * SECOND;
    while mock.request_count() < count {
        assert!(Instant::now() < deadline, "{} requests", mock.request_count());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Five clients with their own caches in one process: five tokens, one warning, and each call in time.
#[track_caller]
fn assert_works_without(report: &Report, mock: &MockIms, before: u64) {
    assert_eq!((report.tokens.len(), report.errors.len()), (5, 0), "{report:?}");
    assert_eq!(report.events, [FAILED], "{report:?}");
    assert_eq!(mock.request_count() - before, 5);
    // Nobody waited as if another process were requesting a token.
    assert!(report.took < 10 * SECOND, "{report:?}");
}

/// P12: fifty processes that start at once on one Redis cost one request, and so does the rest of the day.
#[tokio::test]
async fn fifty_cold_processes_make_one_request() {
    let (mock, server, directory) = (slow_mock().await, RedisServer::start(), TempDir::new().unwrap());
    let job = Job::new(&mock, server.url());
    let reports = reports(job.start_together(50, directory.path()));
    assert_one_token(&reports);
    assert!(reports.iter().all(|report| report.events.is_empty()));
    assert_eq!(job.run().token(), reports[0].token());
    assert_eq!(mock.request_count(), 1);
    // The lease has been given back.
    assert_eq!(server.command(&["DBSIZE"]), "1");
}

/// A killed process holds the others up until its lease expires, after a third of the timeout.
#[tokio::test]
async fn the_lease_of_a_killed_process_expires() {
    let (mock, server, directory) = (slow_mock().await, RedisServer::start(), TempDir::new().unwrap());
    mock.answer_next(MockAnswer::grant().delay(DAY));
    let job = Job::new(&mock, server.url()).timeout(9 * SECOND);
    let first = job.start();
    wait_for_requests(&mock, 1);
    let others = job.start_together(10, directory.path());
    first.signal("KILL");
    let reports = reports(others);
    assert_one_token(&reports);
    assert_eq!(mock.request_count(), 2);
    // Had they not waited for the lease, or for longer than it lasts, each would have asked.
    assert!(reports.iter().all(|report| report.took < 9 * SECOND), "{reports:?}");
}

/// P12: one request while Redis works; killed, each process asks for itself, in time and with one warning.
#[tokio::test]
async fn redis_is_killed_half_way() {
    let (mock, mut server, directory) = (slow_mock().await, RedisServer::start(), TempDir::new().unwrap());
    let job = Job::new(&mock, server.url());
    assert_one_token(&reports(job.start_together(25, directory.path())));
    assert_eq!(mock.request_count(), 1);
    server.kill();
    let reports = reports(job.start_together(25, directory.path()));
    assert_eq!(mock.request_count(), 26);
    for report in &reports {
        report.token();
        assert_eq!(report.events, [FAILED]);
    }
    let before = mock.request_count();
    assert_works_without(&job.clients(5).run(), &mock, before);
}

/// Killed between the lease and the save: the token is handed out all the same.
#[tokio::test]
async fn redis_is_killed_while_a_token_is_requested() {
    let (mock, mut server) = (MockIms::start().await.unwrap(), RedisServer::start());
    mock.answer_next(MockAnswer::grant().delay(SECOND));
    let process = Job::new(&mock, server.url()).start();
    wait_for_requests(&mock, 1);
    server.kill();
    let report = process.report();
    report.token();
    assert_eq!((report.events.as_slice(), mock.request_count()), (&[FAILED.to_owned()][..], 1));
}

/// `SIGSTOP`: the kernel still accepts connections, and nobody responds. A second at most, once.
#[tokio::test]
async fn redis_is_stopped() {
    let (mock, server) = (MockIms::start().await.unwrap(), RedisServer::start());
    let job = Job::new(&mock, server.url());
    job.run();
    server.signal("STOP");
    assert_works_without(&job.clone().clients(5).run(), &mock, 1);
    server.signal("CONT");
    assert_eq!(job.run().events.len(), 0);
    assert_eq!(mock.request_count(), 6);
}

/// Restarted without its data: one request more, and nothing to report.
#[tokio::test]
async fn redis_is_restarted_empty() {
    let (mock, mut server, directory) = (slow_mock().await, RedisServer::start(), TempDir::new().unwrap());
    let job = Job::new(&mock, server.url());
    let first = job.run();
    server.kill();
    server.start_again();
    let reports = reports(job.start_together(20, directory.path()));
    assert_one_token(&reports);
    assert_ne!(reports[0].token(), first.token());
    assert!(reports.iter().all(|report| report.events.is_empty()));
    assert_eq!(mock.request_count(), 2);
}

/// Out of memory: what is there is read, and what cannot be saved is requested by each.
#[tokio::test]
async fn redis_is_out_of_memory() {
    let (mock, server) = (MockIms::start().await.unwrap(), RedisServer::start());
    let job = Job::new(&mock, server.url());
    let first = job.run();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(job.run().token(), first.token());
    assert_eq!(mock.request_count(), 1);
    server.command(&["FLUSHALL"]);
    assert_works_without(&job.clients(5).run(), &mock, 1);
}

/// A wrong password is an outage like any other.
#[tokio::test]
async fn the_password_is_wrong() {
    let (mock, server) = (MockIms::start().await.unwrap(), RedisServer::with(&["--requirepass", "right"]));
    let url = format!("redis://:wrong@127.0.0.1:{}", server.port());
    assert_works_without(&Job::new(&mock, url).clients(5).run(), &mock, 0);
}

/// Something else is at the address: it talks nonsense, says nothing, hangs up, or talks without end.
#[tokio::test]
async fn something_else_is_at_the_address() {
    let mock = MockIms::start().await.unwrap();
    let garbage = fake_redis::responding(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    for url in [garbage, fake_redis::silent(), fake_redis::closing(), fake_redis::endless()] {
        let before = mock.request_count();
        assert_works_without(&Job::new(&mock, url).clients(5).run(), &mock, before);
    }
}

/// Nobody is at the address.
#[tokio::test]
async fn nobody_is_at_the_address() {
    let mock = MockIms::start().await.unwrap();
    assert_works_without(&Job::new(&mock, "redis://127.0.0.1:1").clients(5).run(), &mock, 0);
}

/// A value that was changed, cut, taken from another key, of another version, or of nobody: replaced, and reported.
#[tokio::test]
async fn a_damaged_value_is_replaced() {
    let (mock, other, server) =
        (MockIms::start().await.unwrap(), MockIms::start().await.unwrap(), RedisServer::start());
    let job = Job::new(&mock, server.url());
    Job::new(&other, server.url()).run();
    let foreign = key(&server);
    let mut last = job.run().token().to_owned();
    let (store, keys) = (RedisStore::new(server.url()).unwrap(), server.command(&["KEYS", "*"]));
    let ours = keys.lines().map(inner).find(|key| *key != foreign).unwrap();
    let whole = store.load(&ours).await.unwrap().unwrap();
    let foreign = store.load(&foreign).await.unwrap().unwrap();
    let mut changed = whole.bytes().to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let mut older = whole.bytes().to_vec();
    older[0] = 0;
    let damaged = [
        changed,
        whole.bytes()[..whole.bytes().len() / 2].to_vec(),
        Vec::new(),
        older,
        foreign.bytes().to_vec(),
        b"token".to_vec(),
    ];
    for (at, bytes) in damaged.into_iter().enumerate() {
        store.save(&ours, &SealedToken::new(bytes, whole.remaining())).await.unwrap();
        let report = job.run();
        assert_ne!(report.token(), last);
        assert_eq!(report.events, [UNREADABLE], "case {at}");
        assert_eq!(mock.request_count(), at as u64 + 2);
        last = report.token().to_owned();
        assert_eq!(job.run().token(), last);
    }
    // What somebody put there with a life of its own is not believed to live longer than a token does.
    let replaced = store.load(&ours).await.unwrap().unwrap();
    store.save(&ours, &SealedToken::new(replaced.bytes(), 2 * DAY)).await.unwrap();
    assert_ne!(job.run().token(), last);
}

/// One machine whose wall clock is a day off shares with the others.
#[tokio::test]
async fn a_process_whose_clock_is_a_day_off_shares_the_token() {
    let (mock, server) = (MockIms::start().await.unwrap(), RedisServer::start());
    let job = Job::new(&mock, server.url());
    let first = job.run();
    for ahead in [86_400, -86_400] {
        assert_eq!(job.clone().clock_ahead(ahead).run().token(), first.token());
    }
    assert_eq!(mock.request_count(), 1);
}

/// Told once when it goes, and once when it is back.
#[tokio::test]
async fn an_outage_has_a_beginning_and_an_end() {
    let (mock, mut server, clock) = (MockIms::start().await.unwrap(), RedisServer::start(), ManualClock::new());
    let events = Arc::new(Mutex::new(Vec::new()));
    let _listening = fleet::listen(&events);
    let store = RedisStore::new(server.url()).unwrap();
    let first = mock.client_builder().store(store).clock(clock.clone()).build().unwrap();
    let client = || first.with_credentials(mock.credentials()).unwrap();
    server.kill();
    client().token().await.unwrap();
    client().token().await.unwrap();
    server.start_again();
    client().token().await.unwrap();
    assert_eq!((events.lock().unwrap().as_slice(), mock.request_count()), (&[FAILED.to_owned()][..], 3));
    // It is asked again after half a minute.
    clock.advance(34 * SECOND);
    let fourth = client().token().await.unwrap();
    let fifth = client().token().await.unwrap();
    assert_eq!(fourth.expose_secret(), fifth.expose_secret());
    assert_eq!(
        (events.lock().unwrap().as_slice(), mock.request_count()),
        (&[FAILED.to_owned(), WORKS.to_owned()][..], 4)
    );
}

/// The key of the only token in it, as the store is asked for it.
fn key(server: &RedisServer) -> String {
    inner(&server.command(&["KEYS", "*"]))
}

fn inner(name: &str) -> String {
    name.split(['{', '}']).nth(1).unwrap().to_owned()
}
