//! What a store costs and what it saves: a warm start from files, many cold clients, a token through Redis.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench measures time, prints, and may stop at the first surprise"
)]

#[path = "../tests/store/redis_server.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod redis_server;
mod support;
mod fleet {
    /// The server is killed, never stopped.
    pub fn signal_process(_: u32, _: &str) {}
}

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use adobe_ims::store::{FileStore, RedisStore, TokenStore};
use adobe_ims::{ImsClient, OAuthCredentials, Token};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use redis_server::RedisServer;
use support::material::{CLIENT_SECRET, CredentialsFile, ORG_ID};
use support::server::Server;
use support::{compare, cost};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

fn main() {
    if let Ok(directory) = std::env::var("BENCH_STORE") {
        return start_warm(&directory);
    }
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::start();
    warm_files(&runtime, &server);
    cold_files(&server);
    redis(&runtime, &server);
}

/// A client without a cached token, and a file with one.
fn warm_files(runtime: &Runtime, server: &Server) {
    let directory = TempDir::new().unwrap();
    let store = FileStore::new(directory.path()).unwrap();
    let first = client(server, store);
    runtime.block_on(first.token()).unwrap();
    let floor = Floor::new(directory.path());
    compare(
        "a cold token() from a warm file store",
        "none",
        2000,
        || {
            let cold = another(&first);
            cost(|| runtime.block_on(cold.token()).unwrap())
        },
        || cost(|| floor.read()),
    );

    // The first random number of a process costs aws-lc some 20 ms: the JWT's trial signature needs one, a token that is
    // opened does not.
    for (kind, store) in [("JWT", first), ("OAuth", oauth(server, FileStore::new(directory.path()).unwrap()))] {
        runtime.block_on(store.token()).unwrap();
        let requests = server.requests();
        let mut times: Vec<_> = (0..50).map(|_| start_process(directory.path(), server, kind)).collect();
        assert_eq!(server.requests(), requests);
        times.sort_unstable_by_key(|(_, token)| *token);
        let (build, token) = times[times.len() / 2];
        let name = format!("a process with {kind} credentials, warm file store");
        println!(
            "{name:<48} {token:>8} µs from its main to its token, {build} of them to build the client; 0 requests"
        );
    }
}

/// How many microseconds from its main to its client and to its token.
fn start_process(directory: &Path, server: &Server, kind: &str) -> (u64, u64) {
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.env("BENCH_STORE", directory).env("BENCH_ENDPOINT", server.endpoint()).env("BENCH_KIND", kind);
    let output = process.output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let (build, token) = printed.trim().split_once(' ').unwrap();
    (build.parse().unwrap(), token.parse().unwrap())
}

/// What each of those processes does.
fn start_warm(directory: &str) {
    let start = Instant::now();
    let endpoint = std::env::var("BENCH_ENDPOINT").unwrap();
    let ims = match std::env::var("BENCH_KIND").unwrap() == "JWT" {
        true => ImsClient::builder(CredentialsFile::new().read().unwrap()),
        false => ImsClient::builder(oauth_credentials()),
    };
    let ims = ims.danger_endpoint(endpoint).store(FileStore::new(directory).unwrap()).build().unwrap();
    let built = start.elapsed();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let token = runtime.block_on(ims.token()).unwrap();
    let took = start.elapsed();
    assert!(!token.is_expired());
    println!("{} {}", built.as_micros(), took.as_micros());
}

fn oauth_credentials() -> OAuthCredentials {
    let builder =
        OAuthCredentials::builder().client_id("0123456789abcdef0123456789abcdef").client_secret(CLIENT_SECRET);
    builder.org_id(ORG_ID).scopes(["openid"]).build().unwrap()
}

fn oauth(server: &Server, store: FileStore) -> ImsClient {
    ImsClient::builder(oauth_credentials()).danger_endpoint(server.endpoint()).store(store).build().unwrap()
}

/// Fifty clients, each with a store of its own on one empty directory.
fn cold_files(server: &Server) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let plain = ImsClient::builder(CredentialsFile::new().read().unwrap()).danger_endpoint(server.endpoint());
    let plain = plain.build().unwrap();
    compare(
        "50 cold clients on one file store",
        "1 request",
        50,
        || {
            let directory = TempDir::new().unwrap();
            let cold: Vec<_> = (0..50).map(|_| client(server, FileStore::new(directory.path()).unwrap())).collect();
            let before = server.requests();
            let cost = cost(|| all(&runtime, &cold));
            assert_eq!(server.requests() - before, 1);
            cost
        },
        || cost(|| runtime.block_on(plain.exchange()).unwrap()),
    );
}

/// A token that has to be requested, with and without a store in Redis; and one that has not.
fn redis(runtime: &Runtime, server: &Server) {
    let redis = RedisServer::start();
    let store = RedisStore::new(redis.url()).unwrap();
    let plain = ImsClient::builder(CredentialsFile::new().read().unwrap()).danger_endpoint(server.endpoint());
    let plain = plain.build().unwrap();
    let shared = client(server, store);
    compare(
        "a token() that leases, requests and saves in Redis",
        "none",
        300,
        || {
            redis.command(&["FLUSHALL"]);
            let cold = another(&shared);
            cost(|| runtime.block_on(cold.token()).unwrap())
        },
        || {
            let cold = another(&plain);
            cost(|| runtime.block_on(cold.token()).unwrap())
        },
    );
    runtime.block_on(another(&shared).token()).unwrap();
    let requests = server.requests();
    let read: Vec<Duration> = (0..300)
        .map(|_| {
            let (cold, start) = (another(&shared), Instant::now());
            runtime.block_on(cold.token()).unwrap();
            start.elapsed()
        })
        .collect();
    assert_eq!(server.requests(), requests);
    let median = median(read);
    println!("{:<48} {:>8.1} µs, 0 requests", "a cold token() that is read from Redis", median.as_secs_f64() * 1e6);
}

fn client(server: &Server, store: impl TokenStore) -> ImsClient {
    let ims = ImsClient::builder(CredentialsFile::new().read().unwrap()).danger_endpoint(server.endpoint());
    ims.store(store).build().unwrap()
}

/// With the same connections and store, and no cached token.
fn another(ims: &ImsClient) -> ImsClient {
    ims.with_credentials(CredentialsFile::new().read().unwrap()).unwrap()
}

fn all(runtime: &Runtime, clients: &[ImsClient]) -> Vec<Token> {
    runtime.block_on(async {
        let calls = clients.iter().cloned().map(|ims| async move { ims.token().await.unwrap() });
        calls.collect::<JoinSet<_>>().join_all().await
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// The hand-written floor: reads the file, checks and opens what is in it with a kept key.
struct Floor {
    path: PathBuf,
    key: String,
    cipher: RandomizedNonceKey,
}

impl Floor {
    fn new(directory: &Path) -> Self {
        let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let path = paths.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "token")).unwrap();
        let key = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let derived = Salt::new(HKDF_SHA256, b"adobe-ims token store 1").extract(CLIENT_SECRET.as_bytes());
        let mut bytes = [0; 32];
        derived.expand(&[b"seal"], HKDF_SHA256).unwrap().fill(&mut bytes).unwrap();
        Self { path, key, cipher: RandomizedNonceKey::new(&AES_256_GCM, &bytes).unwrap() }
    }

    fn read(&self) -> String {
        let bytes = std::fs::read(&self.path).unwrap();
        let (checksum, content) = bytes[b"adobe-ims 1\n".len()..].split_at(32);
        assert_eq!(digest(&SHA256, content).as_ref(), checksum);
        // Two times, the boot with its length; then a version, a nonce, and what is sealed.
        let sealed = &content[17 + usize::from(content[16])..];
        let nonce = Nonce::try_assume_unique_for_key(&sealed[1..13]).unwrap();
        let mut sealed = sealed[13..].to_vec();
        let opened = self.cipher.open_in_place(nonce, Aad::from(self.key.as_bytes()), &mut sealed).unwrap();
        String::from_utf8(opened[8..].to_vec()).unwrap()
    }
}
