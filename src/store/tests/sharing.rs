//! One token for all.

use std::time::Duration;

use super::harness::{Reply, World, all_at_once, ok};
use crate::cache::Refresh;
use crate::cache::tests::harness::{DAY, HOUR, SECOND};

/// P12: who comes later reads what the first one was given, with the lifetime that is left of it.
#[tokio::test(start_paused = true)]
async fn a_second_process_reads_the_token_of_the_first() {
    let world = World::new();
    assert_eq!(world.process().token().await, ok("t1"));
    world.time.pass(10 * HOUR).await;
    let token = world.process().full_token().await;
    assert_eq!(token.expose_secret(), "t1");
    assert_eq!(token.lifetime(), DAY);
    // Half a second for the exchange, and one for the way to the store.
    assert_eq!(token.remaining(), 14 * HOUR - 3 * SECOND / 2);
    assert_eq!(world.ims.requests(), 1);
}

/// P12: fifty processes that start at once cost one request.
#[tokio::test(start_paused = true)]
async fn fifty_cold_processes_make_one_request() {
    let world = World::new();
    let processes = world.processes(50);
    assert_eq!(all_at_once(&processes).await, vec![ok("t1"); 50]);
    assert_eq!(world.ims.requests(), 1);
    assert_eq!(world.store.save_count(), 1);
}

/// A hit asks the store nothing.
#[tokio::test(start_paused = true)]
async fn a_cached_token_asks_the_store_nothing() {
    let world = World::new();
    let process = world.process();
    assert_eq!(process.token().await, ok("t1"));
    let asked = (world.store.load_count(), world.store.lease_count(), world.store.save_count());
    assert_eq!(asked, (2, 1, 1));
    for _ in 0..100 {
        world.time.pass(600 * SECOND).await;
        assert_eq!(process.token().await, ok("t1"));
    }
    assert_eq!((world.store.load_count(), world.store.lease_count(), world.store.save_count()), asked);
}

/// P12: in the refresh window one process refreshes for all, in the background, and the others read
/// it.
#[tokio::test(start_paused = true)]
async fn one_process_refreshes_for_all() {
    let world = World::new();
    let processes = world.processes(20);
    assert_eq!(all_at_once(&processes).await, vec![ok("t1"); 20]);
    world.time.pass(DAY - HOUR).await;
    assert_eq!(all_at_once(&processes).await, vec![ok("t1"); 20]);
    world.time.pass(2 * SECOND).await;
    assert_eq!(all_at_once(&processes).await, vec![ok("t2"); 20]);
    let refreshes: Vec<_> = world.ims.asked().into_iter().map(|(refresh, _)| refresh).collect();
    assert_eq!(refreshes, [Refresh::Foreground, Refresh::Background]);
}

/// A cold process does not wait for a refresh: a token in its refresh window is good, and is
/// refreshed in the background by whoever calls next.
#[tokio::test(start_paused = true)]
async fn a_cold_process_takes_a_token_in_its_refresh_window() {
    let world = World::new();
    assert_eq!(world.process().token().await, ok("t1"));
    world.time.pass(DAY - HOUR / 2).await;
    let process = world.process();
    assert_eq!(process.token().await, ok("t1"));
    assert_eq!(world.ims.requests(), 1);
    assert_eq!(process.token().await, ok("t1"));
    world.time.pass(SECOND).await;
    assert_eq!(process.token().await, ok("t2"));
    assert_eq!(world.ims.requests(), 2);
}

/// One that is nearly expired is not handed out.
#[tokio::test(start_paused = true)]
async fn a_cold_process_does_not_take_a_token_in_its_last_seconds() {
    let world = World::new();
    assert_eq!(world.process().token().await, ok("t1"));
    world.time.pass(DAY - 30 * SECOND).await;
    assert_eq!(world.process().token().await, ok("t2"));
    assert_eq!(world.process().token().await, ok("t2"));
    assert_eq!(world.ims.requests(), 2);
}

/// A token from the store is refreshed when it would have been refreshed where it came from.
#[tokio::test(start_paused = true)]
async fn a_token_from_the_store_is_refreshed_in_due_time() {
    let world = World::new();
    assert_eq!(world.process().token().await, ok("t1"));
    world.time.pass(20 * HOUR).await;
    let process = world.process();
    assert_eq!(process.token().await, ok("t1"));
    world.time.pass(3 * HOUR - 2 * SECOND).await;
    assert_eq!(process.token().await, ok("t1"));
    world.time.pass(SECOND).await;
    assert_eq!(world.ims.requests(), 1);
    world.time.pass(SECOND).await;
    assert_eq!(process.token().await, ok("t1"));
    world.time.pass(SECOND).await;
    assert_eq!(process.token().await, ok("t2"));
    assert_eq!(world.ims.requests(), 2);
}

/// `token_valid_for` does not settle for a token of the store that expires too early.
#[tokio::test(start_paused = true)]
async fn a_token_of_the_store_that_expires_too_early_is_replaced() {
    let world = World::new();
    assert_eq!(world.process().token().await, ok("t1"));
    world.time.pass(12 * HOUR).await;
    let process = world.process();
    assert_eq!(process.token_valid_for(11 * HOUR).await, ok("t1"));
    assert_eq!(process.token_valid_for(13 * HOUR).await, ok("t2"));
    assert_eq!(world.process().token_valid_for(13 * HOUR).await, ok("t2"));
    assert_eq!(world.ims.requests(), 2);
}

/// Not even if it joins a call that does.
#[tokio::test(start_paused = true)]
async fn a_need_is_met_although_the_flight_that_was_joined_does_not_meet_it() {
    let world = World::new();
    assert_eq!(world.process().token().await, ok("t1"));
    world.time.pass(12 * HOUR).await;
    let process = world.process();
    let (first, second) = (process.clone(), process.clone());
    let (first, second) = (
        tokio::spawn(async move { first.token().await }),
        tokio::spawn(async move { second.token_valid_for(20 * HOUR).await }),
    );
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (ok("t1"), ok("t2")));
    assert_eq!(world.ims.requests(), 2);
}

/// Where no token ever lives that long, the one of the store is as good as any.
#[tokio::test(start_paused = true)]
async fn a_need_that_no_token_meets_is_met_by_the_one_of_the_store() {
    let world = World::new();
    world.ims.replies(Reply::Token(HOUR), SECOND);
    assert_eq!(world.process().token().await, ok("t1"));
    assert_eq!(world.process().token_valid_for(2 * HOUR).await, ok("t1"));
    assert_eq!(world.ims.requests(), 1);
}

/// Processes with another secret neither read it nor overwrite it.
#[tokio::test(start_paused = true)]
async fn credentials_with_another_secret_share_among_themselves() {
    let world = World::new();
    let (old, new) = (world.processes(3), world.processes(3));
    new.iter().for_each(|process| process.exchange.set_secret("rotated"));
    for (old, new) in old.iter().zip(&new) {
        assert_eq!((old.token().await, new.token().await), (ok("t1"), ok("t2")));
    }
    assert_eq!(world.ims.requests(), 2);
    assert_eq!(world.store.save_count(), 2);
}

/// A token that came by `replace` is for all as well.
#[tokio::test(start_paused = true)]
async fn a_token_that_was_installed_is_shared() {
    let world = World::new();
    let process = world.process();
    let token = world.process().full_token().await;
    world.store.clear();
    process.cache.install(token.clone(), || ());
    process.cache.loader().share(&token).await;
    assert_eq!(world.process().token().await, ok("t1"));
    assert_eq!(world.ims.requests(), 1);
}

/// The last client takes its request along, and the lease with it.
#[tokio::test(start_paused = true)]
async fn a_cancelled_request_gives_its_lease_back() {
    let world = World::new();
    world.ims.replies(Reply::Nothing, SECOND);
    let process = world.process();
    let call = tokio::spawn(async move { process.token().await });
    world.time.settle().await;
    assert_eq!(world.ims.requests(), 1);
    call.abort();
    let _ = call.await;
    world.time.settle().await;
    world.ims.replies(Reply::Token(DAY), Duration::ZERO);
    let before = world.time.passed();
    assert_eq!(world.process().token().await, ok("t2"));
    assert!(world.time.passed() - before < SECOND);
}
