//! The crate's events, as whoever listens gets them.

use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, String)>,
}

/// Listens on this thread until the guard is dropped.
pub(crate) fn listen(hear: impl Fn(Told) + Send + Sync + 'static) -> DefaultGuard {
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
