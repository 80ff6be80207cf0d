//! Signing where the private key is kept: a key management service, a hardware module, an agent.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use crate::caught::{Panicked, caught};
use crate::certificate::Certificate;
use crate::error::{Cause, Error, KeyError};
use crate::key::RsaKey;
use crate::redact::printable;

/// A private key that signs where it is kept, and cannot be read: in a key management service
/// (KMS), a hardware security module (HSM), or an agent process.
///
/// Give it to
/// [`ServiceCredentialsBuilder::signing_key`](crate::ServiceCredentialsBuilder::signing_key).
/// Claims, header and time stay with this crate: the key returns only a signature. The timeout, the
/// retries and the cancellation of a call cover it. If the credentials have a certificate, the
/// signature is checked against it before anything is sent.
///
/// ```
/// use adobe_ims::{SigningError, SigningFuture, SigningInput, SigningKey};
///
/// struct Kms {
///     // the client of the key management service, and the id of the key
/// }
///
/// impl Kms {
///     /// RSASSA_PKCS1_V1_5_SHA_256 of a digest.
///     async fn sign_digest(&self, digest: [u8; 32]) -> Result<Vec<u8>, std::io::Error> {
///         # Ok(vec![0; 256])
///     }
/// }
///
/// impl SigningKey for Kms {
///     fn sign<'a>(&'a self, input: &'a SigningInput<'a>) -> SigningFuture<'a> {
///         Box::pin(async move {
///             self.sign_digest(input.sha256()).await.map_err(SigningError::transient)
///         })
///     }
/// }
/// ```
pub trait SigningKey: Send + Sync + 'static {
    /// Returns the raw RS256 signature of the input: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518
    /// section 3.3), as many bytes as the key's modulus has.
    ///
    /// # Errors
    ///
    /// [`SigningError::transient`] for what a retry may fix, [`SigningError::permanent`] for the
    /// rest.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the caller of the client gives up or a timeout expires.
    fn sign<'a>(&'a self, input: &'a SigningInput<'a>) -> SigningFuture<'a>;
}

/// The future of [`SigningKey::sign`].
pub type SigningFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, SigningError>> + Send + 'a>>;

/// What is to be signed.
pub struct SigningInput<'a> {
    message: &'a [u8],
}

impl SigningInput<'_> {
    /// The whole message: header and claims of the assertion.
    pub fn message(&self) -> &[u8] {
        self.message
    }

    /// The SHA-256 digest of the message: most key services take it instead.
    pub fn sha256(&self) -> [u8; 32] {
        digest(&SHA256, self.message).as_ref().try_into().unwrap_or_default()
    }
}

/// The message names the account, so it is not shown.
impl fmt::Debug for SigningInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningInput")
    }
}

/// Why a [`SigningKey`] did not sign.
#[derive(Debug)]
pub struct SigningError {
    text: String,
    is_transient: bool,
}

impl SigningError {
    /// A failure that a retry may fix: the service cannot be reached, or throttles.
    ///
    /// The text becomes a cause of the [`Error`]: printable, at most 200 characters.
    pub fn transient(error: impl fmt::Display) -> Self {
        Self { text: printable(&error.to_string(), MAX_TEXT), is_transient: true }
    }

    /// A failure that lasts until it is fixed: no such key, no permission.
    pub fn permanent(error: impl fmt::Display) -> Self {
        Self { text: printable(&error.to_string(), MAX_TEXT), is_transient: false }
    }
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for SigningError {}

/// The key of service credentials.
#[derive(Clone)]
pub(crate) enum Key {
    Local(RsaKey),
    Elsewhere(Arc<dyn SigningKey>),
}

impl Key {
    /// The public half as PKCS#1 `RSAPublicKey` DER, if it is known.
    pub(crate) fn public_key(&self) -> Option<&[u8]> {
        match self {
            Self::Local(key) => Some(key.public_key()),
            Self::Elsewhere(_) => None,
        }
    }

    pub(crate) fn local(&self) -> Result<&RsaKey, KeyError> {
        match self {
            Self::Local(key) => Ok(key),
            Self::Elsewhere(_) => Err(KeyError::NotLocal),
        }
    }

    /// Signs within `limit`. What a key elsewhere returns is checked.
    pub(crate) async fn sign(
        &self,
        message: &[u8],
        certificate: Option<&Certificate>,
        limit: Duration,
    ) -> Result<Vec<u8>, Error> {
        match self {
            Self::Local(key) => key.sign(message),
            Self::Elsewhere(key) => sign_elsewhere(&**key, message, certificate, limit).await,
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local(_) => "[redacted]",
            Self::Elsewhere(_) => "[kept elsewhere]",
        })
    }
}

async fn sign_elsewhere(
    key: &dyn SigningKey,
    message: &[u8],
    certificate: Option<&Certificate>,
    limit: Duration,
) -> Result<Vec<u8>, Error> {
    let input = SigningInput { message };
    let signing = caught(async { key.sign(&input).await });
    let signature = match tokio::time::timeout(limit, signing).await {
        Ok(Ok(Ok(signature))) => signature,
        Ok(Ok(Err(error))) => {
            let failure = KeyError::Elsewhere { is_transient: error.is_transient };
            return Err(Error::caused(failure, Cause::from_chain(Some(&error))));
        }
        Ok(Err(Panicked)) => return Err(KeyError::ElsewherePanicked.into()),
        Err(_) => return Err(KeyError::ElsewhereTimeout { limit }.into()),
    };
    let bytes = signature.len();
    if !(MIN_SIGNATURE..=MAX_SIGNATURE).contains(&bytes) {
        return Err(KeyError::SignatureLength { bytes }.into());
    }
    match certificate {
        Some(certificate) if !certificate.verifies(message, &signature) => Err(KeyError::SignatureMismatch.into()),
        _ => Ok(signature),
    }
}

const MAX_TEXT: usize = 200;
/// Of keys of 2048 and 8192 bits.
const MIN_SIGNATURE: usize = 256;
const MAX_SIGNATURE: usize = 1024;
