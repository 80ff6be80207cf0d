//! Who requests a token while others wait, and what becomes of them if it does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::harness::{CALL, Reply, World, all_at_once, ok};
use crate::cache::tests::harness::{DAY, SECOND};
use crate::error::ErrorKind;
use crate::store::{Lease, SealedToken, StoreFuture, TokenStore};
use crate::testing::{MemoryStore, StoreFault};

/// A process that holds its leases until they end: it is killed before it gives them back.
struct Killed {
    store: MemoryStore,
    held: Arc<AtomicBool>,
}

impl TokenStore for Killed {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<SealedToken>> {
        self.store.load(key)
    }

    fn save<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        self.store.save(key, token)
    }

    fn remove<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        self.store.remove(key, token)
    }

    fn lease<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Lease> {
        Box::pin(async move {
            let lease = self.store.lease(key, lifetime).await?;
            if let Lease::Held(release) = lease {
                self.held.store(true, Ordering::SeqCst);
                drop(release);
                return Ok(Lease::Held(Box::pin(async {})));
            }
            Ok(lease)
        })
    }
}

/// The next one takes over when the lease of a killed process ends: after a third of a call.
#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_while_it_requests_holds_up_the_others_for_its_lease_only() {
    let world = World::new();
    world.ims.replies(Reply::Nothing, SECOND);
    let held = Arc::new(AtomicBool::new(false));
    let killed = world.process_with(Killed { store: world.store.clone(), held: Arc::clone(&held) });
    let call = tokio::spawn(async move { killed.token().await });
    world.time.settle().await;
    call.abort();
    let _ = call.await;
    assert!(held.load(Ordering::SeqCst));

    world.ims.replies(Reply::Token(DAY), SECOND);
    let start = world.time.passed();
    assert_eq!(all_at_once(&world.processes(50)).await, vec![ok("t2"); 50]);
    let took = world.time.passed() - start;
    assert!(took >= 9 * SECOND && took <= 13 * SECOND, "{took:?}");
    assert_eq!(world.ims.requests(), 2);
}

/// A request that takes as long as a call leaves each that waits the time for one of its own.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_another_process_for_longer_than_half_of_a_call() {
    let world = World::new();
    let lessor = Killed { store: world.store.clone(), held: Arc::default() };
    let key = "0".repeat(64);
    drop(lessor.lease(&key, CALL).await.unwrap());
    world.ims.replies(Reply::Nothing, SECOND);
    let processes = world.processes(3);
    let first = processes[0].clone();
    let call = tokio::spawn(async move { first.token().await });
    world.time.settle().await;
    let second = processes[1].clone();
    let other = tokio::spawn(async move { second.token().await });
    world.time.pass(9 * SECOND).await;
    assert_eq!(world.ims.requests(), 1);
    // The lease ends after ten seconds, although the first one still waits.
    world.time.pass(3 * SECOND).await;
    assert_eq!(world.ims.requests(), 2);
    let third = processes[2].clone();
    let last = tokio::spawn(async move { third.token().await });
    world.time.pass(16 * SECOND).await;
    assert_eq!(world.ims.requests(), 3);
    let spent = world.ims.asked()[2].1;
    assert!(spent <= CALL.mul_f64(0.5) + SECOND, "{spent:?}");
    for call in [call, other, last] {
        assert_eq!(call.await.unwrap(), Err(ErrorKind::Timeout));
    }
}

/// The failure of one is not that of another: each asks in its turn.
#[tokio::test(start_paused = true)]
async fn a_failure_is_neither_stored_nor_shared() {
    let world = World::new();
    world.ims.replies(Reply::Failure, SECOND);
    let processes = world.processes(3);
    assert_eq!(all_at_once(&processes).await, vec![Err(ErrorKind::Rejected); 3]);
    assert_eq!((world.ims.requests(), world.store.save_count()), (3, 0));
    world.ims.replies(Reply::Token(DAY), SECOND);
    assert_eq!(world.process().token().await, ok("t4"));
}

/// What one process cannot get, another may: those who wait take it from there.
#[tokio::test(start_paused = true)]
async fn those_who_wait_get_the_token_of_whoever_succeeds() {
    let world = World::new();
    world.ims.replies(Reply::Failure, SECOND);
    let first = world.process();
    let call = tokio::spawn(async move { first.token().await });
    world.time.settle().await;
    world.ims.replies(Reply::Token(DAY), SECOND);
    assert_eq!(all_at_once(&world.processes(10)).await, vec![ok("t2"); 10]);
    assert_eq!(call.await.unwrap(), Err(ErrorKind::Rejected));
    assert_eq!(world.ims.requests(), 2);
}

/// Without leases tokens are shared all the same.
#[tokio::test(start_paused = true)]
async fn without_leases_only_those_who_start_at_once_ask() {
    let world = World::new();
    world.store.fail(StoreFault::WithoutLeases);
    let seen = all_at_once(&world.processes(3)).await;
    assert_eq!(seen, [ok("t1"), ok("t2"), ok("t3")]);
    assert_eq!(all_at_once(&world.processes(10)).await, vec![ok("t3"); 10]);
    assert_eq!(world.ims.requests(), 3);
}
