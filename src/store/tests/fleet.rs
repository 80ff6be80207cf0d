//! What a fleet costs, in requests.

use super::harness::{World, all_at_once};
use crate::cache::tests::harness::{DAY, HOUR};

/// P12: ten thousand short processes in ten days, a thousand a day: one request a day.
#[tokio::test(start_paused = true)]
async fn short_lived_processes_cost_one_request_a_day() {
    let world = World::new();
    for _ in 0..10_000 {
        assert!(world.process().token().await.is_ok());
        world.time.pass(DAY / 1000).await;
    }
    assert_eq!(world.ims.requests(), 10);
}

/// P12: two hundred replicas of a service for three days: the first request, and one every 23
/// hours.
#[tokio::test(start_paused = true)]
async fn long_lived_processes_cost_one_request_every_23_hours() {
    let world = World::new();
    let processes = world.processes(200);
    for _ in 0..72 * 2 {
        assert!(all_at_once(&processes).await.iter().all(Result::is_ok));
        world.time.pass(HOUR / 2).await;
    }
    assert_eq!(world.ims.requests(), 1 + 72 / 23);
}
