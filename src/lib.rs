//! Adobe IMS access tokens for Rust services: the credentials file in, a live token out, for as long as the service runs.
//!
//! AEM as a Cloud Service, like other Adobe APIs, wants an access token of Adobe IMS. Adobe's Developer Console hands out
//! a credentials file; this crate signs an assertion with the private key in it, exchanges that for a token, keeps the
//! token, and renews it before it ends.
//!
//! ```no_run
//! use adobe_ims::{ImsClient, ServiceCredentials};
//!
//! # async fn example(http: reqwest::Client, url: &str) -> Result<(), adobe_ims::Error> {
//! let credentials = ServiceCredentials::from_file("service_token.json")?;
//! let ims = ImsClient::new(credentials)?; // proves the key; no network yet
//!
//! let token = ims.exchange().await?; // always asks IMS
//! println!("good for {} minutes", token.remaining().as_secs() / 60);
//!
//! let token = ims.token().await?; // asks IMS only when it must
//! let request = http.get(url).header("authorization", token.authorization());
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//! service_token.json ─► ServiceCredentials ─► JwtSigner ─► Assertion ──┐
//!                                                                      ▼
//! caller ─► ImsClient::token() ─► cache ── fresh: at once        POST /ims/exchange/jwt
//!    ▲                              ├── ageing: at once, renewal beside │        ▲
//!    │                              └── spent: join the one flight ─────┘        │ again, if that may help
//!    └───────────── Token, or Error with a hint ◄───────────────────────┘────────┘
//! ```
//!
//! # What it does
//!
//! - **Takes the file as downloaded**, and the private key in every spelling that copying turns it into. What can't work
//!   is refused at once, in words that say what it is and what to do.
//! - **Never makes a caller wait while a token is fresh or ageing**, which is until its last 30 seconds, whatever IMS does;
//!   and **never asks twice**: any number of callers share one exchange, and its failure too.
//! - **Never misreads `expires_in`**: IMS counts it in milliseconds here and in seconds elsewhere. You see
//!   [`SystemTime`](std::time::SystemTime) and [`Duration`](std::time::Duration) only.
//! - **Ends every call** within its time limit (30 s) and with bounded memory, whatever the other side sends.
//! - **Tries again** where that may help, with a new assertion each time, and honours `Retry-After`.
//! - **Heals a wrong local clock**: if IMS's own clock explains a refusal, the assertion is signed once more by it.
//!
//! # What it does not
//!
//! It knows no other grant than the JWT exchange of AEM's service credentials, so neither OAuth Server-to-Server nor the
//! log-in of people. It does not verify access tokens, and it keeps them in memory alone.
//!
//! # How long a token lives
//!
//! IMS's tokens live 24 hours. [`ImsClient::token`] serves a token at once until its last 30 seconds, and renews it beside
//! the callers from about an hour before its end ([`ImsClientBuilder::refresh_before`]). Only calls
//! that find no token, or one in its last seconds, wait for IMS: the first one, one after a quiet night, one after a long
//! outage. [`ImsClient::keep_fresh`] renews without traffic. When an API
//! answers 401, [`ImsClient::forget`] the token and ask for another, once; a 403 is about the rights of the technical
//! account, and another token does not help.
//!
//! # Errors, and what to do with them
//!
//! All calls return one [`Error`]; [`Error::report`] is all of it for a person. [`Error::is_transient`] says whether the same call may work later, and
//! [`Error::retry_after`] how long IMS wants to be left alone. [`Error::hint`] says what a person should do.
//!
//! | [`ErrorKind`] | what happened | what to do |
//! | --- | --- | --- |
//! | `Credentials`, `Key` | the file or its key can't work | follow the hint; it won't change by itself |
//! | `Config`, `Usage` | a setting, the machine or the call is wrong | follow the hint |
//! | `Rejected` | IMS, or something in between, refused: [`Error::code`] and [`Error::description`] say why | follow the hint; tell Adobe's support [`Error::debug_id`] |
//! | `Connect`, `Timeout`, `Server`, `Throttled` | the way, or IMS, failed for now | try again later if [`Error::is_transient`] |
//! | `Response` | something else than IMS answered | look for a proxy or log-in page in between |
//! | `Expired` | a token that was handed out, or given, has ended | look at the clock; get another token |
//!
//! # Testing your own service
//!
//! With the feature `testing`, the module `testing` holds `MockIms`: a strict stand-in for IMS with throw-away
//! credentials, that can be told to fail. `ManualClock` lets a token age, and `ScriptedTokens` is a [`TokenSource`] for
//! tests without HTTP.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), adobe_ims::Error> {
//! use adobe_ims::ErrorKind;
//! use adobe_ims::testing::{MockAnswer, MockIms};
//!
//! let mock = MockIms::start().await?;
//! let ims = mock.client()?; // an ImsClient that asks the stand-in
//! assert!(ims.token().await.is_ok());
//!
//! mock.answer_next(MockAnswer::refuse("invalid_client", "invalid client_secret parameter"));
//! let error = ims.exchange().await.unwrap_err(); // the kept token is still good, so `token` would not fail
//! assert_eq!(error.kind(), ErrorKind::Rejected);
//! assert!(error.hint().unwrap().contains("client secret"));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! - `rustls` (default): TLS by rustls and aws-lc, with the system's root certificates. Wins when both are on.
//! - `native-tls`: TLS by the platform's own library.
//! - `testing`: the module `testing` and `Token::for_tests`. Adds wiremock and rcgen; for `[dev-dependencies]`.
//! - `configure-http`: `ImsClientBuilder::configure_http`, reqwest's builder. Outside the semver promise.
//! - `tower`: the module `middleware` puts the token on requests and retries once after a 401, for clients made of tower
//!   services (hyper, axum, tonic). Adds no package.
//! - `reqwest-middleware`: the same for the crate reqwest-middleware. Adds 3 packages. Outside the semver promise.
//!
//! Calls that go to the network need a tokio runtime with its I/O and time drivers (`enable_all`); everything else needs
//! none.
//!
//! # Tracing
//!
//! Each exchange is a span `ims_exchange` (field `host`) of [`tracing`], and each attempt in it an event at DEBUG: `attempt`,
//! `elapsed`, and for a failure `kind`, `status`, `code`, `debug_id` and `next_try`. A renewal that fails while the token
//! is good is a WARN, with `time_left`. Never a secret, and never the id of a person.
//!
//! # Cancel safety
//!
//! Dropping the future of [`ImsClient::token`] harms nobody: the exchange goes on for the others and the next call, so even
//! callers with the shortest limits get their token in the end. It is a task of the runtime it was started on; the last
//! client dropped ends it. Dropping the future of [`ImsClient::exchange`] closes its connection and wipes what was signed.
//! A token that IMS made meanwhile is lost, which harms nothing: a later token does not replace an earlier one.
//!
//! # Security
//!
//! - The client secret goes to the IMS host of the credentials, in the body of one POST over TLS, and nowhere else. Redirects
//!   are never followed; a proxy sees `CONNECT` only. [`ImsClientBuilder::danger_endpoint`] is the one way around.
//! - No `Debug`, error or panic shows a secret. What IMS or a proxy says is cleaned before it becomes part of an error.
//! - Secrets are wiped when the last clone is dropped: client secret, key, assertion, form, token. Copies inside the TLS,
//!   HTTP and JSON layers are theirs, and the bytes given to [`ServiceCredentials::from_json`] are yours.
//! - The crate has no `unsafe` code, installs no process-wide default, and does not panic: tokio does,
//!   on a runtime whose drivers are off.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, unnameable_types)]

mod cache;
mod certificate;
mod client;
mod clock;
mod credentials;
mod error;
mod exchange;
mod form;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod grant;
mod key;
mod lenient;
#[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
pub mod middleware;
mod pem;
mod redact;
mod retry;
mod secret;
mod signer;
mod source;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod transport;

pub use certificate::Certificate;
pub use client::{ImsClient, ImsClientBuilder};
pub use clock::Clock;
pub use credentials::{Credentials, ServiceCredentials, ServiceCredentialsBuilder};
pub use error::{Error, ErrorKind};
pub use signer::{Assertion, JwtSigner};
pub use source::{TokenFuture, TokenSource};
pub use token::{Token, TokenClaims};
