//! What is wrong with credentials: the file, its kind, its fields.

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

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
    /// What this crate reads, but not this function.
    #[error("credentials are {found}, not {expected}")]
    Kind {
        found: &'static str,
        expected: &'static str,
        /// The type that reads it.
        reader: &'static str,
    },
    /// What nothing here reads.
    #[error("credentials expected, but this is {found}")]
    NotCredentials { found: &'static str, advice: &'static str },
    #[error("credentials are not valid JSON: {problem}{place}")]
    Json { problem: &'static str, place: Place },
    #[error("credentials cannot be used: {name} must be {expected}{}", .place.map(|place| place.to_string()).unwrap_or_default())]
    Type { name: String, expected: &'static str, place: Option<Place> },
    #[error("credentials lack {}{}", .names.join(", "), Called(*.origin))]
    Missing { names: Vec<String>, origin: Origin },
    /// What `aio` and the consoles keep in another place.
    #[error("credentials are {found}, without the private key")]
    NoPrivateKey { found: &'static str },
    #[error("credentials cannot be used: {name}: {problem}")]
    Field { name: String, problem: &'static str, origin: Origin },
    #[error("credentials cannot be used: {first} and {second} differ")]
    Contradiction { first: String, second: String },
    #[error("credentials cannot be used: both private_key and signing_key are set")]
    TwoKeys,
    /// Several that could be meant.
    #[error("{}{}", several(.found, *.origin), List(.candidates))]
    Ambiguous { found: &'static str, candidates: Vec<String>, origin: Origin },
    #[error("{}{}", not_selected(.found, *.origin), List(.candidates))]
    NotSelected { found: &'static str, candidates: Vec<String>, origin: Origin },
    #[error("{}{}", none_usable(.found, *.origin), List(.candidates))]
    NoneUsable { found: &'static str, candidates: Vec<String>, origin: Origin },
    /// The variable that should hold them may be set to nothing.
    #[error("{}", nothing(*.blank, .looked_for))]
    NothingInEnvironment { blank: Option<&'static str>, looked_for: Vec<String> },
    #[error("development token expired on {}", httpdate::fmt_http_date(*.at))]
    Expired { at: SystemTime },
}

/// Where the fields come from: advice for a file does not help somebody who has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file of AEM's Developer Console.
    Aem,
    /// Any other file with JWT credentials, called this.
    Jwt(&'static str),
    /// Any other file with OAuth Server-to-Server credentials, called this.
    OAuth(&'static str),
    Builder,
    Environment,
}

/// What the file is called where that helps: ` (…)`, or nothing.
struct Called(Origin);

/// `: a; b`, or nothing.
struct List<'a>(&'a [String]);

/// A place in a text, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl CredentialsError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Expired { .. } => ErrorKind::Expired,
            _ => ErrorKind::Credentials,
        }
    }

    pub(super) fn hint(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Unreadable => "check the path and that this process may read it",
            Self::NotAPath { .. } => "`from_file` takes the path of a file; for the text of one, use `from_json`",
            Self::TooLarge { .. } => "a credentials file has about 5 KB: this is probably another file",
            Self::Empty | Self::Json { problem: TOO_EARLY, .. } => {
                "check that the download or the secret mount is complete"
            }
            Self::Encoding { .. } => "save the file as UTF-8, as it was downloaded",
            Self::Kind { expected, reader, .. } => {
                let where_else = match expected.contains("service credentials") {
                    true => WHERE_AEM_IS,
                    false => "",
                };
                return Some(Cow::Owned(format!(
                    "read it with `{reader}`, or with `Credentials::from_file` or `Credentials::from_json`, which read \
                     every kind that Adobe hands out{where_else}"
                )));
            }
            Self::NotCredentials { advice, .. } => advice,
            Self::Json { .. }
            | Self::Type { .. }
            | Self::Field { origin: Origin::Aem | Origin::OAuth(_) | Origin::Jwt(_), .. } => AS_IT_IS,
            Self::Missing { origin: Origin::Builder, .. } => {
                "give all of them to the builder: they are in the file that Adobe's console hands out"
            }
            Self::Missing { origin: Origin::Aem, .. } => {
                "AEM's Developer Console writes all of them: download the file again, or fill in what was left out"
            }
            Self::Missing { origin: Origin::OAuth(_) | Origin::Jwt(_), .. } => {
                "download the credentials again, fill in what was left out, or give it with `Credentials::reader()`"
            }
            Self::Missing { origin: Origin::Environment, .. }
            | Self::NoneUsable { origin: Origin::Environment, .. } => {
                "set what is missing, or give it with `Credentials::reader()`; if these variables belong to something \
                 else, set ADOBE_IMS_CREDENTIALS to the path of a credentials file, its JSON, or base64 of it"
            }
            Self::NoPrivateKey { .. } => {
                "give the key with `Credentials::reader()` and `private_key` or `private_key_file`; but Adobe converted \
                 the JWT credentials of its Developer Console to OAuth Server-to-Server by 2026-03-01, so these most \
                 likely no longer work: download the OAuth Server-to-Server credential of the same project"
            }
            Self::Field { origin: Origin::Builder | Origin::Environment, .. } => {
                "take the value from the downloaded file as it is: secret managers and shells often add a line break, \
                 quotes or spaces"
            }
            Self::Contradiction { .. } => "they are two names of the same value: keep one of them",
            Self::TwoKeys => "set one of the two",
            Self::Ambiguous { origin: Origin::Environment, .. }
            | Self::NotSelected { origin: Origin::Environment, .. } => {
                "name the one you want: `Credentials::reader().select(..)` takes the prefix of its variables, such as \
                 IMS_OAUTH_S2S_, the name of its context, or its client id; or set ADOBE_IMS_CREDENTIALS, which is read \
                 first"
            }
            Self::Ambiguous { .. } | Self::NotSelected { .. } => {
                "name the one you want: `Credentials::reader().select(..)` takes its name, id or client id"
            }
            Self::NoneUsable { .. } => {
                "a token needs an OAuth Server-to-Server credential with its client secret: if `aio` imported this \
                 file, the secrets are in the `.env` file it wrote, and `Credentials::from_env` reads them; otherwise \
                 download the project again from the Adobe Developer Console"
            }
            Self::NothingInEnvironment { blank: Some(_), .. } => {
                "check that the secret or the mount it is filled from is complete; unset it to use the variables of \
                 Adobe's tools"
            }
            Self::NothingInEnvironment { .. } => {
                "set ADOBE_IMS_CREDENTIALS to the path of a credentials file, its JSON, or base64 of it, or load the \
                 `.env` file that `aio` wrote"
            }
            Self::Expired { .. } => {
                "get another one from AEM's Developer Console, valid for up to 24 hours; a service needs service \
                 credentials or OAuth Server-to-Server credentials instead"
            }
        }))
    }
}

fn several(found: &str, origin: Origin) -> String {
    match origin {
        Origin::Environment => "the environment holds several complete credentials".to_owned(),
        _ => format!("credentials are {found} with several to choose from"),
    }
}

fn not_selected(found: &str, origin: Origin) -> String {
    match origin {
        Origin::Environment => {
            "the environment holds credentials, but none with the name or id given to `select`".to_owned()
        }
        _ => format!("credentials are {found}, and none in it has the name or id given to `select`"),
    }
}

fn none_usable(found: &str, origin: Origin) -> String {
    match origin {
        Origin::Environment => "the environment holds credentials, but none that can get a token".to_owned(),
        _ => format!("credentials are {found} with none that can get a token"),
    }
}

fn nothing(blank: Option<&str>, looked_for: &[String]) -> String {
    match blank {
        Some(name) => format!("{name} is set but empty"),
        None => format!("no credentials in the environment: looked for {}", looked_for.join(", ")),
    }
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Origin::Jwt(found) | Origin::OAuth(found) => write!(f, " ({found})"),
            Origin::Aem | Origin::Builder | Origin::Environment => Ok(()),
        }
    }
}

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => Ok(()),
            items => write!(f, ": {}", items.join("; ")),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " at line {}, column {}", self.line, self.column)
    }
}

/// What the reader of JSON says of a text that was cut off.
pub(crate) const TOO_EARLY: &str = "it ends too early";
const WHERE_AEM_IS: &str = "; AEM's own file is in its Developer Console: your environment > Integrations > Technical \
                            Accounts > download";
const AS_IT_IS: &str = "use the file as downloaded, without editing it";
