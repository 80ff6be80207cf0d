//! Service credentials of AEM's Developer Console: the file, its parts, and their checks.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::fields::{self, PRODUCTION};
use super::file;
use super::named::{Field, Named, Texts, missing};
use super::private_key::PrivateKey;
use super::reader::{CredentialsReader, Fields, Found, Wanted};
use crate::certificate::Certificate;
use crate::error::{CredentialsError, Error, Origin};
use crate::secret::Secret;
use crate::signing_key::{Key, SigningKey};

/// The service credentials that AEM's Developer Console hands out, read and checked.
///
/// Unusable values are refused at construction, with an error that says what is wrong and never
/// shows a value. Cheap to clone: clones share everything, and the last one wipes the secrets.
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
    key: Key,
    certificate: Option<Certificate>,
}

impl ServiceCredentials {
    /// Reads the JSON of the downloaded file, whole or only its inner part (`integration`), or of
    /// another file with JWT credentials that
    /// [`Credentials::from_json`](crate::Credentials::from_json) knows.
    ///
    /// Also parses the private key, in every spelling that copying produces. Wiping the bytes is up
    /// to the caller.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials) for anything but a complete file
    /// of at most 64 KiB: it names all missing fields at once, or what the file is instead;
    /// [`ErrorKind::Key`](crate::ErrorKind::Key) for a private key that cannot sign.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::of(CredentialsReader::default().read_json(json.as_ref(), Wanted::Service)?)
    }

    /// Reads the downloaded file, blocking while it does.
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
    pub fn builder() -> ServiceCredentialsBuilder {
        ServiceCredentialsBuilder::default()
    }

    /// `technicalAccount.clientId`; other Adobe APIs require it as `x-api-key`.
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

    /// The certificate of the key: the one given, or one next to the key in its text or file;
    /// `None` if absent or unreadable.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.0.certificate.as_ref()
    }

    pub(crate) fn client_secret(&self) -> &Secret {
        &self.0.client_secret
    }

    pub(crate) fn key(&self) -> &Key {
        &self.0.key
    }

    fn of(found: Found) -> Result<Self, Error> {
        match found.fields {
            Fields::Service(fields) => fields.check(),
            other => {
                let reader = other.reader();
                Err(CredentialsError::Kind { found: found.words, expected: EXPECTED, reader }.into())
            }
        }
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

/// Builds service credentials from their parts. Nothing is checked before [`build`](Self::build).
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
/// A secret that holds the whole file is read by [`ServiceCredentials::from_json`], or by
/// `parse()`.
#[derive(Clone)]
#[must_use]
pub struct ServiceCredentialsBuilder {
    fields: ServiceFields,
}

impl ServiceCredentialsBuilder {
    /// `technicalAccount.clientId` of the file.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.fields.client_id.value = Some(Secret::from(client_id.into()));
        self
    }

    /// `technicalAccount.clientSecret` of the file. The text is moved in, and wiped on drop.
    pub fn client_secret(mut self, client_secret: impl Into<String>) -> Self {
        self.fields.client_secret.value = Some(Secret::from(client_secret.into()));
        self
    }

    /// `org` of the file.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.fields.org_id.value = Some(Secret::from(org_id.into()));
        self
    }

    /// `id` of the file: not the e-mail.
    pub fn technical_account_id(mut self, technical_account_id: impl Into<String>) -> Self {
        self.fields.technical_account_id.value = Some(Secret::from(technical_account_id.into()));
        self
    }

    /// `imsEndpoint` of the file. `ims-na1.adobelogin.com` by default: production, all regions.
    pub fn ims_host(mut self, ims_host: impl Into<String>) -> Self {
        self.fields.ims_host.value = Some(Secret::from(ims_host.into()));
        self
    }

    /// `metascopes` of the file: short names, or any other spelling of Adobe's tools; each item may
    /// be a list with commas.
    pub fn metascopes(mut self, metascopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let metascopes = metascopes.into_iter().map(|name| Secret::from(name.into())).collect();
        self.fields.metascopes.value = Some(Texts::List(metascopes));
        self
    }

    /// `privateKey` of the file: PEM of an RSA key, PKCS#1 or PKCS#8, in any spelling. The text is
    /// moved in, and wiped on drop.
    pub fn private_key(mut self, pem: impl Into<String>) -> Self {
        self.fields.private_key.value = Some(PrivateKey::Text(Secret::from(pem.into())));
        self
    }

    /// A file with the private key, for tools that keep it separately; instead of
    /// [`private_key`](Self::private_key). [`build`](Self::build) reads it, blocking while it does.
    pub fn private_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.fields.private_key.value = Some(PrivateKey::File(path.into()));
        self
    }

    /// The passphrase of an encrypted private key (`BEGIN ENCRYPTED PRIVATE KEY`). Needs the
    /// feature `encrypted-keys`: without it, [`build`](Self::build) refuses an encrypted key. Not
    /// used if the key is not encrypted. The text is moved in, and wiped on drop.
    ///
    /// Keys are decrypted as OpenSSL encrypts them: PBES2 with AES-CBC and PBKDF2 (HMAC-SHA-1, 256,
    /// 384 or 512), of at most 5 million iterations. [`build`](Self::build) blocks meanwhile: about
    /// a millisecond for the 2048 iterations that are OpenSSL's default, about half a second for a
    /// million.
    pub fn passphrase(mut self, passphrase: impl Into<String>) -> Self {
        self.fields.passphrase.value = Some(Secret::from(passphrase.into()));
        self
    }

    /// A key that signs where it is kept, instead of [`private_key`](Self::private_key): in a key
    /// management service, a hardware module, or another process.
    pub fn signing_key(mut self, key: impl SigningKey) -> Self {
        self.fields.signing_key = Some(Arc::new(key));
        self
    }

    /// `publicKey` of the file: PEM of the certificate. Optional, and never a reason to fail: a
    /// certificate that cannot be read counts as absent, and [`ServiceCredentials::certificate`]
    /// then returns `None`.
    pub fn certificate(mut self, pem: impl Into<String>) -> Self {
        self.fields.certificate.value = Some(Secret::from(pem.into()));
        self
    }

    /// Checks the parts.
    ///
    /// # Errors
    ///
    /// As [`ServiceCredentials::from_json`]; parts are named by the functions of this builder.
    pub fn build(self) -> Result<ServiceCredentials, Error> {
        self.fields.check()
    }
}

impl Default for ServiceCredentialsBuilder {
    fn default() -> Self {
        Self {
            fields: ServiceFields {
                origin: Origin::Builder,
                ims_host: Named::new("ims_host", Some(Secret::from(PRODUCTION.to_owned()))),
                org_id: Named::new("org_id", None),
                technical_account_id: Named::new("technical_account_id", None),
                client_id: Named::new("client_id", None),
                client_secret: Named::new("client_secret", None),
                metascopes: Named::new("metascopes", None),
                private_key: Named::new("private_key", None),
                passphrase: Named::new("passphrase", None),
                certificate: Named::new("certificate", None),
                signing_key: None,
            },
        }
    }
}

impl fmt::Debug for ServiceCredentialsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServiceFields {
            origin: _,
            ims_host,
            org_id,
            technical_account_id,
            client_id,
            client_secret,
            metascopes: _,
            private_key,
            passphrase,
            certificate: _,
            signing_key: _,
        } = &self.fields;
        f.debug_struct("ServiceCredentialsBuilder")
            .field("client_id", &client_id.shown())
            .field("client_secret", &client_secret.value)
            .field("org_id", &org_id.shown())
            .field("technical_account_id", &technical_account_id.shown())
            .field("ims_host", &ims_host.shown())
            .field("private_key", &private_key.shown())
            .field("passphrase", &passphrase.value)
            .finish_non_exhaustive()
    }
}

/// The fields of any source, with their names there, nothing checked yet.
#[derive(Clone)]
pub(super) struct ServiceFields {
    pub(super) origin: Origin,
    pub(super) ims_host: Named<Secret>,
    pub(super) org_id: Named<Secret>,
    pub(super) technical_account_id: Named<Secret>,
    pub(super) client_id: Named<Secret>,
    pub(super) client_secret: Named<Secret>,
    pub(super) metascopes: Named<Texts>,
    pub(super) private_key: Named<PrivateKey>,
    /// Of an encrypted private key.
    pub(super) passphrase: Named<Secret>,
    pub(super) certificate: Named<Secret>,
    /// In place of `private_key`.
    pub(super) signing_key: Option<Arc<dyn SigningKey>>,
}

impl ServiceFields {
    /// The names of what is needed and was not given.
    pub(super) fn missing(&self) -> Vec<String> {
        let Self {
            origin: _,
            ims_host,
            org_id,
            technical_account_id,
            client_id,
            client_secret,
            metascopes,
            private_key,
            passphrase: _,
            certificate: _,
            signing_key,
        } = self;
        let mut needed: Vec<&dyn Field> =
            vec![ims_host, org_id, technical_account_id, client_id, client_secret, metascopes];
        if signing_key.is_none() {
            needed.push(private_key);
        }
        missing(&needed)
    }

    /// All fields at once, or all that is missing in one error.
    pub(super) fn check(self) -> Result<ServiceCredentials, Error> {
        let names = self.missing();
        let Self {
            origin,
            ims_host,
            org_id,
            technical_account_id,
            client_id,
            client_secret,
            metascopes,
            private_key,
            passphrase,
            certificate,
            signing_key,
        } = self;
        if let (Some(_), None) = (&signing_key, private_key.missing()) {
            return Err(CredentialsError::TwoKeys.into());
        }
        match origin {
            _ if names.is_empty() => {}
            Origin::Jwt(found) if private_key.missing().is_some() => {
                return Err(CredentialsError::NoPrivateKey { found }.into());
            }
            _ => return Err(CredentialsError::Missing { names, origin }.into()),
        }
        let mut with_key = None;
        let parts = Parts {
            ims_host: ims_host.check(origin, fields::ims_host)?,
            org_id: org_id.check(origin, fields::account)?,
            technical_account_id: technical_account_id.check(origin, fields::account)?,
            client_id: client_id.check(origin, fields::client_id)?,
            client_secret: client_secret.check(origin, fields::client_secret)?,
            metascopes: metascopes.check(origin, fields::metascopes)?,
            key: match signing_key {
                Some(key) => Key::Elsewhere(key),
                None => {
                    let read = private_key.read(passphrase.value.as_ref(), origin)?;
                    with_key = read.certificate;
                    Key::Local(read.key)
                }
            },
            certificate: None,
        };
        let certificate =
            certificate.value.and_then(|text| Certificate::from_text(text.expose(), parts.key.public_key()));
        let certificate = certificate.or(with_key);
        Ok(ServiceCredentials(Arc::new(Parts { certificate, ..parts })))
    }
}

const EXPECTED: &str = "service credentials of AEM's Developer Console";
