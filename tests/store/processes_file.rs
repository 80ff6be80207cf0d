//! Real processes with one directory of files.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use adobe_ims::testing::{MockAnswer, MockIms};
use tempfile::TempDir;

use crate::fleet::{FAILED, Job, Process, Report, UNREADABLE, assert_one_token};

const DAY: Duration = Duration::from_secs(86_400);

/// A mock whose exchange takes a while, so that processes that start together meet.
pub async fn slow_mock() -> MockIms {
    let mock = MockIms::start().await.unwrap();
    mock.answer_always(MockAnswer::grant().delay(Duration::from_millis(300)));
    mock
}

fn reports(processes: Vec<Process>) -> Vec<Report> {
    processes.into_iter().map(Process::report).collect()
}

fn wait_for_requests(mock: &MockIms, count: u64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while mock.request_count() < count {
        assert!(Instant::now() < deadline, "{} requests", mock.request_count());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The one file of this ending.
fn file(directory: &Path, ending: &str) -> PathBuf {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut found = paths.filter(|path| path.extension().is_some_and(|extension| extension == ending));
    let path = found.next().unwrap();
    assert!(found.next().is_none());
    path
}

/// P12: fifty processes that start at once on one directory cost one request, and so does the rest of the day.
#[tokio::test]
async fn fifty_cold_processes_make_one_request() {
    let (mock, directory) = (slow_mock().await, TempDir::new().unwrap());
    let job = Job::in_directory(&mock, &directory.path().join("store"));
    let reports = reports(job.start_together(50, directory.path()));
    assert_one_token(&reports);
    assert_eq!(mock.request_count(), 1);
    assert!(reports.iter().all(|report| report.events.is_empty() && report.took < Duration::from_secs(15)));

    let later = job.run();
    assert_eq!(later.token(), reports[0].token());
    assert_eq!(mock.request_count(), 1);
}

/// The operating system ends the lock of a killed process: the next one takes over at once.
#[tokio::test]
async fn a_process_that_is_killed_while_it_requests_holds_nobody_up() {
    let (mock, directory) = (slow_mock().await, TempDir::new().unwrap());
    mock.answer_next(MockAnswer::grant().delay(DAY));
    let job = Job::in_directory(&mock, &directory.path().join("store"));
    let first = job.start();
    wait_for_requests(&mock, 1);
    let others = job.start_together(10, directory.path());
    std::thread::sleep(Duration::from_millis(200));
    first.signal("KILL");
    let reports = reports(others);
    assert_one_token(&reports);
    assert_eq!(mock.request_count(), 2);
    // Half of the timeout is what they would wait for one that is not killed.
    assert!(reports.iter().all(|report| report.took < Duration::from_secs(15)), "{reports:?}");
}

/// One that is stopped holds its lock; after a third of the timeout another one goes on without it.
#[tokio::test]
async fn a_process_that_is_stopped_while_it_requests_is_waited_for_no_longer_than_its_lease() {
    let (mock, directory) = (slow_mock().await, TempDir::new().unwrap());
    mock.answer_next(MockAnswer::grant().delay(DAY));
    let job = Job::in_directory(&mock, &directory.path().join("store")).timeout(Duration::from_secs(9));
    let first = job.start();
    wait_for_requests(&mock, 1);
    first.signal("STOP");
    let reports = reports(job.start_together(5, directory.path()));
    assert_one_token(&reports);
    assert_eq!(mock.request_count(), 2);
    // Had they waited for longer, each would have asked.
    assert!(reports.iter().all(|report| report.took < Duration::from_secs(9)), "{reports:?}");
}

/// What is damaged, of nobody or of another version is replaced with one request, and reported.
#[tokio::test]
async fn a_damaged_file_is_replaced() {
    let (mock, directory) = (MockIms::start().await.unwrap(), TempDir::new().unwrap());
    let job = Job::in_directory(&mock, &directory.path().join("store"));
    let mut last = job.run().token().to_owned();
    let path = file(&directory.path().join("store"), "token");
    let whole = fs::read(&path).unwrap();
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    let mut older = whole.clone();
    // The last letter of the mark is the version.
    older[10] = b'0';
    let damaged = [changed, whole[..whole.len() / 2].to_vec(), Vec::new(), older, b"{\"access_token\":\"x\"}".to_vec()];
    for (at, bytes) in damaged.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        let report = job.run();
        assert_ne!(report.token(), last);
        assert_eq!(report.events, [UNREADABLE], "case {at}");
        assert_eq!(mock.request_count(), at as u64 + 2);
        last = report.token().to_owned();
        assert_eq!(job.run().token(), last);
    }
}

/// Another credential's file under this one's name is as good as none.
#[tokio::test]
async fn a_file_of_another_credential_is_replaced() {
    let (mock, other, directory) =
        (MockIms::start().await.unwrap(), MockIms::start().await.unwrap(), TempDir::new().unwrap());
    let (ours, theirs) = (directory.path().join("ours"), directory.path().join("theirs"));
    let job = Job::in_directory(&mock, &ours);
    let first = job.run();
    Job::in_directory(&other, &theirs).run();
    fs::copy(file(&theirs, "token"), file(&ours, "token")).unwrap();
    let report = job.run();
    assert_ne!(report.token(), first.token());
    assert_eq!(report.events, [UNREADABLE]);
    assert_eq!((mock.request_count(), other.request_count()), (2, 1));
}

/// A directory that is removed while it is used is created anew.
#[tokio::test]
async fn a_removed_directory_is_created_anew() {
    let (mock, directory) = (slow_mock().await, TempDir::new().unwrap());
    let store = directory.path().join("store");
    let job = Job::in_directory(&mock, &store);
    let processes = job.start_together(2, directory.path());
    wait_for_requests(&mock, 1);
    fs::remove_dir_all(&store).unwrap();
    for report in reports(processes) {
        assert!(report.events.is_empty(), "{report:?}");
        report.token();
    }
    // The second one sees another lock, and asks for itself.
    assert!(mock.request_count() <= 2);
    let before = mock.request_count();
    job.run().token();
    assert_eq!(mock.request_count(), before);
}

/// Nobody can write: each process asks for itself, says so once, and no call fails.
#[tokio::test]
async fn a_directory_that_cannot_be_written_costs_no_call() {
    let (mock, directory) = (MockIms::start().await.unwrap(), TempDir::new().unwrap());
    let store = directory.path().join("store");
    // The administrator may write anywhere but where nobody can.
    let _read_only = Mounted::at(&store, "ro,mode=0700");
    let report = Job::in_directory(&mock, &store).clients(5).run();
    assert_eq!((report.tokens.len(), report.events.as_slice()), (5, &[FAILED.to_owned()][..]));
    assert_eq!(mock.request_count(), 5);
}

/// A disk that is full: as without a store, and nothing is left behind.
#[tokio::test]
async fn a_full_disk_costs_no_call() {
    let (mock, directory) = (MockIms::start().await.unwrap(), TempDir::new().unwrap());
    let store = directory.path().join("store");
    let _small = Mounted::at(&store, "size=16k,mode=0700");
    let mut filler = File::create(store.join("filler")).unwrap();
    while std::io::Write::write_all(&mut filler, &[0; 512]).is_ok() {}
    let report = Job::in_directory(&mock, &store).clients(5).run();
    let names: Vec<_> = fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    drop(filler);
    fs::remove_file(store.join("filler")).unwrap();
    let later = Job::in_directory(&mock, &store).clients(2).run();
    assert_eq!((report.tokens.len(), report.events.as_slice()), (5, &[FAILED.to_owned()][..]));
    // The filler and the lock.
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!((later.tokens.len(), later.events.len()), (2, 0));
    assert_eq!(mock.request_count(), 6);
}

/// One process whose wall clock is a day off shares with the others, in both directions.
#[tokio::test]
async fn a_process_whose_clock_is_a_day_off_shares_the_token() {
    let (mock, directory) = (MockIms::start().await.unwrap(), TempDir::new().unwrap());
    // IMS refuses an assertion of tomorrow's or yesterday's, and is asked once more by its own clock.
    let job = Job::in_directory(&mock, &directory.path().join("store"));
    let first = job.run();
    for ahead in [86_400, -86_400, 86_399, 0] {
        let report = job.clone().clock_ahead(ahead).run();
        assert_eq!(report.token(), first.token(), "{ahead} s ahead");
    }
    assert_eq!(mock.request_count(), 1);
}

/// The machine's clock was set while a token was stored: it is absent, or shorter-lived, and never longer-lived.
#[tokio::test]
async fn a_token_that_was_saved_by_a_clock_a_day_off_is_replaced() {
    let (mock, directory) = (MockIms::start().await.unwrap(), TempDir::new().unwrap());
    let job = Job::in_directory(&mock, &directory.path().join("store"));
    let mut last = job.run().token().to_owned();
    for saved in [SystemTime::now() + DAY, SystemTime::now() - DAY] {
        let path = file(&directory.path().join("store"), "token");
        File::options().write(true).open(path).unwrap().set_modified(saved).unwrap();
        let report = job.run();
        assert_ne!(report.token(), last);
        last = report.token().to_owned();
    }
    assert_eq!(mock.request_count(), 3);
}

/// Everything in the directory is private, whoever wrote it.
#[tokio::test]
async fn processes_leave_private_files_only() {
    let (mock, directory) = (MockIms::start().await.unwrap(), TempDir::new().unwrap());
    let store = directory.path().join("store");
    let report = Job::in_directory(&mock, &store).run();
    for entry in fs::read_dir(&store).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (bytes, token) = (fs::read(&path).unwrap(), report.token().as_bytes());
        assert!(!bytes.windows(16).any(|window| token.windows(16).any(|part| part == window)));
    }
}

/// A file system in memory, until it is dropped.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn at(path: &'a Path, options: &str) -> Self {
        fs::create_dir(path).unwrap();
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).status().unwrap();
        assert!(status.success(), "this test mounts a file system, which only the administrator can");
        Self(path)
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
