//! Turns a private key in any spelling into a checked RSA key. Errors name the problem, and never
//! show a byte of the text.

mod container;
mod encrypted;
#[cfg(feature = "encrypted-keys")]
mod pbes2;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use x509_cert::der::asn1::{ObjectIdentifier, OctetStringRef, UintRef};
use x509_cert::der::{Decode, Header, Reader, SliceReader};
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use self::container::sequence;
use self::encrypted::Encrypted;
use crate::error::{Error, KeyError};
use crate::pem::{self, Block, Content};

/// An RSA key of 2048 to 8192 bits, parsed once and shared by clones.
#[derive(Clone)]
pub(crate) struct RsaKey(Arc<KeyPair>);

impl RsaKey {
    /// Reads PKCS#1 or PKCS#8 in any spelling that [`pem::blocks`] repairs. Only an encrypted key
    /// needs the passphrase.
    pub(crate) fn from_text(text: &str, passphrase: Option<&str>) -> Result<Self, Error> {
        if text.len() > MAX_KEY {
            return Err(KeyError::TooLong { limit: MAX_KEY }.into());
        }
        let blocks = pem::blocks(text);
        let key = blocks.iter().find(|block| is_plain_key(block));
        let other_key = || blocks.iter().find(|block| block.label.ends_with(PKCS8));
        match key.or_else(other_key).or(blocks.first()) {
            Some(block) => Ok(Self(Arc::new(parse(block, passphrase)?))),
            None => Err(container::of_text(text).unwrap_or(KeyError::NotPem).into()),
        }
    }

    /// Reads the content of a key file: text, or DER.
    pub(crate) fn from_bytes(bytes: &[u8], passphrase: Option<&str>) -> Result<Self, Error> {
        if bytes.len() > MAX_KEY {
            return Err(KeyError::TooLong { limit: MAX_KEY }.into());
        }
        match (std::str::from_utf8(bytes), utf_16(bytes)) {
            (Ok(text), _) => Self::from_text(text, passphrase),
            (Err(_), Some(text)) => Self::from_text(&text, passphrase),
            (Err(_), None) => Ok(Self(Arc::new(parse_der(bytes, passphrase)?))),
        }
    }

    /// Signs with RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3). Deterministic.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        match self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature) {
            Ok(()) => Ok(signature),
            Err(_) => Err(KeyError::CannotSign.into()),
        }
    }

    pub(crate) fn bits(&self) -> usize {
        self.0.public_modulus_len().saturating_mul(8)
    }

    /// The public half as PKCS#1 `RSAPublicKey` DER.
    pub(crate) fn public_key(&self) -> &[u8] {
        use aws_lc_rs::signature::KeyPair as _;
        self.0.public_key().as_ref()
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Reads UTF-16, which PowerShell writes when the output of openssl is redirected to a file.
fn utf_16(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let unit: fn([u8; 2]) -> u16 = match bytes.get(..2)? {
        [0xff, 0xfe] => u16::from_le_bytes,
        [0xfe, 0xff] => u16::from_be_bytes,
        _ => return None,
    };
    let units = bytes.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(unit);
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().saturating_mul(2)));
    for c in char::decode_utf16(units) {
        text.push(c.ok()?);
    }
    Some(text)
}

fn is_plain_key(block: &Block) -> bool {
    matches!(block.label.as_str(), "" | PKCS1 | PKCS8)
}

fn parse(block: &Block, passphrase: Option<&str>) -> Result<KeyPair, KeyError> {
    match block.label.as_str() {
        _ if is_plain_key(block) => {}
        ENCRYPTED_PKCS8 => {}
        other => {
            let other_kind = || KeyError::OtherKind { found: kind_of_label(other) };
            return Err(container::of_label(other).unwrap_or_else(other_kind));
        }
    }
    match &block.content {
        Content::Der(der) => parse_der(der, passphrase),
        Content::Encrypted => Err(encrypted::old_pem()),
        Content::Unfinished => Err(KeyError::Truncated { missing: "its END line is missing" }),
        Content::Damaged => Err(KeyError::Damaged { problem: "its lines are not base64" }),
    }
}

/// Goes by the structure: a label can be wrong.
fn parse_der(der: &[u8], passphrase: Option<&str>) -> Result<KeyPair, KeyError> {
    if let Some(container) = container::of_bytes(der) {
        return Err(container);
    }
    if is_cut(der) {
        return Err(KeyError::Truncated { missing: "bytes are missing in the middle or at the end" });
    }
    match Encrypted::of(der) {
        Some(encrypted) => parse_plain_der(&encrypted.open(passphrase)?),
        None => parse_plain_der(der),
    }
}

fn parse_plain_der(der: &[u8]) -> Result<KeyPair, KeyError> {
    let pkcs1 = match private_key_info(der) {
        // Passes only the inner key: aws-lc refuses an algorithm without its NULL parameter, which
        // some tools omit.
        Some((RSA, pkcs1)) => pkcs1,
        Some((algorithm, _)) => return Err(KeyError::OtherKind { found: algorithm_name(algorithm) }),
        None => der,
    };
    KeyPair::from_der(pkcs1).map_err(|_| why_rejected(pkcs1))
}

fn kind_of_label(label: &str) -> &'static str {
    match label {
        "PUBLIC KEY" | "RSA PUBLIC KEY" => "a public key",
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => "a certificate",
        "EC PRIVATE KEY" | "EC PARAMETERS" => "an EC key; IMS accepts only RSA",
        "DSA PRIVATE KEY" => "a DSA key; IMS accepts only RSA",
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => "a certificate request",
        _ => "a PEM block of another kind",
    }
}

fn algorithm_name(algorithm: ObjectIdentifier) -> &'static str {
    match algorithm {
        EC => "an EC key; IMS accepts only RSA",
        ED25519 => "an Ed25519 key; IMS accepts only RSA",
        RSA_PSS => "an RSA-PSS key; IMS accepts only plain RSA (RS256)",
        _ => "a key of an algorithm other than RSA",
    }
}

/// Whether the DER has fewer bytes than its header says.
fn is_cut(der: &[u8]) -> bool {
    let Ok(mut reader) = SliceReader::new(der) else { return false };
    match Header::decode(&mut reader) {
        Ok(header) => header.length() > reader.remaining_len(),
        Err(_) => false,
    }
}

/// Reads a `PrivateKeyInfo` (PKCS#8, RFC 5208): algorithm and the key inside. `None` for anything
/// else.
pub(crate) fn private_key_info(der: &[u8]) -> Option<(ObjectIdentifier, &[u8])> {
    let mut reader = SliceReader::new(der).ok()?;
    sequence(&mut reader)?;
    UintRef::decode(&mut reader).ok()?;
    let algorithm = AlgorithmIdentifierRef::decode(&mut reader).ok()?;
    let key = <&OctetStringRef>::decode(&mut reader).ok()?;
    Some((algorithm.oid, key.as_bytes()))
}

/// aws-lc gives no reason. The modulus shows whether the size was the problem.
fn why_rejected(pkcs1: &[u8]) -> KeyError {
    match modulus_bits(pkcs1) {
        Some(bits) if bits < MIN_MODULUS => KeyError::TooFewBits { bits },
        Some(bits) if bits > MAX_MODULUS => KeyError::TooManyBits { bits },
        Some(_) => KeyError::Inconsistent,
        None if x509_cert::Certificate::from_der(pkcs1).is_ok() => KeyError::OtherKind { found: "a certificate" },
        None if SubjectPublicKeyInfoRef::from_der(pkcs1).is_ok() => KeyError::OtherKind { found: "a public key" },
        None => KeyError::Damaged { problem: "it does not have the structure of an RSA private key" },
    }
}

/// The size of the modulus in an `RSAPrivateKey` (RFC 8017): version, then the modulus.
fn modulus_bits(pkcs1: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(pkcs1).ok()?;
    sequence(&mut reader)?;
    UintRef::decode(&mut reader).ok()?;
    let modulus = UintRef::decode(&mut reader).ok()?;
    let bytes = modulus.as_bytes();
    let leading_zeros = usize::try_from(bytes.first()?.leading_zeros()).ok()?;
    bytes.len().checked_mul(8)?.checked_sub(leading_zeros)
}

const PKCS1: &str = "RSA PRIVATE KEY";
const PKCS8: &str = "PRIVATE KEY";
const ENCRYPTED_PKCS8: &str = "ENCRYPTED PRIVATE KEY";
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// The sizes that aws-lc supports; AEM's keys have 2048 bits.
const MIN_MODULUS: usize = 2048;
const MAX_MODULUS: usize = 8192;
/// A key of 8192 bits takes 6.5 KiB, one of 16384, which is reported as too long, 13 KiB.
pub(crate) const MAX_KEY: usize = 16 * 1024;
