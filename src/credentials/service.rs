//! Service credentials of AEM's Developer Console: the file, its parts, and their checks.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;

use super::fields::{self, TextOrList};
use super::file::{self, Kind};
use crate::certificate::Certificate;
use crate::error::{CredentialsError, Error, Origin};
use crate::key::RsaKey;
use crate::lenient::LenientText;
use crate::secret::Secret;

/// The service credentials that AEM's Developer Console hands out, read and checked.
///
/// What can't work is refused at construction, with words that say what it is; no message ever shows
/// a value. Cheap to clone: clones share everything, and the last one wipes the secrets.
///
/// ```no_run
/// use adobe_ims::ServiceCredentials;
///
/// let credentials = ServiceCredentials::from_file("service_token.json")?;
/// println!("{} asks {}", credentials.client_id(), credentials.ims_host());
/// # Ok::<(), adobe_ims::Error>(())
/// ```
#[derive(Clone)]
pub struct ServiceCredentials(Arc<Parts>);

struct Parts {
    client_id: String,
    client_secret: Secret,
    org_id: String,
    technical_account_id: String,
    ims_host: String,
    metascopes: Vec<String>,
    key: RsaKey,
    certificate: Option<Certificate>,
}

impl ServiceCredentials {
    /// Reads the JSON of the downloaded file, whole or only its inner part (`integration`).
    ///
    /// Parses the private key too, in every spelling that copying turns it into. The bytes stay the
    /// caller's: wiping them is up to the caller.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) for anything but a complete file of
    /// at most 64 KiB: it names all missing fields at once, or what the file is instead;
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) for a private key that can't sign.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, Error> {
        let text = file::text(json.as_ref())?;
        match file::kind(text)? {
            Kind::Service => check(file::parse::<Wrapper>(text)?.integration, FILE_NAMES),
            Kind::ServiceUnwrapped => check(file::parse(text)?, FILE_NAMES.inner()),
            Kind::Other(found) => Err(CredentialsError::Kind { found, expected: EXPECTED }.into()),
        }
    }

    /// Reads the downloaded file, blocking while it does.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json), and [`ErrorKind::Credentials`](crate::ErrorKind::Credentials)
    /// for a file that can't be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_json(file::read(path.as_ref())?)
    }

    /// For parts that are kept apart, such as in a secret manager.
    pub fn builder() -> ServiceCredentialsBuilder {
        ServiceCredentialsBuilder::default()
    }

    /// `technicalAccount.clientId`; what other Adobe APIs want as `x-api-key`.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// `org`, such as `1111222233334444AAAA5555@AdobeOrg`; signed as `iss`.
    pub fn org_id(&self) -> &str {
        &self.0.org_id
    }

    /// `id`, such as `AAAABBBBCCCCDDDD0A49AAAA@techacct.adobe.com`; signed as `sub`.
    pub fn technical_account_id(&self) -> &str {
        &self.0.technical_account_id
    }

    /// `imsEndpoint`: the bare host name that is signed into the assertion and, unless
    /// [`danger_endpoint`](crate::ImsClientBuilder::danger_endpoint) says otherwise, connected to.
    pub fn ims_host(&self) -> &str {
        &self.0.ims_host
    }

    /// The short names of the metascopes, such as `ent_aem_cloud_api`.
    pub fn metascopes(&self) -> impl Iterator<Item = &str> {
        self.0.metascopes.iter().map(String::as_str)
    }

    /// The certificate beside the key; `None` if absent or unreadable.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.0.certificate.as_ref()
    }

    pub(crate) fn client_secret(&self) -> &Secret {
        &self.0.client_secret
    }

    pub(crate) fn key(&self) -> &RsaKey {
        &self.0.key
    }
}

impl FromStr for ServiceCredentials {
    type Err = Error;

    fn from_str(json: &str) -> Result<Self, Error> {
        Self::from_json(json)
    }
}

/// Shows whose credentials these are, and no secret.
impl fmt::Debug for ServiceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { client_id, client_secret, org_id, technical_account_id, ims_host, metascopes, key, certificate } =
            &*self.0;
        f.debug_struct("ServiceCredentials")
            .field("client_id", client_id)
            .field("client_secret", client_secret)
            .field("org_id", org_id)
            .field("technical_account_id", technical_account_id)
            .field("ims_host", ims_host)
            .field("metascopes", metascopes)
            .field("private_key", key)
            .field("certificate", certificate)
            .finish()
    }
}

/// Puts service credentials together from their parts. Nothing is checked before
/// [`build`](Self::build).
///
/// ```no_run
/// use adobe_ims::ServiceCredentials;
///
/// # fn secret(name: &str) -> String { std::env::var(name).unwrap_or_default() }
/// let credentials = ServiceCredentials::builder()
///     .client_id("cm-p11111-e22222-integration")
///     .client_secret(secret("AEM_CLIENT_SECRET"))
///     .org_id("1111222233334444AAAA5555@AdobeOrg")
///     .technical_account_id("AAAABBBBCCCCDDDD0A49AAAA@techacct.adobe.com")
///     .metascopes(["ent_aem_cloud_api"])
///     .private_key(secret("AEM_PRIVATE_KEY"))
///     .build()?;
/// # Ok::<(), adobe_ims::Error>(())
/// ```
///
/// A secret that holds the whole file is read by [`ServiceCredentials::from_json`], or by `parse()`.
#[derive(Clone, Default)]
#[must_use]
pub struct ServiceCredentialsBuilder {
    fields: Fields,
}

impl ServiceCredentialsBuilder {
    /// `technicalAccount.clientId` of the file.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.fields.technical_account.client_id = Some(client_id.into());
        self
    }

    /// `technicalAccount.clientSecret` of the file. The text is taken over and wiped in the end.
    pub fn client_secret(mut self, client_secret: impl Into<String>) -> Self {
        self.fields.technical_account.client_secret = Some(Secret::from(client_secret.into()));
        self
    }

    /// `org` of the file.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.fields.org = Some(org_id.into());
        self
    }

    /// `id` of the file: not the e-mail.
    pub fn technical_account_id(mut self, technical_account_id: impl Into<String>) -> Self {
        self.fields.id = Some(technical_account_id.into());
        self
    }

    /// `imsEndpoint` of the file. Without it, `ims-na1.adobelogin.com`: production, all regions.
    pub fn ims_host(mut self, ims_host: impl Into<String>) -> Self {
        self.fields.ims_endpoint = Some(ims_host.into());
        self
    }

    /// `metascopes` of the file: short names, or any other spelling of Adobe's tools; each item may be a
    /// list with commas.
    pub fn metascopes(mut self, metascopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.fields.metascopes = Some(TextOrList(metascopes.into_iter().map(Into::into).collect()));
        self
    }

    /// `privateKey` of the file: PEM of an RSA key, PKCS#1 or PKCS#8, in any spelling. The text is
    /// taken over and wiped.
    pub fn private_key(mut self, pem: impl Into<String>) -> Self {
        self.fields.private_key = Some(Secret::from(pem.into()));
        self
    }

    /// `publicKey` of the file: PEM of the certificate. Optional, and never a reason to fail: what can't
    /// be read is as good as absent, and [`ServiceCredentials::certificate`] tells.
    pub fn certificate(mut self, pem: impl Into<String>) -> Self {
        self.fields.public_key = Some(LenientText::from(pem.into()));
        self
    }

    /// Checks the parts.
    ///
    /// # Errors
    ///
    /// As [`ServiceCredentials::from_json`]; parts are named by the functions of this builder.
    pub fn build(self) -> Result<ServiceCredentials, Error> {
        let Self { mut fields } = self;
        fields.ims_endpoint.get_or_insert_with(|| PRODUCTION.to_owned());
        check(fields, BUILDER_NAMES)
    }
}

impl fmt::Debug for ServiceCredentialsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fields { ims_endpoint, metascopes, technical_account, id, org, private_key, public_key: _ } = &self.fields;
        let Account { client_id, client_secret } = technical_account;
        f.debug_struct("ServiceCredentialsBuilder")
            .field("client_id", client_id)
            .field("client_secret", client_secret)
            .field("org_id", org)
            .field("technical_account_id", id)
            .field("ims_host", ims_endpoint)
            .field("metascopes", &metascopes.as_ref().map(|TextOrList(values)| values))
            .field("private_key", private_key)
            .finish_non_exhaustive()
    }
}

/// The file as downloaded. `ok` and `statusCode` were looked at when it was told apart.
#[derive(Deserialize)]
struct Wrapper {
    integration: Fields,
}

/// The inner part of the file, nothing checked yet.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Fields {
    ims_endpoint: Option<String>,
    metascopes: Option<TextOrList>,
    #[serde(deserialize_with = "null_as_default")]
    technical_account: Account,
    id: Option<String>,
    org: Option<String>,
    private_key: Option<Secret>,
    public_key: Option<LenientText>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Account {
    client_id: Option<String>,
    client_secret: Option<Secret>,
}

fn null_as_default<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Account, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What the fields are called where the caller wrote them.
struct Names {
    origin: Origin,
    prefix: &'static str,
    ims_endpoint: &'static str,
    org: &'static str,
    id: &'static str,
    client_id: &'static str,
    client_secret: &'static str,
    metascopes: &'static str,
    private_key: &'static str,
}

impl Names {
    const fn inner(self) -> Self {
        Self { prefix: "", ..self }
    }
}

/// All fields at once or all that is wrong with them: what is missing is told in one error.
fn check(fields: Fields, names: Names) -> Result<ServiceCredentials, Error> {
    let Fields { ims_endpoint, metascopes, technical_account, id, org, private_key, public_key } = fields;
    let Account { client_id, client_secret } = technical_account;
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    let given_secret = |text: &Option<Secret>| text.as_ref().is_some_and(|text| !text.expose().trim().is_empty());
    let TextOrList(metascopes) = metascopes.unwrap_or_default();
    let name = |field: &str| format!("{}{field}", names.prefix);

    let missing: Vec<String> = [
        (given(&ims_endpoint), names.ims_endpoint),
        (given(&org), names.org),
        (given(&id), names.id),
        (given(&client_id), names.client_id),
        (given_secret(&client_secret), names.client_secret),
        (metascopes.iter().any(|text| text.split(',').any(|item| !item.trim().is_empty())), names.metascopes),
        (given_secret(&private_key), names.private_key),
    ]
    .into_iter()
    .filter(|(given, _)| !given)
    .map(|(_, field)| name(field))
    .collect();
    let (
        Some(ims_endpoint),
        Some(org_id),
        Some(technical_account_id),
        Some(client_id),
        Some(client_secret),
        Some(key),
        [],
    ) = (ims_endpoint, org, id, client_id, client_secret, private_key, missing.as_slice())
    else {
        return Err(CredentialsError::Missing { names: missing, origin: names.origin }.into());
    };

    let unusable = |field: &str| {
        let name = name(field);
        move |problem| CredentialsError::Field { name, problem, origin: names.origin }
    };
    let ims_host = fields::ims_host(&ims_endpoint).map_err(unusable(names.ims_endpoint))?;
    fields::account(&org_id).map_err(unusable(names.org))?;
    fields::account(&technical_account_id).map_err(unusable(names.id))?;
    fields::client_id(&client_id).map_err(unusable(names.client_id))?;
    fields::client_secret(client_secret.expose()).map_err(unusable(names.client_secret))?;
    let metascopes = fields::metascopes(metascopes.iter().map(String::as_str)).map_err(unusable(names.metascopes))?;
    let key = RsaKey::from_text(key.expose())?;
    let certificate = public_key.and_then(|text| Certificate::from_text(text.text()?, &key));
    Ok(ServiceCredentials(Arc::new(Parts {
        client_id,
        client_secret,
        org_id,
        technical_account_id,
        ims_host,
        metascopes,
        key,
        certificate,
    })))
}

const EXPECTED: &str = "the JSON of AEM service credentials";
const FILE_NAMES: Names = Names {
    origin: Origin::File,
    prefix: "integration.",
    ims_endpoint: "imsEndpoint",
    org: "org",
    id: "id",
    client_id: "technicalAccount.clientId",
    client_secret: "technicalAccount.clientSecret",
    metascopes: "metascopes",
    private_key: "privateKey",
};
const BUILDER_NAMES: Names = Names {
    origin: Origin::Builder,
    prefix: "",
    ims_endpoint: "ims_host",
    org: "org_id",
    id: "technical_account_id",
    client_id: "client_id",
    client_secret: "client_secret",
    metascopes: "metascopes",
    private_key: "private_key",
};
/// "Production, all regions; the only production host in Adobe's own code and docs."
const PRODUCTION: &str = "ims-na1.adobelogin.com";
