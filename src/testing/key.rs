//! Disposable RSA keys. Generating one is slow, so the mocks of a process share them: each takes
//! the first as its first, the second for its first rotation, and so on.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64ct::{Base64, Encoding};
use rcgen::{KeyPair, PKCS_RSA_SHA256};

use super::error::unusable;
use crate::Error;
use crate::key::private_key_info;

pub(super) struct ThrowAwayKey {
    pub(super) pair: KeyPair,
    /// As the Developer Console writes it.
    pub(super) pkcs1_pem: String,
}

impl ThrowAwayKey {
    /// Generated on first use. A failure is not kept, so that the next mock tries again.
    pub(super) fn of_this_process(index: usize) -> Result<Arc<Self>, Error> {
        static KEYS: Mutex<Vec<Arc<ThrowAwayKey>>> = Mutex::new(Vec::new());
        let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(key) = keys.get(index) {
                return Ok(Arc::clone(key));
            }
            keys.push(Arc::new(Self::generate().ok_or_else(|| unusable("a disposable key cannot be generated"))?));
        }
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let public_key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key_raw());
        public_key.verify(message, signature).is_ok()
    }

    fn generate() -> Option<Self> {
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).ok()?;
        let (_, pkcs1) = private_key_info(pair.serialized_der())?;
        let pkcs1_pem = pem("RSA PRIVATE KEY", pkcs1);
        Some(Self { pair, pkcs1_pem })
    }
}

/// PEM with CRLF on every platform, as the file has it; rcgen's own line ends follow the platform.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\r\n");
    for (place, symbol) in Base64::encode_string(der).chars().enumerate() {
        if place > 0 && place.is_multiple_of(64) {
            text.push_str("\r\n");
        }
        text.push(symbol);
    }
    text.push_str(&format!("\r\n-----END {label}-----\r\n"));
    text
}
