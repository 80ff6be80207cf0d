//! A process that stands still for a while (SIGSTOP, a container freezer, a runtime that is not driven): no token outlives what
//! IMS meant, no clock is corrected by mistake, and the first call afterwards works.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and looks at the clock"
)]

mod support;

use std::time::{Duration, Instant, SystemTime};

use adobe_ims::testing::ManualClock;
use adobe_ims::{Clock, ErrorKind, Token};
use support::child::{self, Pid};
use support::raw::{RawServer, Step};
use support::raw_exchange::{BODY, good, granted, with_endpoint};
use support::server;
use wiremock::{Request, ResponseTemplate};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Half of it is longer than an assertion is valid.
const FREEZE: Duration = Duration::from_secs(20 * 60);

// The lifetime of a token.

/// T23: frozen for five seconds before the response, in its head or in its body: the token expires no later than IMS says, on
/// both clocks.
#[tokio::test]
async fn a_token_never_outlives_what_ims_says_across_a_freeze() {
    if let Some(endpoint) = child::argument("ENDPOINT") {
        let client = with_endpoint(&endpoint).build().unwrap();
        let token = match child::argument("CALL").unwrap().as_str() {
            "exchange" => client.exchange().await.unwrap(),
            _ => client.token().await.unwrap(),
        };
        let by_monotonic = SystemTime::now() + token.remaining();
        child::report(&format!("{} {}", millis(token.expires_at()), millis(by_monotonic)));
        return;
    }
    let body = r#"{"token_type":"bearer","access_token":"header.payload.signature","expires_in":60000}"#;
    let Step::Write(response) = Step::response("200 OK", body) else { panic!("a response is written") };
    let in_body = response.len() - body.len() / 2;
    let check = async |call: &'static str, at: usize| {
        let pid = Pid::default();
        let (before, after) = response.split_at(at);
        let server = RawServer::start([vec![
            Step::Read,
            Step::write(before),
            // So long that the client has read so much of it.
            Step::Pause(Duration::from_millis(200)),
            Step::Freeze(pid.clone()),
            Step::write(after),
            Step::Pause(Duration::from_secs(5)),
            Step::Thaw(pid.clone()),
            Step::Hold,
        ]]);
        let arguments = [("ENDPOINT", server.endpoint()), ("CALL", call.to_owned())];
        let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
        let test = "a_token_never_outlives_what_ims_says_across_a_freeze";
        let [line] = child::run_frozen(test, &arguments, &pid).await.try_into().unwrap();

        let [request] = server.requests().try_into().unwrap();
        let expires = millis(request.at) + 60_000;
        for measured in line.split(' ').map(|millis| millis.parse::<u128>().unwrap()) {
            assert!(measured <= expires, "{call} at {at}: {} ms too late", measured - expires);
            assert!(measured > expires - 10_000, "{call} at {at}: {} ms too early", expires - measured);
        }
    };
    tokio::join!(check("exchange", 0), check("token", 30), check("token", in_body));
}

/// T23: a response waits for 20 hours until its runtime is driven again: the token has 20 hours less, or has
/// expired and is not returned.
#[test]
fn a_token_ages_while_its_runtime_is_not_driven() {
    for (lifetime, left) in [(24 * HOUR, Some(4 * HOUR)), (19 * HOUR, None)] {
        let body = BODY.replace("86399999", &lifetime.as_millis().to_string());
        let response = || Step::response("200 OK", &body);
        let slow = vec![Step::Read, Step::Pause(Duration::from_millis(200)), response(), Step::Read, response()];
        let server = RawServer::start([slow]);
        let clock = ManualClock::new();
        let client = with_endpoint(&server.endpoint()).clock(clock.clone()).build().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let call = runtime.spawn({
            let client = client.clone();
            async move { client.token().await }
        });
        runtime.block_on(async {
            while server.requests().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        std::thread::sleep(Duration::from_millis(400));
        clock.advance(20 * HOUR);

        let outcome = runtime.block_on(call).unwrap();

        match left {
            Some(left) => assert_eq!(outcome.unwrap().remaining(), left),
            None => {
                assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Expired);
                assert!(client.cached_token().is_none());
                clock.advance(Duration::from_secs(2));
                assert_eq!(runtime.block_on(client.token()).unwrap().remaining(), lifetime);
            }
        }
    }
}

// The clock of IMS.

/// T24: an offset of the clock that was measured across a freeze or a suspend explains no refusal and is not in the hint.
#[tokio::test]
async fn no_assertion_is_corrected_by_an_offset_measured_across_a_freeze() {
    type Freeze = fn(&ManualClock);
    let freezes: [(&str, Freeze); 3] = [
        ("frozen", |clock| clock.advance(FREEZE)),
        ("suspended", |clock| clock.suspend(FREEZE)),
        ("set back", |clock| clock.set(clock.now() - FREEZE)),
    ];
    for (name, freeze) in freezes {
        for late in [false, true] {
            let clock = ManualClock::new();
            let ims = clock.clone();
            let server = server::responding(move |_: &Request| {
                let before = ims.now();
                freeze(&ims);
                // IMS responds at the beginning of the freeze or at its end.
                let date = if late { before + FREEZE } else { before };
                let body = r#"{"error":"invalid_token","error_description":"The JWT has expired."}"#;
                ResponseTemplate::new(400)
                    .insert_header("date", httpdate::fmt_http_date(date))
                    .set_body_raw(body, "application/json")
            })
            .await;
            let client = server::builder(&server).clock(clock).build().unwrap();

            let error = client.exchange().await.unwrap_err();

            assert_eq!(server::requests(&server).await, 1, "{name}, late: {late}");
            assert!(!error.hint().unwrap().contains("the local clock is"), "{name}, late: {late}: {error:?}");
        }
    }
}

// The first call afterwards.

/// R14: frozen past every timeout while a request is on its way: the call succeeds after waking, whichever it is.
#[tokio::test]
async fn the_first_call_after_a_freeze_succeeds() {
    if let Some(call) = child::argument("CALL") {
        first_call_after_a_freeze(&call).await;
        return;
    }
    let check = async |call: &str, requests: std::ops::RangeInclusive<usize>| {
        let pid = Pid::default();
        let freeze = [
            Step::Read,
            Step::Freeze(pid.clone()),
            Step::Pause(Duration::from_secs(6)),
            Step::Thaw(pid.clone()),
            Step::Hold,
        ];
        let before = if call == "token near expiry" { vec![Step::Read, granted()] } else { Vec::new() };
        let server = RawServer::start([[before.as_slice(), &freeze].concat(), good()]);
        let arguments = [("CALL", call), ("ENDPOINT", &server.endpoint())];

        let reported = child::run_frozen("the_first_call_after_a_freeze_succeeds", &arguments, &pid).await;

        assert_eq!(reported, ["a token"], "{call}");
        assert!(requests.contains(&server.requests().len()), "{call}: {} requests", server.requests().len());
    };
    tokio::join!(
        check("exchange", 2..=2),
        // The exchange that was frozen is repeated, and the caller may have started another.
        check("token", 2..=3),
        check("token near expiry", 3..=4),
        check("keep_fresh", 2..=3),
    );
}

async fn first_call_after_a_freeze(call: &str) {
    let clock = ShiftedClock::default();
    let client = with_endpoint(&child::argument("ENDPOINT").unwrap())
        .attempt_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(3))
        .max_attempts(1)
        .clock(clock.clone())
        .build()
        .unwrap();
    let start = Instant::now();
    let token: Token = match call {
        "exchange" => client.exchange().await.unwrap(),
        "token" => client.token().await.unwrap(),
        "token near expiry" => {
            client.token().await.unwrap();
            clock.shift(24 * HOUR - Duration::from_secs(4));
            client.token().await.unwrap()
        }
        _ => {
            tokio::spawn(client.keep_fresh());
            loop {
                let before = Instant::now();
                tokio::time::sleep(Duration::from_millis(10)).await;
                if before.elapsed() > Duration::from_secs(3) {
                    break client.token().await.unwrap();
                }
            }
        }
    };
    assert!(start.elapsed() > Duration::from_secs(5), "it was not frozen");
    assert!(token.remaining() > 23 * HOUR, "an old token: {token:?}");
    child::report("a token");
}

/// The machine's clocks, both ahead by the same time.
#[derive(Clone, Default)]
struct ShiftedClock(std::sync::Arc<std::sync::Mutex<Duration>>);

impl ShiftedClock {
    fn shift(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> SystemTime {
        SystemTime::now() + *self.0.lock().unwrap()
    }

    fn monotonic(&self) -> Instant {
        Instant::now() + *self.0.lock().unwrap()
    }
}

fn millis(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()
}
