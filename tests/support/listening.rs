//! Subscribers for one thread.

use std::sync::OnceLock;

use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Subscriber};

/// What tracing tells `subscriber` on this thread, until the guard is dropped.
///
/// As long as there is one subscriber, tracing asks nobody but the thread that meets an event first whether it is
/// heard, and keeps the answer for all. With a second one, which does nothing, it asks both.
pub fn listen(subscriber: impl Subscriber + Send + Sync) -> DefaultGuard {
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(tracing_subscriber::registry()));
    tracing::subscriber::set_default(subscriber)
}
