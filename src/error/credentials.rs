//! What is wrong with credentials: the file, its kind, its fields.

use std::borrow::Cow;

use super::ErrorKind;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// The path is in the message only if it is safe to show.
    #[error("credentials file cannot be read")]
    Unreadable,
    /// The argument is not shown: it may be the credentials themselves.
    #[error("credentials file cannot be read: the path given is {found}")]
    NotAPath { found: &'static str },
    #[error("credentials are larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("credentials are empty")]
    Empty,
    #[error("credentials are not UTF-8 text but {found}")]
    Encoding { found: &'static str },
    #[error("credentials are {found}, not {expected}")]
    Kind { found: &'static str, expected: &'static str },
    #[error("credentials are not valid JSON: {problem} at line {line}, column {column}")]
    Json { problem: &'static str, line: usize, column: usize },
    #[error("credentials lack {}", .names.join(", "))]
    Missing { names: Vec<String>, origin: Origin },
    #[error("credentials cannot be used: {name}: {problem}")]
    Field { name: String, problem: &'static str, origin: Origin },
}

/// Where the fields come from: advice for a file does not help somebody who has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File,
    Builder,
}

impl CredentialsError {
    pub(super) fn kind(&self) -> ErrorKind {
        ErrorKind::Credentials
    }

    pub(super) fn hint(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Unreadable => "check the path and that this process may read it",
            Self::NotAPath { .. } => "`from_file` takes the path of a file; for the text of one, use `from_json`",
            Self::TooLarge { .. } => "a credentials file has about 5 KB: this is probably another file",
            Self::Empty => "check that the download or the secret mount is complete",
            Self::Encoding { .. } => "save the file as UTF-8, as it was downloaded",
            Self::Kind { .. } => {
                "get the right file in AEM's Developer Console: your environment > Integrations > Technical Accounts > \
                 download"
            }
            Self::Json { .. } => RESEND_FILE,
            Self::Missing { origin: Origin::Builder, .. } => {
                "give all of them to the builder: they are in the file that AEM's Developer Console hands out"
            }
            Self::Missing { .. } => {
                "AEM's Developer Console writes all of them: download the file again, or fill in what was left out"
            }
            Self::Field { origin: Origin::Builder, .. } => {
                "take the value from the downloaded file as it is: secret managers and shells often add a line break, \
                 quotes or blanks"
            }
            Self::Field { .. } => RESEND_FILE,
        }))
    }
}

const RESEND_FILE: &str = "use the JSON file as downloaded from the Developer Console, without editing it";
