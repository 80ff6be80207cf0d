//! Encrypted keys with parameters that no tool writes by its options, from what RFC 8018 says of them.

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};

/// AES-256-CBC with HMAC-SHA-256, unless something else is written into it.
#[derive(Clone)]
pub struct Made {
    pub passphrase: &'static str,
    pub salt: Vec<u8>,
    pub iterations: u32,
    /// What is written in place of the count that was used.
    pub stated_iterations: Option<Vec<u8>>,
    pub stated_key_length: Option<u8>,
    /// The algorithm of the function, as DER.
    pub function: Vec<u8>,
    /// What is written in place of the vector that was used.
    pub stated_vector: Option<Vec<u8>>,
}

impl Made {
    pub fn new(passphrase: &'static str) -> Self {
        Self {
            passphrase,
            salt: b"12345678".to_vec(),
            iterations: 1,
            stated_iterations: None,
            stated_key_length: None,
            function: sequence(&[&oid(HMAC_SHA256), NULL]),
            stated_vector: None,
        }
    }

    /// `EncryptedPrivateKeyInfo` with this inside.
    pub fn encrypt(&self, pkcs8: &[u8]) -> Vec<u8> {
        let mut content = pkcs8.to_vec();
        let key = PaddedBlockEncryptingKey::cbc_pkcs7(self.key(self.passphrase)).unwrap();
        key.less_safe_encrypt(&mut content, EncryptionContext::Iv128(FixedLength::from(VECTOR))).unwrap();
        self.around(&content)
    }

    /// `EncryptedPrivateKeyInfo` with this as what was encrypted.
    pub fn around(&self, content: &[u8]) -> Vec<u8> {
        let iterations = self.stated_iterations.clone().unwrap_or_else(|| integer(self.iterations));
        let key_length = self.stated_key_length.map(|length| value(0x02, &[length])).unwrap_or_default();
        let vector = self.stated_vector.clone().unwrap_or(VECTOR.to_vec());
        let pbkdf2 = sequence(&[&value(0x04, &self.salt), &value(0x02, &iterations), &key_length, &self.function]);
        let parameters =
            sequence(&[&sequence(&[&oid(PBKDF2), &pbkdf2]), &sequence(&[&oid(AES_256_CBC), &value(0x04, &vector)])]);
        sequence(&[&sequence(&[&oid(PBES2), &parameters]), &value(0x04, content)])
    }

    /// Whether what this passphrase decrypts ends like something that was encrypted.
    pub fn pads_well(&self, passphrase: &str, content: &[u8]) -> bool {
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(self.key(passphrase)).unwrap();
        key.decrypt(&mut content.to_vec(), DecryptionContext::Iv128(FixedLength::from(VECTOR))).is_ok()
    }

    fn key(&self, passphrase: &str) -> UnboundCipherKey {
        let mut key = [0; 32];
        let iterations = self.iterations.try_into().unwrap();
        pbkdf2::derive(PBKDF2_HMAC_SHA256, iterations, &self.salt, passphrase.as_bytes(), &mut key);
        UnboundCipherKey::new(&AES_256, &key).unwrap()
    }
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(0x30, &parts.concat())
}

pub fn oid(content: &[u8]) -> Vec<u8> {
    value(0x06, content)
}

fn integer(number: u32) -> Vec<u8> {
    let bytes = [&[0], &number.to_be_bytes()[..]].concat();
    let zeros = bytes.windows(2).take_while(|pair| pair[0] == 0 && pair[1] < 0x80).count();
    bytes[zeros..].to_vec()
}

fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let header = match (high, low) {
        (0, 0..=0x7f) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [&header, content].concat()
}

pub const NULL: &[u8] = &[0x05, 0x00];
pub const HMAC_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09];
/// HMAC-SHA-512/256.
pub const HMAC_SHA512_256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x0d];
pub const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
const AES_256_CBC: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
const VECTOR: [u8; 16] = *b"0123456789abcdef";
