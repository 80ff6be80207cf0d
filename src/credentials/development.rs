//! The local development token of AEM's Developer Console: a token already, so nothing to exchange.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use super::named::Named;
use super::reader::{CredentialsReader, Fields, Found, Wanted};
use super::{DEVELOPMENT_WORDS, fields, file};
use crate::clock::{Moment, SharedClock};
use crate::error::{CredentialsError, Error, Origin, UsageError};
use crate::secret::Secret;
use crate::token::{Token, TokenClaims};

/// A local development token of AEM's Developer Console: it carries the identity of the person who
/// downloaded it, is valid for up to 24 hours, and cannot be refreshed.
///
/// Use it to try things out; a service needs [`ServiceCredentials`](crate::ServiceCredentials) or
/// [`OAuthCredentials`](crate::OAuthCredentials).
///
/// ```no_run
/// use adobe_ims::DevelopmentToken;
///
/// let development = DevelopmentToken::from_file("local_development_token.json")?;
/// println!("valid for {} minutes", development.token().remaining().as_secs() / 60);
/// # Ok::<(), adobe_ims::Error>(())
/// ```
#[derive(Clone)]
pub struct DevelopmentToken {
    token: Token,
    /// From the token's claims: empty if it does not say.
    client_id: String,
    ims_host: String,
}

impl DevelopmentToken {
    /// Reads the JSON of the downloaded file. The token's expiry is read from its own claims and
    /// compared with the local clock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Expired`](crate::ErrorKind::Expired) for a token that is no longer valid;
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) for credentials of another kind,
    /// or for a token that does not say when it expires.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::of(CredentialsReader::default().read_json(json.as_ref(), Wanted::Development)?)
    }

    /// Reads the downloaded file, blocking while it does.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json), and
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) for a file that cannot be read.
    /// The error names the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        file::with(path.as_ref(), |json| Self::from_json(json))
    }

    /// The token itself, expired or not.
    pub fn token(&self) -> Token {
        self.token.clone()
    }

    /// The same token, whose expiry is measured by another clock than the machine's.
    pub(crate) fn by_clock(&self, clock: SharedClock) -> Result<Token, Error> {
        let now = Moment::now(&clock);
        let remaining = self.token.expires_at().duration_since(now.wall).unwrap_or_default();
        let token = Token::new(self.token.expose_secret(), remaining, now, clock);
        token.ok_or_else(|| UsageError::TimeOutOfRange.into())
    }

    pub(crate) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The host that issued it.
    pub(crate) fn ims_host(&self) -> &str {
        &self.ims_host
    }

    /// The lifetime is what the token's own claims leave of it by the local clock, and never longer
    /// than they say.
    pub(super) fn check(token: &Named<Secret>) -> Result<Self, Error> {
        let clock = SharedClock::default();
        let now = Moment::now(&clock);
        let text = token.check(Origin::Aem, printable)?;
        let claims = TokenClaims::decode(text.expose());
        let claims = claims.as_ref();
        let validity = || claims.and_then(|claims| Some((claims.created_at()?, claims.lifetime()?)));
        let field =
            |problem| CredentialsError::Field { name: token.name.clone().into_owned(), problem, origin: Origin::Aem };
        let (created_at, lifetime) = validity().ok_or_else(|| field("it does not say when it expires"))?;
        let end = created_at.checked_add(lifetime).ok_or_else(|| field("its lifetime is out of range"))?;
        let remaining = end.duration_since(now.wall).unwrap_or_default().min(lifetime).min(MAX_LIFETIME);
        if remaining.is_zero() {
            // A date before 1970 or after 9999 cannot be written.
            let at = end.min(now.wall).max(SystemTime::UNIX_EPOCH);
            return Err(CredentialsError::Expired { at }.into());
        }
        let token = Token::new(text.expose(), remaining, now, clock);
        let token = token.ok_or_else(|| field("its lifetime is out of range"))?;
        let client_id = claims.and_then(TokenClaims::client_id).unwrap_or_default().to_owned();
        let ims_host = claims.and_then(TokenClaims::authorization_server).map(|name| format!("{name}.{IMS_DOMAIN}"));
        let ims_host = ims_host.and_then(|host| fields::ims_host(&Secret::from(host)).ok());
        Ok(Self { token, client_id, ims_host: ims_host.unwrap_or_else(|| fields::PRODUCTION.to_owned()) })
    }

    fn of(found: Found) -> Result<Self, Error> {
        match found.fields {
            Fields::Development(token) => Self::check(&token),
            other => {
                let reader = other.reader();
                Err(CredentialsError::Kind { found: found.words, expected: DEVELOPMENT_WORDS, reader }.into())
            }
        }
    }
}

impl FromStr for DevelopmentToken {
    type Err = Error;

    fn from_str(json: &str) -> Result<Self, Error> {
        Self::from_json(json)
    }
}

/// Shows when it expires, and nothing of the token.
impl fmt::Debug for DevelopmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, client_id, ims_host } = self;
        f.debug_struct("DevelopmentToken")
            .field("token", token)
            .field("client_id", client_id)
            .field("ims_host", ims_host)
            .finish()
    }
}

/// What a header can carry.
fn printable(token: &Secret) -> Result<Secret, &'static str> {
    match fields::filled_in(token.expose())? {
        "" => Err("it is empty"),
        text if text.len() > MAX_TOKEN => Err("it is too long"),
        text if text.bytes().all(|b| b.is_ascii_graphic()) => Ok(Secret::from(text.to_owned())),
        _ => Err("it contains a space, a line break or a character beyond ASCII"),
    }
}

/// `as` is the first part of the host name (`adobe/aio-lib-ims`).
const IMS_DOMAIN: &str = "adobelogin.com";
/// Such a token is valid for 24 hours at most (Adobe's documentation).
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// As long as a token in a response of IMS may be.
const MAX_TOKEN: usize = 16 * 1024;
