//! The certificate of a private key: when it expires, and whether it belongs to the key. Only read,
//! never trusted: whether it is valid is IMS's decision.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use x509_cert::der::Decode;

use crate::pem::{self, Content};

/// The X.509 certificate that AEM's Developer Console hands out with the private key (`publicKey`).
///
/// It is valid for 365 days. Once it has expired, IMS refuses every exchange, with a message that
/// does not say so ("Could not match JWT signature to any of the bindings"), so monitor
/// [`remaining`](Self::remaining). A certificate that has expired or belongs to another key never
/// makes a call of this crate fail.
#[derive(Clone)]
pub struct Certificate {
    not_after: SystemTime,
    /// PKCS#1 `RSAPublicKey` DER, if it is an RSA key.
    public_key: Arc<[u8]>,
    matches_key: bool,
}

impl Certificate {
    /// `None` if there is nothing that can be read as a certificate. `key` is the public half of
    /// the private key as PKCS#1 `RSAPublicKey` DER, if it is known: from a chain, the key's
    /// certificate is taken.
    pub(crate) fn from_text(text: &str, key: Option<&[u8]>) -> Option<Self> {
        if text.len() > MAX_PEM {
            return None;
        }
        let blocks = pem::blocks(text);
        let mut certificates = blocks.iter().filter_map(|block| match &block.content {
            Content::Der(der) if matches!(block.label.as_str(), "" | "CERTIFICATE" | "X509 CERTIFICATE") => {
                Self::from_der(der, key)
            }
            _ => None,
        });
        let first = certificates.next()?;
        match first.matches_key {
            true => Some(first),
            false => Some(certificates.find(|certificate| certificate.matches_key).unwrap_or(first)),
        }
    }

    fn from_der(der: &[u8], key: Option<&[u8]>) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let parts = certificate.tbs_certificate();
        let public_key = parts.subject_public_key_info().subject_public_key.raw_bytes();
        Some(Self {
            not_after: SystemTime::UNIX_EPOCH.checked_add(parts.validity().not_after.to_unix_duration())?,
            public_key: public_key.into(),
            matches_key: key.is_none_or(|key| key == public_key),
        })
    }

    /// When the certificate expires.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// How long the certificate is still valid at `now`; zero once it has expired.
    ///
    /// ```
    /// # fn example(certificate: &adobe_ims::Certificate) {
    /// let days = certificate.remaining(std::time::SystemTime::now()).as_secs() / 86_400;
    /// # }
    /// ```
    pub fn remaining(&self, now: SystemTime) -> Duration {
        self.not_after.duration_since(now).unwrap_or_default()
    }

    /// Whether the certificate belongs to the private key. For a key that is kept elsewhere
    /// ([`SigningKey`](crate::SigningKey)) this is assumed, and checked with each signature.
    pub fn matches_key(&self) -> bool {
        self.matches_key
    }

    /// Whether its key made this RS256 signature.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key).verify(message, signature).is_ok()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { not_after, public_key: _, matches_key } = self;
        f.debug_struct("Certificate").field("not_after", not_after).field("matches_key", matches_key).finish()
    }
}

/// One certificate takes about 1.5 KiB, a chain of ten fits.
const MAX_PEM: usize = 16 * 1024;
