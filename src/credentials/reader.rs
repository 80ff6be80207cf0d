//! Options for reading credentials, and the way from bytes to the fields of one kind.

use std::fmt;
use std::path::{Path, PathBuf};

use super::development::DevelopmentToken;
use super::env::Variables;
use super::json::{self, Value};
use super::named::{Named, Texts};
use super::oauth::OAuthFields;
use super::private_key::PrivateKey;
use super::service::ServiceFields;
use super::wrapped::Document;
use super::{Credentials, DEVELOPMENT_WORDS, JWT_WORDS, OAUTH_WORDS, env, file, shape};
use crate::error::{CredentialsError, Error};
use crate::secret::Secret;

/// Reads credentials with what their source does not say: which of several to use, a private key
/// that is kept separately, other scopes. Made by [`Credentials::reader`].
///
/// ```no_run
/// use adobe_ims::Credentials;
///
/// let credentials = Credentials::reader().select("S2S credential").from_file("project.json")?;
/// # Ok::<(), adobe_ims::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct CredentialsReader {
    select: Option<String>,
    private_key: Option<PrivateKey>,
    passphrase: Option<Secret>,
    scopes: Option<Vec<String>>,
    org_id: Option<String>,
    send_org_id: bool,
}

impl CredentialsReader {
    /// Selects one of several credentials: by the name or id of a credential in a project download,
    /// the name of a context, the prefix of a family of environment variables (`IMS_OAUTH_S2S_`),
    /// or a client id.
    pub fn select(mut self, name_or_id: impl Into<String>) -> Self {
        self.select = Some(name_or_id.into());
        self
    }

    /// The private key of JWT credentials: PEM of an RSA key, PKCS#1 or PKCS#8, in any spelling.
    /// Used instead of one in the source. The text is moved in, and wiped on drop.
    pub fn private_key(mut self, pem: impl Into<String>) -> Self {
        self.private_key = Some(PrivateKey::Text(Secret::from(pem.into())));
        self
    }

    /// A file with the private key of JWT credentials, instead of
    /// [`private_key`](Self::private_key). Read only if the credentials need it.
    pub fn private_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.private_key = Some(PrivateKey::File(path.into()));
        self
    }

    /// The passphrase of an encrypted private key, in the source or given here. Used instead of one
    /// in the source; see
    /// [`ServiceCredentialsBuilder::passphrase`](crate::ServiceCredentialsBuilder::passphrase).
    pub fn passphrase(mut self, passphrase: impl Into<String>) -> Self {
        self.passphrase = Some(Secret::from(passphrase.into()));
        self
    }

    /// The scopes of OAuth Server-to-Server credentials, or the metascopes of JWT credentials,
    /// instead of those in the source.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// The organization, instead of the one in the source.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = Some(org_id.into());
        self
    }

    /// As [`OAuthCredentialsBuilder::send_org_id`](crate::OAuthCredentialsBuilder::send_org_id).
    pub fn send_org_id(mut self, send_org_id: bool) -> Self {
        self.send_org_id = send_org_id;
        self
    }

    /// As [`Credentials::from_json`].
    ///
    /// # Errors
    ///
    /// As [`Credentials::from_json`].
    pub fn from_json(self, json: impl AsRef<[u8]>) -> Result<Credentials, Error> {
        self.read(json.as_ref())
    }

    /// As [`Credentials::from_file`], blocking while it reads.
    ///
    /// # Errors
    ///
    /// As [`Credentials::from_file`].
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Credentials, Error> {
        file::with(path.as_ref(), |json| self.read(json))
    }

    /// As [`Credentials::from_env`].
    ///
    /// # Errors
    ///
    /// As [`Credentials::from_env`].
    pub fn from_env(self) -> Result<Credentials, Error> {
        env::read(&Variables::of_process(), &self)
    }

    pub(super) fn read(&self, json: &[u8]) -> Result<Credentials, Error> {
        self.read_json(json, Wanted::Any)?.fields.check()
    }

    /// Reads a file in steps, for a diagnosis: what it holds, and then whether that can be used.
    pub(crate) fn inspect_file(&self, path: &Path) -> Result<Inspected, Error> {
        let source = file::shown(path).unwrap_or("a file whose name is not shown").to_owned();
        let inspected = file::with(path, |json| self.inspect(source, json))?;
        let credentials = inspected.credentials.map_err(|error| file::in_file(path, error));
        Ok(Inspected { credentials, ..inspected })
    }

    /// The same for the environment.
    pub(crate) fn inspect_env(&self) -> Result<Inspected, Error> {
        env::inspect(&Variables::of_process(), self)
    }

    pub(super) fn inspect(&self, source: String, json: &[u8]) -> Result<Inspected, Error> {
        let found = self.read_json(json, Wanted::Any)?;
        Ok(Inspected { source, words: found.words, credentials: found.fields.check() })
    }

    /// The fields of the credentials in these bytes, nothing in them checked yet.
    pub(super) fn read_json(&self, json: &[u8], wanted: Wanted) -> Result<Found, Error> {
        let document = Document::parse(file::text(json)?)?;
        let found = shape::read(&Value::root(&document.root), self, wanted);
        Ok(found.map_err(|error| located(error, &document.text))?)
    }

    pub(super) fn selection(&self) -> Option<&str> {
        self.select.as_deref()
    }

    /// The fields with what the caller gave instead. Names are those of the functions here.
    pub(super) fn complete(&self, fields: Fields) -> Fields {
        let Self { select: _, private_key, passphrase, scopes, org_id, send_org_id } = self;
        let org_id = org_id.clone().map(Secret::from);
        let scopes = scopes.clone().map(|scopes| Texts::List(scopes.into_iter().map(Secret::from).collect()));
        match fields {
            Fields::Service(mut fields) => {
                fields.private_key.replace("private_key", private_key.clone());
                fields.passphrase.replace("passphrase", passphrase.clone());
                fields.org_id.replace("org_id", org_id);
                fields.metascopes.replace("scopes", scopes);
                Fields::Service(fields)
            }
            Fields::OAuth(mut fields) => {
                fields.org_id.replace("org_id", org_id);
                fields.scopes.replace("scopes", scopes);
                fields.send_org_id = *send_org_id;
                Fields::OAuth(fields)
            }
            Fields::Development(token) => Fields::Development(token),
        }
    }
}

impl fmt::Debug for CredentialsReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { select, private_key, passphrase, scopes, org_id, send_org_id } = self;
        f.debug_struct("CredentialsReader")
            .field("select", select)
            .field("private_key", &private_key.as_ref().map(|_| format_args!("[redacted]")))
            .field("passphrase", passphrase)
            .field("scopes", scopes)
            .field("org_id", org_id)
            .field("send_org_id", send_org_id)
            .finish()
    }
}

/// Where credentials come from, what they are called, and the credentials as far as they can be
/// used.
pub(crate) struct Inspected {
    pub(crate) source: String,
    pub(crate) words: &'static str,
    pub(crate) credentials: Result<Credentials, Error>,
}

/// What a source holds, and what it is called.
pub(super) struct Found {
    pub(super) words: &'static str,
    pub(super) fields: Fields,
}

/// The fields of one kind of credential.
pub(super) enum Fields {
    Service(ServiceFields),
    OAuth(OAuthFields),
    Development(Named<Secret>),
}

/// Which kind the caller can use, where a source holds several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Any,
    Service,
    OAuth,
    Development,
}

impl Fields {
    pub(super) fn check(self) -> Result<Credentials, Error> {
        Ok(match self {
            Self::Service(fields) => Credentials::Service(fields.check()?),
            Self::OAuth(fields) => Credentials::OAuth(fields.check()?),
            Self::Development(token) => Credentials::Development(DevelopmentToken::check(&token)?),
        })
    }

    /// The names of what is needed and was not given.
    pub(super) fn missing(&self) -> Vec<String> {
        match self {
            Self::Service(fields) => fields.missing(),
            Self::OAuth(fields) => fields.missing(),
            Self::Development(_) => Vec::new(),
        }
    }

    pub(super) fn client_id(&self) -> Option<String> {
        let client_id = match self {
            Self::Service(fields) => &fields.client_id,
            Self::OAuth(fields) => &fields.client_id,
            Self::Development(_) => return None,
        };
        client_id.shown().map(str::to_owned)
    }

    /// What the client id is called in its source.
    pub(super) fn client_id_name(&self) -> Option<&str> {
        match self {
            Self::Service(fields) => Some(&fields.client_id.name),
            Self::OAuth(fields) => Some(&fields.client_id.name),
            Self::Development(_) => None,
        }
    }

    /// What the credentials are called, whatever their source.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Service(_) => JWT_WORDS,
            Self::OAuth(_) => OAUTH_WORDS,
            Self::Development(_) => DEVELOPMENT_WORDS,
        }
    }

    /// The type that reads them.
    pub(super) fn reader(&self) -> &'static str {
        match self {
            Self::Service(_) => "ServiceCredentials",
            Self::OAuth(_) => "OAuthCredentials",
            Self::Development(_) => "DevelopmentToken",
        }
    }

    pub(super) fn is(&self, wanted: Wanted) -> bool {
        match self {
            Self::Service(_) => matches!(wanted, Wanted::Any | Wanted::Service),
            Self::OAuth(_) => matches!(wanted, Wanted::Any | Wanted::OAuth),
            Self::Development(_) => matches!(wanted, Wanted::Any | Wanted::Development),
        }
    }
}

/// Adds the place of a value with a wrong type.
fn located(error: CredentialsError, text: &str) -> CredentialsError {
    match error {
        CredentialsError::Type { name, expected, place: None } => {
            let place = json::place(text, &name);
            CredentialsError::Type { name, expected, place }
        }
        other => other,
    }
}
