//! Decrypts PBES2 (RFC 8018 section 6.2) with PBKDF2 and AES-CBC. The derived key and
//! the result are wiped.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_128, AES_192, AES_256, AES_CBC_IV_LEN, Algorithm, DecryptionContext};
use aws_lc_rs::cipher::{PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA384, PBKDF2_HMAC_SHA512};
use pkcs5::pbes2::{EncryptionScheme, Kdf, Parameters, Pbkdf2Params, Pbkdf2Prf};
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{self, ErrorKind};
use zeroize::Zeroizing;

use super::encrypted::{UNUSUAL, with};
use crate::error::KeyError;

/// Requires the passphrase last: a key that cannot be decrypted does not need it.
pub(super) fn decrypt(
    parameters: AnyRef<'_>,
    content: &[u8],
    passphrase: Option<&str>,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let parameters = Parameters::try_from(parameters).map_err(|error| unreadable(&error))?;
    let (cipher, iv) = cipher(&parameters.encryption)?;
    let Kdf::Pbkdf2(pbkdf2) = &parameters.kdf else { return Err(with(UNUSUAL)) };
    let mut key = Zeroizing::new(vec![0; parameters.encryption.key_size()]);
    let derivation = Derivation::new(pbkdf2, key.len())?;
    if content.is_empty() || !content.len().is_multiple_of(cipher.block_len()) {
        return Err(KeyError::Damaged { problem: "its encrypted part is not whole blocks of AES" });
    }
    derivation.derive(passphrase.ok_or(KeyError::NoPassphrase)?, &mut key);

    let key = UnboundCipherKey::new(cipher, &key).and_then(PaddedBlockDecryptingKey::cbc_pkcs7);
    let key = key.map_err(|_| with(UNUSUAL))?;
    let mut plain = Zeroizing::new(content.to_vec());
    let decrypted = key.decrypt(&mut plain, DecryptionContext::Iv128(FixedLength::from(iv)));
    let length = decrypted.map_err(|_| KeyError::WrongPassphrase)?.len();
    plain.truncate(length);
    Ok(plain)
}

fn cipher(scheme: &EncryptionScheme) -> Result<(&'static Algorithm, [u8; AES_CBC_IV_LEN]), KeyError> {
    match scheme {
        EncryptionScheme::Aes128Cbc { iv } => Ok((&AES_128, *iv)),
        EncryptionScheme::Aes192Cbc { iv } => Ok((&AES_192, *iv)),
        EncryptionScheme::Aes256Cbc { iv } => Ok((&AES_256, *iv)),
        _ => Err(with(UNUSUAL)),
    }
}

/// PBKDF2 with checked parameters.
struct Derivation<'a> {
    algorithm: pbkdf2::Algorithm,
    iterations: NonZeroU32,
    salt: &'a [u8],
}

impl<'a> Derivation<'a> {
    fn new(parameters: &'a Pbkdf2Params, key_length: usize) -> Result<Self, KeyError> {
        let Pbkdf2Params { salt, iteration_count, key_length: stated, prf } = parameters;
        let algorithm = match prf {
            Pbkdf2Prf::HmacWithSha1 => PBKDF2_HMAC_SHA1,
            Pbkdf2Prf::HmacWithSha256 => PBKDF2_HMAC_SHA256,
            Pbkdf2Prf::HmacWithSha384 => PBKDF2_HMAC_SHA384,
            Pbkdf2Prf::HmacWithSha512 => PBKDF2_HMAC_SHA512,
            // aws-lc-rs does not have it.
            Pbkdf2Prf::HmacWithSha224 => return Err(with("HMAC-SHA-224")),
            _ => return Err(with(UNUSUAL)),
        };
        if stated.is_some_and(|stated| usize::from(stated) != key_length) {
            return Err(with(UNUSUAL));
        }
        if *iteration_count > MAX_ITERATIONS {
            return Err(KeyError::TooManyIterations { limit: MAX_ITERATIONS });
        }
        let iterations = NonZeroU32::new(*iteration_count).ok_or(with(UNUSUAL))?;
        Ok(Self { algorithm, iterations, salt: salt.as_ref() })
    }

    fn derive(&self, passphrase: &str, key: &mut [u8]) {
        pbkdf2::derive(self.algorithm, self.iterations, self.salt, passphrase.as_bytes(), key);
    }
}

fn unreadable(error: &der::Error) -> KeyError {
    match error.kind() {
        // PBKDF2 and the cipher are known by now.
        ErrorKind::OidUnknown { .. } => with("PBKDF2 with a function other than HMAC-SHA"),
        _ => with(UNUSUAL),
    }
}

/// One to three seconds of one core. OpenSSL's default is 2048; the usual advice for passwords is
/// about a million.
const MAX_ITERATIONS: u32 = 5_000_000;
