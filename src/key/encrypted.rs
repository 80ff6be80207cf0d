//! Reads an encrypted private key (RFC 5958 `EncryptedPrivateKeyInfo`), and names the encryption if
//! it is not supported.

use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Decode, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::container::sequence;
use crate::error::KeyError;

pub(super) struct Encrypted<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    #[cfg_attr(not(feature = "encrypted-keys"), expect(dead_code, reason = "nothing decrypts it"))]
    content: &'a [u8],
}

impl<'a> Encrypted<'a> {
    /// Reads an algorithm of PKCS#5 or PKCS#12, then bytes. `None` for anything else.
    pub(super) fn of(der: &'a [u8]) -> Option<Self> {
        let mut reader = SliceReader::new(der).ok()?;
        sequence(&mut reader)?;
        let algorithm = AlgorithmIdentifierRef::decode(&mut reader).ok()?;
        let content = <&OctetStringRef>::decode(&mut reader).ok()?.as_bytes();
        let is_of = |family: &ObjectIdentifier| algorithm.oid.as_bytes().starts_with(family.as_bytes());
        [PKCS5, PKCS12].iter().any(is_of).then_some(Self { algorithm, content })
    }

    /// Decrypts the `PrivateKeyInfo`.
    pub(super) fn open(&self, passphrase: Option<&str>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if self.algorithm.oid != PBES2 {
            return Err(old_scheme(self.algorithm.oid));
        }
        let parameters = self.algorithm.parameters.ok_or(with(UNUSUAL))?;
        match unsupported(parameters) {
            Some(unsupported) => Err(unsupported),
            None => self.decrypt(parameters, passphrase),
        }
    }

    #[cfg(feature = "encrypted-keys")]
    fn decrypt(&self, parameters: AnyRef<'_>, passphrase: Option<&str>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let plain = super::pbes2::decrypt(parameters, self.content, passphrase)?;
        // By chance, a wrong passphrase gives a correct padding: once in 256 times.
        match super::private_key_info(&plain) {
            Some(_) => Ok(plain),
            None => Err(KeyError::WrongPassphrase),
        }
    }

    #[cfg(not(feature = "encrypted-keys"))]
    fn decrypt(&self, _: AnyRef<'_>, _: Option<&str>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Err(KeyError::FeatureOff)
    }
}

/// Reads the parameters of PBES2 (RFC 8018 appendix A.4). Returns an error unless the key
/// derivation is PBKDF2 and the cipher AES-CBC.
fn unsupported(parameters: AnyRef<'_>) -> Option<KeyError> {
    let mut reader = SliceReader::new(parameters.value()).ok()?;
    let derivation = AlgorithmIdentifierRef::decode(&mut reader).ok()?.oid;
    let cipher = AlgorithmIdentifierRef::decode(&mut reader).ok()?.oid;
    match (derivation, cipher) {
        (SCRYPT, _) => Some(with("scrypt")),
        (derivation, _) if derivation != PBKDF2 => Some(with("a key derivation other than PBKDF2")),
        (_, AES_128_CBC | AES_192_CBC | AES_256_CBC) => None,
        (_, DES_EDE3_CBC) => Some(with("triple DES")),
        (_, DES_CBC) => Some(with_legacy("DES")),
        (_, RC2_CBC) => Some(with_legacy("RC2")),
        _ => Some(with("a cipher other than AES-CBC")),
    }
}

/// The error for a scheme older than PBES2.
fn old_scheme(algorithm: ObjectIdentifier) -> KeyError {
    match algorithm {
        PKCS12_3DES | PKCS12_2DES => with("an old scheme of PKCS#12 (triple DES)"),
        algorithm if algorithm.as_bytes().starts_with(PKCS12.as_bytes()) => {
            with_legacy("an old scheme of PKCS#12 (RC2 or RC4)")
        }
        _ => with_legacy("PBES1, an old scheme of PKCS#5 (DES or RC2)"),
    }
}

/// The error for the header `Proc-Type: 4,ENCRYPTED` (RFC 1421).
pub(super) fn old_pem() -> KeyError {
    with("the old format of OpenSSL (Proc-Type: 4,ENCRYPTED)")
}

pub(super) fn with(found: &'static str) -> KeyError {
    KeyError::EncryptedWith { found, advice: CONVERT }
}

/// The error for an algorithm that OpenSSL 3 has in its legacy provider.
fn with_legacy(found: &'static str) -> KeyError {
    KeyError::EncryptedWith { found, advice: CONVERT_LEGACY }
}

pub(super) const UNUSUAL: &str = "unusual parameters of PBES2";
const CONVERT: &str = match cfg!(feature = "encrypted-keys") {
    true => "convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in encrypted.pem -out key.pem`",
    false => "remove the passphrase with `openssl pkey -in encrypted.pem -out key.pem`",
};
const CONVERT_LEGACY: &str = match cfg!(feature = "encrypted-keys") {
    true => {
        "convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -provider legacy -provider default -in encrypted.pem -out \
         key.pem`; OpenSSL 1 does not need the providers"
    }
    false => {
        "remove the passphrase with `openssl pkey -provider legacy -provider default -in encrypted.pem -out key.pem`; \
         OpenSSL 1 does not need the providers"
    }
};

const PKCS5: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5");
const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const SCRYPT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.4.11");
const AES_128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES_192_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const DES_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.7");
const DES_EDE3_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.7");
const RC2_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.2");
const PKCS12: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1");
const PKCS12_3DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const PKCS12_2DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.4");
