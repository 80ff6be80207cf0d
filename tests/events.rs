//! What an operator sees in the log: `tracing` events at WARN for each failed exchange of the cache.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

#[path = "support/listening.rs"]
mod listening;
mod support;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adobe_ims::testing::ManualClock;
use support::material::{CERTIFICATE, CLIENT_ID, CLIENT_SECRET, CredentialsFile};
use support::server::{assertions, builder, first_then, requests, responding, shows_a_piece, token};
use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::ResponseTemplate;

/// P7: `keep_fresh` with a revoked certificate is reported at WARN from its first failure on: what failed, whose it is,
/// and what to do.
#[tokio::test]
async fn keep_fresh_reports_its_first_failure_with_hint_and_client_id() {
    let log = Log::at(Level::INFO);
    let server = responding(revoked()).await;
    let credentials = CredentialsFile::new().certificate(CERTIFICATE).read().unwrap();
    let client = builder(&server).build().unwrap().with_credentials(credentials).unwrap();

    let task = tokio::spawn(client.keep_fresh());
    log.wait_for(1).await;

    let [line] = log.lines().try_into().unwrap();
    assert_eq!(requests(&server).await, 1);
    let host = server.address();
    for part in [
        "WARN adobe_ims: token exchange failed, there is no valid token",
        &format!("server.address=\"{}\" server.port={}", host.ip(), host.port()),
        &format!("client_id=\"{CLIENT_ID}\""),
        "error.type=rejected",
        "error.message=IMS refused the request: 400 invalid_token: Could not match JWT signature to any of the bindings",
        "http.response.status_code=400",
        "code=\"invalid_token\"",
        "description=\"Could not match JWT signature to any of the bindings\"",
        "debug_id=\"d-1\"",
        "hint=\"this certificate belongs to the key and expires on Mon, 01 Jan 2125 00:00:00 GMT, so it was probably revoked",
        "next_try=",
    ] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    for secret in [CLIENT_SECRET, &assertions(&server).await[0]] {
        assert!(!shows_a_piece(&line, secret), "{line}");
    }
    drop(client);
    task.await.unwrap();
}

/// P7: a refresh that fails while the token is valid is reported at WARN, with the time left: the only alarm before an
/// outage. The log of two tenants says whose it is.
#[tokio::test]
async fn a_failed_refresh_is_reported_with_the_time_left_and_the_tenant() {
    let log = Log::at(Level::INFO);
    let (server, clock) = (first_then(token(), revoked()).await, ManualClock::new());
    let client = builder(&server).clock(clock.clone()).build().unwrap();
    client.token().await.unwrap();
    assert_eq!(log.lines(), [""; 0]);

    clock.advance(Duration::from_secs(86_399 - 1_800));
    client.token().await.unwrap();
    let other = CredentialsFile::new().client_id("other-tenant").read().unwrap();
    client.with_credentials(other).unwrap().token().await.unwrap_err();
    log.wait_for(2).await;

    let mut lines = log.lines();
    lines.sort_by_key(|line| line.contains("other-tenant"));
    assert!(lines[0].contains("WARN adobe_ims: token refresh failed, the cached token is still valid"), "{lines:?}");
    assert!(lines[0].contains(&format!("client_id=\"{CLIENT_ID}\"")), "{lines:?}");
    assert!(lines[0].contains(" time_left=1800.") || lines[0].contains(" time_left=1799."), "{lines:?}");
    assert!(lines[0].contains(" hint=\"") && lines[0].contains(" error.type=rejected"), "{lines:?}");
    assert!(lines[1].contains("there is no valid token") && !lines[1].contains("time_left"), "{lines:?}");
    assert_eq!(lines.len(), 2);
}

/// Each attempt is an event at DEBUG, in a span with host and client id.
#[tokio::test]
async fn each_attempt_is_an_event_in_a_span_with_host_and_client_id() {
    let log = Log::at(Level::DEBUG);
    let server = first_then(ResponseTemplate::new(503), token()).await;

    builder(&server).build().unwrap().exchange().await.unwrap();

    let lines: Vec<_> = log.lines().into_iter().filter(|line| line.contains(" adobe_ims: ")).collect();
    let (ip, port) = (server.address().ip(), server.address().port());
    let span = format!("ims_exchange{{client_id=\"{CLIENT_ID}\" server.address=\"{ip}\" server.port={port}}}");
    assert!(lines.iter().all(|line| line.contains("DEBUG") && line.contains(&span)), "{lines:?}");
    let [failed, succeeded] = lines.as_slice() else { panic!("{lines:?}") };
    for part in
        ["attempt failed attempt=1 elapsed=", "error.type=server", "http.response.status_code=503", "next_try=Some("]
    {
        assert!(failed.contains(part), "{failed}");
    }
    assert!(succeeded.contains("attempt succeeded attempt=2 elapsed="), "{succeeded}");
}

fn revoked() -> ResponseTemplate {
    let body =
        r#"{"error_description":"Could not match JWT signature to any of the bindings","error":"invalid_token"}"#;
    ResponseTemplate::new(400).insert_header("x-debug-id", "d-1").set_body_raw(body, "application/json")
}

/// What this thread logs, as long as it lives.
struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

impl Log {
    fn at(level: Level) -> Self {
        let text = Arc::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .with_writer(Writer(Arc::clone(&text)))
            .finish();
        Self { text, _guard: listening::listen(subscriber) }
    }

    async fn wait_for(&self, lines: usize) {
        let lines = async {
            while self.lines().len() < lines {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(10), lines).await;
        assert!(in_time.is_ok(), "too little was logged: {:?}", self.lines());
    }

    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.text.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl MakeWriter<'_> for Writer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
