//! The access token: the secret, when it expires, how it goes into a header, its own claims.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderValue;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::clock::{Moment, SharedClock};
#[cfg(feature = "testing")]
use crate::error::{Error, TestingError};
use crate::lenient::{LenientText, Object};
use crate::secret::Secret;

/// An access token from Adobe IMS, and when it expires.
///
/// Cheap to clone: clones share one text, and the last one wipes it. `Debug` does not show it.
/// Tokens cannot be compared: each comes from a response of its own.
///
/// ```
/// # async fn example() -> Result<(), adobe_ims::Error> {
/// # let mock = adobe_ims::testing::MockIms::start().await?;
/// # let ims = mock.client()?;
/// let token = ims.token().await?;
/// let request = http::Request::get("https://author.example.com/api/assets.json")
///     .header(http::header::AUTHORIZATION, token.authorization());
/// println!("valid for {} minutes", token.remaining().as_secs() / 60);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct Token(Arc<Inner>);

struct Inner {
    /// `Bearer` and the token, in memory that is wiped: the one text that all accessors share.
    authorization: HeaderValue,
    lifetime: Duration,
    end: Moment,
    clock: SharedClock,
}

impl Token {
    /// `None` for a text that a header cannot carry, or an expiry out of range. The lifetime counts
    /// from `issued`.
    pub(crate) fn new(text: &str, lifetime: Duration, issued: Moment, clock: SharedClock) -> Option<Self> {
        Self::resumed(text, lifetime, lifetime, issued, clock)
    }

    /// The same for a token of whose `lifetime` only `left` is left, counted from `now`.
    pub(crate) fn resumed(
        text: &str,
        lifetime: Duration,
        left: Duration,
        now: Moment,
        clock: SharedClock,
    ) -> Option<Self> {
        let mut bearer = Zeroizing::new(Vec::with_capacity(SCHEME.len().checked_add(text.len())?));
        bearer.extend_from_slice(SCHEME.as_bytes());
        bearer.extend_from_slice(text.as_bytes());
        let mut authorization = HeaderValue::from_maybe_shared(Bytes::from_owner(bearer)).ok()?;
        authorization.set_sensitive(true);
        Some(Self(Arc::new(Inner { authorization, lifetime, end: now.checked_add(left)?, clock })))
    }

    /// A token with any text and lifetime, for the tests of applications. Feature `testing`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a text that a header cannot carry, or a
    /// lifetime out of the clock's range.
    #[cfg(feature = "testing")]
    pub fn for_tests(text: &str, lifetime: Duration) -> Result<Self, Error> {
        Self::for_tests_with_clock(text, lifetime, SharedClock::default())
    }

    /// As [`for_tests`](Self::for_tests), with the test's own clock. Feature `testing`.
    ///
    /// # Errors
    ///
    /// As [`for_tests`](Self::for_tests).
    #[cfg(feature = "testing")]
    pub fn for_tests_with_clock(text: &str, lifetime: Duration, clock: impl crate::Clock) -> Result<Self, Error> {
        let clock = SharedClock::new(clock);
        let now = Moment::now(&clock);
        if !text.bytes().all(|b| b.is_ascii_graphic()) || text.is_empty() {
            return Err(TestingError::Token { problem: "a header cannot carry this text" }.into());
        }
        let token = Self::new(text, lifetime, now, clock);
        token.ok_or_else(|| TestingError::Token { problem: "its lifetime is out of range" }.into())
    }

    /// The token itself.
    pub fn expose_secret(&self) -> &str {
        // Written as ASCII by `new`.
        let text = self.0.authorization.as_bytes().get(SCHEME.len()..).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// A copy that is wiped, for a form.
    pub(crate) fn secret(&self) -> Secret {
        Secret::from(self.expose_secret().to_owned())
    }

    /// The value of an `Authorization` header, `Bearer …`, marked as sensitive: HTTP libraries keep
    /// it out of their logs and compression tables.
    pub fn authorization(&self) -> HeaderValue {
        self.0.authorization.clone()
    }

    /// `Bearer` (RFC 6750). IMS writes it in lower case; the header requires this form.
    pub fn token_type(&self) -> &str {
        SCHEME.trim_end()
    }

    /// When the token expires by the local wall clock, without any margin.
    ///
    /// Counted from before the request was sent; at most 24 hours after it.
    pub fn expires_at(&self) -> SystemTime {
        self.0.end.wall
    }

    /// How long the token is still valid; zero once it has expired.
    ///
    /// Reads the wall clock and the monotonic clock and takes the shorter: a machine that was
    /// suspended or whose clock was set back does not keep a token past its expiry.
    pub fn remaining(&self) -> Duration {
        self.remaining_at(Moment::now(&self.0.clock))
    }

    pub(crate) fn remaining_at(&self, now: Moment) -> Duration {
        now.until(self.0.end)
    }

    /// The whole of it, from when it was issued.
    pub(crate) fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    /// Whether it is valid for at least this long, or no token of its lifetime ever would be.
    #[inline]
    pub(crate) fn serves(&self, least: Duration, now: Moment) -> bool {
        least.is_zero() || self.lifetime() < least || self.remaining_at(now) >= least
    }

    /// Tokens are compared by identity: a clone counts, a second token with equal text does not.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether the token has expired.
    pub fn is_expired(&self) -> bool {
        self.remaining().is_zero()
    }

    /// The token's own claims; `None` if it is not a JWT.
    ///
    /// **Not verified**: for diagnostics, never for a decision about access. Decoded at each call.
    pub fn claims(&self) -> Option<TokenClaims> {
        TokenClaims::decode(self.expose_secret())
    }
}

/// Shows when it expires, and nothing of the text.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { authorization: _, lifetime: _, end, clock: _ } = &*self.0;
        f.debug_struct("Token").field("text", &format_args!("[redacted]")).field("expires_at", &end.wall).finish()
    }
}

/// The claims of an access token. **Not verified.**
///
/// IMS's access tokens have no `exp` and no `iat`: `created_at` and `expires_in` take their place,
/// both in milliseconds.
#[derive(Clone, Debug)]
pub struct TokenClaims(Claims);

/// Each is optional: one claim of an unexpected type does not hide the others.
#[derive(Clone, Debug, Deserialize)]
struct Claims {
    client_id: Option<LenientText>,
    user_id: Option<LenientText>,
    #[serde(rename = "as")]
    authorization_server: Option<LenientText>,
    scope: Option<LenientText>,
    created_at: Option<LenientText>,
    expires_in: Option<LenientText>,
}

impl TokenClaims {
    /// Reads the claims of a token that came from elsewhere; `None` if it is not a JWT.
    ///
    /// **Not verified**, like all claims: anyone can write such a token.
    pub fn decode(token: &str) -> Option<Self> {
        // jsonwebtoken calls it insecure because nothing is verified.
        jsonwebtoken::dangerous::insecure_decode_claims::<Object<Claims>>(token).ok().map(|Object(claims)| Self(claims))
    }

    /// `client_id`: the client that the token was issued to.
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_ref()?.text()
    }

    /// `user_id`: the id of the account that the token represents, here the technical account.
    pub fn user_id(&self) -> Option<&str> {
        self.0.user_id.as_ref()?.text()
    }

    /// `as`: the environment that issued it, such as `ims-na1` or `ims-na1-stg1`.
    pub fn authorization_server(&self) -> Option<&str> {
        self.0.authorization_server.as_ref()?.text()
    }

    /// `scope`, split at its commas.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let scope = self.0.scope.as_ref().and_then(LenientText::text).unwrap_or_default();
        scope.split(',').map(str::trim).filter(|scope| !scope.is_empty())
    }

    /// `created_at`: when the token was issued, by the clock of IMS.
    pub fn created_at(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.0.created_at.as_ref()?.number()?))
    }

    /// `expires_in`: the lifetime of the token from `created_at`.
    pub fn lifetime(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.0.expires_in.as_ref()?.number()?))
    }
}

const SCHEME: &str = "Bearer ";
