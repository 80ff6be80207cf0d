//! A key bound to a technical account by a self-signed certificate, as the Developer Console makes
//! one.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, SanType, date_time_ymd};

use super::error::unusable;
use super::key::{ThrowAwayKey, pem};
use super::settings::ClientId;
use crate::Error;

pub(super) struct Binding {
    key: Arc<ThrowAwayKey>,
    certificate_pem: String,
    not_after: SystemTime,
    revoked: bool,
}

impl Binding {
    /// The certificate is valid from `now` on.
    pub(super) fn new(key: Arc<ThrowAwayKey>, client_id: &ClientId, now: SystemTime) -> Result<Self, Error> {
        let (certificate_pem, not_after) = self_signed(&key, client_id.as_str(), now)
            .ok_or_else(|| unusable("a certificate cannot be made for this time"))?;
        Ok(Self { key, certificate_pem, not_after, revoked: false })
    }

    pub(super) fn is_valid(&self, now: SystemTime) -> bool {
        !self.revoked && now <= self.not_after
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verifies(message, signature)
    }

    pub(super) fn revoke(&mut self) {
        self.revoked = true;
    }

    pub(super) fn private_key_pem(&self) -> &str {
        &self.key.pkcs1_pem
    }

    pub(super) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }
}

/// The certificate and its expiry. It has the unusual extensions of the Developer Console's, so
/// that readers of the file meet them in tests too.
fn self_signed(key: &ThrowAwayKey, client_id: &str, now: SystemTime) -> Option<(String, SystemTime)> {
    let not_before = Duration::from_secs(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    let not_after = not_before.checked_add(CERTIFICATE_LIFETIME)?;
    let epoch = date_time_ymd(1970, 1, 1);

    let mut params = CertificateParams::default();
    params.not_before = epoch.checked_add(not_before.try_into().ok()?)?;
    params.not_after = epoch.checked_add(not_after.try_into().ok()?)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, client_id);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.subject_alt_names = vec![SanType::URI("http://example.org/webid#me".try_into().ok()?)];
    let certificate = params.self_signed(&key.pair).ok()?;
    Some((pem("CERTIFICATE", certificate.der()), UNIX_EPOCH.checked_add(not_after)?))
}

/// As the Developer Console issues them.
const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
