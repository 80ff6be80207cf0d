//! Reads the credentials file again when a token is requested: how credentials rotate without a
//! restart. Nothing watches the file: Kubernetes swaps a symbolic link above it, which defeats
//! watchers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use crate::credentials::{Credentials, file};
use crate::error::{ConfigError, Error, UsageError};
use crate::grant::Grant;

pub(crate) struct Reload {
    path: Arc<PathBuf>,
    assertion_lifetime: Duration,
    /// The bytes that the current grant was made of; `None` before the first look.
    current: Mutex<Option<Digest>>,
}

/// A file that is not the one that the current grant was made of.
pub(super) struct Changed {
    pub(super) grant: Arc<Grant>,
    digest: Digest,
}

type Digest = [u8; 32];

impl Reload {
    pub(crate) fn new(path: PathBuf, assertion_lifetime: Duration) -> Self {
        Self { path: Arc::new(path), assertion_lifetime, current: Mutex::default() }
    }

    /// Reads the file, off the threads that run futures. `Ok(None)` if its bytes are those of the
    /// current grant, or of the one that was `tried` before.
    pub(super) async fn read(&self, current: &Grant, tried: Option<&Changed>) -> Result<Option<Changed>, Error> {
        let (path, lifetime) = (Arc::clone(&self.path), self.assertion_lifetime);
        let known: Vec<Digest> = self.current().into_iter().chain(tried.map(|tried| tried.digest)).collect();
        let read = tokio::task::spawn_blocking(move || read(&path, &known, lifetime));
        let changed = match tokio::time::timeout(MAX_READ, read).await {
            Ok(Ok(read)) => read?,
            Ok(Err(_)) => return Err(UsageError::RuntimeGone.into()),
            Err(_) => return Err(ConfigError::SlowFile { limit: MAX_READ }.into()),
        };
        match changed {
            Some(changed) if !changed.grant.is_same_client(current) => Err(UsageError::AnotherClient.into()),
            changed => Ok(changed),
        }
    }

    /// IMS issued a token for it.
    pub(super) fn accept(&self, changed: &Changed) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(changed.digest);
    }

    fn current(&self) -> Option<Digest> {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &std::path::Path, known: &[Digest], lifetime: Duration) -> Result<Option<Changed>, Error> {
    let bytes = file::read(path)?;
    let digest = digest(&SHA256, &bytes);
    let Ok(digest) = Digest::try_from(digest.as_ref()) else { return Ok(None) };
    if known.contains(&digest) {
        return Ok(None);
    }
    let grant = match Credentials::from_json(&*bytes) {
        // Nothing to exchange: a client is built either for a development token or for none.
        Ok(Credentials::Development(_)) => Err(UsageError::DevelopmentToken.into()),
        Ok(credentials) => Grant::new(credentials, lifetime),
        Err(error) => Err(error),
    };
    let grant = grant.map_err(|error| file::in_file(path, error))?;
    Ok(Some(Changed { grant: Arc::new(grant), digest }))
}

/// A mounted file is read in microseconds; a file system that hangs must not hold up the exchange.
const MAX_READ: Duration = Duration::from_secs(1);
