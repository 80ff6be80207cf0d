//! Tokens that an API has refused, or that were revoked.

use super::harness::{Reply, World, all_at_once, ok};
use crate::cache::Load;
use crate::cache::tests::harness::{DAY, SECOND};
use crate::clock::{Moment, SharedClock};
use crate::error::ErrorKind;
use crate::token::Token;

/// A forgotten token is not read back from the store, and is removed from it before IMS is asked.
#[tokio::test(start_paused = true)]
async fn a_forgotten_token_is_not_read_back() {
    let world = World::new();
    let process = world.process();
    process.cache.forget(&process.full_token().await);
    assert_eq!(process.token().await, ok("t2"));
    assert_eq!((world.ims.requests(), world.store.remove_count()), (2, 1));
    assert_eq!(world.process().token().await, ok("t2"));
    assert_eq!(world.ims.requests(), 2);
}

/// Nobody gets it either if IMS does not issue another.
#[tokio::test(start_paused = true)]
async fn a_forgotten_token_is_removed_even_if_no_other_is_issued() {
    let world = World::new();
    let process = world.process();
    process.cache.forget(&process.full_token().await);
    world.ims.replies(Reply::Failure, SECOND);
    assert_eq!(process.token().await, Err(ErrorKind::Rejected));
    world.ims.replies(Reply::Token(DAY), SECOND);
    assert_eq!(world.process().token().await, ok("t3"));
}

/// Many processes that forget the same token cost one request.
#[tokio::test(start_paused = true)]
async fn a_token_that_all_processes_forget_costs_one_request() {
    let world = World::new();
    let processes = world.processes(20);
    assert_eq!(all_at_once(&processes).await, vec![ok("t1"); 20]);
    for process in &processes {
        process.cache.forget(&process.full_token().await);
    }
    assert_eq!(all_at_once(&processes).await, vec![ok("t2"); 20]);
    assert_eq!(world.ims.requests(), 2);
    assert_eq!(world.store.remove_count(), 1);
}

/// What another process has saved since is not removed, but used.
#[tokio::test(start_paused = true)]
async fn a_later_token_of_another_process_survives_a_forget() {
    let world = World::new();
    let (one, other) = (world.process(), world.process());
    let first = one.full_token().await;
    assert_eq!(other.token().await, ok("t1"));
    one.cache.forget(&first);
    assert_eq!(one.token().await, ok("t2"));
    other.cache.forget(&other.full_token().await);
    assert_eq!(other.token().await, ok("t2"));
    assert_eq!((world.ims.requests(), world.store.remove_count()), (2, 1));
}

/// The memory of forgotten tokens is short: one token does not take two places in it.
#[tokio::test(start_paused = true)]
async fn a_token_forgotten_many_times_displaces_no_other() {
    let world = World::new();
    let process = world.process();
    let first = process.full_token().await;
    process.cache.forget(&first);
    let clock = SharedClock::new(world.time.clone());
    let other = Token::new("other", DAY, Moment::now(&clock), clock).unwrap();
    for _ in 0..20 {
        process.cache.loader().forget(&other);
    }
    assert_eq!(process.token().await, ok("t2"));
}

/// A revoked token is removed at once, without a request to IMS, and only if it is that token.
#[tokio::test(start_paused = true)]
async fn a_revoked_token_is_removed_from_the_store() {
    let world = World::new();
    let (one, other) = (world.process(), world.process());
    let first = one.full_token().await;
    one.cache.discard(&first);
    one.cache.loader().discard(&first).await;
    assert_eq!((world.ims.requests(), world.store.remove_count()), (1, 1));
    assert_eq!(other.token().await, ok("t2"));
    one.cache.loader().discard(&first).await;
    assert_eq!(world.store.remove_count(), 1);
    assert_eq!(world.process().token().await, ok("t2"));
}
