//! Reads the credentials file again when a token is requested: how credentials rotate without a
//! restart. Nothing watches the file: Kubernetes swaps a symbolic link above it, which defeats
//! watchers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::credentials::{Credentials, file};
use crate::error::{ConfigError, Error, UsageError};
use crate::grant::Grant;

/// A credentials file that is read off the threads that run futures, and not by several at once.
pub(crate) struct CredentialsFile {
    path: Arc<PathBuf>,
    /// Held while the file is read, however long a file system that hangs takes for it.
    reading: Arc<Semaphore>,
}

/// What is known of the file that the current grant came from.
pub(crate) struct Reload {
    file: CredentialsFile,
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

impl CredentialsFile {
    /// A mounted file is read in microseconds; a file system that hangs must not hold up the caller.
    pub(crate) const MAX_READ: Duration = Duration::from_secs(1);

    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path: Arc::new(path), reading: Arc::new(Semaphore::new(1)) }
    }

    /// Reads its bytes within `limit`.
    pub(crate) async fn read(&self, limit: Duration) -> Result<Zeroizing<Vec<u8>>, Error> {
        let path = Arc::clone(&self.path);
        self.off_thread(limit, move || file::read(&path)).await
    }

    /// What these bytes of it hold. Reading an encrypted key takes its time.
    pub(crate) async fn parse<T: Send + 'static>(
        &self,
        limit: Duration,
        parse: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let path = Arc::clone(&self.path);
        self.off_thread(limit, move || parse().map_err(|error| file::in_file(&path, error))).await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let done = async {
            let permit = Arc::clone(&self.reading).acquire_owned().await;
            let work = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                work()
            });
            work.await.map_err(|_| Error::from(UsageError::RuntimeGone))?
        };
        tokio::time::timeout(limit, done).await.map_err(|_| ConfigError::SlowFile { limit })?
    }
}

impl Reload {
    pub(crate) fn new(path: PathBuf, assertion_lifetime: Duration) -> Self {
        Self { file: CredentialsFile::new(path), assertion_lifetime, current: Mutex::default() }
    }

    /// Reads the file. `Ok(None)` if its bytes are those of the current grant, or of the one that was
    /// `tried` before. Takes no longer than `left`, and for the reading a part of it.
    pub(super) async fn read(&self, left: Duration, tried: Option<&Changed>) -> Result<Option<Changed>, Error> {
        let bytes = self.file.read(CredentialsFile::MAX_READ.min(left.mul_f64(0.1))).await?;
        let Some(digest) = digest_of(&bytes) else { return Ok(None) };
        if self.current() == Some(digest) || tried.is_some_and(|tried| tried.digest == digest) {
            return Ok(None);
        }
        let lifetime = self.assertion_lifetime;
        let grant = move || match Credentials::from_json(&*bytes) {
            // Nothing to exchange: a client for one is built as one.
            Ok(Credentials::Development(_)) => Err(UsageError::DevelopmentToken.into()),
            Ok(credentials) => Grant::new(credentials, lifetime),
            Err(error) => Err(error),
        };
        let grant = self.file.parse(left.mul_f64(0.5), grant).await?;
        Ok(Some(Changed { grant: Arc::new(grant), digest }))
    }

    /// IMS issued a token for it.
    pub(super) fn accept(&self, changed: &Changed) {
        self.set_current(Some(changed.digest));
    }

    /// The client has got other credentials: the file counts again when it changes.
    pub(super) async fn skip_current(&self) {
        let bytes = self.file.read(CredentialsFile::MAX_READ).await.ok();
        self.set_current(bytes.and_then(|bytes| digest_of(&bytes)));
    }

    fn current(&self) -> Option<Digest> {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_current(&self, digest: Option<Digest>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = digest;
    }
}

fn digest_of(bytes: &[u8]) -> Option<Digest> {
    digest(&SHA256, bytes).as_ref().try_into().ok()
}
