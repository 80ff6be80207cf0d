//! The crate's events, as whoever listens gets them.

use std::fmt::Debug;
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, String)>,
}

/// Listens on this thread until the guard is dropped.
///
/// As long as there is one subscriber, tracing asks nobody but the thread that meets an event first whether it is
/// heard, and keeps the answer for all. With a second one, which does nothing, it asks both.
pub(crate) fn listen(hear: impl Fn(Told) + Send + Sync + 'static) -> DefaultGuard {
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(registry()));
    tracing::subscriber::set_default(registry().with(Ear(hear)))
}

struct Ear<F>(F);

impl<S: Subscriber, F: Fn(Told) + 'static> Layer<S> for Ear<F> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields(Vec::new());
        event.record(&mut fields);
        (self.0)(Told { level: *metadata.level(), target: metadata.target().to_owned(), fields: fields.0 });
    }
}

struct Fields(Vec<(String, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name().to_owned(), format!("{value:?}")));
    }
}
