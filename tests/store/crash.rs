//! A process that is killed between any two system calls of a save leaves a whole token or none.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use adobe_ims::store::{FileStore, Lease, SealedToken, TokenStore};
use tempfile::TempDir;

use crate::child::argument;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const HOUR: Duration = Duration::from_secs(3600);
const OLD: &[u8] = &[b'o'; 3000];
const NEW: &[u8] = &[b'n'; 5000];

/// The program: leases, saves, and gives the lease back. Does nothing but in a child.
#[test]
fn a_saver() {
    let Some(directory) = argument("SAVE_IN") else { return };
    let store = FileStore::new(directory).unwrap();
    // One thread for files, which is there before it is watched.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.max_blocking_threads(1).enable_all().build().unwrap();
    let thread = runtime.spawn_blocking(|| fs::read_link("/proc/thread-self").unwrap());
    let thread = runtime.block_on(thread).unwrap();
    println!("\nthread {}", thread.file_name().unwrap().to_str().unwrap());
    std::io::stdin().read_line(&mut String::new()).unwrap();
    runtime.block_on(async {
        let Lease::Held(release) = store.lease(KEY, HOUR).await.unwrap() else { panic!("it is held") };
        store.save(KEY, &SealedToken::new(NEW, HOUR)).await.unwrap();
        release.await;
    });
}

/// P12: killed before its first system call about files, its second, and so on to its last.
#[tokio::test]
async fn a_process_that_is_killed_anywhere_in_a_save_leaves_a_whole_token_or_none() {
    let parent = TempDir::new().unwrap();
    let log = parent.path().join("log");
    assert!(save(&parent.path().join("first"), &log, None).success());
    let calls = calls(&fs::read_to_string(&log).unwrap());
    assert!(["openat", "flock", "write", "rename", "close"].iter().all(|name| calls.contains_key(*name)), "{calls:?}");

    let (mut before, mut after) = (0, 0);
    for (name, count) in calls {
        for (nth, had_token) in (1..=count).flat_map(|nth| [(nth, true), (nth, false)]) {
            let directory = parent.path().join(format!("{name}-{nth}-{had_token}"));
            let store = FileStore::new(&directory).unwrap();
            if had_token {
                store.save(KEY, &SealedToken::new(OLD, HOUR)).await.unwrap();
            }
            let status = save(&directory, &log, Some((&name, nth)));
            // How often it wakes another thread, which is a write as well, differs from run to run.
            let is_fewer = status.success() && name == "write" && nth > 1;
            assert!(status.signal() == Some(9) || is_fewer, "{name} {nth}");

            let token = store.load(KEY).await.unwrap();
            match (token.as_ref().map(SealedToken::bytes), had_token) {
                (Some(OLD), true) | (None, false) => before += 1,
                (Some(NEW), _) => after += 1,
                (other, _) => panic!("killed before {name} {nth}: {} bytes", other.map_or(0, <[u8]>::len)),
            }
            // And its lock went with it.
            assert!(matches!(store.lease(KEY, HOUR).await.unwrap(), Lease::Held(_)), "{name} {nth}");
            store.save(KEY, &SealedToken::new(NEW, HOUR)).await.unwrap();
            assert_eq!(store.load(KEY).await.unwrap().unwrap().bytes(), NEW);
        }
    }
    // It looks, opens, locks, writes and renames; then it looks for what others left behind.
    assert!(before >= 30 && after >= 6, "{before} before and {after} after");
}

/// Runs the program, with `strace` at the thread that works with files: it writes a log, and kills the program before the
/// so-manyth system call of a name.
fn save(directory: &Path, log: &Path, kill: Option<(&str, u32)>) -> ExitStatus {
    let mut saver = Command::new(std::env::current_exe().unwrap());
    saver.args(["--exact", "crash::a_saver", "--nocapture"]).env("ADOBE_IMS_TEST_SAVE_IN", directory);
    let mut saver = saver.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(saver.stdout.take().unwrap());
    let thread = read_until(&mut output, "thread ");

    let mut watcher = Command::new("strace");
    watcher.args(["-p", thread.trim(), "-e", "trace=%file,%desc", "-o"]).arg(log);
    if let Some((name, nth)) = kill {
        watcher.args(["-e", &format!("inject={name}:signal=KILL:when={nth}")]);
    }
    let watcher = watcher.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut watcher = watcher
        .unwrap_or_else(|error| panic!("this test needs the program strace (Debian: apt-get install strace): {error}"));
    read_until(&mut BufReader::new(watcher.stderr.take().unwrap()), "attached");

    saver.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let status = saver.wait().unwrap();
    watcher.wait().unwrap();
    status
}

/// How often each system call was made.
fn calls(log: &str) -> BTreeMap<String, u32> {
    let mut calls = BTreeMap::new();
    for (name, _) in log.lines().filter_map(|line| line.split_once('(')) {
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

/// What follows these words on their line.
fn read_until(output: &mut impl BufRead, words: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "ended before it said {words:?}");
        if let Some((_, rest)) = line.split_once(words) {
            return rest.to_owned();
        }
    }
}
