//! The local development token of AEM's Developer Console: a token already, so nothing to exchange.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::SystemTime;

use super::file;
use super::named::Named;
use super::reader::{CredentialsReader, Fields, Found, Wanted};
use crate::clock::{Moment, SharedClock};
use crate::error::{CredentialsError, Error, Origin};
use crate::secret::Secret;
use crate::token::{Token, TokenClaims};

/// A local development token of AEM's Developer Console: it carries the identity of the person who
/// downloaded it, is valid for up to 24 hours, and cannot be refreshed.
///
/// Right for trying things out; a service needs [`ServiceCredentials`](crate::ServiceCredentials) or
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
pub struct DevelopmentToken(Token);

impl DevelopmentToken {
    /// Reads the JSON of the downloaded file. When the token expires is read from its own claims and
    /// compared with the local clock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Expired`](crate::ErrorKind::Expired) for a token that is no longer valid;
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) for credentials of another kind, or for
    /// a token that does not say when it expires.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::of(CredentialsReader::default().read_json(json.as_ref(), Wanted::Development)?)
    }

    /// Reads the downloaded file, blocking while it does.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json), and [`ErrorKind::Credentials`](crate::ErrorKind::Credentials)
    /// for a file that can't be read. The error names the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        file::with(path.as_ref(), |json| Self::from_json(json))
    }

    /// The token itself, expired or not.
    pub fn token(&self) -> Token {
        self.0.clone()
    }

    /// The lifetime is cut to what the token's own claims leave of it by the local clock, and never
    /// longer than they say it is.
    pub(super) fn check(token: &Named<Secret>) -> Result<Self, Error> {
        let clock = SharedClock::default();
        let now = Moment::now(&clock);
        let text = token.check(Origin::Aem, printable)?;
        let claims = || -> Option<_> {
            let claims = TokenClaims::of(text.expose())?;
            Some((claims.created_at()?, claims.lifetime()?))
        };
        let field =
            |problem| CredentialsError::Field { name: token.name.clone().into_owned(), problem, origin: Origin::Aem };
        let (created_at, lifetime) = claims().ok_or_else(|| field("it does not say when it expires"))?;
        let end = created_at.checked_add(lifetime).ok_or_else(|| field("its lifetime is out of range"))?;
        let remaining = end.duration_since(now.wall).unwrap_or_default().min(lifetime);
        if remaining.is_zero() {
            // A date before 1970 or after 9999 cannot be written.
            let at = end.min(now.wall).max(SystemTime::UNIX_EPOCH);
            return Err(CredentialsError::Expired { at }.into());
        }
        let token = Token::new(text.expose(), remaining, now, clock);
        Ok(Self(token.ok_or_else(|| field("its lifetime is out of range"))?))
    }

    fn of(found: Found) -> Result<Self, Error> {
        match found.fields {
            Fields::Development(token) => Self::check(&token),
            _ => Err(CredentialsError::Kind { found: found.words, expected: EXPECTED }.into()),
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
        let Self(token) = self;
        f.debug_tuple("DevelopmentToken").field(token).finish()
    }
}

/// What a header can carry.
fn printable(token: &Secret) -> Result<Secret, &'static str> {
    match token.expose() {
        "" => Err("it is empty"),
        text if text.len() > MAX_TOKEN => Err("it is too long"),
        text if text.bytes().all(|b| b.is_ascii_graphic()) => Ok(token.clone()),
        _ => Err("it contains a blank, a line break or a character beyond ASCII"),
    }
}

const EXPECTED: &str = "a local development token";
/// As long as a response of IMS may give one.
const MAX_TOKEN: usize = 16 * 1024;
