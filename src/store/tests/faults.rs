//! A store that is down, full or wrong: everything works as without it, and says so once.

use std::collections::HashSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use super::harness::{FAILED, Reply, UNREADABLE, WORKS, World, all_at_once, events, ok};
use crate::cache::tests::harness::{DAY, HOUR, SECOND};
use crate::error::ErrorKind;
use crate::store::{Lease, ReleaseFuture, SealedToken, Store, StoreFuture, TokenStore};
use crate::testing::{MemoryStore, StoreFault};

const MINUTE: Duration = Duration::from_secs(60);
const BROKEN: [StoreFault; 3] = [StoreFault::Unreachable, StoreFault::Hanging, StoreFault::Failing];

/// P12: a store that is down costs each process one request, and a second at most.
#[tokio::test(start_paused = true)]
async fn every_process_asks_ims_while_the_store_is_down() {
    for fault in BROKEN {
        let world = World::new();
        world.store.fail(fault);
        let start = world.time.passed();
        let seen: HashSet<_> = all_at_once(&world.processes(50)).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(seen.len(), 50);
        assert_eq!(world.ims.requests(), 50);
        let took = world.time.passed() - start;
        assert!(took <= Duration::from_millis(1510), "{fault:?}: {took:?}");
        assert_eq!((world.store.load_count(), world.store.save_count()), (50, 0));
    }
}

/// One warning for an outage, however many calls and clients meet it, and one line when it is over.
#[tokio::test(start_paused = true)]
async fn an_outage_is_one_warning_and_its_end_one_line() {
    for fault in BROKEN {
        let world = World::new();
        let (_guard, events) = events();
        let store = Arc::new(Store::new(world.store.clone()));
        world.store.fail(fault);
        for _ in 0..10 {
            assert!(world.client_of(&store).token().await.is_ok());
        }
        assert_eq!(*events.lock().unwrap(), [FAILED]);
        // Asked once, and then not for half a minute.
        assert_eq!(world.store.load_count(), 1);
        world.time.pass(MINUTE).await;
        assert!(world.client_of(&store).token().await.is_ok());
        assert_eq!(world.store.load_count(), 2);
        assert_eq!(events.lock().unwrap().len(), 1);

        world.store.recover();
        world.time.pass(2 * MINUTE).await;
        assert_eq!(world.client_of(&store).token().await, ok("t12"));
        assert_eq!(world.client_of(&store).token().await, ok("t12"));
        assert_eq!(*events.lock().unwrap(), [FAILED, WORKS]);
        assert_eq!(world.ims.requests(), 12);

        world.store.fail(fault);
        world.store.clear();
        assert!(world.client_of(&store).token().await.is_ok());
        assert_eq!(*events.lock().unwrap(), [FAILED, WORKS, FAILED]);
    }
}

/// It is asked again after half a minute, then a minute, then two, four, and every five minutes.
#[tokio::test(start_paused = true)]
async fn a_store_that_stays_down_is_asked_ever_more_rarely() {
    let world = World::new();
    world.ims.replies(Reply::Token(DAY), Duration::ZERO);
    world.store.fail(StoreFault::Unreachable);
    let store = Arc::new(Store::new(world.store.clone()));
    let start = world.time.passed();
    let mut asked = Vec::new();
    while asked.len() < 7 {
        let before = world.store.load_count();
        assert!(world.client_of(&store).token().await.is_ok());
        if world.store.load_count() > before {
            asked.push(world.time.passed() - start);
        }
        world.time.pass(SECOND).await;
    }
    let pauses: Vec<_> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    for (pause, expected) in pauses.iter().zip([30, 60, 120, 240, 300, 300]) {
        assert!((expected..=expected * 11 / 10 + 1).contains(pause), "{pauses:?}");
    }
}

/// Requests that were under way when the store failed are one failure of it, not many.
#[tokio::test(start_paused = true)]
async fn requests_that_fail_together_are_one_failure() {
    let world = World::new();
    world.store.fail(StoreFault::Hanging);
    let store = Arc::new(Store::new(world.store.clone()));
    let clients: Vec<_> = (0..10).map(|_| world.client_of(&store)).collect();
    assert!(all_at_once(&clients).await.iter().all(Result::is_ok));
    assert_eq!(world.store.load_count(), 10);

    world.time.pass(Duration::from_secs(34)).await;
    assert!(world.client_of(&store).token().await.is_ok());
    assert_eq!(world.store.load_count(), 11);
}

/// What can be read is read from a store that is full.
#[tokio::test(start_paused = true)]
async fn a_full_store_is_read_and_costs_no_call() {
    let world = World::new();
    let (_guard, events) = events();
    assert_eq!(world.process().token().await, ok("t1"));
    world.store.fail(StoreFault::Full);
    assert_eq!(world.process().token().await, ok("t1"));
    world.time.pass(DAY).await;
    assert_eq!(world.process().token().await, ok("t2"));
    assert_eq!(world.process().token().await, ok("t3"));
    assert_eq!(*events.lock().unwrap(), [FAILED, FAILED]);
}

/// What is damaged, not sealed, or sealed for others is not taken, but replaced, and reported.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_opened_is_replaced() {
    for bytes in [&b""[..], b"t1", b"{\"access_token\":\"t1\"}", &[1; 64], &[0xff; 100_000]] {
        let world = World::new();
        let (_guard, events) = events();
        assert_eq!(world.process().token().await, ok("t1"));
        world.store.overwrite(bytes);
        assert_eq!(all_at_once(&world.processes(10)).await, vec![ok("t2"); 10]);
        assert_eq!(world.process().token().await, ok("t2"));
        assert_eq!(world.ims.requests(), 2);
        // Once for each process that saw it.
        assert_eq!(*events.lock().unwrap(), [UNREADABLE; 10]);
    }
}

/// A store is anybody's code.
struct Panicking;

impl TokenStore for Panicking {
    fn load<'a>(&'a self, _: &'a str) -> StoreFuture<'a, Option<SealedToken>> {
        panic!("a store that panics")
    }

    fn save<'a>(&'a self, _: &'a str, _: &'a SealedToken) -> StoreFuture<'a, ()> {
        panic!("a store that panics")
    }

    fn remove<'a>(&'a self, _: &'a str, _: &'a SealedToken) -> StoreFuture<'a, ()> {
        panic!("a store that panics")
    }

    fn lease<'a>(&'a self, _: &'a str, _: Duration) -> StoreFuture<'a, Lease> {
        panic!("a store that panics")
    }
}

/// P8, P12: a panic of a store is an outage of the store.
#[tokio::test(start_paused = true)]
async fn a_store_that_panics_makes_no_call_fail() {
    let world = World::new();
    let (_guard, events) = events();
    let process = world.process_with(Panicking);
    assert_eq!(process.token().await, ok("t1"));
    assert_eq!(*events.lock().unwrap(), [FAILED]);
}

/// A store whose lease cannot be ended.
struct BadRelease {
    tokens: MemoryStore,
    release: fn() -> ReleaseFuture,
}

impl TokenStore for BadRelease {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<SealedToken>> {
        self.tokens.load(key)
    }

    fn save<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        self.tokens.save(key, token)
    }

    fn remove<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        self.tokens.remove(key, token)
    }

    fn lease<'a>(&'a self, _: &'a str, _: Duration) -> StoreFuture<'a, Lease> {
        Box::pin(async { Ok(Lease::Held((self.release)())) })
    }
}

/// P8, P12: the token is not lost if the end of the lease panics or hangs, and comes within a second.
#[tokio::test(start_paused = true)]
async fn a_release_that_panics_or_hangs_costs_no_token() {
    let panics: fn() -> ReleaseFuture = || Box::pin(async { panic!("a release that panics") });
    let hangs: fn() -> ReleaseFuture = || Box::pin(pending());
    for release in [panics, hangs] {
        let world = World::new();
        let (_guard, events) = events();
        let process = world.process_with(BadRelease { tokens: world.store.clone(), release });
        let start = world.time.passed();
        assert_eq!(process.token().await, ok("t1"));
        let took = world.time.passed() - start;
        assert!(took <= Duration::from_millis(1510), "{took:?}");
        assert!(events.lock().unwrap().is_empty());
    }
}

/// P5: with a store that hangs a call still ends within its timeout, and IMS gets what is left of it.
#[tokio::test(start_paused = true)]
async fn the_time_that_the_store_took_is_not_taken_twice() {
    let world = World::new();
    world.ims.replies(Reply::Nothing, SECOND);
    world.store.fail(StoreFault::Hanging);
    let start = world.time.passed();
    assert_eq!(world.process().token().await, Err(ErrorKind::Timeout));
    assert_eq!((world.time.passed() - start).as_secs(), 30);
    let (_, spent) = world.ims.asked()[0];
    assert_eq!(spent.as_millis(), 1000);
}

/// P3: a refresh that meets a store that is down is a refresh all the same.
#[tokio::test(start_paused = true)]
async fn a_refresh_works_without_the_store() {
    let world = World::new();
    let process = world.process();
    assert_eq!(process.token().await, ok("t1"));
    world.store.fail(StoreFault::Hanging);
    world.time.pass(DAY - HOUR).await;
    assert_eq!(process.token().await, ok("t1"));
    world.time.pass(2 * SECOND).await;
    assert_eq!(process.token().await, ok("t2"));
    assert_eq!(world.ims.requests(), 2);
}
