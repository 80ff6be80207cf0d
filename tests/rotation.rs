//! Credentials that are replaced while the service runs: nobody waits and nobody fails while the old or the new one works.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adobe_ims::testing::{ManualClock, MockAnswer, MockEndpoint, MockIms};
use adobe_ims::{Clock, Credentials, DevelopmentToken, ErrorKind, ImsClient, OAuthCredentials};
use tempfile::TempDir;

/// The keys that the mock saw, in the order of the requests.
fn keys(mock: &MockIms) -> Vec<Option<usize>> {
    mock.requests().iter().map(|request| request.key_index()).collect()
}

fn oauth(mock: &MockIms) -> OAuthCredentials {
    OAuthCredentials::from_json(mock.oauth_credentials_json()).unwrap()
}

/// C50: `replace` exchanges with the new key first, and then both credentials and token are the new ones.
#[tokio::test]
async fn a_new_key_takes_over_with_one_request() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client().unwrap();
    let old = ims.token().await.unwrap();
    let new = mock.rotate_key().unwrap();
    let not_after = new.certificate().unwrap().not_after();
    ims.replace(new).await.unwrap();
    assert_eq!(keys(&mock), [Some(0), Some(1)]);

    mock.revoke_old_keys();
    let token = ims.token().await.unwrap();
    assert_ne!(token.expose_secret(), old.expose_secret());
    assert_eq!(mock.request_count(), 2);
    ims.exchange().await.unwrap();
    assert_eq!(keys(&mock), [Some(0), Some(1), Some(1)]);
    assert_eq!(ims.certificate().unwrap().not_after(), not_after);
}

/// C51: credentials that IMS refuses change nothing, and the error says why.
#[tokio::test]
async fn credentials_that_do_not_work_change_nothing() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client().unwrap();
    let old = ims.token().await.unwrap();
    let new = mock.rotate_key().unwrap();
    mock.revoke_key(1);
    let error = ims.replace(new).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Rejected, Some("invalid_token")));
    assert_eq!(ims.token().await.unwrap().expose_secret(), old.expose_secret());
    assert_eq!(mock.request_count(), 2);
    ims.exchange().await.unwrap();
    assert_eq!(keys(&mock), [Some(0), Some(1), Some(0)]);
}

/// C52: an outage while replacing changes nothing either.
#[tokio::test]
async fn an_outage_while_replacing_changes_nothing() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client_builder().max_attempts(1).build().unwrap();
    ims.token().await.unwrap();
    let new = mock.rotate_key().unwrap();
    mock.answer_next(MockAnswer::status(503));
    let error = ims.replace(new.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    ims.exchange().await.unwrap();
    assert_eq!(keys(&mock), [Some(0), Some(1), Some(0)]);
    ims.replace(new).await.unwrap();
}

/// C53: a thousand callers, before, while and after a key is replaced: everyone gets a token, and nobody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_fails_while_a_key_is_replaced() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client().unwrap();
    ims.token().await.unwrap();
    let new = mock.rotate_key().unwrap();
    mock.answer_next(MockAnswer::grant().delay(Duration::from_millis(200)));
    let replacing = tokio::spawn({
        let ims = ims.clone();
        async move { ims.replace(new).await }
    });
    let callers: Vec<_> = (0..1000)
        .map(|caller| {
            let ims = ims.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(caller % 400)).await;
                tokio::time::timeout(Duration::from_millis(100), ims.token()).await.unwrap().unwrap();
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    replacing.await.unwrap().unwrap();
    assert_eq!(keys(&mock), [Some(0), Some(1)]);
}

/// C54: another client's credentials are another client: `replace` refuses them without a request.
#[tokio::test]
async fn another_client_s_credentials_are_refused_by_replace() {
    let (mock, other) = (MockIms::start().await.unwrap(), MockIms::builder().client_id("cm-p1-e2-integration-2"));
    let other = other.start().await.unwrap();
    let ims = mock.client().unwrap();
    let development = DevelopmentToken::from_json(mock.development_token_json()).unwrap();
    let refused: [(Credentials, &str); 3] = [
        (other.credentials().into(), "with_credentials"),
        (oauth(&mock).into(), "with_credentials"),
        (development.clone().into(), "service"),
    ];
    for (credentials, hint) in refused {
        let error = ims.replace(credentials).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.hint().unwrap().contains(hint), "{error:?}");
    }
    let development = ims.with_credentials(development).unwrap();
    assert_eq!(development.replace(mock.credentials()).await.unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(mock.request_count(), 0);
}

/// C55: new client secrets replace the old ones.
#[tokio::test]
async fn new_client_secrets_take_over() {
    let mock = MockIms::start().await.unwrap();
    let ims = ImsClient::builder(oauth(&mock)).danger_endpoint(mock.endpoint()).build().unwrap();
    ims.token().await.unwrap();
    mock.add_client_secret().unwrap();
    mock.revoke_old_client_secrets();
    ims.replace(oauth(&mock)).await.unwrap();
    ims.exchange().await.unwrap();
    let secrets: Vec<_> = mock.requests().iter().map(|request| request.client_secret_index()).collect();
    assert_eq!(secrets, [Some(0), Some(1), Some(1)]);
}

/// A folder as Kubernetes mounts a secret: `file` -> `..data/file`, `..data` -> a folder of its own for each version.
struct Mounted(TempDir);

impl Mounted {
    fn new(json: &str) -> Self {
        let mounted = Self(TempDir::new().unwrap());
        mounted.swap(1, json);
        std::os::unix::fs::symlink("..data/credentials.json", mounted.file()).unwrap();
        mounted
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("credentials.json")
    }

    /// The next version: written aside, and swapped in by a rename of the symbolic link.
    fn swap(&self, version: u32, json: &str) {
        let folder = self.0.path().join(format!("..version_{version}"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("credentials.json"), json).unwrap();
        let link = self.0.path().join("..data_tmp");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        fs::rename(link, self.0.path().join("..data")).unwrap();
    }
}

fn reloading(mock: &MockIms, file: &Path) -> ImsClient {
    let credentials = Credentials::from_file(file).unwrap();
    let builder = ImsClient::builder(credentials).danger_endpoint(mock.endpoint());
    builder.reload_from(file).max_attempts(1).build().unwrap()
}

/// C56: a file that was swapped like a Kubernetes secret is used at the next exchange, with one request.
#[tokio::test]
async fn a_swapped_file_is_used_at_the_next_exchange() {
    let mock = MockIms::start().await.unwrap();
    let mounted = Mounted::new(&mock.credentials_json());
    let ims = reloading(&mock, &mounted.file());
    ims.exchange().await.unwrap();
    mock.rotate_key().unwrap();
    mounted.swap(2, &mock.credentials_json());
    mock.revoke_old_keys();
    ims.exchange().await.unwrap();
    ims.exchange().await.unwrap();
    assert_eq!(keys(&mock), [Some(0), Some(1), Some(1)]);
}

/// C56: `replace` wins over a file that says what it said before; the file counts again when it changes.
#[tokio::test]
async fn replaced_credentials_are_not_displaced_by_an_unchanged_file() {
    let mock = MockIms::start().await.unwrap();
    let mounted = Mounted::new(&mock.credentials_json());
    let ims = reloading(&mock, &mounted.file());
    ims.replace(mock.rotate_key().unwrap()).await.unwrap();
    ims.exchange().await.unwrap();
    mock.revoke_old_keys();
    ims.exchange().await.unwrap();
    assert_eq!(keys(&mock), [Some(1); 3]);
    mock.rotate_key().unwrap();
    mounted.swap(2, &mock.credentials_json());
    ims.exchange().await.unwrap();
    assert_eq!(keys(&mock).last(), Some(&Some(2)));
}

/// C57: a changed file whose credentials fail in a way that stays, such as the 500 that a migrated credential gets, does not
/// block those that work; an outage is an outage.
#[tokio::test]
async fn a_changed_file_that_always_fails_does_not_block_credentials_that_work() {
    let mock = MockIms::start().await.unwrap();
    let mounted = Mounted::new(&mock.credentials_json());
    let ims = reloading(&mock, &mounted.file());
    ims.exchange().await.unwrap();
    mock.rotate_key().unwrap();
    mounted.swap(2, &mock.credentials_json());
    mock.answer_next(MockAnswer::refuse("internal_error", "Please try again later").with_status(500));
    ims.exchange().await.unwrap();
    assert_eq!(keys(&mock), [Some(0), Some(1), Some(0)]);
    mock.answer_next(MockAnswer::status(503));
    assert_eq!(ims.exchange().await.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(keys(&mock), [Some(0), Some(1), Some(0), Some(1)]);
}

/// C58: a file that hangs, such as a pipe without a writer, costs a tenth of the call's time at most, and no thread each time.
#[tokio::test]
async fn a_file_that_hangs_does_not_hold_up_the_exchange() {
    let mock = MockIms::start().await.unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("credentials.json");
    fs::write(&file, mock.credentials_json()).unwrap();
    let credentials = Credentials::from_file(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    let builder = ImsClient::builder(credentials).danger_endpoint(mock.endpoint()).reload_from(&file);
    let ims = builder.timeout(Duration::from_millis(1000)).build().unwrap();
    for _ in 0..3 {
        ims.exchange().await.unwrap();
    }
    assert_eq!(keys(&mock), [Some(0); 3]);
    // Lets the one reader go.
    fs::write(&file, "").unwrap();
}

/// C57: new credentials that IMS refuses do not displace those that work; they are tried again at the next exchange.
#[tokio::test]
async fn a_file_that_does_not_work_yet_does_not_displace_one_that_does() {
    let mock = MockIms::start().await.unwrap();
    let mounted = Mounted::new(&mock.credentials_json());
    let ims = reloading(&mock, &mounted.file());
    ims.exchange().await.unwrap();
    mock.rotate_key().unwrap();
    mounted.swap(2, &mock.credentials_json());
    mock.revoke_key(1);
    ims.exchange().await.unwrap();
    assert_eq!(keys(&mock), [Some(0), Some(1), Some(0)]);
    mock.rotate_key().unwrap();
    mounted.swap(3, &mock.credentials_json());
    ims.exchange().await.unwrap();
    assert_eq!(mock.request_count(), 4);
}

/// C58: a file that is half written, empty, gone, another's or of another kind leaves the last good one in use.
#[tokio::test]
async fn a_file_that_cannot_be_used_leaves_the_last_good_one_in_use() {
    let mock = MockIms::start().await.unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("credentials.json");
    let json = mock.credentials_json();
    fs::write(&file, &json).unwrap();
    let ims = reloading(&mock, &file);
    ims.exchange().await.unwrap();
    let other = MockIms::builder().client_id("cm-p1-e2-integration-2").start().await.unwrap();
    let texts =
        [&json[..json.len() / 2], "", "{}", &other.credentials_json(), &mock.development_token_json(), "\u{0}\u{1}"];
    for text in texts {
        fs::write(&file, text).unwrap();
        ims.exchange().await.unwrap();
    }
    fs::remove_file(&file).unwrap();
    ims.exchange().await.unwrap();
    fs::create_dir(&file).unwrap();
    ims.exchange().await.unwrap();
    assert_eq!(keys(&mock), [Some(0); 9]);
    assert_eq!(other.request_count(), 0);
}

/// C59: if IMS refuses the credentials in use, and the file changed while that was found out, it is read once more.
#[tokio::test]
async fn a_refusal_reads_the_file_once_more() {
    let mock = MockIms::start().await.unwrap();
    let mounted = Mounted::new(&mock.credentials_json());
    let ims = reloading(&mock, &mounted.file());
    ims.exchange().await.unwrap();
    mock.rotate_key().unwrap();
    mock.revoke_old_keys();
    // The file changes while the old key is being refused.
    let refusal = MockAnswer::revoked_certificate().delay(Duration::from_millis(200)).on(MockEndpoint::JwtExchange);
    mock.answer_next(refusal);
    let exchange = tokio::spawn({
        let ims = ims.clone();
        async move { ims.exchange().await }
    });
    while mock.request_count() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    mounted.swap(2, &mock.credentials_json());
    exchange.await.unwrap().unwrap();
    assert_eq!(keys(&mock), [Some(0), Some(0), Some(1)]);

    // Without a change there is nothing to try.
    mock.revoke_credentials();
    assert_eq!(ims.exchange().await.unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(mock.request_count(), 4);
}

/// C60: a thousand callers with a reloading client: the cache serves all of them, and the file is read for exchanges only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_of_a_reloading_client_are_served_from_the_cache() {
    let mock = MockIms::start().await.unwrap();
    let mounted = Mounted::new(&mock.credentials_json());
    let clock = ManualClock::new();
    let credentials = Credentials::from_file(mounted.file()).unwrap();
    let builder = ImsClient::builder(credentials).danger_endpoint(mock.endpoint()).clock(clock.clone());
    let ims = builder.reload_from(mounted.file()).build().unwrap();
    ims.token().await.unwrap();
    mock.rotate_key().unwrap();
    mounted.swap(2, &mock.credentials_json());
    mock.revoke_old_keys();
    for _ in 0..1000 {
        ims.token().await.unwrap();
    }
    assert_eq!(mock.request_count(), 1);
    clock.advance(Duration::from_secs(24 * 3600));
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let ims = ims.clone();
            tokio::spawn(async move { ims.token().await.unwrap() })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(keys(&mock), [Some(0), Some(1)]);
}

/// C61: a development token is the token until it expires; then the one in its file, if that is another.
#[tokio::test]
async fn a_development_token_is_reloaded_when_it_has_expired() {
    let mock = MockIms::start().await.unwrap();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("local_development_token.json");
    fs::write(&file, mock.development_token_json()).unwrap();
    let clock = ManualClock::new();
    let start = clock.now();
    let credentials = DevelopmentToken::from_file(&file).unwrap();
    let text = credentials.token().expose_secret().to_owned();
    let builder = ImsClient::builder(credentials).danger_endpoint(mock.endpoint()).clock(clock.clone());
    let ims = builder.reload_from(&file).build().unwrap();
    assert_eq!(ims.token().await.unwrap().expose_secret(), text);
    assert_eq!(ims.exchange().await.unwrap().expose_secret(), text);
    assert_eq!(ims.cached_token().unwrap().expose_secret(), text);
    ims.keep_fresh().await;

    clock.advance(Duration::from_secs(25 * 3600));
    assert!(ims.cached_token().is_none());
    let error = ims.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert!(error.hint().unwrap().contains("Developer Console"), "{error:?}");
    assert_eq!(ims.exchange().await.unwrap_err().kind(), ErrorKind::Expired);

    clock.set(start);
    clock.advance(Duration::from_secs(1));
    fs::write(&file, mock.development_token_json()).unwrap();
    let reloaded = ims.token().await.unwrap();
    assert_ne!(reloaded.expose_secret(), text);
    assert_eq!(mock.request_count(), 0);
}
