//! The certificate beside the key: when it ends, and whether it is the key's. Only read, never
//! trusted: whether it is good is IMS's decision.

use std::time::{Duration, SystemTime};

use x509_cert::der::Decode;

use crate::key::RsaKey;
use crate::pem::{self, Content};

/// The X.509 certificate that AEM's Developer Console puts beside the private key (`publicKey`).
///
/// It lives 365 days. After its end IMS refuses every exchange with words that do not say so
/// ("Could not match JWT signature to any of the bindings"), so watch [`remaining`](Self::remaining).
/// A certificate that has ended or belongs to another key does not stop anything here.
#[derive(Clone, Debug)]
pub struct Certificate {
    not_after: SystemTime,
    matches_key: bool,
}

impl Certificate {
    /// `None` where there is nothing that can be read as a certificate.
    pub(crate) fn from_text(text: &str, key: &RsaKey) -> Option<Self> {
        if text.len() > MAX_PEM {
            return None;
        }
        let blocks = pem::blocks(text);
        let der = blocks.iter().find_map(|block| match &block.content {
            Content::Der(der) if matches!(block.label.as_str(), "" | "CERTIFICATE" | "X509 CERTIFICATE") => Some(der),
            _ => None,
        })?;
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let parts = certificate.tbs_certificate();
        Some(Self {
            not_after: SystemTime::UNIX_EPOCH.checked_add(parts.validity().not_after.to_unix_duration())?,
            matches_key: parts.subject_public_key_info().subject_public_key.raw_bytes() == key.public_key(),
        })
    }

    /// When the certificate ends.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// How long the certificate still lives at `now`; zero once it has ended.
    pub fn remaining(&self, now: SystemTime) -> Duration {
        self.not_after.duration_since(now).unwrap_or_default()
    }

    /// Whether the certificate is about the private key beside it.
    pub fn matches_key(&self) -> bool {
        self.matches_key
    }
}

/// One certificate takes about 1.5 KiB, a chain of ten fits.
const MAX_PEM: usize = 16 * 1024;
