//! Recognizes formats of private keys that this crate does not read. Errors name the format, and
//! the command that converts it.

use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Header, SliceReader, Tag};

use crate::error::KeyError;

/// Recognizes a format by the first words of a text.
pub(super) fn of_text(text: &str) -> Option<KeyError> {
    let start = text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '"' | '\''));
    if start.starts_with("PuTTY-User-Key-File-") {
        return Some(PUTTY);
    }
    if start.starts_with('{') && start.contains("\"kty\"") {
        return Some(JWK);
    }
    if start.starts_with("ssh-") || start.starts_with("---- BEGIN SSH2") {
        return Some(KeyError::OtherKind { found: "an SSH public key" });
    }
    is_path(start).then_some(KeyError::Path)
}

/// Recognizes a format by the label of a PEM block.
pub(super) fn of_label(label: &str) -> Option<KeyError> {
    match label {
        "OPENSSH PRIVATE KEY" => Some(OPENSSH),
        "PKCS7" | "CMS" => Some(KeyError::OtherKind { found: "a PKCS#7 certificate bundle" }),
        _ => None,
    }
}

/// Recognizes a format by its structure in bytes, or in base64.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<KeyError> {
    if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) || bytes.starts_with(&[0xce, 0xce, 0xce, 0xce]) {
        return Some(JAVA);
    }
    if bytes.starts_with(b"openssh-key-v1\0") {
        return Some(OPENSSH);
    }
    is_pkcs12(bytes).then_some(PKCS12)
}

/// Whether it is a `PFX` (RFC 7292): version 3, then a `ContentInfo` of PKCS#7.
fn is_pkcs12(der: &[u8]) -> bool {
    let read = || {
        let mut reader = SliceReader::new(der).ok()?;
        sequence(&mut reader)?;
        let version = UintRef::decode(&mut reader).ok()?;
        sequence(&mut reader)?;
        let content: ObjectIdentifier = Decode::decode(&mut reader).ok()?;
        Some(version.as_bytes() == [3] && content.as_bytes().starts_with(PKCS7.as_bytes()))
    };
    read().unwrap_or_default()
}

pub(super) fn sequence(reader: &mut SliceReader<'_>) -> Option<()> {
    let header = Header::decode(reader).ok()?;
    (header.tag() == Tag::Sequence).then_some(())
}

/// Whether it is one short line that begins like a path or ends like a key file. Base64 has
/// slashes, too.
fn is_path(text: &str) -> bool {
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let starts = ["/", "./", "../", "~/", "\\\\", ".\\", "file:"].iter().any(|start| text.starts_with(start));
    let is_drive = text.get(1..3).is_some_and(|colon| colon == ":\\" || colon == ":/");
    let extension = text.rsplit('.').next().filter(|extension| extension.len() < text.len()).unwrap_or_default();
    let ends = EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known));
    text.len() <= MAX_PATH && !text.contains(['\n', '\r']) && (starts || is_drive || ends)
}

const PKCS12: KeyError = KeyError::Container {
    found: "a PKCS#12 key store (.p12, .pfx)",
    advice: "take the key out of it with `openssl pkcs12 -in store.p12 -nocerts -nodes -out key.pem`",
};
const PUTTY: KeyError = KeyError::Container {
    found: "PuTTY's format (.ppk)",
    advice: "convert it with `puttygen key.ppk -O private-openssh -o key.pem`",
};
const OPENSSH: KeyError = KeyError::Container {
    found: "OpenSSH's own format",
    advice: "convert a copy of it with `ssh-keygen -p -m PEM -f copy-of-the-key`",
};
const JAVA: KeyError = KeyError::Container {
    found: "a Java key store (.jks)",
    advice: "convert it with `keytool -importkeystore -srckeystore store.jks -destkeystore store.p12 -deststoretype \
             PKCS12`, then take the key out with `openssl pkcs12 -in store.p12 -nocerts -nodes -out key.pem`",
};
const JWK: KeyError = KeyError::Container {
    found: "a JSON Web Key (JWK)",
    advice: "export it as PEM (PKCS#8) where it came from: openssl does not read JWK",
};
const PKCS7: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7");
const EXTENSIONS: [&str; 9] = ["pem", "key", "der", "p8", "pk8", "p12", "pfx", "ppk", "jks"];
const MAX_PATH: usize = 1024;
