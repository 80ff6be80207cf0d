//! Adobe IMS access tokens for Rust services: credentials in, a valid token out, for as long as the
//! service runs.
//!
//! AEM as a Cloud Service and other Adobe APIs require an access token from Adobe IMS (Identity
//! Management Services). This crate reads the credentials that Adobe hands out, exchanges them for
//! a token, caches the token, and refreshes it before it expires.
//!
//! ```no_run
//! use adobe_ims::{Credentials, ImsClient};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let credentials = Credentials::from_file("service_token.json")?; // any file that Adobe hands out
//!     let ims = ImsClient::new(credentials)?; // checks the key; uses no network
//!
//!     let token = ims.token().await?; // from the cache; asks IMS only if it must
//!     let response = reqwest::Client::new()
//!         .get("https://author-p11111-e22222.adobeaemcloud.com/api/assets.json")
//!         .header("authorization", token.authorization())
//!         .send()
//!         .await?;
//!     println!("{}, token valid until {:?}", response.status(), token.expires_at());
//!     Ok(())
//! }
//! ```
//!
//! [`ImsClient::token`] is the call for services. What it does depends on the cached token:
//!
//! | cached token | `token()` |
//! | --- | --- |
//! | fresh | returns it |
//! | in its last hour | returns it, and refreshes it in the background |
//! | in its last 30 seconds | waits for the refresh, but at most for half of the time left; then returns the newest token |
//! | expired, or none | waits for one exchange that all callers share |
//!
//! [`ImsClient::exchange`] is the plain protocol call: it asks IMS and does not use the
//! cache. A development token is the exception: there is nothing to ask for.
//!
//! # What it does
//!
//! - **Reads any file or environment that Adobe hands out**, and the private key in every spelling
//!   that copying produces. Input that cannot work is refused at once; the error says what is wrong
//!   and what to do.
//! - **Returns a cached token immediately** until 30 seconds before it expires, even when IMS is
//!   down. Concurrent callers share one request, and its failure.
//! - **Never misreads `expires_in`**, which is in milliseconds or in seconds depending on the
//!   endpoint. You see only [`SystemTime`](std::time::SystemTime) and
//!   [`Duration`](std::time::Duration).
//! - **Ends every call** within its timeout (30 seconds) and with bounded memory, whatever the
//!   server sends.
//! - **Retries transient failures** with backoff, and honours `Retry-After`.
//! - **Corrects clock skew**: if IMS refuses an assertion and its `Date` header shows that the
//!   local clock is off, it signs once more with the corrected time.
//! - **Rotates credentials** without a restart: [`ImsClient::replace`], or
//!   [`reload_from`](ImsClientBuilder::reload_from) a file.
//! - **Shares tokens** between processes and machines, if you give it a [token
//!   store](guide::many_processes).
//!
//! # What it does not do
//!
//! It does not sign users in, and does not verify access tokens locally. Without a token store, it
//! caches tokens only in memory.
//!
//! # Which credential do I have?
//!
//! | file or variables | kind | exchange |
//! | --- | --- | --- |
//! | `integration`, from AEM's Developer Console | [`ServiceCredentials`] | a signed JWT |
//! | `CLIENT_SECRETS`, from the Adobe Developer Console | [`OAuthCredentials`] | OAuth Server-to-Server |
//! | `accessToken`, from AEM's Developer Console | [`DevelopmentToken`] | none: a token for 24 hours |
//! | project download, `aio` contexts, Postman, other tools | the kind they hold | |
//! | `ADOBE_IMS_CREDENTIALS`, `IMS_OAUTH_S2S_…`, `AIO_ims_contexts_…` and others | the kind they hold | |
//!
//! [`Credentials::from_file`] and [`Credentials::from_env`] recognise all of them. The guide has
//! the [details](guide::which_credential), and how to [move from JWT to OAuth
//! Server-to-Server](guide::moving_to_oauth).
//!
//! # Token lifetime
//!
//! Tokens live 24 hours. Calls wait for IMS only if there is no token or it is about to expire: the
//! first call, the first call after a long idle period, a call after a long outage.
//! [`ImsClient::keep_fresh`] refreshes the token even without calls, and
//! [`ImsClientBuilder::refresh_before`] sets how early. If an API responds with 401, call
//! [`ImsClient::forget`] and retry once with another token. A 403 is about the rights of the
//! account: another token does not help.
//!
//! # Errors
//!
//! All calls return one [`Error`]. [`Error::is_transient`] says whether the same call may work
//! later, [`Error::retry_after`] how long to wait, and [`Error::hint`] what to do.
//! [`Error::report`] formats everything for a log or a terminal. The hint is the last source of the
//! error, so everything that prints the chain shows it, such as `{:#}` of `anyhow`.
//! [`ImsClient::diagnose`] checks every step from the credentials to a token, and so does the
//! program `adobe-ims doctor` (feature `cli`).
//!
//! | [`ErrorKind`] | what happened | what to do |
//! | --- | --- | --- |
//! | `Credentials`, `Key` | the credentials or their private key cannot be used | follow the hint |
//! | `Config`, `Store`, `Usage` | a setting, the token store, the machine or the call is wrong | follow the hint |
//! | `Rejected` | IMS, or something in its place, refused | see [`Error::code`]; follow the hint; give Adobe's support [`Error::debug_id`] |
//! | `Connect`, `Timeout`, `Server`, `Throttled` | the network or IMS failed temporarily | retry later if [`Error::is_transient`] |
//! | `Response` | something other than IMS responded | look for a proxy or a sign-in page in between |
//! | `Expired` | a token had already expired | check the clock; get another token |
//!
//! # Testing your own service
//!
//! With the feature `testing`, the module `testing` has `MockIms`: a strict mock of IMS with
//! disposable credentials. It can be scripted to fail. `ManualClock` lets tokens expire, and
//! `ScriptedTokens` is a [`TokenSource`] for tests without HTTP.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), adobe_ims::Error> {
//! use adobe_ims::ErrorKind;
//! use adobe_ims::testing::{MockAnswer, MockIms};
//!
//! let mock = MockIms::start().await?;
//! let ims = mock.client()?; // an ImsClient that connects to the mock
//! mock.answer_next(MockAnswer::refuse("invalid_client", "invalid client_secret parameter"));
//!
//! let error = ims.token().await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Rejected);
//! assert!(error.hint().unwrap().contains("client secret"));
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! - `rustls` (default): TLS by rustls and aws-lc, with the system's root certificates. If both TLS
//!   features are on, rustls is used.
//! - `native-tls`: TLS by the platform's own library.
//! - `testing`: the module `testing` and `Token::for_tests`. Adds wiremock and rcgen; for
//!   `[dev-dependencies]`.
//! - `configure-http`: `ImsClientBuilder::configure_http`, which gives access to reqwest's builder.
//!   Outside the semver promise.
//! - `encrypted-keys`: private keys that OpenSSL encrypted with a passphrase. Adds one package.
//! - `file-store`: a token store in files, for the processes of one user on one machine. Adds no
//!   package.
//! - `redis-store`: a token store in Redis, for many machines. Adds twelve packages.
//! - `tower`, `reqwest-middleware`: the module `middleware`, which puts the token on requests to
//!   named hosts and retries once after a 401. `tower` adds no package. `reqwest-middleware` adds
//!   three, and is outside the semver promise.
//! - `metrics`: metrics through the facade of that name, and `ImsClientBuilder::metrics_label`.
//!   Adds two packages.
//! - `cli`: the program `adobe-ims`, which prints a token for the shell or a diagnosis:
//!   `cargo install adobe-ims --features cli`. Adds one package.
//!
//! Calls that use the network need a tokio runtime with its I/O and time drivers (`enable_all`);
//! nothing else does. The guide shows how to call them [from sync code](guide::from_sync_code).
//!
//! # Tracing and metrics
//!
//! Each exchange is a span of [tracing](https://docs.rs/tracing) at DEBUG, and each attempt an
//! event in it. If an exchange for the cache fails, one WARN says everything that is known: the
//! error, the hint, how long the cached token is still valid, and when the next attempt follows.
//! The feature `metrics` measures exchanges and records when the token and the certificate expire.
//! Neither events nor metrics contain secrets or user ids. The guide has [all
//! names](guide::telemetry) and alerts.
//!
//! # Cancel safety
//!
//! Dropping the future of [`ImsClient::token`] is safe: the exchange continues for other callers
//! and for the next call, so even callers with short timeouts get a token eventually. It runs as a
//! task on the runtime that started it; dropping the last client cancels it. Dropping the future of
//! [`ImsClient::exchange`] closes its connection and wipes what was signed. IMS may still issue a
//! token, which is then lost; this has no effect on other tokens.
//!
//! # Security
//!
//! - Client secrets are sent only to the IMS host of the credentials, in the body of a POST over
//!   TLS. Redirects are never followed; a proxy sees only `CONNECT`. The only exception is
//!   [`ImsClientBuilder::danger_endpoint`].
//! - No `Debug`, error or panic shows a secret. What IMS or a proxy sends is cleaned before it
//!   becomes part of an error.
//! - Secrets are wiped when the last clone is dropped: client secret, key, assertion, form, token.
//!   Copies inside the TLS, HTTP and JSON layers are not wiped; wiping the bytes that you pass in
//!   is up to you.
//! - The crate has no `unsafe` code, installs no process-wide default, and does not panic. tokio
//!   panics if the I/O or time driver of the runtime is disabled.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, unnameable_types)]

mod backoff;
mod cache;
mod caught;
mod certificate;
mod client;
mod clock;
mod credentials;
mod diagnose;
mod error;
mod exchange;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod grant;
#[cfg(doc)]
pub mod guide;
mod key;
mod lenient;
#[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
pub mod middleware;
mod pem;
mod redact;
mod request;
mod retry;
mod secret;
mod signer;
mod signing_key;
mod source;
pub mod store;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod token;
mod transport;

pub use certificate::Certificate;
pub use client::{ImsClient, ImsClientBuilder};
pub use clock::Clock;
pub use credentials::{
    Credentials, CredentialsReader, DevelopmentToken, OAuthCredentials, OAuthCredentialsBuilder, ServiceCredentials,
    ServiceCredentialsBuilder,
};
pub use diagnose::{Check, CheckState, Diagnosis, DiagnosisBuilder};
pub use error::{Error, ErrorKind};
pub use exchange::Validation;
pub use signer::{Assertion, JwtSigner};
pub use signing_key::{SigningError, SigningFuture, SigningInput, SigningKey};
pub use source::{TokenFuture, TokenSource};
pub use store::TokenStore;
pub use token::{Token, TokenClaims};
