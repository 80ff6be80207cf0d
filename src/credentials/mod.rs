//! What Adobe hands out becomes checked values: which file is this, and one reader for all.

mod choice;
mod development;
mod env;
mod fields;
pub(crate) mod file;
mod flat;
mod json;
mod named;
mod oauth;
mod private_key;
mod reader;
mod service;
mod shape;
mod wrapped;

use std::path::Path;
use std::str::FromStr;

pub use development::DevelopmentToken;
pub use oauth::{OAuthCredentials, OAuthCredentialsBuilder};
pub use reader::CredentialsReader;
pub(crate) use reader::Inspected;
pub use service::{ServiceCredentials, ServiceCredentialsBuilder};

use crate::error::Error;

/// [`Credentials::from_env`] with an environment that the caller gives.
#[cfg(fuzzing)]
pub(crate) fn credentials_of(variables: Vec<(String, String)>) -> Result<Credentials, Error> {
    let variables = variables.into_iter().map(|(name, value)| (name, Some(value)));
    env::read(&env::Variables::new(variables), &CredentialsReader::default())
}

/// Credentials of any kind that Adobe hands out.
///
/// Every function that takes `impl Into<Credentials>` takes one of the kinds as it is.
///
/// ```no_run
/// use adobe_ims::Credentials;
///
/// let credentials = Credentials::from_file("service_token.json")?;
/// # Ok::<(), adobe_ims::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credentials {
    /// JWT credentials with a private key: the service credentials of AEM's Developer Console.
    Service(ServiceCredentials),
    /// OAuth Server-to-Server credentials of the Adobe Developer Console.
    OAuth(OAuthCredentials),
    /// A local development token of AEM's Developer Console.
    Development(DevelopmentToken),
}

impl Credentials {
    /// Reads the JSON of any file that Adobe's consoles and tools write, and recognises its kind.
    ///
    /// Accepts the service credentials and the local development token of AEM's Developer Console;
    /// the OAuth Server-to-Server, project and workspace downloads of the Adobe Developer Console;
    /// its Postman environment; contexts of `aio`; configurations of aepp, aanalytics2, imscli and
    /// jwt-auth. Files with JWT credentials but without their private key need
    /// [`CredentialsReader::private_key`], files with an encrypted key but without its passphrase need
    /// [`CredentialsReader::passphrase`], and a file with several credentials needs
    /// [`CredentialsReader::select`].
    ///
    /// Wiping the bytes is up to the caller.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) for anything but complete
    /// credentials in at most 64 KiB: it names all missing fields at once, or what the file is
    /// instead; [`ErrorKind::Key`](crate::ErrorKind::Key) for a private key that cannot sign;
    /// [`ErrorKind::Expired`](crate::ErrorKind::Expired) for a development token that is no longer
    /// valid.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::reader().from_json(json)
    }

    /// Reads such a file, blocking while it does.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json), and
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) for a file that cannot be read.
    /// The error names the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::reader().from_file(path)
    }

    /// Reads credentials from the environment of the process, only once, in this call.
    ///
    /// `ADOBE_IMS_CREDENTIALS` is read first: the path of a credentials file, its JSON, or base64
    /// of it. If it is set, no other variable counts; set but empty, as a failed secret mount
    /// leaves it, it is an error. Without it, the variables of Adobe's tools are read:
    /// `IMS_OAUTH_S2S_…`, `AIO_WORKSPACE_IMS_OAUTH_S2S_…`, `AIO_COMMERCE_AUTH_IMS_…`, `OAUTH_…`,
    /// those of imscli (`IMS_…`), and the contexts of aio (`AIO_ims_contexts_<name>_…`). The guide
    /// has [all their names](crate::guide::which_credential). Lists come as JSON, with commas or
    /// with spaces.
    ///
    /// If several are complete, [`CredentialsReader::select`] picks one, by its prefix
    /// (`IMS_OAUTH_S2S_`), the name of its context, or its client id.
    ///
    /// # Errors
    ///
    /// As [`from_file`](Self::from_file), and
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) if there are no credentials, if no
    /// family of variables is complete, or if several are. The error names the variables
    /// that were looked for, the missing ones, or the complete families.
    pub fn from_env() -> Result<Self, Error> {
        Self::reader().from_env()
    }

    /// What credentials of this kind are called, whatever their source.
    pub(crate) fn words(&self) -> &'static str {
        match self {
            Self::Service(_) => JWT_WORDS,
            Self::OAuth(_) => OAUTH_WORDS,
            Self::Development(_) => DEVELOPMENT_WORDS,
        }
    }

    pub(crate) fn client_id(&self) -> &str {
        match self {
            Self::Service(credentials) => credentials.client_id(),
            Self::OAuth(credentials) => credentials.client_id(),
            Self::Development(token) => token.client_id(),
        }
    }

    pub(crate) fn ims_host(&self) -> &str {
        match self {
            Self::Service(credentials) => credentials.ims_host(),
            Self::OAuth(credentials) => credentials.ims_host(),
            Self::Development(token) => token.ims_host(),
        }
    }

    /// Returns a reader with options: which of several credentials, a private key kept separately,
    /// other scopes.
    pub fn reader() -> CredentialsReader {
        CredentialsReader::default()
    }
}

impl FromStr for Credentials {
    type Err = Error;

    fn from_str(json: &str) -> Result<Self, Error> {
        Self::from_json(json)
    }
}

impl From<ServiceCredentials> for Credentials {
    fn from(credentials: ServiceCredentials) -> Self {
        Self::Service(credentials)
    }
}

impl From<OAuthCredentials> for Credentials {
    fn from(credentials: OAuthCredentials) -> Self {
        Self::OAuth(credentials)
    }
}

impl From<DevelopmentToken> for Credentials {
    fn from(token: DevelopmentToken) -> Self {
        Self::Development(token)
    }
}

const JWT_WORDS: &str = "JWT credentials";
const OAUTH_WORDS: &str = "OAuth Server-to-Server credentials";
const DEVELOPMENT_WORDS: &str = "a local development token";
