//! The mock itself, asked by a plain HTTP client that signs by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod client;
mod client_credentials;
mod files;
mod jwt_exchange;
mod record;
mod rotation;
mod script;
mod server;
mod support;
mod validation;
