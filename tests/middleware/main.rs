//! P13: the bearer goes to named hosts only, and a 401 is followed by one refresh and one retry.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod api;
mod cancellation;
mod hosts;
#[path = "../support/listening.rs"]
mod listening;
mod redirects;
mod refresh;
mod retry;
mod skins;
mod tower_services;

use std::sync::Arc;
use std::time::Duration;

use adobe_ims::Token;
use adobe_ims::middleware::Bearer;
use adobe_ims::testing::ScriptedTokens;

/// Hands out `first`, and after each `forget` the next.
fn three_tokens() -> Arc<ScriptedTokens> {
    let tokens = ScriptedTokens::new();
    for text in ["first", "second", "third"] {
        tokens.then_token(token(text));
    }
    Arc::new(tokens)
}

fn token(text: &str) -> Token {
    Token::for_tests(text, Duration::from_secs(3600)).unwrap()
}

/// For the API on loopback, by its address.
fn bearer(tokens: &Arc<ScriptedTokens>) -> Bearer {
    Bearer::new(Arc::clone(tokens), ["127.0.0.1"]).unwrap()
}
