//! The checks: each looks at the credentials, the result of the exchange, or the responses.

use std::time::{Duration, SystemTime};

use super::check::{Check, CheckState};
use crate::certificate::Certificate;
use crate::clock::Skew;
use crate::credentials::Credentials;
use crate::error::{CredentialsError, Error, Failure, ResponseError, SET_CLOCK, UsageError, clock_hint, human};
use crate::grant::{CREATE_CERTIFICATE, GRANT_SCOPES, Learned, RENEW_SECRET, certificate_hint, listed};
use crate::redact::printable;
use crate::token::{Token, TokenClaims};
use crate::transport::Endpoint;

/// The checks that have been made so far, in any order.
pub(super) struct Checks(Vec<Check>);

impl Checks {
    /// Starts with credentials that have been read, and are of this kind.
    pub(super) fn read(source: impl Into<String>, kind: &str) -> Self {
        let mut checks = Self(Vec::new());
        checks.ok(SOURCE, source);
        checks.ok(KIND, kind);
        checks
    }

    /// Creates the checks for an error, which shows what succeeded before it.
    pub(super) fn of_error(source: &str, kind: Option<&str>, error: &Error) -> Self {
        let (mut checks, failed) = (Self(Vec::new()), id_of(error));
        if failed != SOURCE {
            checks.ok(SOURCE, source);
        }
        match kind {
            _ if matches!(failed, SOURCE | KIND) => {}
            Some(kind) => checks.ok(KIND, kind),
            None if matches!(failed, FIELDS | KEY) => checks.ok(KIND, "known by its fields"),
            None => {}
        }
        if matches!(failed, KEY | CLAIMS) {
            checks.ok(FIELDS, "complete");
        }
        checks.push(Check::failed(failed, error));
        let before = IDS.iter().take_while(|id| **id != failed);
        for id in before.filter(|id| !checks.has(id)).collect::<Vec<_>>() {
            checks.skip(id, if failed == CLAIMS { NOT_EXCHANGED } else { "not looked at" });
        }
        checks.skip_rest(&format!("{failed} failed"));
        checks
    }

    /// Shows the fields of the credentials and the key. The key can sign, or reading would have
    /// failed.
    pub(super) fn credentials(&mut self, credentials: &Credentials) {
        match credentials {
            Credentials::Service(service) => {
                let fields = format!(
                    "client id {}, organization {}, technical account {}, IMS host {}, metascopes {}",
                    service.client_id(),
                    service.org_id(),
                    service.technical_account_id(),
                    service.ims_host(),
                    listed(service.metascopes()),
                );
                self.ok(FIELDS, fields);
                // Whether a key that is kept elsewhere can sign shows in the exchange.
                if let Ok(key) = service.key().local() {
                    self.ok(KEY, format!("RSA, {} bits", key.bits()));
                }
            }
            Credentials::OAuth(oauth) => {
                let organization =
                    oauth.org_id().map_or_else(|| "no organization".to_owned(), |id| format!("organization {id}"));
                let secrets = match oauth.client_secrets().len() {
                    1 => "1 client secret".to_owned(),
                    several => format!("{several} client secrets"),
                };
                let (id, host, scopes) = (oauth.client_id(), oauth.ims_host(), listed(oauth.scopes()));
                self.ok(FIELDS, format!("client id {id}, {secrets}, {organization}, IMS host {host}, scopes {scopes}"));
                self.skip(KEY, "these credentials have none");
            }
            Credentials::Development(token) => {
                self.ok(FIELDS, format!("a token of {}", token.ims_host()));
            }
        }
    }

    /// Only reads the certificate: whether it is valid is IMS's decision. `error` is what IMS, or a
    /// proxy, said about the exchange.
    pub(super) fn certificate(&mut self, credentials: &Credentials, error: Option<&Error>, now: SystemTime) {
        let certificate = match credentials {
            Credentials::Service(service) => service.certificate(),
            Credentials::OAuth(_) | Credentials::Development(_) => None,
        };
        let Some(certificate) = certificate else {
            return self.skip(CERTIFICATE, "these credentials have none, or none that can be read");
        };
        let is_refused =
            error.is_some_and(|error| matches!(error.failure(), Failure::Response(ResponseError::Refused)));
        let state = if is_refused { CheckState::Failed } else { CheckState::Warning };
        let (date, left) = (date(certificate.not_after()), certificate.remaining(now));
        if !certificate.matches_key() {
            self.unusable(state, certificate, "does not belong to the private key".to_owned(), now);
        } else if left.is_zero() {
            self.unusable(state, certificate, format!("expired on {date}"), now);
        } else if left < EXPIRES_SOON {
            let seen = format!("expires on {date}, in {}", human(left));
            self.push(Check::new(CERTIFICATE, CheckState::Warning, seen).with_hint(CREATE_CERTIFICATE));
        } else {
            self.ok(CERTIFICATE, format!("belongs to the private key, expires on {date}"));
        }
    }

    fn unusable(&mut self, state: CheckState, certificate: &Certificate, seen: String, now: SystemTime) {
        self.push(Check::new(CERTIFICATE, state, seen).with_hint(certificate_hint(certificate, now)));
    }

    pub(super) fn settings(&mut self, endpoint: &Endpoint, credentials: &Credentials) {
        let (host, own) = (endpoint.host(), credentials.ims_host());
        match host == own {
            true => self.ok(SETTINGS, format!("connects to {host}")),
            false => self.ok(SETTINGS, format!("connects to {host} in place of {own}")),
        }
    }

    /// Checks a development token: it is valid, or the error says why not.
    pub(super) fn development(&mut self, valid: Result<Token, Error>) {
        match valid {
            Ok(token) => {
                let date = date(token.expires_at());
                let claims = token.claims().map(|claims| shown(&claims)).unwrap_or_default();
                self.ok(CLAIMS, format!("expires on {date}{claims}"));
            }
            Err(error) => self.push(Check::failed(CLAIMS, &error)),
        }
        self.skip_rest(NOT_EXCHANGED);
    }

    /// Checks the result of the exchange.
    pub(super) fn exchange(
        &mut self,
        endpoint: &Endpoint,
        credentials: &Credentials,
        result: &Result<Token, Error>,
        learned: &Learned,
    ) {
        let failed = result.as_ref().err().map(id_of);
        if failed != Some(KEY) && !self.has(KEY) {
            self.ok(KEY, "kept elsewhere, and signed");
        }
        let error = match result {
            Ok(token) => {
                self.clock(learned, CheckState::Warning);
                self.responded(endpoint);
                self.issued(credentials, token, learned);
                return self.claims(credentials, token);
            }
            Err(error) => error,
        };
        if failed == Some(RESPONSE) {
            self.responded(endpoint);
        }
        match error.failure() {
            Failure::Response(ResponseError::Refused) if error.code() == Some("invalid_token") => {
                self.clock(learned, CheckState::Failed);
            }
            Failure::Response(ResponseError::Refused | ResponseError::Throttled | ResponseError::Server) => {
                self.clock(learned, CheckState::Warning);
            }
            Failure::Response(_) | Failure::Connection(_) => self.skip(CLOCK, "no response of IMS to compare it with"),
            _ => {}
        }
        self.failed(error);
    }

    fn responded(&mut self, endpoint: &Endpoint) {
        self.ok(CONNECTION, format!("{} responded", endpoint.host()));
    }

    /// `state` if it is off by more than IMS tolerates.
    fn clock(&mut self, learned: &Learned, state: CheckState) {
        let Some(skew) = learned.measured else {
            return self.skip(CLOCK, "the response does not say the time");
        };
        let Some(mut seen) = clock_hint(skew) else {
            return self.ok(CLOCK, format!("within {} of IMS", human(Skew::TOLERATED)));
        };
        if learned.is_corrected() {
            seen.push_str("; signed once more with the time of IMS");
        }
        self.push(Check::new(CLOCK, state, seen).with_hint(SET_CLOCK));
    }

    fn issued(&mut self, credentials: &Credentials, token: &Token, learned: &Learned) {
        let issued = format!("IMS issued a token for {}", human(token.lifetime().saturating_add(HALF_A_SECOND)));
        match (credentials, learned.refused_secrets()) {
            (Credentials::OAuth(oauth), refused @ 1..) => {
                let all = oauth.client_secrets().len();
                let seen = format!("{issued}, but refused {refused} of {all} client secrets");
                self.push(Check::new(RESPONSE, CheckState::Warning, seen).with_hint(RENEW_SECRET));
            }
            _ => self.ok(RESPONSE, issued),
        }
    }

    /// Compares the token with the request. The scope claim of a token for a JWT does not list
    /// metascopes.
    fn claims(&mut self, credentials: &Credentials, token: &Token) {
        let Some(claims) = token.claims() else { return self.skip(CLAIMS, "the token is not a JWT") };
        let requested = credentials.client_id();
        if let Some(other) = claims.client_id().filter(|id| *id != requested) {
            let seen = format!("issued to client id {}, but {requested} requested it", printable(other, MAX_SHOWN));
            return self.push(Check::new(CLAIMS, CheckState::Warning, seen).with_hint(ANOTHER_CLIENT));
        }
        if let Credentials::OAuth(oauth) = credentials
            && claims.scopes().next().is_some()
        {
            let missing: Vec<_> = oauth.scopes().filter(|scope| !claims.scopes().any(|own| own == *scope)).collect();
            if !missing.is_empty() {
                let seen = format!("lacks scopes that were requested: {}", listed(missing.into_iter()));
                return self.push(Check::new(CLAIMS, CheckState::Warning, seen).with_hint(GRANT_SCOPES));
            }
        }
        self.ok(CLAIMS, format!("as requested{}", shown(&claims)));
    }

    /// Fails the check that this error belongs to, and skips the rest.
    pub(super) fn failed(&mut self, error: &Error) {
        let id = id_of(error);
        self.push(Check::failed(id, error));
        self.skip_rest(&format!("{id} failed"));
    }

    pub(super) fn skip_rest(&mut self, reason: &str) {
        for id in IDS.into_iter().filter(|id| !self.has(id)).collect::<Vec<_>>() {
            self.skip(id, reason);
        }
    }

    pub(super) fn into_list(self) -> Vec<Check> {
        let Self(mut checks) = self;
        checks.sort_by_key(|check| IDS.iter().position(|id| *id == check.id()));
        checks
    }

    fn has(&self, id: &str) -> bool {
        self.0.iter().any(|check| check.id() == id)
    }

    fn ok(&mut self, id: &'static str, seen: impl Into<String>) {
        self.push(Check::new(id, CheckState::Ok, seen));
    }

    fn skip(&mut self, id: &'static str, reason: &str) {
        self.push(Check::new(id, CheckState::Skipped, reason));
    }

    /// Replaces an earlier result of the same check: the exchange counts more than what was seen
    /// before it.
    fn push(&mut self, check: Check) {
        self.0.retain(|known| known.id() != check.id());
        self.0.push(check);
    }
}

/// Which check an error belongs to.
fn id_of(error: &Error) -> &'static str {
    match error.failure() {
        Failure::Credentials(error) => match error {
            CredentialsError::Unreadable
            | CredentialsError::NotAPath { .. }
            | CredentialsError::TooLarge { .. }
            | CredentialsError::Empty
            | CredentialsError::NothingInEnvironment { .. }
            | CredentialsError::Encoding { .. } => SOURCE,
            CredentialsError::Kind { .. }
            | CredentialsError::NotCredentials { .. }
            | CredentialsError::Json { .. }
            | CredentialsError::Ambiguous { .. }
            | CredentialsError::NotSelected { .. }
            | CredentialsError::NoneUsable { .. } => KIND,
            CredentialsError::NoPrivateKey { .. } => KEY,
            CredentialsError::Expired { .. } => CLAIMS,
            CredentialsError::Type { .. }
            | CredentialsError::TwoKeys
            | CredentialsError::Missing { .. }
            | CredentialsError::Field { .. }
            | CredentialsError::Contradiction { .. } => FIELDS,
        },
        Failure::Key(_) => KEY,
        Failure::Config(_) | Failure::Store(_) => SETTINGS,
        Failure::Usage(UsageError::TimeOutOfRange) => CLOCK,
        Failure::Usage(UsageError::TokenExpired) => CLAIMS,
        Failure::Usage(_) | Failure::Connection(_) | Failure::Response(ResponseError::Proxy) => CONNECTION,
        Failure::Response(_) => RESPONSE,
        #[cfg(feature = "testing")]
        Failure::Testing(_) => RESPONSE,
    }
}

/// Formats a date. A clock may show any time.
fn date(time: SystemTime) -> String {
    let last = SystemTime::UNIX_EPOCH.checked_add(LAST_DATE).unwrap_or(SystemTime::UNIX_EPOCH);
    httpdate::fmt_http_date(time.clamp(SystemTime::UNIX_EPOCH, last))
}

/// Shows claims on one line, with no user id.
fn shown(claims: &TokenClaims) -> String {
    let clean = |text: &str| printable(text, MAX_SHOWN);
    let mut shown = String::new();
    if let Some(id) = claims.client_id() {
        shown.push_str(&format!(", client id {}", clean(id)));
    }
    if let Some(server) = claims.authorization_server() {
        shown.push_str(&format!(", issued by {}", clean(server)));
    }
    let scopes: Vec<String> = claims.scopes().map(clean).collect();
    if !scopes.is_empty() {
        shown.push_str(&format!(", scopes {}", listed(scopes.iter().map(String::as_str))));
    }
    shown
}

const SOURCE: &str = "source";
const KIND: &str = "kind";
const FIELDS: &str = "fields";
const KEY: &str = "key";
const CERTIFICATE: &str = "certificate";
const SETTINGS: &str = "settings";
const CLOCK: &str = "clock";
const CONNECTION: &str = "connection";
const RESPONSE: &str = "response";
const CLAIMS: &str = "claims";

/// In causal order.
const IDS: [&str; 10] = [SOURCE, KIND, FIELDS, KEY, CERTIFICATE, SETTINGS, CLOCK, CONNECTION, RESPONSE, CLAIMS];

const NOT_EXCHANGED: &str = "a development token is not exchanged";
const ANOTHER_CLIENT: &str = "check what responds in the place of IMS";
/// The end of the year 9999, after which no date can be written.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);
/// Adobe creates a certificate within minutes, but it takes a person to do it.
const EXPIRES_SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// IMS's lifetimes are some milliseconds short of a whole day.
const HALF_A_SECOND: Duration = Duration::from_millis(500);
/// A client id has 32 characters, a scope some 60.
const MAX_SHOWN: usize = 100;
