//! The cached token end to end: real runtimes, real sockets, the public surface only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use adobe_ims::testing::{ManualClock, MockAnswer, MockIms, ScriptedTokens};
use adobe_ims::{Clock, Error, ErrorKind, ImsClient, Token, TokenSource};
use http::StatusCode;
use support::material::CredentialsFile;
use support::raw::{RawServer, Step};
use support::raw_exchange::{self, good, granted};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

// Many callers.

/// T6: five thousand cold callers on several threads, one request, one token.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn five_thousand_callers_make_one_request() {
    let mock = MockIms::start().await.unwrap();
    mock.answer_always(MockAnswer::grant().delay(Duration::from_millis(200)));
    let ims = mock.client().unwrap();
    let callers: Vec<_> =
        (0..5000).map(|_| ims.clone()).map(|ims| tokio::spawn(async move { ims.token().await })).collect();
    let first = ims.token().await.unwrap();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap().expose_secret(), first.expose_secret());
    }
    assert_eq!(mock.request_count(), 1);
}

/// T7: concurrent callers share one refusal, and it is remembered: later callers do not ask again at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_callers_share_one_refusal() {
    let mock = MockIms::start().await.unwrap();
    mock.answer_always(MockAnswer::refuse("invalid_client", "invalid client_secret parameter"));
    let ims = mock.client().unwrap();
    let callers: Vec<_> =
        (0..100).map(|_| ims.clone()).map(|ims| tokio::spawn(async move { ims.token().await })).collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap_err().code(), Some("invalid_client"));
    }
    assert_eq!(at_once(ims.token()).unwrap().unwrap_err().code(), Some("invalid_client"));
    assert_eq!(mock.request_count(), 1);
}

/// T4: a background refresh makes one attempt, and no caller sees its failure.
#[tokio::test]
async fn a_background_refresh_makes_one_attempt() {
    let clock = ManualClock::new();
    let mock = MockIms::builder().clock(clock.clone()).start().await.unwrap();
    let ims = ImsClient::builder(mock.credentials()).danger_endpoint(mock.endpoint()).clock(clock.clone());
    let ims = ims.build().unwrap();
    ims.token().await.unwrap();
    mock.answer_always(MockAnswer::status(503));
    clock.advance(DAY - 30 * MINUTE);
    assert!(at_once(ims.token()).unwrap().is_ok());
    while mock.request_count() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Longer than the pause before a second attempt would be.
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(at_once(ims.token()).unwrap().is_ok());
    assert_eq!(mock.request_count(), 2);
}

/// T10: many callers that got a 401 all get the same new token, for one request.
#[tokio::test]
async fn many_who_forget_a_refused_token_cost_one_request() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client().unwrap();
    let refused = ims.token().await.unwrap();
    let mut refreshed = Vec::new();
    for _ in 0..10 {
        ims.forget(&refused);
        refreshed.push(ims.token().await.unwrap().expose_secret().to_owned());
    }
    refreshed.dedup();
    assert_eq!(refreshed.len(), 1);
    assert_ne!(refreshed[0], refused.expose_secret());
    assert_eq!(mock.request_count(), 2);
}

/// T10: an API that always responds with 401 costs one exchange a minute at most, not one for each request.
#[tokio::test]
async fn a_lasting_401_costs_one_exchange_a_minute() {
    let (mock, clock) = (MockIms::start().await.unwrap(), ManualClock::new());
    let ims = mock.client_builder().clock(clock.clone()).build().unwrap();
    let forget_each = async || {
        for _ in 0..20 {
            ims.forget(&ims.token().await.unwrap());
        }
    };
    forget_each().await;
    assert_eq!(mock.request_count(), 2);
    clock.advance(MINUTE);
    forget_each().await;
    assert_eq!(mock.request_count(), 3);
}

/// T14: before 1970 nothing can be signed: an error, not a panic, and no request.
#[tokio::test]
async fn a_clock_before_1970_is_an_error_of_usage() {
    let mock = MockIms::start().await.unwrap();
    let clock = ManualClock::new();
    clock.set(SystemTime::UNIX_EPOCH - DAY);
    let ims = ImsClient::builder(mock.credentials()).danger_endpoint(mock.endpoint()).clock(clock).build().unwrap();
    for _ in 0..2 {
        assert_eq!(ims.token().await.unwrap_err().kind(), ErrorKind::Usage);
    }
    assert_eq!(mock.request_count(), 0);
}

/// T19: each client draws the start of its refresh window.
#[tokio::test]
async fn clients_that_started_together_do_not_refresh_together() {
    let clock = ManualClock::new();
    let mock = MockIms::builder().clock(clock.clone()).start().await.unwrap();
    let ims =
        ImsClient::builder(mock.credentials()).danger_endpoint(mock.endpoint()).clock(clock.clone()).build().unwrap();
    let clients: Vec<_> = (0..30).map(|_| ims.with_credentials(mock.credentials()).unwrap()).collect();
    for client in &clients {
        client.token().await.unwrap();
    }
    assert_eq!(mock.request_count(), 30);

    // In the middle of the minutes over which they are spread.
    clock.advance(DAY - 57 * MINUTE);
    for client in &clients {
        at_once(client.token()).unwrap().unwrap();
    }
    let mut seen = 0;
    while seen != mock.request_count() {
        seen = mock.request_count();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!((31..60).contains(&seen), "{seen}");
}

/// T21: two credentials in one process, on one set of connections: neither ever gets the other's token.
#[tokio::test]
async fn two_credentials_share_connections_and_no_token() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(token_named_after_the_client).mount(&server).await;
    let credentials = |id| CredentialsFile::new().client_id(id).read().unwrap();
    let clock = ManualClock::new();
    let first = ImsClient::builder(credentials("first")).danger_endpoint(server.uri()).clock(clock.clone());
    let first = first.build().unwrap();
    let second = first.with_credentials(credentials("second")).unwrap();
    assert_eq!((first.client_id(), second.client_id()), ("first", "second"));

    for round in 1..=500 {
        // Long enough to forget another token, and far from the refresh window.
        clock.advance(MINUTE);
        let (of_first, of_second) = tokio::join!(first.token(), second.token());
        let (of_first, of_second) = (of_first.unwrap(), of_second.unwrap());
        assert_eq!((of_first.expose_secret(), of_second.expose_secret()), ("token.of.first", "token.of.second"));
        match round % 10 {
            0 => first.forget(&of_first),
            // The other client's token.
            3 => first.forget(&of_second),
            5 => second.forget(&of_second),
            _ => {}
        }
    }
    let asked: Vec<_> = server.received_requests().await.unwrap().iter().map(client_id).collect();
    let of = |id: &str| asked.iter().filter(|asked| *asked == id).count();
    assert_eq!((of("first"), of("second")), (50, 51));
}

// Callers that give up.

/// R3: callers with timeouts of a millisecond get a token in the end, for one request.
#[tokio::test]
async fn callers_with_tiny_timeouts_get_their_token_in_the_end() {
    let mock = MockIms::start().await.unwrap();
    mock.answer_always(MockAnswer::grant().delay(Duration::from_millis(300)));
    let ims = mock.client().unwrap();
    let mut given_up = 0;
    while timeout(Duration::from_millis(1), ims.token()).await.is_err() {
        given_up += 1;
        assert!(given_up < 10_000, "no progress");
    }
    assert!(given_up > 0);
    assert!(at_once(ims.token()).unwrap().is_ok());
    assert_eq!(mock.request_count(), 1);
}

/// R9: an abandoned exchange, whose runtime is not driven, is cancelled with the last client too.
#[test]
fn an_abandoned_exchange_is_cancelled_with_the_last_client() {
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let (undriven, driven) = (runtime(), runtime());
    let mock = driven.block_on(MockIms::start()).unwrap();
    let ims = mock.client_builder().timeout(Duration::from_millis(300)).build().unwrap();
    {
        let _on = undriven.enter();
        let mut context = Context::from_waker(Waker::noop());
        assert!(std::pin::pin!(ims.token()).poll(&mut context).is_pending());
    }
    assert_eq!(driven.block_on(ims.token()).unwrap_err().kind(), ErrorKind::Timeout);
    assert!(driven.block_on(ims.token()).is_ok());
    drop(ims);
    // Now both are driven, the one with the open connection too.
    let drive = |runtime: Runtime| runtime.block_on(async { tokio::time::sleep(Duration::from_millis(500)).await });
    std::thread::scope(|scope| {
        scope.spawn(|| drive(driven));
        drive(undriven);
    });
    assert_eq!(mock.request_count(), 1);
}

/// R9: the server sees the connection closed when the last client is dropped during an exchange, and not before.
#[tokio::test]
async fn the_last_client_dropped_closes_the_connection() {
    let server = RawServer::start([vec![Step::Read, Step::Hold]]);
    let credentials = CredentialsFile::new().read().unwrap();
    let ims = ImsClient::builder(credentials).danger_endpoint(server.endpoint()).build().unwrap();
    assert!(at_once(ims.token()).is_none());
    while server.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(ims.clone());
    assert!(timeout(Duration::from_millis(200), server.is_idle()).await.is_err());

    drop(ims);
    assert!(server.is_idle().await, "the connection is still open");
    assert_eq!(server.connections(), 1);
}

/// R9: `keep_fresh` asks without a caller, and ends with the last client.
#[tokio::test]
async fn keep_fresh_asks_by_itself_and_ends_with_the_last_client() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client().unwrap();
    let task = tokio::spawn(ims.keep_fresh());
    while mock.request_count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(ims.token().await.is_ok());
    assert_eq!(mock.request_count(), 1);
    assert!(!task.is_finished());
    drop(ims);
    task.await.unwrap();
}

// Runtimes.

/// R5: a client is built and cloned without a runtime. Without one a valid token is served; anything else is a usage error.
#[test]
fn without_a_runtime_a_valid_token_is_served() {
    let driver = runtime();
    let mock = driver.block_on(MockIms::start()).unwrap();
    let ims = mock.client().unwrap();
    assert_eq!(at_once(ims.token()).unwrap().unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(at_once(ims.keep_fresh()), Some(()));
    let token = driver.block_on(ims.token()).unwrap();
    let served = at_once(ims.token()).unwrap().unwrap();
    assert_eq!(served.expose_secret(), token.expose_secret());
    ims.forget(&served);
    assert_eq!(at_once(ims.token()).unwrap().unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(mock.request_count(), 1);
}

/// R6, R7: a client outlives 300 runtimes and their connections, every third of them dropped during an exchange: each first
/// call in the next one works.
#[test]
fn each_first_call_after_a_dropped_runtime_works() {
    let driver = runtime();
    let clock = ManualClock::new();
    let mock = driver.block_on(MockIms::builder().clock(clock.clone()).start()).unwrap();
    let ims = mock.client_builder().clock(clock.clone()).build().unwrap();
    for number in 0..300 {
        let short_lived = runtime();
        let token = short_lived.block_on(ims.token()).unwrap();
        clock.advance(MINUTE);
        ims.forget(&token);
        if number % 3 == 0 {
            // Whether the response comes in that time is open: so both are tried.
            drop(short_lived.block_on(async { timeout(Duration::from_millis(1), ims.token()).await }));
        }
        drop(short_lived);
    }
    assert!((300..=600).contains(&mock.request_count()), "{}", mock.request_count());
}

/// R6: one client in 360 short runtimes: each call works, although it makes one attempt and the pool has connections whose
/// runtimes are shutting down.
#[test]
fn one_attempt_is_enough_in_each_of_many_short_runtimes() {
    let mock = runtime().block_on(MockIms::start()).unwrap();
    let ims = mock.client_builder().max_attempts(1).build().unwrap();
    for number in 0..360 {
        let short_lived = if number % 3 == 0 { runtime() } else { runtime_with_threads() };
        let outcome = short_lived.block_on(ims.exchange());
        outcome.unwrap_or_else(|error| panic!("call {number}: {error:?}"));
        // Its threads, and with them its connections, end some time later.
        short_lived.shutdown_background();
    }
    // A few requests may have been sent by a runtime that was then gone.
    assert!((360..=380).contains(&mock.request_count()), "{}", mock.request_count());
}

/// R6: the same at the worst moment: the runtime of the connection is dropped between request and response.
#[test]
fn a_connection_of_a_dropped_runtime_costs_no_attempt() {
    let server = RawServer::start([vec![Step::Read, granted(), Step::Read, Step::Hold], good()]);
    let ims = raw_exchange::builder(&server).max_attempts(1).build().unwrap();
    let before = runtime_with_threads();
    before.block_on(ims.exchange()).unwrap();

    let outcome = runtime().block_on(async {
        let mut call = pin!(ims.exchange());
        while server.requests().len() < 2 {
            assert!(timeout(Duration::from_millis(5), call.as_mut()).await.is_err());
        }
        before.shutdown_background();
        call.await
    });

    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!((server.connections(), server.requests().len()), (2, 3));
}

/// R6: an exchange on a runtime that is alive but not driven costs one call its timeout; the next one works.
#[test]
fn a_runtime_that_is_not_driven_costs_one_call() {
    let (driver, idle) = (runtime(), runtime());
    let mock = driver.block_on(MockIms::start()).unwrap();
    let ims = ImsClient::builder(mock.credentials()).danger_endpoint(mock.endpoint());
    let ims = ims.timeout(Duration::from_secs(1)).build().unwrap();
    idle.block_on(async { assert!(at_once(ims.token()).is_none()) });

    driver.block_on(async {
        let error = timeout(Duration::from_secs(20), ims.token()).await.expect("it hangs").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(ims.token().await.is_ok());
    });
    assert_eq!(mock.request_count(), 1);
}

// What is cached, and what is not.

/// Clones share one token, in whichever task they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clones_share_the_token() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client().unwrap();
    let clone = ims.clone();
    let token = tokio::spawn(async move { clone.token().await }).await.unwrap().unwrap();
    assert_eq!(ims.token().await.unwrap().expose_secret(), token.expose_secret());
    ims.clone().forget(&token);
    assert_ne!(ims.token().await.unwrap().expose_secret(), token.expose_secret());
    assert_eq!(mock.request_count(), 2);
}

/// `cached_token` looks at the cache and nothing else: no request, no refresh, and no token that has expired.
#[tokio::test]
async fn the_cached_token_can_be_looked_at_without_a_request() {
    let (mock, clock) = (MockIms::start().await.unwrap(), ManualClock::new());
    let ims = mock.client_builder().clock(clock.clone()).build().unwrap();
    assert!(ims.cached_token().is_none());
    let token = ims.token().await.unwrap();
    for age in [Duration::ZERO, DAY - 30 * MINUTE, DAY - Duration::from_secs(2)] {
        clock.advance(age - (DAY - token.remaining()).min(age));
        assert_eq!(ims.cached_token().unwrap().expose_secret(), token.expose_secret());
    }
    clock.advance(Duration::from_secs(2));
    assert!(ims.cached_token().is_none());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(mock.request_count(), 1);
}

/// `exchange` neither returns the cached token nor replaces it.
#[tokio::test]
async fn an_exchange_neither_reads_nor_fills_the_cache() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client().unwrap();
    let exchanged = ims.exchange().await.unwrap();
    let cached = ims.token().await.unwrap();
    assert_ne!(cached.expose_secret(), exchanged.expose_secret());
    ims.forget(&exchanged);
    let again = ims.exchange().await.unwrap();
    assert_ne!(again.expose_secret(), cached.expose_secret());
    assert_eq!(ims.token().await.unwrap().expose_secret(), cached.expose_secret());
    assert_eq!(mock.request_count(), 3);
}

/// `exchange` is not held back by the failures of `token`, and its success does not end their cooldown.
#[tokio::test]
async fn an_exchange_is_not_held_back_by_remembered_failures() {
    let mock = MockIms::start().await.unwrap();
    mock.answer_next(MockAnswer::throttle(Duration::from_secs(3600)));
    let ims = mock.client().unwrap();
    let error = ims.token().await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Throttled, Some(Duration::from_secs(3600))));
    assert!(ims.exchange().await.is_ok());
    assert_eq!(ims.token().await.unwrap_err().retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(mock.request_count(), 2);
}

/// A token that is valid for long enough is returned; one that is not is replaced, once, and one that never could be is not.
#[tokio::test]
async fn a_required_validity_costs_one_exchange_at_most() {
    let mock = MockIms::start().await.unwrap();
    let clock = ManualClock::new();
    let ims =
        ImsClient::builder(mock.credentials()).danger_endpoint(mock.endpoint()).clock(clock.clone()).build().unwrap();
    let first = ims.token_valid_for(23 * 60 * MINUTE).await.unwrap();
    clock.advance(120 * MINUTE);
    assert!(at_once(ims.token_valid_for(21 * 60 * MINUTE)).unwrap().is_ok());
    let second = ims.token_valid_for(23 * 60 * MINUTE).await.unwrap();
    assert_ne!(first.expose_secret(), second.expose_secret());
    assert!(at_once(ims.token_valid_for(2 * DAY)).unwrap().is_ok());
    assert_eq!(mock.request_count(), 2);
}

// `TokenSource`.

/// A client is a source of tokens, directly and behind every kind of pointer; each forgets.
#[tokio::test]
async fn every_kind_of_source_gets_tokens_and_forgets_them() {
    async fn text(source: impl TokenSource) -> String {
        source.token().await.unwrap().expose_secret().to_owned()
    }
    let mock = MockIms::start().await.unwrap();
    let clock = ManualClock::new();
    let ims = mock.client_builder().clock(clock.clone()).build().unwrap();
    let current = ims.token().await.unwrap().expose_secret().to_owned();
    let (arc, boxed): (Arc<dyn TokenSource>, Box<dyn TokenSource>) = (Arc::new(ims.clone()), Box::new(ims.clone()));
    assert_eq!(text(&ims).await, current);
    assert_eq!(text(Arc::clone(&arc)).await, current);
    assert_eq!(text(&*boxed).await, current);
    assert_eq!(text(Box::new(&arc)).await, current);
    assert_eq!(mock.request_count(), 1);

    let forgetting: [&dyn TokenSource; 5] = [&ims, &&ims, &arc, &boxed, &Box::new(Arc::new(&ims))];
    for (at, source) in forgetting.into_iter().enumerate() {
        clock.advance(MINUTE);
        source.forget(&source.token().await.unwrap());
        assert_eq!(mock.request_count(), at as u64 + 1);
        source.token().await.unwrap();
        assert_eq!(mock.request_count(), at as u64 + 2);
    }
}

/// A token is its own source until it expires; forgetting it changes nothing.
#[tokio::test]
async fn a_token_is_a_source_until_it_expires() {
    let clock = ManualClock::new();
    let token = Token::for_tests_with_clock("given", MINUTE, clock.clone()).unwrap();
    let source: &dyn TokenSource = &token;
    source.forget(&token);
    assert_eq!(source.token().await.unwrap().expose_secret(), "given");
    clock.advance(MINUTE);
    assert_eq!(source.token().await.unwrap_err().kind(), ErrorKind::Expired);
    assert!(clock.now() >= token.expires_at());
}

/// A caller who asks for a whole lifetime gets the token of one exchange, though a little of it has passed on the way.
#[tokio::test]
async fn a_whole_lifetime_is_asked_for_once() {
    let mock = MockIms::start().await.unwrap();
    mock.answer_always(MockAnswer::grant().expires_in(DAY).delay(Duration::from_millis(50)));
    let token = mock.client().unwrap().token_valid_for(DAY).await.unwrap();
    assert!(token.remaining() < DAY);
    assert_eq!(mock.request_count(), 1);
}

/// T23: a token that expired while its response was on the way is an error, not a token.
#[tokio::test]
async fn a_token_that_has_expired_on_arrival_is_an_error() {
    let mock = MockIms::start().await.unwrap();
    mock.answer_next(MockAnswer::grant().expires_in(Duration::from_millis(500)).delay(Duration::from_secs(1)));
    let error = mock.client().unwrap().exchange().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Expired, Some(StatusCode::OK)));
    assert!(!error.is_transient());
}

/// A token made for a test must be one that a header can carry, and that expires within the clock's range.
#[test]
fn a_token_for_a_test_is_checked() {
    assert!(Token::for_tests("~!a.b-c_d", DAY).is_ok());
    for (text, lifetime) in [("", DAY), ("a b", DAY), ("a\n", DAY), ("ä", DAY), ("a", Duration::MAX)] {
        assert_eq!(Token::for_tests(text, lifetime).unwrap_err().kind(), ErrorKind::Usage, "{text:?} {lifetime:?}");
    }
}

/// An application tests its own handling of a 401 without HTTP.
#[tokio::test]
async fn an_application_tests_its_handling_of_a_401_by_script() {
    async fn call(tokens: &dyn TokenSource, api: impl Fn(&str) -> u16) -> Result<u16, Error> {
        let token = tokens.token().await?;
        match api(token.expose_secret()) {
            401 => {
                tokens.forget(&token);
                Ok(api(tokens.token().await?.expose_secret()))
            }
            status => Ok(status),
        }
    }
    let tokens = ScriptedTokens::new();
    tokens.then_token(Token::for_tests("stale", DAY).unwrap());
    tokens.then_token(Token::for_tests("new", DAY).unwrap());
    tokens.then_failure(ErrorKind::Timeout);
    let api = |text: &str| if text == "new" { 200 } else { 401 };
    assert_eq!(call(&tokens, api).await.unwrap(), 200);
    assert_eq!(call(&tokens, |_| 401).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(tokens.forgotten(), 2);
    // The script is over: IMS is down.
    assert_eq!(tokens.token().await.unwrap_err().kind(), ErrorKind::Server);
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn runtime_with_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The outcome of a future's first poll.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

fn token_named_after_the_client(request: &Request) -> ResponseTemplate {
    let body =
        format!(r#"{{"access_token":"token.of.{}","token_type":"bearer","expires_in":86399999}}"#, client_id(request));
    ResponseTemplate::new(200).set_body_raw(body, "application/json")
}

fn client_id(request: &Request) -> String {
    form_urlencoded::parse(&request.body).find(|(name, _)| name == "client_id").unwrap().1.into_owned()
}
