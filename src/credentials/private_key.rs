//! Where the private key of JWT credentials is: in its field, or in a file of its own.

use std::fmt;
use std::path::{Path, PathBuf};

use super::fields;
use super::file::{self, Unreadable};
use super::named::{IsBlank, Named};
use crate::certificate::Certificate;
use crate::error::{Cause, CredentialsError, Error, KeyError, Origin};
use crate::key::{MAX_KEY, RsaKey};
use crate::pem;
use crate::secret::Secret;

#[derive(Clone)]
pub(super) enum PrivateKey {
    Text(Secret),
    File(PathBuf),
}

impl PrivateKey {
    /// Where a tool keeps the path of a file. A key in its place is taken as what it is.
    pub(super) fn or_path(self) -> Self {
        match self {
            Self::Text(text) if !text.is_blank() && pem::blocks(text.expose()).is_empty() => {
                Self::File(text.expose().trim().into())
            }
            other => other,
        }
    }
}

/// A key, and the certificate next to it.
pub(super) struct Read {
    pub(super) key: RsaKey,
    pub(super) certificate: Option<Certificate>,
}

impl Named<PrivateKey> {
    pub(super) fn read(&self, passphrase: Option<&Secret>, origin: Origin) -> Result<Read, Error> {
        let passphrase = passphrase.and_then(fields::passphrase);
        match &self.value {
            Some(PrivateKey::File(path)) => read_file(path, passphrase),
            Some(PrivateKey::Text(text)) => {
                let field = Named::new(self.name.clone(), Some(text.clone()));
                let text = field.check(origin, fields::private_key)?;
                Ok(Read::new(RsaKey::from_text(text.expose(), passphrase)?, text.expose()))
            }
            None => Err(CredentialsError::Missing { names: vec![self.name.clone().into_owned()], origin }.into()),
        }
    }
}

impl Read {
    fn new(key: RsaKey, text: &str) -> Self {
        let certificate = Certificate::from_text(text, Some(key.public_key()));
        Self { key, certificate }
    }
}

impl Named<PrivateKey> {
    /// Only that there is one: a path may be a mistake, too.
    pub(super) fn shown(&self) -> Option<fmt::Arguments<'static>> {
        self.value.as_ref().map(|_| format_args!("[redacted]"))
    }
}

impl IsBlank for PrivateKey {
    fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.is_blank(),
            Self::File(path) => path.as_os_str().is_empty(),
        }
    }
}

fn read_file(path: &Path, passphrase: Option<&str>) -> Result<Read, Error> {
    let bytes = file::bounded(path, MAX_KEY).map_err(|unreadable| match unreadable {
        Unreadable::NotAPath(found) => KeyError::NotAPath { found }.into(),
        Unreadable::Io(error) => Error::caused(KeyError::Unreadable, Cause::from_chain(Some(&error))),
    });
    let read = bytes.and_then(|bytes| {
        let key = RsaKey::from_bytes(&bytes, passphrase)?;
        Ok(Read::new(key, std::str::from_utf8(&bytes).unwrap_or_default()))
    });
    read.map_err(|error| file::in_file(path, error))
}
