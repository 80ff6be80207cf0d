//! The key once, a signed assertion each time.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::signature::{self, Signer};
use jsonwebtoken::{Algorithm, Header};
use serde::ser::{Serialize, SerializeMap, Serializer};
use zeroize::Zeroizing;

use crate::credentials::ServiceCredentials;
use crate::error::{Error, Failure};
use crate::key::RsaKey;
use crate::secret::Secret;

/// Signs the assertions (RFC 7523) that are exchanged for access tokens.
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
    key: Rs256,
    header: String,
    credentials: ServiceCredentials,
    lifetime: Duration,
}

impl JwtSigner {
    /// Takes the key of the credentials and proves by a trial signature that it can sign.
    ///
    /// The trial also pays what only the first signature of a key costs and, once in a process, the tens of
    /// milliseconds that aws-lc takes to gather randomness, unless it was built with
    /// `AWS_LC_SYS_NO_JITTER_ENTROPY=1` in the environment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) if the key fails to sign.
    pub fn new(credentials: &ServiceCredentials) -> Result<Self, Error> {
        Self::with_lifetime(credentials, ASSERTION_LIFETIME)
    }

    pub(crate) fn with_lifetime(credentials: &ServiceCredentials, lifetime: Duration) -> Result<Self, Error> {
        let key = Rs256(credentials.key().clone());
        key.0.sign(b"trial")?;
        let header = serde_json::to_vec(&Header::new(jsonwebtoken::crypto::JwtSigner::algorithm(&key)));
        let header = header.map_err(|_| Failure::KeyCannotSign)?;
        Ok(Self { key, header: Base64UrlUnpadded::encode_string(&header), credentials: credentials.clone(), lifetime })
    }

    /// Signs an assertion that is good for five minutes from `now`, or for what
    /// [`assertion_lifetime`](crate::ImsClientBuilder::assertion_lifetime) says.
    ///
    /// Takes a quarter of a millisecond with a key of 2048 bits and touches nothing but memory.
    /// The claims are `exp`, `iss`, `sub`, `aud` and one `https://{imsEndpoint}/s/{metascope}: true`
    /// for each metascope, as Adobe documents them for the JWT exchange. `iat` is left out: IMS does
    /// not need it, and a clock that runs ahead would put it into the future.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if `now` is before 1970 or out of range.
    pub fn sign(&self, now: SystemTime) -> Result<Assertion, Error> {
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| Failure::TimeOutOfRange)?;
        let exp = since_epoch.checked_add(self.lifetime).ok_or(Failure::TimeOutOfRange)?.as_secs();
        let expires_at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp)).ok_or(Failure::TimeOutOfRange)?;
        let claims = Claims { exp, credentials: &self.credentials };
        let claims = serde_json::to_vec(&claims).map_err(|_| Failure::KeyCannotSign)?;

        let claims = Base64UrlUnpadded::encode_string(&claims);
        let mut text = String::with_capacity(
            [self.header.len(), claims.len(), LONGEST_SIGNATURE, 2]
                .iter()
                .fold(0, |sum, part| part.saturating_add(sum)),
        );
        text.push_str(&self.header);
        text.push('.');
        text.push_str(&claims);
        let signature = Zeroizing::new(self.key.try_sign(text.as_bytes()).map_err(|_| Failure::KeyCannotSign)?);
        text.push('.');
        text.push_str(&Zeroizing::new(Base64UrlUnpadded::encode_string(&signature)));
        Ok(Assertion { text: Secret::from(text), expires_at })
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
        let Self { key: _, header: _, credentials, lifetime } = self;
        f.debug_struct("JwtSigner").field("credentials", credentials).field("lifetime", lifetime).finish()
    }
}

/// A signed JWT that proves to IMS who asks (RFC 7521 calls it an assertion). Not a bearer token: it
/// is good for nothing but the exchange, and of another type than [`Token`](crate::Token) so that it
/// can't be sent as one by mistake.
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

    /// When IMS stops to accept it: its `exp` claim, in whole seconds.
    pub fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, expires_at } = self;
        f.debug_struct("Assertion").field("text", text).field("expires_at", expires_at).finish()
    }
}

/// The one algorithm IMS documents, in the shape that jsonwebtoken gives to a backend of one's own:
/// no process-wide provider, and a key that was parsed once.
#[derive(Clone)]
struct Rs256(RsaKey);

impl Signer<Vec<u8>> for Rs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        self.0.sign(message).map_err(signature::Error::from_source)
    }
}

impl jsonwebtoken::crypto::JwtSigner for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

/// The claims that IMS asks for, written straight into JSON: the scope claims have names of their own.
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

/// Adobe: "a few minutes is best"; also what Adobe's newer clients choose. Leaves room for a clock
/// that runs behind.
pub(crate) const ASSERTION_LIFETIME: Duration = Duration::from_secs(300);
/// In base64url, of a key of 8192 bits.
const LONGEST_SIGNATURE: usize = 1366;
