//! Signs assertions with a key that is parsed once.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::{Algorithm, Header};
use serde::ser::{Serialize, SerializeMap, Serializer};
use zeroize::Zeroizing;

use crate::credentials::ServiceCredentials;
use crate::error::{Error, KeyError, UsageError};
use crate::secret::Secret;

/// Signs the assertions (RFC 7523) that IMS exchanges for access tokens.
///
/// Cheap to clone; clones share the key.
///
/// ```
/// # async fn example() -> Result<(), adobe_ims::Error> {
/// # let ims = adobe_ims::testing::MockIms::start().await?;
/// # let credentials = ims.credentials();
/// use std::time::SystemTime;
/// use adobe_ims::JwtSigner;
///
/// let signer = JwtSigner::new(&credentials)?;
/// let assertion = signer.sign(SystemTime::now())?;
/// assert_eq!(assertion.expose_secret().split('.').count(), 3);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct JwtSigner {
    /// In base64url.
    header: String,
    credentials: ServiceCredentials,
    lifetime: Duration,
}

impl JwtSigner {
    /// Checks with a trial signature that the key of the credentials can sign.
    ///
    /// The trial also covers the extra cost of a key's first signature and, once per process, the
    /// tens of milliseconds that aws-lc takes to gather entropy (unless it was built with
    /// `AWS_LC_SYS_NO_JITTER_ENTROPY=1` in the environment).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) if the key fails to sign, or is kept elsewhere
    /// ([`SigningKey`](crate::SigningKey)).
    pub fn new(credentials: &ServiceCredentials) -> Result<Self, Error> {
        Self::with_lifetime(credentials, ASSERTION_LIFETIME)
    }

    pub(crate) fn with_lifetime(credentials: &ServiceCredentials, lifetime: Duration) -> Result<Self, Error> {
        credentials.key().local()?.sign(b"trial")?;
        Self::untried(credentials, lifetime)
    }

    /// Without a trial signature: for a key that is kept elsewhere.
    pub(crate) fn untried(credentials: &ServiceCredentials, lifetime: Duration) -> Result<Self, Error> {
        let header = json(&Header::new(Algorithm::RS256))?;
        Ok(Self { header: Base64UrlUnpadded::encode_string(&header), credentials: credentials.clone(), lifetime })
    }

    /// Signs an assertion that expires five minutes after `now`.
    ///
    /// Takes about a quarter of a millisecond with a key of 2048 bits, and does no I/O. The claims
    /// are `exp`, `iss`, `sub`, `aud` and one `https://{imsEndpoint}/s/{metascope}: true` for each
    /// metascope, as Adobe documents them for the JWT exchange. `iat` is left out: IMS does not
    /// need it, and a clock that is ahead would put it into the future.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if `now` is before 1970 or out of range.
    pub fn sign(&self, now: SystemTime) -> Result<Assertion, Error> {
        let unsigned = self.unsigned(now)?;
        let signature = Zeroizing::new(self.credentials.key().local()?.sign(unsigned.message())?);
        Ok(unsigned.signed(&signature))
    }

    /// Header and claims.
    pub(crate) fn unsigned(&self, now: SystemTime) -> Result<Unsigned, Error> {
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| UsageError::TimeOutOfRange)?;
        let exp = since_epoch.checked_add(self.lifetime).ok_or(UsageError::TimeOutOfRange)?.as_secs();
        let expires_at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp));
        let expires_at = expires_at.ok_or(UsageError::TimeOutOfRange)?;

        let claims = Base64UrlUnpadded::encode_string(&json(&Claims { exp, credentials: &self.credentials })?);
        let parts = [self.header.len(), claims.len(), MAX_SIGNATURE, 2];
        let mut text = String::with_capacity(parts.iter().fold(0, |sum, part| part.saturating_add(sum)));
        text.push_str(&self.header);
        text.push('.');
        text.push_str(&claims);
        Ok(Unsigned { text, expires_at })
    }

    pub(crate) fn credentials(&self) -> &ServiceCredentials {
        &self.credentials
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }
}

impl fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { header: _, credentials, lifetime } = self;
        f.debug_struct("JwtSigner").field("credentials", credentials).field("lifetime", lifetime).finish()
    }
}

/// An assertion that lacks its signature. Its buffer has room for it, so that it never grows.
pub(crate) struct Unsigned {
    text: String,
    expires_at: SystemTime,
}

impl Unsigned {
    pub(crate) fn message(&self) -> &[u8] {
        self.text.as_bytes()
    }

    pub(crate) fn signed(self, signature: &[u8]) -> Assertion {
        let Self { mut text, expires_at } = self;
        text.push('.');
        text.push_str(&Zeroizing::new(Base64UrlUnpadded::encode_string(signature)));
        Assertion { text: Secret::from(text), expires_at }
    }
}

/// A signed JWT that proves to IMS who requests a token (an assertion, RFC 7521).
///
/// Not a bearer token, and of another type than [`Token`](crate::Token), so that it cannot be sent
/// as one by mistake.
#[derive(Clone)]
pub struct Assertion {
    text: Secret,
    expires_at: SystemTime,
}

impl Assertion {
    /// The JWT in its compact form.
    pub fn expose_secret(&self) -> &str {
        self.text.expose()
    }

    /// When the assertion expires: its `exp` claim, in whole seconds.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }

    pub(crate) fn into_secret(self) -> Secret {
        self.text
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, expires_at } = self;
        f.debug_struct("Assertion").field("text", text).field("expires_at", expires_at).finish()
    }
}

/// The claims of the assertion, written straight into JSON: the names of the scope claims vary.
struct Claims<'a> {
    exp: u64,
    credentials: &'a ServiceCredentials,
}

impl Serialize for Claims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let host = self.credentials.ims_host();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("exp", &self.exp)?;
        map.serialize_entry("iss", self.credentials.org_id())?;
        map.serialize_entry("sub", self.credentials.technical_account_id())?;
        map.serialize_entry("aud", &format_args!("https://{host}/c/{}", self.credentials.client_id()))?;
        for metascope in self.credentials.metascopes() {
            map.serialize_entry(&format_args!("https://{host}/s/{metascope}"), &true)?;
        }
        map.end()
    }
}

/// These structs always become JSON.
fn json(value: &impl Serialize) -> Result<Vec<u8>, KeyError> {
    serde_json::to_vec(value).map_err(|_| KeyError::CannotSign)
}

/// Adobe: "a few minutes is best"; also what Adobe's newer clients choose. Leaves room for a clock
/// that is behind.
pub(crate) const ASSERTION_LIFETIME: Duration = Duration::from_secs(300);
/// In base64url, of a key of 8192 bits.
const MAX_SIGNATURE: usize = 1366;
