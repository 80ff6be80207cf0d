//! `FileStore` by itself: what it leaves on the disk, and what it does with what it finds there.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use adobe_ims::ErrorKind;
use adobe_ims::store::{FileStore, Lease, SealedToken, TokenStore};
use tempfile::TempDir;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const HOUR: Duration = Duration::from_secs(3600);

struct Fixture {
    directory: TempDir,
    store: FileStore,
}

impl Fixture {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let store = FileStore::new(directory.path()).unwrap();
        Self { directory, store }
    }

    /// With "sealed" in it, for an hour.
    async fn with_token() -> Self {
        let fixture = Self::new();
        fixture.store.save(KEY, &SealedToken::new("sealed", HOUR)).await.unwrap();
        fixture
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.directory.path().join(format!("{KEY}.{ending}"))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn load(&self) -> Option<SealedToken> {
        self.store.load(KEY).await.unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_token_is_read_as_it_was_saved_with_what_is_left_of_its_lifetime() {
    let fixture = Fixture::new();
    assert!(fixture.load().await.is_none());
    for bytes in [&b"one"[..], b"another", b""] {
        fixture.store.save(KEY, &SealedToken::new(bytes, HOUR)).await.unwrap();
        let token = fixture.load().await.unwrap();
        assert_eq!(token.bytes(), bytes);
        assert!(token.remaining() <= HOUR && token.remaining() > HOUR - Duration::from_secs(10));
    }
    // Of another store of the same directory, too.
    let other = FileStore::new(fixture.directory.path()).unwrap();
    assert!(other.load(KEY).await.unwrap().is_some());
    assert!(other.load(&"0".repeat(64)).await.unwrap().is_none());
}

/// P6: nobody else reads or writes the files, whatever the umask.
#[tokio::test]
async fn the_directory_is_0700_and_the_files_are_0600() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("some").join("where");
    let store = FileStore::new(&directory).unwrap();
    store.save(KEY, &SealedToken::new("sealed", HOUR)).await.unwrap();
    drop(store.lease(KEY, HOUR).await.unwrap());
    assert_eq!(mode(&directory), 0o700);
    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.iter().map(|path| mode(path)).collect::<Vec<_>>(), [0o600; 2]);
    assert_eq!(store.directory(), directory);
}

/// Who may write to the directory can bring back an old token.
#[tokio::test]
async fn a_directory_that_others_may_write_to_is_refused() {
    let parent = TempDir::new().unwrap();
    for mode in [0o777, 0o1777, 0o770, 0o702] {
        let directory = parent.path().join(format!("{mode:o}"));
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();
        let error = FileStore::new(&directory).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        assert_eq!(error.to_string(), "file store cannot be used: its directory cannot be used");
        let named = format!("{}: other users may write to it", directory.display());
        assert!(error.report().to_string().contains(&named));
        assert!(error.hint().is_some());
        // A new one in it is fine.
        FileStore::new(directory.join("own")).unwrap();
    }
    // Also if that comes later.
    let fixture = Fixture::with_token().await;
    fs::set_permissions(fixture.directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(!fixture.store.load(KEY).await.unwrap_err().is_unreachable());
    assert!(fixture.store.lease(KEY, HOUR).await.is_err());
    assert!(fixture.store.save(KEY, &SealedToken::new("sealed", HOUR)).await.is_err());
}

#[tokio::test]
async fn a_directory_of_another_user_is_refused() {
    let fixture = Fixture::new();
    std::os::unix::fs::chown(fixture.directory.path(), Some(12345), None)
        .expect("only the administrator can give a directory away");
    assert!(fixture.store.lease(KEY, HOUR).await.is_err());
    assert!(fixture.store.save(KEY, &SealedToken::new("sealed", HOUR)).await.is_err());
    assert_eq!(fs::metadata(fixture.directory.path()).unwrap().uid(), 12345);
}

#[tokio::test]
async fn a_path_that_is_no_directory_is_refused() {
    let parent = TempDir::new().unwrap();
    let path = parent.path().join("file");
    File::create(&path).unwrap();
    for path in [path.clone(), path.join("in-a-file")] {
        assert_eq!(FileStore::new(path).unwrap_err().kind(), ErrorKind::Store);
    }
}

/// A token of a lifetime that has passed, or that nobody can count any more, is absent.
#[tokio::test]
async fn a_clock_that_was_set_makes_a_token_shorter_lived_or_absent_and_never_longer_lived() {
    let fixture = Fixture::with_token().await;
    let now = SystemTime::now();
    let set_saved = |time| File::options().write(true).open(fixture.path("token")).unwrap().set_modified(time).unwrap();
    let minute = Duration::from_secs(60);
    // (by how much the clock was set forward, whether the token is still there)
    for (ahead, is_there) in
        [(Duration::ZERO, true), (minute, true), (HOUR - minute, true), (HOUR, false), (24 * HOUR, false)]
    {
        set_saved(now - ahead);
        let token = fixture.load().await;
        assert_eq!(token.is_some(), is_there, "{ahead:?}");
        assert!(token.is_none_or(|token| token.remaining() <= HOUR - ahead));
    }
    // Set back: the file comes from the future.
    for behind in [minute, HOUR, 24 * HOUR] {
        set_saved(now + behind);
        assert!(fixture.load().await.is_none(), "{behind:?}");
    }
}

/// One changed bit of the lifetime, or of the time it was saved, must not make a token live longer.
#[tokio::test]
async fn one_changed_byte_anywhere_is_noticed() {
    let fixture = Fixture::with_token().await;
    let whole = fs::read(fixture.path("token")).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x80;
        fs::write(fixture.path("token"), &bytes).unwrap();
        let token = fixture.load().await.unwrap();
        // What no credential opens, so that it is reported and overwritten.
        assert_eq!((token.bytes(), token.remaining()), (&bytes[..], Duration::from_secs(1)), "byte {at}");
    }
    for length in 0..whole.len() {
        fs::write(fixture.path("token"), &whole[..length]).unwrap();
        assert_eq!(fixture.load().await.unwrap().bytes(), &whole[..length], "{length} bytes");
    }
    fs::write(fixture.path("token"), vec![b'x'; 1 << 20]).unwrap();
    assert_eq!(fixture.load().await.unwrap().bytes().len(), 64 * 1024);
    fs::write(fixture.path("token"), &whole).unwrap();
    assert_eq!(fixture.load().await.unwrap().bytes(), b"sealed");
}

/// A token that was saved before the machine was started, or on another machine, is absent.
#[tokio::test]
async fn a_token_of_another_boot_is_absent() {
    let fixture = Fixture::with_token().await;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let mut bytes = fs::read(fixture.path("token")).unwrap();
    let at = bytes.windows(36).position(|window| window == boot.trim().as_bytes()).unwrap();
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    let checksum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes[12 + 32..]);
    bytes[12..12 + 32].copy_from_slice(checksum.as_ref());
    fs::write(fixture.path("token"), &bytes).unwrap();
    assert!(fixture.load().await.is_none());
}

#[tokio::test]
async fn a_lease_is_held_by_one_until_it_is_released_or_dropped() {
    let fixture = Fixture::new();
    let other = FileStore::new(fixture.directory.path()).unwrap();
    for is_released in [true, false] {
        let Lease::Held(release) = fixture.store.lease(KEY, HOUR).await.unwrap() else { panic!("not held") };
        for store in [&fixture.store, &other] {
            assert!(matches!(store.lease(KEY, HOUR).await.unwrap(), Lease::Busy));
        }
        // That of another credential is another one.
        assert!(matches!(other.lease(&"0".repeat(64), HOUR).await.unwrap(), Lease::Held(_)));
        match is_released {
            true => release.await,
            false => drop(release),
        }
        assert!(matches!(other.lease(KEY, HOUR).await.unwrap(), Lease::Held(_)));
    }
    // Never deleted: a lock is that of a file, not of a name.
    assert!(fixture.names().contains(&format!("{KEY}.lock")));
}

/// A process that holds its lock for longer than its lease holds up nobody: one at a time goes on without it.
#[tokio::test]
async fn a_lease_that_has_outlived_its_lifetime_is_not_waited_for() {
    let fixture = Fixture::new();
    let held = fixture.store.lease(KEY, HOUR).await.unwrap();
    let lock = File::options().write(true).open(fixture.path("lock")).unwrap();
    lock.set_modified(SystemTime::now() - HOUR - Duration::from_secs(1)).unwrap();
    assert!(matches!(fixture.store.lease(KEY, HOUR).await.unwrap(), Lease::Unsupported));
    assert!(matches!(fixture.store.lease(KEY, HOUR).await.unwrap(), Lease::Busy));
    drop(held);
    assert!(matches!(fixture.store.lease(KEY, HOUR).await.unwrap(), Lease::Held(_)));
}

#[tokio::test]
async fn a_token_is_removed_only_if_it_is_that_token() {
    let fixture = Fixture::with_token().await;
    fixture.store.remove(KEY, &SealedToken::new("another", HOUR)).await.unwrap();
    assert!(fixture.load().await.is_some());
    fixture.store.remove(KEY, &SealedToken::new("sealed", Duration::ZERO)).await.unwrap();
    assert!(fixture.load().await.is_none());
    fixture.store.remove(KEY, &SealedToken::new("sealed", Duration::ZERO)).await.unwrap();
    assert!(fixture.names().is_empty());
}

/// What a killed process left behind is removed by a later save, and what another one is writing is not.
#[tokio::test]
async fn what_a_killed_process_left_behind_is_swept_up() {
    let fixture = Fixture::new();
    let (old, recent, foreign) =
        (fixture.path("0000.new"), fixture.path("0001.new"), fixture.directory.path().join("x.new"));
    for path in [&old, &recent, &foreign] {
        fs::write(path, "half a tok").unwrap();
    }
    for path in [&old, &foreign] {
        File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - HOUR).unwrap();
    }
    fixture.store.save(KEY, &SealedToken::new("sealed", HOUR)).await.unwrap();
    assert_eq!((old.exists(), recent.exists(), foreign.exists()), (false, true, true));
}

/// A name that leads out of the directory is refused.
#[tokio::test]
async fn a_key_is_no_path() {
    let fixture = Fixture::new();
    for key in ["", "../x", "a/b", ".", "a.b", "a b"] {
        assert!(fixture.store.load(key).await.is_err(), "{key:?}");
        assert!(fixture.store.save(key, &SealedToken::new("x", HOUR)).await.is_err(), "{key:?}");
        assert!(fixture.store.lease(key, HOUR).await.is_err(), "{key:?}");
    }
    assert!(fixture.names().is_empty());
}

/// A link to the directory is as good as the directory.
#[tokio::test]
async fn a_symbolic_link_is_followed_to_the_directory() {
    let parent = TempDir::new().unwrap();
    let real = parent.path().join("real");
    fs::DirBuilder::new().mode(0o700).create(&real).unwrap();
    symlink(&real, parent.path().join("link")).unwrap();
    let store = FileStore::new(parent.path().join("link")).unwrap();
    store.save(KEY, &SealedToken::new("sealed", HOUR)).await.unwrap();
    assert!(FileStore::new(&real).unwrap().load(KEY).await.unwrap().is_some());
}
