//! Records metrics through the facade `metrics`: they go to the installed recorder. Recorded at an
//! exchange, never at a cache hit.

use std::time::{Duration, SystemTime};

use ::metrics::{Label, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::Identity;
use crate::error::Error;

// Each metric is described whenever it is recorded, since a recorder may be installed at any time.

pub(super) fn exchange_duration(identity: Identity<'_>, grant: &'static str, elapsed: Duration, error: Option<&Error>) {
    let outcome = if error.is_some() { "failure" } else { "success" };
    let mut labels = labels(identity);
    labels.extend([Label::from_static_parts("outcome", outcome), Label::from_static_parts("grant", grant)]);
    labels.extend(error.map(error_type));
    describe_histogram!(EXCHANGE_DURATION, Unit::Seconds, "How long an exchange with IMS took, retries included");
    histogram!(EXCHANGE_DURATION, labels).record(elapsed.as_secs_f64());
}

pub(super) fn refresh_failed(identity: Identity<'_>, error: &Error) {
    let mut labels = labels(identity);
    labels.push(error_type(error));
    describe_counter!(REFRESH_FAILURES, Unit::Count, "Exchanges for the cache that failed");
    counter!(REFRESH_FAILURES, labels).increment(1);
}

pub(super) fn token_expires_at(identity: Identity<'_>, time: SystemTime) {
    describe_gauge!(TOKEN_EXPIRES_AT, Unit::Seconds, "When the cached token expires, in seconds since 1970");
    gauge!(TOKEN_EXPIRES_AT, labels(identity)).set(unix(time));
}

pub(super) fn certificate_not_after(identity: Identity<'_>) {
    let Some(time) = identity.certificate_not_after else { return };
    let description = "When the certificate of the credentials expires, in seconds since 1970";
    describe_gauge!(CERTIFICATE_NOT_AFTER, Unit::Seconds, description);
    gauge!(CERTIFICATE_NOT_AFTER, labels(identity)).set(unix(time));
}

/// A store belongs to no client: several may share it.
pub(super) fn store_unreachable() {
    describe_counter!(STORE_UNREACHABLE, Unit::Count, "Requests to the token store that failed");
    counter!(STORE_UNREACHABLE).increment(1);
}

fn labels(identity: Identity<'_>) -> Vec<Label> {
    identity.label.map(|name| Label::new("client", name.to_owned())).into_iter().collect()
}

fn error_type(error: &Error) -> Label {
    Label::new("error.type", error.kind().to_string())
}

fn unix(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

const EXCHANGE_DURATION: &str = "adobe_ims.exchange.duration";
const REFRESH_FAILURES: &str = "adobe_ims.refresh.failures";
const TOKEN_EXPIRES_AT: &str = "adobe_ims.token.expires_at";
const STORE_UNREACHABLE: &str = "adobe_ims.store.unreachable";
const CERTIFICATE_NOT_AFTER: &str = "adobe_ims.certificate.not_after";
