//! What a service needs to be tested without Adobe: a strict stand-in for IMS, a clock that is moved by hand, and tokens
//! by script. Feature `testing`.
//!
//! [`MockIms`] listens on `127.0.0.1`, owns one technical account with a throw-away key, and judges every token request
//! as IMS does: client id and secret, the assertion's form, `aud`, signature, certificate, `exp`, `iss`, `sub` and
//! metascopes. What is wrong is refused with the status, code and wording IMS uses, so a test that passes here
//! does not pass because nobody looked.
//!
//! # Testing a service
//!
//! The service under test takes an [`ImsClient`](crate::ImsClient); the test gives it one that connects to the stand-in.
//!
//! ```
//! use adobe_ims::ImsClient;
//! use adobe_ims::testing::{MockAnswer, MockIms};
//!
//! // The service: what its health page says about Adobe.
//! async fn health(ims: &ImsClient) -> &'static str {
//!     match ims.exchange().await {
//!         Ok(_token) => "up",
//!         Err(error) if error.is_transient() => "Adobe is having a moment",
//!         Err(_) => "somebody must look at the credentials",
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // The tests: a good day, an outage, a certificate that was revoked.
//! let mock = MockIms::start().await?;
//! let ims = ImsClient::builder(mock.credentials()).danger_endpoint(mock.endpoint()).build()?;
//!
//! assert_eq!(health(&ims).await, "up");
//! assert_eq!(mock.request_count(), 1);
//!
//! mock.answer_always(MockAnswer::status(503));
//! assert_eq!(health(&ims).await, "Adobe is having a moment");
//!
//! mock.reset();
//! mock.answer_next(MockAnswer::revoked_certificate());
//! assert_eq!(health(&ims).await, "somebody must look at the credentials");
//! assert_eq!(health(&ims).await, "up");
//! # Ok(())
//! # }
//! ```
//!
//! # Scripting
//!
//! Without a script every request is judged. [`MockIms::answer_next`] scripts one answer for one request, in order;
//! [`MockIms::answer_always`] scripts all that come after those; [`MockIms::reset`] ends the script. What can be said
//! is a [`MockAnswer`]: an outage, a throttle, a slow answer, a body that makes no sense, a life in the wrong unit.
//!
//! # What was asked
//!
//! [`MockIms::request_count`] and [`MockIms::requests`] tell how often a token was asked for and with what. A
//! [`MockRequest`] holds no client secret, no assertion and no token: it may be printed by a failing test.
//!
//! # Other clients
//!
//! Any client can be pointed at the stand-in: write [`MockIms::credentials_json`] to the file it reads and have it
//! connect to [`MockIms::endpoint`], on a port of your choice ([`MockImsBuilder::port`]). Clients that build `aud`
//! from the address they connect to need [`MockImsBuilder::accept_own_address`].
//!
//! # Time
//!
//! A real socket needs real time: under a paused tokio clock (`start_paused`) every time limit runs out while the answer is
//! on its way. Where a test should not wait for further attempts, build the client with `max_attempts(1)`. What needs no
//! HTTP is tested with [`ScriptedTokens`], which needs no time at all.
//!
//! [`ManualClock`] moves the client's idea of the time, to let a token age and failures be forgotten; give it to the
//! client, or to the stand-in ([`MockImsBuilder::clock`]), or to both. A stand-in that is started by a clock
//! [`at`](ManualClock::at) 360 days ago hands out a certificate that ends in less than five.
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
//! clock.advance(Duration::from_secs(23 * 3600 + 1800)); // the token ages: an outage is invisible
//! assert!(ims.token().await.is_ok());
//! clock.advance(Duration::from_secs(1800)); // it has ended: now it is not
//! assert!(ims.token().await.is_err());
//!
//! mock.reset();
//! clock.advance(Duration::from_secs(60)); // so that the failure is forgotten
//! assert!(ims.token().await.is_ok());
//! # Ok(())
//! # }
//! ```
//!
//! # What it is not
//!
//! It speaks plain HTTP on the loopback interface, knows one account and the JWT exchange alone, and sets no limits of its
//! own: it throttles when told to. Like IMS, as far as is known, it has nothing against an assertion that ends far in the
//! future. Its key is made once per process and good for nothing else.

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
