//! The access token: the secret, when it ends, how it goes into a header, its own claims.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::HeaderValue;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::clock::{Moment, SharedClock};
#[cfg(feature = "testing")]
use crate::error::Error;
use crate::loose::Loose;

/// An access token of Adobe IMS, with its end.
///
/// Cheap to clone: clones share one text, and the last one wipes it. Nothing prints it. There is no
/// comparison: two tokens are two answers of IMS.
///
/// ```
/// # async fn example() -> Result<(), adobe_ims::Error> {
/// # let mock = adobe_ims::testing::MockIms::start().await?;
/// # let ims = mock.client()?;
/// let token = ims.exchange().await?;
/// let request = http::Request::get("https://author-p11111-e22222.adobeaemcloud.com/api/assets.json")
///     .header(http::header::AUTHORIZATION, token.authorization());
/// println!("good for {} minutes", token.remaining().as_secs() / 60);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct Token(Arc<Inner>);

struct Inner {
    /// `Bearer` and the token, in memory that is wiped: the one text that all views share.
    authorization: HeaderValue,
    end: Moment,
    clock: SharedClock,
}

impl Token {
    /// `None` for a text that no header can carry, or an end out of range.
    pub(crate) fn new(text: &str, life: Duration, arrival: Moment, clock: SharedClock) -> Option<Self> {
        let mut bearer = Zeroizing::new(Vec::with_capacity(SCHEME.len().checked_add(text.len())?));
        bearer.extend_from_slice(SCHEME.as_bytes());
        bearer.extend_from_slice(text.as_bytes());
        let mut authorization = HeaderValue::from_maybe_shared(Bytes::from_owner(bearer)).ok()?;
        authorization.set_sensitive(true);
        Some(Self(Arc::new(Inner { authorization, end: arrival.later(life)?, clock })))
    }

    /// A token with any text and life, for the tests of applications.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for a text that no header can carry.
    #[cfg(feature = "testing")]
    pub fn for_tests(text: &str, life: Duration) -> Result<Self, Error> {
        Self::for_tests_with_clock(text, life, SharedClock::default())
    }

    /// The same, by a clock of the test's.
    ///
    /// # Errors
    ///
    /// As [`for_tests`](Self::for_tests).
    #[cfg(feature = "testing")]
    pub fn for_tests_with_clock(text: &str, life: Duration, clock: impl crate::Clock) -> Result<Self, Error> {
        let clock = SharedClock::new(clock);
        let now = Moment::now(&clock);
        Self::new(text, life, now, clock).ok_or_else(|| crate::error::Failure::TestToken.into())
    }

    /// The token itself.
    pub fn expose_secret(&self) -> &str {
        // Written as ASCII by `new`.
        let text = self.0.authorization.as_bytes().get(SCHEME.len()..).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// The value of an `Authorization` header, `Bearer …`, marked as sensitive: HTTP libraries keep it
    /// out of their logs and compression tables.
    pub fn authorization(&self) -> HeaderValue {
        self.0.authorization.clone()
    }

    /// `Bearer` (RFC 6750). IMS writes it in lower case; the header wants it like this.
    pub fn token_type(&self) -> &str {
        SCHEME.trim_end()
    }

    /// When the token ends by the local wall clock: the true end, without any margin.
    ///
    /// Counted from the moment the answer arrived. At most 24 hours after it.
    pub fn expires_at(&self) -> SystemTime {
        self.0.end.wall
    }

    /// How long the token still lives; zero after its end.
    ///
    /// Looks at the wall clock and at the monotonic one, and believes the shorter: a machine that was
    /// suspended or whose clock was set back does not keep a token past its end.
    pub fn remaining(&self) -> Duration {
        self.remaining_at(Moment::now(&self.0.clock))
    }

    pub(crate) fn remaining_at(&self, now: Moment) -> Duration {
        now.until(self.0.end)
    }

    /// Whether this is the very same answer of IMS: clones are, and nothing else is.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether the token's true end has come.
    pub fn is_expired(&self) -> bool {
        self.remaining().is_zero()
    }

    /// What the token says of itself. `None` if it is not a JWT, or one of an unknown form.
    ///
    /// **Not verified**: good for diagnostics, never for a decision about access. Decoded anew at each
    /// call.
    pub fn claims(&self) -> Option<TokenClaims> {
        TokenClaims::of(self.expose_secret())
    }
}

/// Shows the end, and nothing of the text.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { authorization: _, end, clock: _ } = &*self.0;
        f.debug_struct("Token").field("text", &format_args!("[redacted]")).field("expires_at", &end.wall).finish()
    }
}

/// The claims of an access token, as far as they are known. **Not verified.**
///
/// IMS's access tokens have no `exp` and no `iat`: `created_at` and `expires_in` take their place,
/// both texts of milliseconds.
#[derive(Clone, Debug)]
pub struct TokenClaims(Claims);

/// Each on its own: one claim of an odd type takes no other with it.
#[derive(Clone, Debug, Deserialize)]
struct Claims {
    client_id: Option<Loose>,
    user_id: Option<Loose>,
    #[serde(rename = "as")]
    authorization_server: Option<Loose>,
    scope: Option<Loose>,
    created_at: Option<Loose>,
    expires_in: Option<Loose>,
}

impl TokenClaims {
    /// Reads the claims of a token's text. jsonwebtoken calls it insecure because nothing is verified.
    pub(crate) fn of(text: &str) -> Option<Self> {
        jsonwebtoken::dangerous::insecure_decode_claims(text).ok().map(Self)
    }

    /// `client_id`: who the token was made for.
    pub fn client_id(&self) -> Option<&str> {
        self.0.client_id.as_ref()?.text()
    }

    /// `user_id`: whom the token speaks for; the technical account's id.
    pub fn user_id(&self) -> Option<&str> {
        self.0.user_id.as_ref()?.text()
    }

    /// `as`: the environment that made it, such as `ims-na1` or `ims-na1-stg1`.
    pub fn authorization_server(&self) -> Option<&str> {
        self.0.authorization_server.as_ref()?.text()
    }

    /// `scope`, split at its commas.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        let scope = self.0.scope.as_ref().and_then(Loose::text).unwrap_or_default();
        scope.split(',').map(str::trim).filter(|scope| !scope.is_empty())
    }

    /// `created_at`, by the clock of IMS.
    pub fn created_at(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.0.created_at.as_ref()?.number()?))
    }

    /// `expires_in`: how long the token lives from `created_at` on.
    pub fn lifetime(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.0.expires_in.as_ref()?.number()?))
    }
}

const SCHEME: &str = "Bearer ";
