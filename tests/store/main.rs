//! One token for many processes and machines: the client with a store, files, Redis, and real processes that are killed,
//! stopped and lied to.
#![cfg(all(target_os = "linux", feature = "file-store", feature = "redis-store"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test may stop at the first surprise, reads the clock, and prints for its parent"
)]

#[path = "../support/child.rs"]
mod child;
mod client;
mod crash;
mod fake_redis;
mod file;
mod fleet;
#[path = "../support/listening.rs"]
mod listening;
mod processes_file;
mod processes_redis;
mod redis;
mod redis_server;
