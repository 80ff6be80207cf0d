//! Every metric with its name, unit, labels and value, as a recorder of the facade gets it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use adobe_ims::testing::{ManualClock, MemoryStore, MockAnswer, MockIms, StoreFault};
use adobe_ims::{ImsClient, ImsClientBuilder, OAuthCredentials};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// A token costs one exchange, and what follows from it is known: until when the token and the certificate are valid.
#[test]
fn an_exchange_reports_its_duration_and_when_token_and_certificate_expire() {
    let seen = record(async |start| {
        let mock = mock().await;
        start();
        let ims = client(&mock).build().unwrap();
        let token = ims.token().await.unwrap();
        assert_eq!(ims.certificate().unwrap().not_after(), unix(START + YEAR));
        assert!(token.expires_at() <= unix(START + DAY) && token.expires_at() > unix(START + DAY - 1));
    });
    assert_eq!(seen.len(), 3, "{seen:?}");
    let duration = &seen["adobe_ims.exchange.duration{grant=jwt,outcome=success}"];
    assert!(matches!(&duration.value, DebugValue::Histogram(values) if values.len() == 1 && values[0].0 < 10.0));
    assert_eq!(duration.unit, Some(Unit::Seconds));
    let DebugValue::Gauge(token) = seen["adobe_ims.token.expires_at"].value else { panic!("{seen:?}") };
    assert!((token.0 - (START + DAY) as f64).abs() < 1.0, "{token}");
    let certificate = &seen["adobe_ims.certificate.not_after"];
    assert_eq!(certificate.value, DebugValue::Gauge(((START + YEAR) as f64).into()));
    assert_eq!(certificate.unit, Some(Unit::Seconds));
    for metric in seen.values() {
        assert!(metric.description.as_ref().is_some_and(|text| text.len() > 20), "{metric:?}");
    }
}

/// A failed exchange of the cache counts, by what failed; the token stays what it was. The label is the application's.
#[test]
fn a_failed_refresh_counts_by_the_kind_of_its_error() {
    let seen = record(async |start| {
        let mock = mock().await;
        start();
        let ims = client(&mock).max_attempts(1).metrics_label("billing").build().unwrap();
        mock.answer_next(MockAnswer::revoked_certificate());
        assert!(ims.token().await.is_err());
    });
    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    let expected = [
        "adobe_ims.certificate.not_after{client=billing}",
        "adobe_ims.exchange.duration{client=billing,error.type=rejected,grant=jwt,outcome=failure}",
        "adobe_ims.refresh.failures{client=billing,error.type=rejected}",
    ];
    assert_eq!(names, expected);
    assert_eq!(seen[expected[2]].value, DebugValue::Counter(1));
    assert_eq!(seen[expected[2]].unit, Some(Unit::Count));
}

/// OAuth Server-to-Server credentials have no certificate. A plain exchange is not the cache's.
#[test]
fn an_exchange_beyond_the_cache_reports_its_duration_only() {
    let seen = record(async |start| {
        let mock = mock().await;
        start();
        let credentials = OAuthCredentials::from_json(mock.oauth_credentials_json()).unwrap();
        let ims = ImsClient::builder(credentials)
            .clock(clock())
            .danger_endpoint(mock.endpoint())
            .max_attempts(1)
            .build()
            .unwrap();
        ims.exchange().await.unwrap();
        mock.answer_next(MockAnswer::status(503));
        ims.exchange().await.unwrap_err();
        mock.answer_next(MockAnswer::throttle(Duration::from_secs(1)));
        ims.diagnose().await;
    });
    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "adobe_ims.exchange.duration{error.type=server,grant=client_credentials,outcome=failure}",
            "adobe_ims.exchange.duration{error.type=throttled,grant=client_credentials,outcome=failure}",
            "adobe_ims.exchange.duration{grant=client_credentials,outcome=success}",
        ]
    );
}

/// Replaced credentials come with a token and a certificate of their own.
#[test]
fn replaced_credentials_report_their_token_and_certificate() {
    let seen = record(async |start| {
        let time = clock();
        let mock = MockIms::builder().clock(time.clone()).start().await.unwrap();
        let ims = client(&mock).clock(time.clone()).build().unwrap();
        ims.token().await.unwrap();
        time.advance(Duration::from_secs(DAY));
        let rotated = mock.rotate_key().unwrap();
        start();
        ims.replace(rotated).await.unwrap();
    });
    let DebugValue::Gauge(token) = seen["adobe_ims.token.expires_at"].value else { panic!("{seen:?}") };
    assert!((token.0 - (START + 2 * DAY) as f64).abs() < 1.0, "{token}");
    let certificate = &seen["adobe_ims.certificate.not_after"].value;
    assert_eq!(*certificate, DebugValue::Gauge(((START + DAY + YEAR) as f64).into()));
}

/// A token from the store costs no exchange, and says as much about token and certificate.
#[test]
fn a_token_from_the_store_reports_when_token_and_certificate_expire() {
    let seen = record(async |start| {
        let (mock, store) = (mock().await, MemoryStore::with_clock(clock()));
        client(&mock).store(store.clone()).build().unwrap().token().await.unwrap();
        start();
        client(&mock).store(store).build().unwrap().token().await.unwrap();
        assert_eq!(mock.request_count(), 1);
    });
    let names: Vec<&str> = seen.keys().map(String::as_str).collect();
    assert_eq!(names, ["adobe_ims.certificate.not_after", "adobe_ims.token.expires_at"]);
}

/// A store that is down counts for each request to it; it belongs to no client.
#[test]
fn a_store_that_is_down_is_counted() {
    let seen = record(async |start| {
        let (mock, store) = (mock().await, MemoryStore::with_clock(clock()));
        store.fail(StoreFault::Unreachable);
        start();
        client(&mock).store(store).metrics_label("billing").build().unwrap().token().await.unwrap();
    });
    let unreachable = &seen["adobe_ims.store.unreachable"];
    assert_eq!((&unreachable.value, unreachable.unit), (&DebugValue::Counter(1), Some(Unit::Count)));
    assert!(seen.contains_key("adobe_ims.token.expires_at{client=billing}"), "{seen:?}");
}

/// A hit touches no recorder: neither a metric nor a description, a thousand times.
#[test]
fn a_cache_hit_records_nothing() {
    let calls = Arc::new(AtomicUsize::new(0));
    let recorder = CountingRecorder(Arc::clone(&calls));
    metrics::with_local_recorder(&recorder, || {
        runtime().block_on(async {
            let mock = mock().await;
            let ims = client(&mock).metrics_label("billing").build().unwrap();
            ims.token().await.unwrap();
            let before = calls.load(Ordering::Relaxed);
            assert!(before > 0);
            for _ in 0..1000 {
                ims.token().await.unwrap();
                assert!(ims.cached_token().is_some());
            }
            assert_eq!(calls.load(Ordering::Relaxed), before);
            assert_eq!(mock.request_count(), 1);
        });
    });
}

/// Nothing that is secret, and no id but the application's own label, becomes part of a metric.
#[test]
fn no_metric_shows_a_secret_or_an_id() {
    let seen = record(async |start| {
        let mock = mock().await;
        start();
        let ims = client(&mock).max_attempts(1).build().unwrap();
        ims.token().await.unwrap();
        mock.answer_always(MockAnswer::refuse("s8e-0123456789", "cm-p11111-e22222-integration"));
        ims.forget(&ims.token().await.unwrap());
        ims.token().await.unwrap_err();
    });
    let shown = format!("{seen:?}");
    for hidden in ["s8e-", "cm-p11111", "AdobeOrg", "techacct", "127.0.0.1"] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
    assert!(shown.contains("refresh.failures"), "{shown}");
}

#[derive(Debug)]
struct Seen {
    value: DebugValue,
    unit: Option<Unit>,
    description: Option<SharedString>,
}

/// What a recorder of this thread, on which the runtime runs too, has got since the test called `start`; by
/// `name{label=value}`.
fn record(test: impl AsyncFnOnce(&dyn Fn())) -> BTreeMap<String, Seen> {
    let recorder = DebuggingRecorder::new();
    let snapshotter: Snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        runtime().block_on(test(&|| drop(snapshotter.snapshot())));
    });
    let seen = snapshotter.snapshot().into_vec().into_iter().filter(|(_, _, _, value)| match value {
        // What was recorded before is still known by its name.
        DebugValue::Histogram(values) => !values.is_empty(),
        DebugValue::Counter(count) => *count > 0,
        DebugValue::Gauge(_) => true,
    });
    seen.map(|(key, unit, description, value)| {
        let mut labels: Vec<_> = key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        (format!("{}{labels}", key.key().name()), Seen { value, unit, description })
    })
    .collect()
}

async fn mock() -> MockIms {
    MockIms::builder().clock(clock()).start().await.unwrap()
}

fn client(mock: &MockIms) -> ImsClientBuilder {
    mock.client_builder().clock(clock())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn clock() -> ManualClock {
    ManualClock::at(unix(START))
}

fn unix(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

struct CountingRecorder(Arc<AtomicUsize>);

impl CountingRecorder {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Recorder for CountingRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        self.count();
    }

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        self.count();
    }

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        self.count();
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        self.count();
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        self.count();
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        self.count();
        Histogram::noop()
    }
}

const START: u64 = 1_790_000_000;
const DAY: u64 = 86_400;
const YEAR: u64 = 365 * DAY;
