//! Tests without Adobe: a strict mock of IMS, a clock that a test moves, and tokens by script.
//! Feature `testing`.
//!
//! [`MockIms`] listens on `127.0.0.1` and verifies every request as IMS does. It refuses a wrong
//! one with the status, code and wording of IMS. A service that gets its tokens from the mock
//! therefore sends what IMS accepts.
//!
//! # Testing a service
//!
//! The service under test takes an [`ImsClient`](crate::ImsClient). The test passes one that
//! connects to the mock.
//!
//! ```
//! use adobe_ims::ImsClient;
//! use adobe_ims::testing::{MockAnswer, MockIms};
//!
//! // The service: the HTTP status it responds with, which depends on whether it gets a token.
//! async fn status(ims: &ImsClient) -> u16 {
//!     match ims.token().await {
//!         Ok(_token) => 200,
//!         Err(error) if error.is_transient() => 503,
//!         Err(_) => 500,
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mock = MockIms::start().await?;
//! let ims = mock.client()?;
//! assert_eq!(status(&ims).await, 200);
//!
//! // IMS is down, and the token is in the cache.
//! mock.answer_always(MockAnswer::status(503));
//! assert_eq!(status(&ims).await, 200);
//! assert_eq!(mock.request_count(), 1);
//!
//! // A service that starts now has no token.
//! let ims = mock.client_builder().max_attempts(1).build()?;
//! assert_eq!(status(&ims).await, 503);
//!
//! // IMS is back, but somebody has revoked the certificate.
//! mock.reset();
//! mock.revoke_key(0);
//! assert_eq!(status(&mock.client()?).await, 500);
//! # Ok(())
//! # }
//! ```
//!
//! # What it serves
//!
//! One mock has two credentials. Each can request tokens, and have them validated and invalidated:
//!
//! - a technical account of AEM, which uses the JWT exchange: [`MockIms::credentials`];
//! - an OAuth Server-to-Server credential, which uses the client credentials grant:
//!   [`MockIms::oauth_credentials`].
//!
//! Both are also there as the files that Adobe hands out, such as [`MockIms::credentials_json`] and
//! [`MockIms::oauth_credentials_json`], and so is a [local development
//! token](MockIms::development_token).
//!
//! Of a token request it verifies client id and secret, then either the assertion (form, `aud`,
//! signature, certificate, `exp`, `iss`, `sub`, metascopes) or the grant type, organization and
//! scopes. Where it is not known what IMS does, the mock refuses: it accepts only what is known to
//! work.
//!
//! Both credentials can be rotated and revoked while a service runs: see
//! [`rotate_key`](MockIms::rotate_key), [`add_client_secret`](MockIms::add_client_secret) and their
//! neighbours. [`MockRequest`] says which key and which secret a request carried.
//!
//! # Scripts
//!
//! Without a script every request is verified. [`MockIms::answer_next`] scripts the response to one
//! request, in order. [`MockIms::answer_always`] scripts those to all requests after that, and
//! [`MockIms::reset`] ends the script. A [`MockAnswer`] can be an outage, a 429, a slow response, a
//! body that makes no sense, or a lifetime in the wrong unit.
//!
//! # Record
//!
//! [`MockIms::request_count`] and [`MockIms::requests`] show how often a token was requested, and
//! with what. A [`MockRequest`] holds no client secret, assertion or token, so a failing test may
//! print it.
//!
//! # Other clients
//!
//! Any client can use the mock: write one of its files to where the client looks for it, and have
//! it connect to [`MockIms::endpoint`], on a [port](MockImsBuilder::port) of your choice. Clients
//! that build `aud` from the address they connect to need [`MockImsBuilder::accept_own_address`].
//!
//! The example `stand_in` is the mock as a program, which needs no Rust to use:
//! `cargo install adobe-ims --example stand_in --features testing`, then `stand_in --help`.
//!
//! # Time
//!
//! A real socket needs real time: under a paused tokio clock (`start_paused`) every timeout fires
//! while the response is on its way. Where a test should not wait for retries, build the client
//! with `max_attempts(1)`. What needs no HTTP is tested with [`ScriptedTokens`], which needs no
//! time at all.
//!
//! [`ManualClock`] moves the client's time, so that a token expires and a failure is forgotten.
//! Pass it to the client, to the mock ([`MockImsBuilder::clock`]), or to both. A mock started with
//! a clock that is [`at`](ManualClock::at) 360 days ago issues a certificate that expires in less
//! than five.
//!
//! ```
//! use std::time::Duration;
//! use adobe_ims::testing::{ManualClock, MockAnswer, MockIms};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), adobe_ims::Error> {
//! let (mock, clock) = (MockIms::start().await?, ManualClock::new());
//! let ims = mock.client_builder().clock(clock.clone()).max_attempts(1).build()?;
//! ims.token().await?;
//!
//! mock.answer_always(MockAnswer::status(503));
//! clock.advance(Duration::from_secs(23 * 3600 + 1800)); // the token is valid for 30 minutes
//! assert!(ims.token().await.is_ok());
//! clock.advance(Duration::from_secs(1800)); // it has expired
//! assert!(ims.token().await.is_err());
//!
//! mock.reset();
//! clock.advance(Duration::from_secs(60)); // the failure is forgotten
//! assert!(ims.token().await.is_ok());
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! The mock speaks plain HTTP, and only on the loopback interface. It has no rate limit: it
//! throttles when a script says so. Like IMS, as far as is known, it accepts an assertion that
//! expires far in the future. It knows only the grants and endpoints above, and no user sign-in.
//! Its keys are made for the process and are good for nothing else.

mod access_token;
mod account;
mod answer;
mod assertion;
mod binding;
mod builder;
mod clients;
mod clock;
mod endpoint;
mod error;
mod files;
mod form;
mod ims;
mod key;
mod mock_ims;
mod oauth_client;
mod random;
mod received;
mod record;
mod request;
mod response;
mod script;
mod scripted_tokens;
mod secrets;
mod server;
mod settings;
mod store;
mod token_response;
mod tokens;
mod verify;

pub use answer::MockAnswer;
pub use builder::MockImsBuilder;
pub use clock::ManualClock;
pub use endpoint::MockEndpoint;
pub use error::ScriptedError;
pub use mock_ims::MockIms;
pub use request::MockRequest;
pub use scripted_tokens::ScriptedTokens;
pub use store::{MemoryStore, StoreFault};
