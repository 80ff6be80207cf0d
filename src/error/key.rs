//! What is wrong with a private key.

use std::borrow::Cow;
use std::time::Duration;

use super::ErrorKind;

#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// The path is in the message only if it is safe to show.
    #[error("private key file cannot be read")]
    Unreadable,
    /// The argument is not shown: it may be the key itself.
    #[error("private key file cannot be read: the path given is {found}")]
    NotAPath { found: &'static str },
    #[error("private key is not PEM text")]
    NotPem,
    #[error("private key is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("private key is truncated: {missing}")]
    Truncated { missing: &'static str },
    #[error("private key is damaged: {problem}")]
    Damaged { problem: &'static str },
    #[cfg(not(feature = "encrypted-keys"))]
    #[error("private key is encrypted with a passphrase, and the feature `encrypted-keys` is off")]
    FeatureOff,
    #[cfg(feature = "encrypted-keys")]
    #[error("private key is encrypted with a passphrase, and none is given")]
    NoPassphrase,
    #[cfg(feature = "encrypted-keys")]
    #[error("private key cannot be decrypted: the passphrase is wrong")]
    WrongPassphrase,
    #[cfg(feature = "encrypted-keys")]
    #[error("private key is encrypted with more than {limit} iterations of PBKDF2")]
    TooManyIterations { limit: u32 },
    #[error("private key is encrypted with {found}, which is not supported")]
    EncryptedWith { found: &'static str, advice: &'static str },
    /// The argument is not shown.
    #[error("private key is the path of a file, not its text")]
    Path,
    /// Where people keep keys.
    #[error("private key is in {found}")]
    Container { found: &'static str, advice: &'static str },
    #[error("private key expected, but this is {found}")]
    OtherKind { found: &'static str },
    #[error("private key is an RSA key of {bits} bits, too short: IMS works with 2048")]
    TooFewBits { bits: usize },
    #[error("private key is an RSA key of {bits} bits, too long: at most 8192 can sign")]
    TooManyBits { bits: usize },
    #[error("private key is not a valid RSA key: its components are inconsistent")]
    Inconsistent,
    #[error("private key failed to sign")]
    CannotSign,
    /// A `SigningKey`.
    #[error("the signing key did not sign")]
    Elsewhere { is_transient: bool },
    #[error("the signing key did not sign within {} ms", .limit.as_millis())]
    ElsewhereTimeout { limit: Duration },
    #[error("the signing key panicked")]
    ElsewherePanicked,
    #[error("the signing key returned {bytes} bytes, not an RSA signature")]
    SignatureLength { bytes: usize },
    #[error("the signature of the signing key does not match the certificate")]
    SignatureMismatch,
    #[error("the private key is kept elsewhere, so this signer cannot use it")]
    NotLocal,
}

impl KeyError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::ElsewhereTimeout { .. } => ErrorKind::Timeout,
            _ => ErrorKind::Key,
        }
    }

    pub(super) fn is_transient(&self) -> bool {
        matches!(self, Self::Elsewhere { is_transient: true } | Self::ElsewhereTimeout { .. })
    }

    pub(super) fn hint(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Unreadable => "check the path and that this process may read it",
            Self::NotAPath { .. } => {
                "`private_key_file` takes the path of a file; for the text of a key, use `private_key`"
            }
            Self::NotPem => {
                "the text must hold a block from -----BEGIN PRIVATE KEY----- (or RSA PRIVATE KEY) to its END line, or be \
                 base64 of that"
            }
            #[cfg(not(feature = "encrypted-keys"))]
            Self::FeatureOff => {
                "turn on the feature `encrypted-keys` of this crate and give the passphrase with `passphrase`, or remove \
                 it with `openssl pkey -in encrypted.pem -out key.pem`"
            }
            #[cfg(feature = "encrypted-keys")]
            Self::NoPassphrase => {
                "give it with `passphrase` of the builder or of `Credentials::reader()`, or remove it with `openssl pkey \
                 -in encrypted.pem -out key.pem`"
            }
            #[cfg(feature = "encrypted-keys")]
            Self::WrongPassphrase => {
                "secret managers and shells often add quotes or spaces, or leave a placeholder: `openssl pkey -in key.pem \
                 -noout` asks for the passphrase and shows whether it is right"
            }
            #[cfg(feature = "encrypted-keys")]
            Self::TooManyIterations { .. } => {
                "encrypt it again with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in encrypted.pem -out key.pem`, which takes \
                 2048; a longer passphrase protects better than more iterations"
            }
            Self::EncryptedWith { advice, .. } => advice,
            Self::Path => "`private_key_file` reads the key from a file",
            Self::Container { advice, .. } => advice,
            Self::OtherKind { .. } => "the private key is the block from `privateKey` of the downloaded file",
            Self::Elsewhere { .. } => "see the cause: it is what the `SigningKey` of the application reported",
            Self::ElsewhereTimeout { .. } => {
                "check that the key service can be reached, or raise `attempt_timeout`, which also covers signing"
            }
            Self::ElsewherePanicked => {
                "the `SigningKey` of the application panicked: see its message on standard error"
            }
            Self::SignatureLength { .. } => {
                "`SigningKey::sign` returns the raw signature, RSASSA-PKCS1-v1_5 with SHA-256: no DER, no base64, and an \
                 RSA key of 2048 to 8192 bits"
            }
            Self::SignatureMismatch => {
                "the signing key is not the one that the certificate was made for, or it signed with another algorithm \
                 than RSASSA-PKCS1-v1_5 with SHA-256"
            }
            Self::NotLocal => "use `ImsClient`, which asks the `SigningKey`",
            Self::TooLong { .. }
            | Self::Truncated { .. }
            | Self::Damaged { .. }
            | Self::TooFewBits { .. }
            | Self::TooManyBits { .. }
            | Self::Inconsistent
            | Self::CannotSign => {
                "use the `privateKey` of the downloaded file as it is, or download the credentials again"
            }
        }))
    }
}
