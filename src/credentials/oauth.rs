//! OAuth Server-to-Server credentials of the Adobe Developer Console.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::OAUTH_WORDS;
use super::fields::{self, PRODUCTION};
use super::file;
use super::named::{Field, Named, Texts, missing};
use super::reader::{CredentialsReader, Fields, Found, Wanted};
use crate::error::{CredentialsError, Error, Origin};
use crate::secret::Secret;

/// The OAuth Server-to-Server credentials that the Adobe Developer Console hands out, read and
/// checked.
///
/// Unusable values are refused at construction, with an error that says what is wrong and never
/// shows a secret. Cheap to clone: clones share everything, and the last one wipes the secrets.
///
/// ```no_run
/// use adobe_ims::OAuthCredentials;
///
/// let credentials = OAuthCredentials::from_file("oauth_server_to_server.json")?;
/// println!("{} asks for {} scopes", credentials.client_id(), credentials.scopes().count());
/// # Ok::<(), adobe_ims::Error>(())
/// ```
#[derive(Clone)]
pub struct OAuthCredentials(Arc<Parts>);

struct Parts {
    client_id: String,
    /// At least one, in the order given.
    client_secrets: Vec<Secret>,
    org_id: Option<String>,
    scopes: Vec<String>,
    ims_host: String,
    send_org_id: bool,
}

impl OAuthCredentials {
    /// Reads the JSON of a file with OAuth Server-to-Server credentials, in any of the forms that
    /// [`Credentials::from_json`](crate::Credentials::from_json) knows.
    ///
    /// # Errors
    ///
    /// As [`Credentials::from_json`](crate::Credentials::from_json), and
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) for credentials of another kind.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::of(CredentialsReader::default().read_json(json.as_ref(), Wanted::OAuth)?)
    }

    /// Reads such a file, blocking while it does.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json), and
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) for a file that cannot be read.
    /// The error names the file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        file::with(path.as_ref(), |json| Self::from_json(json))
    }

    /// Returns a builder, for parts that are kept separately, such as in a secret manager.
    pub fn builder() -> OAuthCredentialsBuilder {
        OAuthCredentialsBuilder::default()
    }

    /// The client id; other Adobe APIs require it as `x-api-key`.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// The organization, such as `1111222233334444AAAA5555@AdobeOrg`; other Adobe APIs require it
    /// as `x-gw-ims-org-id`. `None` if the source does not name it: IMS does not need it.
    pub fn org_id(&self) -> Option<&str> {
        self.0.org_id.as_deref()
    }

    /// The scopes that a token is requested for, such as `openid`.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.0.scopes.iter().map(String::as_str)
    }

    /// The IMS host that issues the tokens, without a scheme.
    pub fn ims_host(&self) -> &str {
        &self.0.ims_host
    }

    pub(crate) fn client_secrets(&self) -> &[Secret] {
        &self.0.client_secrets
    }

    pub(crate) fn sends_org_id(&self) -> bool {
        self.0.send_org_id
    }

    fn of(found: Found) -> Result<Self, Error> {
        match found.fields {
            Fields::OAuth(fields) => fields.check(),
            other => {
                let reader = other.reader();
                Err(CredentialsError::Kind { found: found.words, expected: OAUTH_WORDS, reader }.into())
            }
        }
    }
}

impl FromStr for OAuthCredentials {
    type Err = Error;

    fn from_str(json: &str) -> Result<Self, Error> {
        Self::from_json(json)
    }
}

/// Shows whose credentials these are, and no secret.
impl fmt::Debug for OAuthCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { client_id, client_secrets, org_id, scopes, ims_host, send_org_id } = &*self.0;
        f.debug_struct("OAuthCredentials")
            .field("client_id", client_id)
            .field("client_secrets", client_secrets)
            .field("org_id", org_id)
            .field("scopes", scopes)
            .field("ims_host", ims_host)
            .field("send_org_id", send_org_id)
            .finish()
    }
}

/// Builds OAuth Server-to-Server credentials from their parts. Nothing is checked before
/// [`build`](Self::build).
///
/// ```no_run
/// use adobe_ims::OAuthCredentials;
///
/// # fn secret(name: &str) -> String { std::env::var(name).unwrap_or_default() }
/// let credentials = OAuthCredentials::builder()
///     .client_id("0123456789abcdef0123456789abcdef")
///     .client_secret(secret("ADOBE_CLIENT_SECRET"))
///     .org_id("1111222233334444AAAA5555@AdobeOrg")
///     .scopes(["openid", "AdobeID", "read_organizations"])
///     .build()?;
/// # Ok::<(), adobe_ims::Error>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct OAuthCredentialsBuilder {
    client_secrets: Vec<Secret>,
    fields: OAuthFields,
}

impl OAuthCredentialsBuilder {
    /// The client id.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.fields.client_id.value = Some(Secret::from(client_id.into()));
        self
    }

    /// A client secret. Call it twice for a credential with two: if IMS refuses the first, the
    /// second is tried. The text is moved in, and wiped on drop.
    pub fn client_secret(mut self, client_secret: impl Into<String>) -> Self {
        self.client_secrets.push(Secret::from(client_secret.into()));
        self
    }

    /// The organization that other Adobe APIs require as `x-gw-ims-org-id`. Optional.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.fields.org_id.value = Some(Secret::from(org_id.into()));
        self
    }

    /// The scopes that tokens are requested for; each item may be a list with commas or spaces.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let scopes = scopes.into_iter().map(|scope| Secret::from(scope.into())).collect();
        self.fields.scopes.value = Some(Texts::List(scopes));
        self
    }

    /// The IMS host. `ims-na1.adobelogin.com` by default: production, all regions.
    pub fn ims_host(mut self, ims_host: impl Into<String>) -> Self {
        self.fields.ims_host.value = Some(Secret::from(ims_host.into()));
        self
    }

    /// Whether the organization is sent to IMS with each request: only clients that no single
    /// organization owns need it. `false` by default.
    pub fn send_org_id(mut self, send_org_id: bool) -> Self {
        self.fields.send_org_id = send_org_id;
        self
    }

    /// Checks the parts.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials): it names all missing parts at
    /// once, by the functions of this builder, or the one that cannot be used.
    pub fn build(self) -> Result<OAuthCredentials, Error> {
        let Self { client_secrets, mut fields } = self;
        fields.client_secrets.value = Some(Texts::List(client_secrets));
        fields.check()
    }
}

impl Default for OAuthCredentialsBuilder {
    fn default() -> Self {
        Self {
            client_secrets: Vec::new(),
            fields: OAuthFields {
                origin: Origin::Builder,
                client_id: Named::new("client_id", None),
                client_secrets: Named::new("client_secret", None),
                org_id: Named::new("org_id", None),
                scopes: Named::new("scopes", None),
                ims_host: Named::new("ims_host", Some(Secret::from(PRODUCTION.to_owned()))),
                send_org_id: false,
            },
        }
    }
}

impl fmt::Debug for OAuthCredentialsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_secrets, fields } = self;
        let OAuthFields { origin: _, client_id, client_secrets: _, org_id, scopes: _, ims_host, send_org_id } = fields;
        f.debug_struct("OAuthCredentialsBuilder")
            .field("client_id", &client_id.shown())
            .field("client_secrets", client_secrets)
            .field("org_id", &org_id.shown())
            .field("ims_host", &ims_host.shown())
            .field("send_org_id", send_org_id)
            .finish_non_exhaustive()
    }
}

/// The fields of any source, with their names there, nothing checked yet.
#[derive(Clone)]
pub(super) struct OAuthFields {
    pub(super) origin: Origin,
    pub(super) client_id: Named<Secret>,
    pub(super) client_secrets: Named<Texts>,
    pub(super) org_id: Named<Secret>,
    pub(super) scopes: Named<Texts>,
    pub(super) ims_host: Named<Secret>,
    pub(super) send_org_id: bool,
}

impl OAuthFields {
    /// The names of what is needed and was not given.
    pub(super) fn missing(&self) -> Vec<String> {
        let Self { origin: _, client_id, client_secrets, org_id, scopes, ims_host, send_org_id } = self;
        let mut fields: Vec<&dyn Field> = vec![client_id, client_secrets, scopes, ims_host];
        if *send_org_id {
            fields.push(org_id);
        }
        missing(&fields)
    }

    /// All fields at once, or all that is missing in one error.
    pub(super) fn check(self) -> Result<OAuthCredentials, Error> {
        let names = self.missing();
        let Self { origin, client_id, client_secrets, org_id, scopes, ims_host, send_org_id } = self;
        if !names.is_empty() {
            return Err(CredentialsError::Missing { names, origin }.into());
        }
        Ok(OAuthCredentials(Arc::new(Parts {
            client_id: client_id.check(origin, fields::client_id)?,
            client_secrets: client_secrets.check(origin, fields::client_secrets)?,
            org_id: match org_id.missing() {
                Some(_) => None,
                None => Some(org_id.check(origin, fields::account)?),
            },
            scopes: scopes.check(origin, fields::scopes)?,
            ims_host: ims_host.check(origin, fields::ims_host)?,
            send_org_id,
        })))
    }
}
