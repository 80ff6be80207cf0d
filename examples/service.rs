//! One client, many tasks: an outage of IMS that no task notices, and an API that sends a 401.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adobe_ims::testing::{ManualClock, MockAnswer, MockIms};
use adobe_ims::{Error, ImsClient, TokenSource};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Error> {
    // A clock that the program moves, to see a day in a second.
    let clock = ManualClock::new();
    let mock = MockIms::builder().clock(clock.clone()).start().await?;
    let ims = ImsClient::builder(mock.credentials()).danger_endpoint(mock.endpoint()).clock(clock.clone()).build()?;
    let api = Arc::new(Api::default());

    println!("a cold start: 100 tasks request a token at once");
    println!("  {} served, {} requests to IMS so far", serve(&ims, &api).await, mock.request_count());

    println!("23 and a half hours later, IMS is down: the token is still valid, and is served from the cache");
    clock.advance(Duration::from_secs(23 * 3600 + 1800));
    mock.answer_always(MockAnswer::status(503));
    println!("  {} served, {} requests to IMS so far", serve(&ims, &api).await, mock.request_count());

    println!("20 minutes later, IMS is back: the token is refreshed in the background");
    clock.advance(Duration::from_secs(1200));
    mock.reset();
    println!("  {} served, {} requests to IMS so far", serve(&ims, &api).await, mock.request_count());

    println!("10 minutes later, the API refuses the token: forget it, and retry once with another");
    clock.advance(Duration::from_secs(600));
    api.refuses.store(true, Ordering::SeqCst);
    call(&ims, &api).await?;
    println!("  served, {} requests to IMS so far", mock.request_count());
    Ok(())
}

/// A hundred tasks with one client. Returns how many were served.
async fn serve(ims: &ImsClient, api: &Arc<Api>) -> usize {
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let (ims, api) = (ims.clone(), Arc::clone(api));
        tasks.spawn(async move { call(&ims, &api).await });
    }
    let served = tasks.join_all().await.iter().filter(|outcome| outcome.is_ok()).count();
    // The refresh runs in the background: give it a moment.
    tokio::time::sleep(Duration::from_millis(200)).await;
    served
}

/// Calls the API and, after a 401, retries once with another token.
async fn call(tokens: &dyn TokenSource, api: &Api) -> Result<(), Error> {
    let token = tokens.token().await?;
    if api.get(token.expose_secret()) != 401 {
        return Ok(());
    }
    tokens.forget(&token);
    let token = tokens.token().await?;
    assert_ne!(api.get(token.expose_secret()), 401, "the other token is refused too");
    Ok(())
}

/// In the place of AEM.
#[derive(Default)]
struct Api {
    refuses: AtomicBool,
}

impl Api {
    fn get(&self, _token: &str) -> u16 {
        // Refuses once.
        if self.refuses.swap(false, Ordering::SeqCst) { 401 } else { 200 }
    }
}
