//! What is wrong with a private key.

use std::borrow::Cow;

#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("private key is not PEM text")]
    NotPem,
    #[error("private key is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("private key is truncated: {missing}")]
    Truncated { missing: &'static str },
    #[error("private key is damaged: {problem}")]
    Damaged { problem: &'static str },
    #[error("private key is encrypted with a passphrase")]
    Encrypted,
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
}

impl KeyError {
    pub(super) fn hint(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::NotPem => {
                "the text must hold a block from -----BEGIN PRIVATE KEY----- (or RSA PRIVATE KEY) to its END line, or be \
                 base64 of that"
            }
            Self::Encrypted => {
                "AEM's keys have no passphrase; remove it with `openssl pkey -in encrypted.pem -out key.pem`"
            }
            Self::OtherKind { .. } => "the private key is the block from `privateKey` of the downloaded file",
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
