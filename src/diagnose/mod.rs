//! Diagnoses why credentials give a token or not: the questions that a support engineer would ask,
//! and their answers.

mod check;
mod checks;
mod json;

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

pub use self::check::{Check, CheckState};

use self::checks::Checks;
use crate::client::{ImsClient, ImsClientBuilder, in_runtime};
use crate::clock::{Clock, SharedClock};
use crate::credentials::{Credentials, CredentialsReader, Inspected, file};
use crate::error::{CredentialsError, Error};
use crate::grant::Learned;

/// Why there is a token or not: checks in causal order, from the credentials to the token's claims.
///
/// ```
/// # async fn example() -> Result<(), adobe_ims::Error> {
/// # let mock = adobe_ims::testing::MockIms::start().await?;
/// # let ims = mock.client()?;
/// let diagnosis = ims.diagnose().await;
/// println!("{diagnosis}");
/// assert!(diagnosis.is_ok());
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
///
/// | check | question |
/// | --- | --- |
/// | `source` | Can the credentials be read? |
/// | `kind` | Are they of a kind that gets tokens? |
/// | `fields` | Is every field there, with a value that can be right? |
/// | `key` | Can the private key sign? |
/// | `certificate` | Does the certificate belong to the key, and for how long is it valid? |
/// | `settings` | Can the client's settings be used, and where does it connect? |
/// | `clock` | How far is the local clock from that of IMS? |
/// | `connection` | Does a complete response come back? |
/// | `response` | Does IMS issue a token? |
/// | `claims` | Is it the token that was requested? |
///
/// What depends on a failed check is skipped, with the reason. `Display` is text for people,
/// [`to_json`](Self::to_json) is for programs, and [`exit_code`](Self::exit_code) is the same for
/// both. Sentences and hints are those of [`Error`]; their wording may change in any release, the
/// ids of the checks do not. A diagnosis holds no secret and no user id.
///
/// It makes one exchange without retries, and neither reads nor fills the cache. A development
/// token is not exchanged: only its claims are checked, and [`ImsClient::validate`] asks IMS.
///
/// Works without a client too: [`of_file`](Self::of_file), [`of_env`](Self::of_env),
/// [`builder`](Self::builder), and `Diagnosis::from(error)` for a client that could not be built:
///
/// ```no_run
/// # async fn example() {
/// use adobe_ims::{Credentials, Diagnosis, ImsClient};
///
/// let built = Credentials::from_file("service_token.json").and_then(ImsClient::new);
/// let diagnosis = match built {
///     Ok(ims) => ims.diagnose().await,
///     Err(error) => Diagnosis::from(error),
/// };
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// All of them, in causal order.
    checks: Vec<Check>,
}

impl Diagnosis {
    /// Reads a credentials file (blocking), and exchanges the credentials once.
    pub async fn of_file(path: impl AsRef<Path>) -> Self {
        Self::builder().of_file(path).await
    }

    /// Reads the environment as [`Credentials::from_env`] does, and exchanges the credentials once.
    pub async fn of_env() -> Self {
        Self::builder().of_env().await
    }

    /// Returns a builder with options: which of several credentials, the settings of the client,
    /// without network.
    pub fn builder() -> DiagnosisBuilder {
        DiagnosisBuilder::default()
    }

    /// All checks, in causal order.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter()
    }

    /// The worst state of all checks: `Failed`, `Warning` or `Ok`.
    pub fn state(&self) -> CheckState {
        let has = |state| self.checks.iter().any(|check| check.state() == state);
        [CheckState::Failed, CheckState::Warning].into_iter().find(|state| has(*state)).unwrap_or(CheckState::Ok)
    }

    /// Whether no check failed. A warning is about something that will fail later, or was corrected
    /// automatically.
    pub fn is_ok(&self) -> bool {
        self.state() != CheckState::Failed
    }

    /// The exit code for a program that reports only the diagnosis: 0 if no check failed, otherwise
    /// 1.
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.is_ok())
    }

    /// Formats the diagnosis as one JSON object:
    ///
    /// ```json
    /// {
    ///   "state": "failed",
    ///   "exit_code": 1,
    ///   "checks": [
    ///     {
    ///       "id": "response",
    ///       "state": "failed",
    ///       "seen": "IMS throttled the request: 429 rate_limit: too many requests",
    ///       "hint": "too many token requests: …",
    ///       "error": {
    ///         "kind": "throttled",
    ///         "transient": true,
    ///         "status": 429,
    ///         "code": "rate_limit",
    ///         "description": "too many requests",
    ///         "debug_id": "…",
    ///         "retry_after_seconds": 30,
    ///         "causes": []
    ///       }
    ///     }
    ///   ]
    /// }
    /// ```
    ///
    /// `checks` has all checks. `hint` and `error` are `null` where there is none, and so are the
    /// fields of an error that it does not have.
    pub fn to_json(&self) -> String {
        json::of(self)
    }

    fn of_error(source: &str, kind: Option<&str>, error: &Error) -> Self {
        Checks::of_error(source, kind, error).into()
    }
}

impl From<Checks> for Diagnosis {
    fn from(checks: Checks) -> Self {
        Self { checks: checks.into_list() }
    }
}

/// Diagnoses an error, without a network: credentials that cannot be read, a client that cannot be
/// built, an exchange that failed.
impl From<Error> for Diagnosis {
    fn from(error: Error) -> Self {
        Self::of_error(error.origin().unwrap_or(GIVEN), None, &error)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hints: Vec<(&str, &str)> = Vec::new();
        for check in &self.checks {
            let known = check.hint().and_then(|hint| hints.iter().find(|(_, known)| *known == hint));
            check.write(f, known.map(|(id, _)| *id))?;
            f.write_str("\n")?;
            hints.extend(check.hint().map(|hint| (check.id(), hint)));
        }
        write!(f, "result: {}", self.state())
    }
}

impl ImsClient {
    /// Finds out why there is a token or not: makes one exchange, without retries, and checks
    /// everything that it depends on. Neither reads nor fills the cache.
    ///
    /// Ends within the timeouts of the client. With [`reload_from`](ImsClientBuilder::reload_from),
    /// it checks the credentials in use, not the file.
    ///
    /// # Panics
    ///
    /// As [`exchange`](Self::exchange).
    ///
    /// # Cancel safety
    ///
    /// As [`exchange`](Self::exchange).
    pub async fn diagnose(&self) -> Diagnosis {
        let credentials = self.exchanger().grant().credentials();
        let mut checks = Checks::read(GIVEN.to_owned(), credentials.words());
        checks.credentials(&credentials);
        self.examine(&credentials, checks).await
    }

    async fn examine(&self, credentials: &Credentials, mut checks: Checks) -> Diagnosis {
        let exchange = self.exchanger();
        if let Credentials::Development(token) = credentials {
            let expired = || CredentialsError::Expired { at: token.token().expires_at() }.into();
            checks.development(self.cached_token().ok_or_else(expired));
            return checks.into();
        }
        checks.settings(exchange.endpoint(), credentials);
        let (result, learned) = match in_runtime() {
            Ok(()) => exchange.probe().await,
            Err(error) => (Err(error), Learned::default()),
        };
        let now = exchange.clock().now();
        checks.certificate(credentials, result.as_ref().err(), now);
        checks.exchange(exchange.endpoint(), credentials, &result, &learned);
        checks.into()
    }
}

/// Options of a [`Diagnosis`] without a client.
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # let mock = adobe_ims::testing::MockIms::start().await?;
/// # let endpoint = mock.endpoint().to_owned();
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("project.json");
/// # std::fs::write(&path, mock.project_json())?;
/// use adobe_ims::{Credentials, Diagnosis};
///
/// let diagnosis = Diagnosis::builder()
///     .reader(Credentials::reader().select("S2S credential"))
///     .client(|client| client.danger_endpoint(endpoint))
///     .of_file(path)
///     .await;
/// assert_eq!(diagnosis.exit_code(), 0, "{diagnosis}");
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use]
#[derive(Default)]
pub struct DiagnosisBuilder {
    reader: CredentialsReader,
    client: Option<Configure>,
    is_offline: bool,
}

type Configure = Box<dyn FnOnce(ImsClientBuilder) -> ImsClientBuilder + Send>;

impl DiagnosisBuilder {
    /// Sets how to read the credentials.
    pub fn reader(mut self, reader: CredentialsReader) -> Self {
        self.reader = reader;
        self
    }

    /// Sets options of the client: an endpoint, a proxy, root certificates.
    pub fn client(mut self, configure: impl FnOnce(ImsClientBuilder) -> ImsClientBuilder + Send + 'static) -> Self {
        self.client = Some(Box::new(configure));
        self
    }

    /// Uses no network: checks the credentials only, and skips the checks from `settings` on.
    pub fn offline(mut self) -> Self {
        self.is_offline = true;
        self
    }

    /// As [`Diagnosis::of_file`].
    pub async fn of_file(self, path: impl AsRef<Path>) -> Diagnosis {
        let path = path.as_ref();
        match self.reader.inspect_file(path) {
            Ok(inspected) => self.of_inspected(inspected).await,
            Err(error) => Diagnosis::of_error(file::shown(path).unwrap_or("a file"), None, &error),
        }
    }

    /// As [`Diagnosis::of_env`].
    pub async fn of_env(self) -> Diagnosis {
        match self.reader.inspect_env() {
            Ok(inspected) => self.of_inspected(inspected).await,
            Err(error) => Diagnosis::of_error(error.origin().unwrap_or("the environment"), None, &error),
        }
    }

    async fn of_inspected(self, inspected: Inspected) -> Diagnosis {
        let Inspected { source, words, credentials } = inspected;
        let credentials = match credentials {
            Ok(credentials) => credentials,
            Err(error) => return Diagnosis::of_error(&source, Some(words), &error),
        };
        let mut checks = Checks::read(source, words);
        checks.credentials(&credentials);
        if let Credentials::Development(token) = &credentials {
            checks.development(Ok(token.token()));
            return checks.into();
        }
        if self.is_offline {
            checks.certificate(&credentials, None, now());
            checks.skip_rest("would use the network");
            return checks.into();
        }
        let builder = ImsClient::builder(credentials.clone());
        let builder = match self.client {
            Some(configure) => configure(builder),
            None => builder,
        };
        match builder.build() {
            Ok(client) => client.examine(&credentials, checks).await,
            Err(error) => {
                checks.certificate(&credentials, None, now());
                checks.failed(&error);
                checks.into()
            }
        }
    }
}

impl fmt::Debug for DiagnosisBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reader, client: _, is_offline } = self;
        f.debug_struct("DiagnosisBuilder")
            .field("reader", reader)
            .field("is_offline", is_offline)
            .finish_non_exhaustive()
    }
}

fn now() -> SystemTime {
    SharedClock::default().now()
}

const GIVEN: &str = "given by the application";
