//! Keeps tokens in files of this user, on this machine.

use std::fmt;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::sync::Semaphore;

use super::{Lease, SealedToken, StoreError, StoreFuture, TokenStore};
use crate::clock::{Clock, Moment, SystemClock, Uptime};
use crate::credentials::file::shown;
use crate::error::{Cause, Error, StoreSetupError};

/// Shares tokens between the processes of one user on one machine, in a directory of files.
/// Requires the feature `file-store`.
///
/// For command-line tools, cron jobs, CI steps and the worker processes of one service. Clones, and
/// stores made for the same directory, share their tokens.
///
/// ```
/// # async fn example(directory: &std::path::Path) -> Result<(), adobe_ims::Error> {
/// # let mock = adobe_ims::testing::MockIms::start().await?;
/// # let credentials = mock.credentials();
/// use adobe_ims::ImsClient;
/// use adobe_ims::store::FileStore;
///
/// let ims = ImsClient::builder(credentials).store(FileStore::new(directory)?).build()?;
/// # let ims = mock.client_builder().store(FileStore::new(directory)?).build()?;
/// let token = ims.token().await?; // of whichever process requested it
/// # Ok(())
/// # }
/// # let directory = std::env::temp_dir().join(format!("adobe-ims-doctest-{}", std::process::id()));
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(example(&directory)).unwrap();
/// # std::fs::remove_dir_all(directory).unwrap();
/// ```
///
/// # The files
///
/// Each credential has two files: one of a few kilobytes with the sealed token, and an empty one
/// that is locked while a token is requested. Both are created with mode 0600 and stay. Nothing has
/// to be cleaned up, and all of them may be deleted at any time. A token is written to a new file,
/// which is then renamed: a process that is killed leaves a whole token or none. The operating
/// system releases the lock of a killed process.
///
/// A directory that others may write to is refused, so use a new one *in* a directory like `/tmp`
/// or a mounted volume, not the directory itself.
///
/// # Time
///
/// On Linux the remaining lifetime of a token is measured by uptime and by wall clock; the shorter
/// applies. A token that was saved before the last boot, or on another machine, counts as absent.
/// On other systems it is measured by the wall clock only. If the wall clock shows a time before
/// the token was saved, the token counts as absent.
///
/// # Network file systems
///
/// Use a directory on a local disk, and `RedisStore` between machines. Where files cannot be
/// locked, several processes may request a token at the same time.
#[derive(Clone)]
pub struct FileStore(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    /// A file system that hangs must not take all of the runtime's threads for blocking calls.
    threads: Arc<Semaphore>,
}

impl FileStore {
    /// Uses this directory; creates it (mode 0700) and its parents if necessary. Blocking.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if it cannot be created or is not a directory,
    /// or if users other than its owner may write to it.
    pub fn new(directory: impl AsRef<Path>) -> Result<Self, Error> {
        let directory = directory.as_ref().to_owned();
        let error = |problem| StoreSetupError { store: STORE, problem, hint: DIRECTORY_HINT };
        let caused = |problem, io: io::Error| {
            let named = shown(&directory).map(|path| io::Error::new(io.kind(), format!("{path}: {io}")));
            Error::caused(error(problem), Cause::from_chain(Some(&named.unwrap_or(io))))
        };
        create(&directory).map_err(|io| caused("its directory cannot be created", io))?;
        check(&directory).map_err(|io| caused("its directory cannot be used", io))?;
        Ok(Self(Arc::new(Inner { directory, threads: Arc::new(Semaphore::new(MAX_THREADS)) })))
    }

    /// Uses the directory `adobe-ims` in this user's cache directory: `$XDG_CACHE_HOME` or
    /// `~/.cache`, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and if the environment does not name the directory.
    pub fn in_user_cache() -> Result<Self, Error> {
        let directory = user_cache(variable).ok_or(StoreSetupError {
            store: STORE,
            problem: "the environment does not name a cache directory of this user",
            hint: "set HOME or XDG_CACHE_HOME, or give a directory with `FileStore::new`",
        })?;
        Self::new(directory.join("adobe-ims"))
    }

    /// The directory that holds the files.
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// Works on the files of a key, on a thread for blocking calls.
    fn run<'a, T: Send + 'static>(
        &'a self,
        key: &'a str,
        work: impl FnOnce(Files) -> io::Result<T> + Send + 'static,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(StoreError::failed("the key is not a name of letters and digits"));
            }
            let files = Files { directory: self.0.directory.clone(), key: key.to_owned() };
            let thread = Arc::clone(&self.0.threads).acquire_owned().await.map_err(StoreError::failed)?;
            let worked = tokio::task::spawn_blocking(move || {
                let _thread = thread;
                work(files)
            });
            worked.await.map_err(StoreError::failed)?.map_err(StoreError::failed)
        })
    }
}

impl TokenStore for FileStore {
    fn load<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<SealedToken>> {
        self.run(key, |files| files.load())
    }

    fn save<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        // The lifetime is measured from here, not from when a thread is free.
        let (token, called) = (token.clone(), Moment::now(&SystemClock));
        self.run(key, move |files| {
            // Read before the other clocks: the time in between shortens the lifetime.
            let uptime = Uptime::now();
            let waited = Moment::now(&SystemClock).since(called);
            files.save(&Record::new(&token, waited, uptime))
        })
    }

    fn remove<'a>(&'a self, key: &'a str, token: &'a SealedToken) -> StoreFuture<'a, ()> {
        let token = token.clone();
        self.run(key, move |files| files.remove(&token))
    }

    fn lease<'a>(&'a self, key: &'a str, lifetime: Duration) -> StoreFuture<'a, Lease> {
        self.run(key, move |files| files.lease(lifetime))
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { directory, threads: _ } = &*self.0;
        f.debug_struct("FileStore").field("directory", directory).finish_non_exhaustive()
    }
}

/// The files of one key.
struct Files {
    directory: PathBuf,
    key: String,
}

impl Files {
    fn load(&self) -> io::Result<Option<SealedToken>> {
        if let Err(error) = check(&self.directory) {
            return none_if_missing(error).map(|()| None);
        }
        let Some((bytes, metadata)) = self.read()? else { return Ok(None) };
        let Some(record) = Record::parse(&bytes) else {
            // No credential opens these bytes: they are reported, and overwritten.
            return Ok(Some(SealedToken::new(bytes, Duration::from_secs(1))));
        };
        let age = SystemClock.now().duration_since(metadata.modified()?).ok();
        let remaining = record.remaining(age, Uptime::now().as_ref());
        Ok(remaining.map(|remaining| SealedToken::new(record.sealed, remaining)))
    }

    fn save(&self, record: &Record<'_>) -> io::Result<()> {
        let directory = self.directory()?;
        let new = self.path(&format!("{:016x}.{NEW}", fastrand::u64(..)));
        let written = write(&new, &record.bytes(), &directory).and_then(|()| fs::rename(&new, self.path(TOKEN)));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        // No fsync: a power failure leaves a whole token, or bytes that the checksum rejects.
        self.sweep();
        written
    }

    fn remove(&self, token: &SealedToken) -> io::Result<()> {
        let stored = self.read()?;
        match stored.as_ref().and_then(|(bytes, _)| Record::parse(bytes)) {
            Some(record) if record.sealed == token.bytes() => {
                fs::remove_file(self.path(TOKEN)).or_else(none_if_missing)
            }
            _ => Ok(()),
        }
    }

    fn lease(&self, lifetime: Duration) -> io::Result<Lease> {
        let directory = self.directory()?;
        // Opened for writing, as locks over NFS require. Never deleted, since a lock belongs to a file and
        // not to its name.
        let lock = private().read(true).write(true).create(true).truncate(false).open(self.path(LOCK))?;
        check_owner(&directory, &lock.metadata()?)?;
        match lock.try_lock() {
            Ok(()) => {
                // When the lease began, for `is_overdue`.
                let _ = lock.set_modified(SystemClock.now());
                Ok(Lease::Held(Box::pin(async move { drop(lock) })))
            }
            Err(TryLockError::WouldBlock) if is_overdue(&lock, lifetime) => {
                // One process at a time continues without the lease.
                let _ = lock.set_modified(SystemClock.now());
                Ok(Lease::Unsupported)
            }
            Err(TryLockError::WouldBlock) => Ok(Lease::Busy),
            Err(TryLockError::Error(_)) => Ok(Lease::Unsupported),
        }
    }

    fn read(&self) -> io::Result<Option<(Vec<u8>, Metadata)>> {
        let file = match File::open(self.path(TOKEN)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes)?;
        Ok(Some((bytes, metadata)))
    }

    /// Checks the directory, and creates it again if it has been removed.
    fn directory(&self) -> io::Result<Metadata> {
        check(&self.directory).or_else(|error| {
            none_if_missing(error)?;
            create(&self.directory)?;
            check(&self.directory)
        })
    }

    /// Removes the new files of processes that were killed while they wrote.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_new = name.to_str().is_some_and(|name| name.starts_with(&self.key) && name.ends_with(NEW));
            if is_new && is_older_than(LEFT_BEHIND, entry.metadata()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.directory.join(format!("{}.{ending}", self.key))
    }
}

/// The content of a file: a sealed token, its remaining lifetime when it was saved, and the uptime
/// at that moment (the clock that cannot be set). A checksum protects it, since a flipped bit could
/// make the lifetime too long.
struct Record<'a> {
    remaining: Duration,
    uptime: Option<Uptime>,
    sealed: &'a [u8],
}

impl<'a> Record<'a> {
    fn new(token: &'a SealedToken, waited: Duration, uptime: Option<Uptime>) -> Self {
        Self { remaining: token.remaining().saturating_sub(waited), uptime, sealed: token.bytes() }
    }

    /// A mark, the checksum of everything that follows, the remaining lifetime and the uptime in
    /// milliseconds, the boot with its length, and the sealed token.
    fn bytes(&self) -> Vec<u8> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).to_be_bytes();
        let uptime = self.uptime.as_ref();
        // Some 36 bytes.
        let boot = uptime.map_or("", |uptime| &uptime.boot);
        let (boot, length) = match u8::try_from(boot.len()) {
            Ok(length) => (boot, length),
            Err(_) => ("", 0),
        };
        let mut content = Vec::new();
        content.extend_from_slice(&millis(self.remaining));
        content.extend_from_slice(&millis(uptime.map_or(Duration::ZERO, |uptime| uptime.since)));
        content.push(length);
        content.extend_from_slice(boot.as_bytes());
        content.extend_from_slice(self.sealed);
        [MARK, digest(&SHA256, &content).as_ref(), &content].concat()
    }

    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (checksum, content) = bytes.strip_prefix(MARK)?.split_at_checked(SHA256.output_len())?;
        if digest(&SHA256, content).as_ref() != checksum {
            return None;
        }
        let (remaining, rest) = content.split_first_chunk()?;
        let (since, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (boot, sealed) = rest.split_at_checked(usize::from(*length))?;
        let millis = |bytes: &[u8; 8]| Duration::from_millis(u64::from_be_bytes(*bytes));
        let boot = str::from_utf8(boot).ok()?.to_owned();
        let uptime = (!boot.is_empty()).then(|| Uptime { boot, since: millis(since) });
        Some(Self { remaining: millis(remaining), uptime, sealed })
    }

    /// How long the token is still valid; `None` if it has expired or its age is unknown. `age` is
    /// the age of the file by the wall clock, `None` if the file is from the future.
    fn remaining(&self, age: Option<Duration>, now: Option<&Uptime>) -> Option<Duration> {
        let age = match (&self.uptime, now) {
            (Some(saved), Some(now)) if saved.boot == now.boot => age?.max(now.since.checked_sub(saved.since)?),
            (None, None) => age?,
            // Another boot, or another machine: their uptimes cannot be compared.
            _ => return None,
        };
        self.remaining.checked_sub(age).filter(|remaining| !remaining.is_zero())
    }
}

/// Whether a lease that is still held is older than its lifetime: its process hangs or is stopped.
fn is_overdue(lock: &File, lifetime: Duration) -> bool {
    is_older_than(lifetime, lock.metadata())
}

/// By the wall clock. What cannot be known counts as no.
fn is_older_than(limit: Duration, metadata: io::Result<Metadata>) -> bool {
    let modified = metadata.and_then(|metadata| metadata.modified()).ok();
    let age = modified.and_then(|modified| SystemClock.now().duration_since(modified).ok());
    age.is_some_and(|age| age > limit)
}

fn write(path: &Path, bytes: &[u8], directory: &Metadata) -> io::Result<()> {
    let mut file = private().write(true).create_new(true).open(path)?;
    check_owner(directory, &file.metadata()?)?;
    file.write_all(bytes)
}

fn none_if_missing(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

fn create(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(directory)
}

/// Readable and writable by this user only.
fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Refuses a directory that other users may write to: they could replace a new token by an old one.
fn check(directory: &Path) -> io::Result<Metadata> {
    let metadata = fs::metadata(directory)?;
    if !metadata.is_dir() {
        return Err(io::Error::new(ErrorKind::NotADirectory, "it is not a directory"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o022 != 0 {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "other users may write to it"));
    }
    Ok(metadata)
}

/// Refuses a directory of another user, who may write to it. The administrator's is accepted.
#[cfg(unix)]
fn check_owner(directory: &Metadata, own: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;

    match directory.uid() {
        0 => Ok(()),
        owner if owner == own.uid() => Ok(()),
        _ => Err(io::Error::new(ErrorKind::PermissionDenied, "the directory belongs to another user")),
    }
}

#[cfg(not(unix))]
fn check_owner(_: &Metadata, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Ignores a relative path in such a variable, as the XDG base directory specification requires.
fn user_cache(read: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| read(name).filter(|path: &PathBuf| path.is_absolute());
    if cfg!(windows) {
        return absolute("LOCALAPPDATA");
    }
    let in_home = |path| absolute("HOME").map(|home| home.join(path));
    match cfg!(target_os = "macos") {
        true => in_home("Library/Caches"),
        false => absolute("XDG_CACHE_HOME").or_else(|| in_home(".cache")),
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment names the user's cache directory")]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

const STORE: &str = "file store";
const DIRECTORY_HINT: &str = "give a directory that only this user may write to: a new one is created, also in a \
                              directory like /tmp";
const TOKEN: &str = "token";
const LOCK: &str = "lock";
const NEW: &str = "new";
/// The mark of the format: another format has another mark, and another key.
const MARK: &[u8] = b"adobe-ims 1\n";
/// A sealed token has some kilobytes.
const MAX_FILE: u64 = 64 * 1024;
/// Requests to a local disk take microseconds.
const MAX_THREADS: usize = 4;
/// Much longer than it takes to write a file.
const LEFT_BEHIND: Duration = Duration::from_secs(60);
