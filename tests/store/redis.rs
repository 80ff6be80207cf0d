//! `RedisStore` by itself, against a Redis of the test's own.

use std::time::{Duration, Instant};

use adobe_ims::store::{Lease, RedisStore, SealedToken, TokenStore};
use rcgen::{BasicConstraints, CertificateParams, Issuer, KeyPair};
use tempfile::TempDir;

use crate::fake_redis;
use crate::redis_server::RedisServer;

const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

fn store(server: &RedisServer) -> RedisStore {
    RedisStore::new(server.url()).unwrap()
}

fn token(bytes: &str) -> SealedToken {
    SealedToken::new(bytes, HOUR)
}

async fn lease(store: &RedisStore, lifetime: Duration) -> Lease {
    store.lease(KEY, lifetime).await.unwrap()
}

#[tokio::test]
async fn a_token_is_read_as_it_was_saved_with_what_is_left_of_its_lifetime() {
    let server = RedisServer::start();
    let (one, other) = (store(&server), store(&server));
    assert!(one.load(KEY).await.unwrap().is_none());
    for bytes in ["one", "another", "\0\r\n$5\r\n"] {
        one.save(KEY, &token(bytes)).await.unwrap();
        let read = other.load(KEY).await.unwrap().unwrap();
        assert_eq!(read.bytes(), bytes.as_bytes());
        assert!(read.remaining() <= HOUR && read.remaining() > HOUR - 10 * SECOND);
    }
    assert!(one.load(&"0".repeat(64)).await.unwrap().is_none());
    one.save(KEY, &SealedToken::new("short", Duration::from_millis(300))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(one.load(KEY).await.unwrap().is_none());
}

/// Both keys of a credential are in one slot of a cluster, begin with the prefix, and expire.
#[tokio::test]
async fn the_keys_have_a_prefix_one_hash_tag_and_an_expiry() {
    let server = RedisServer::start();
    let store = RedisStore::builder(server.url()).prefix("team:tokens").build().unwrap();
    store.save(KEY, &token("sealed")).await.unwrap();
    let _held = lease(&store, HOUR).await;
    let keys = server.command(&["KEYS", "*"]);
    let mut keys: Vec<_> = keys.lines().collect();
    keys.sort_unstable();
    assert_eq!(keys, [format!("team:tokens:{{{KEY}}}:lease"), format!("team:tokens:{{{KEY}}}:token")]);
    let slots: Vec<_> = keys.iter().map(|key| server.command(&["CLUSTER", "KEYSLOT", key])).collect();
    assert_eq!(slots[0], slots[1]);
    for key in keys {
        let expiry: i64 = server.command(&["PTTL", key]).parse().unwrap();
        assert!((3_590_000..=3_600_000).contains(&expiry), "{expiry}");
    }
}

#[tokio::test]
async fn a_lease_is_held_by_one_until_it_is_released_or_expires() {
    let server = RedisServer::start();
    let (one, other) = (store(&server), store(&server));
    let Lease::Held(release) = lease(&one, HOUR).await else { panic!("not held") };
    assert!(matches!(lease(&one, HOUR).await, Lease::Busy));
    assert!(matches!(lease(&other, HOUR).await, Lease::Busy));
    assert!(matches!(other.lease(&"0".repeat(64), HOUR).await.unwrap(), Lease::Held(_)));
    release.await;
    let Lease::Held(late) = lease(&other, Duration::from_millis(200)).await else { panic!("not released") };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let _held = lease(&one, HOUR).await;
    // Its own has expired: this one is another's.
    late.await;
    assert!(matches!(lease(&other, HOUR).await, Lease::Busy));
}

#[tokio::test]
async fn a_token_is_removed_only_if_it_is_that_token() {
    let server = RedisServer::start();
    let store = store(&server);
    store.save(KEY, &token("sealed")).await.unwrap();
    store.remove(KEY, &token("another")).await.unwrap();
    assert!(store.load(KEY).await.unwrap().is_some());
    store.remove(KEY, &SealedToken::new("sealed", Duration::ZERO)).await.unwrap();
    assert!(store.load(KEY).await.unwrap().is_none());
}

/// Who has its token holds no connection: ten thousand processes do not use up those of a Redis.
#[tokio::test]
async fn one_connection_serves_all_and_is_closed_when_nobody_asks() {
    let server = RedisServer::start();
    let store = store(&server);
    let calls = (0..50).map(|_| store.clone()).map(|store| async move { store.load(KEY).await.unwrap() });
    let calls: Vec<_> = calls.map(tokio::spawn).collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    let deadline = Instant::now() + 30 * SECOND;
    while server.connections() > 0 {
        assert!(Instant::now() < deadline, "it is still open");
        tokio::time::sleep(SECOND / 2).await;
    }
    // And opened again.
    store.load(KEY).await.unwrap();
    assert_eq!(server.connections(), 1);
    drop(store);
    while server.connections() > 0 {
        assert!(Instant::now() < deadline, "it outlives its store");
        tokio::time::sleep(SECOND / 50).await;
    }
}

/// A connection that the server closed meanwhile is no failure.
#[tokio::test]
async fn a_closed_connection_is_opened_again() {
    let server = RedisServer::start();
    let store = store(&server);
    for _ in 0..3 {
        store.save(KEY, &token("sealed")).await.unwrap();
        server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    }
    assert!(store.load(KEY).await.unwrap().is_some());
}

/// One runtime after the other: a connection does not outlive its runtime, and the store does.
#[test]
fn a_store_outlives_the_runtime_that_it_connected_on() {
    let server = RedisServer::start();
    let store = store(&server);
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(store.save(KEY, &token("sealed"))).unwrap();
        assert!(runtime.block_on(store.load(KEY)).unwrap().is_some());
    }
}

/// A server that is stopped after a token was sent, and goes on much later, counts the lifetime from when it was sent.
#[tokio::test]
async fn a_save_that_is_carried_out_late_does_not_lengthen_the_lifetime() {
    let server = RedisServer::start();
    let store = store(&server);
    let lifetime = 3 * SECOND;
    // Once the time has been asked for: stopped before the command that saves.
    store.load(KEY).await.unwrap();
    for _ in 0..5 {
        let (saving, token) = (store.clone(), SealedToken::new("sealed", lifetime));
        let call = tokio::spawn(async move { saving.save(KEY, &token).await });
        tokio::task::yield_now().await;
        server.signal("STOP");
        let start = Instant::now();
        let _ = tokio::time::timeout(SECOND / 5, call).await;
        tokio::time::sleep(SECOND).await;
        server.signal("CONT");
        tokio::time::sleep(SECOND / 5).await;
        // Counts from before the store is asked.
        let left = lifetime.saturating_sub(start.elapsed());
        if let Some(read) = store.load(KEY).await.unwrap() {
            assert!(read.remaining() <= left, "{:?} instead of {left:?}", read.remaining());
        }
        server.command(&["FLUSHALL"]);
    }
}

/// A password in the URL, one given apart, and the wrong one.
#[tokio::test]
async fn a_password_is_asked_for() {
    let server = RedisServer::with(&["--requirepass", "MARKER/ç"]);
    let with_password = format!("redis://:MARKER%2F%C3%A7@127.0.0.1:{}", server.port());
    RedisStore::new(with_password).unwrap().load(KEY).await.unwrap();
    RedisStore::builder(server.url()).password("MARKER/ç").build().unwrap().load(KEY).await.unwrap();
    for wrong in [None, Some("MARKER")] {
        let builder = RedisStore::builder(server.url());
        let store = wrong.into_iter().fold(builder, |builder, wrong| builder.password(wrong)).build().unwrap();
        let error = store.load(KEY).await.unwrap_err();
        assert!(!error.is_unreachable());
        assert!(!shown(&error).contains("MARKER"), "{}", shown(&error));
    }
}

/// One user of several, with access to the keys of the prefix and to the commands that are documented.
#[tokio::test]
async fn the_documented_commands_and_keys_are_enough() {
    let server = RedisServer::start();
    let rule = ["ACL", "SETUSER", "ims", "on", ">secret", "~adobe-ims:*"];
    server.command(&[&rule[..], &["+pttl", "+getrange", "+set", "+time", "+eval"]].concat());
    // What a script calls is asked for as well.
    server.command(&["ACL", "SETUSER", "ims", "+get", "+del", "+pexpireat"]);
    let store = RedisStore::new(format!("redis://ims:secret@127.0.0.1:{}/0", server.port())).unwrap();
    store.save(KEY, &token("sealed")).await.unwrap();
    assert!(store.load(KEY).await.unwrap().is_some());
    store.remove(KEY, &token("sealed")).await.unwrap();
    let Lease::Held(release) = lease(&store, HOUR).await else { panic!("not held") };
    release.await;
    assert!(matches!(lease(&store, HOUR).await, Lease::Held(_)));
}

/// Another database, and a socket of the file system.
#[tokio::test]
async fn databases_and_unix_sockets_are_used() {
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("redis.sock");
    let server = RedisServer::with(&["--unixsocket", socket.to_str().unwrap()]);
    let by_tcp = RedisStore::new(format!("{}/3", server.url())).unwrap();
    let by_socket = RedisStore::new(format!("unix://{}?db=3", socket.display())).unwrap();
    by_tcp.save(KEY, &token("sealed")).await.unwrap();
    assert!(by_socket.load(KEY).await.unwrap().is_some());
    assert!(store(&server).load(KEY).await.unwrap().is_none());
}

/// TLS with a root certificate of the company's own; another server's certificate, another name and no TLS are refused.
#[tokio::test]
async fn tls_is_verified() {
    let directory = TempDir::new().unwrap();
    let ca = Ca::new();
    let (certificate, key) = ca.issue("localhost");
    let path = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (certificate, key) = (path("certificate.pem", &certificate), path("key.pem", &key));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let options = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let _server = RedisServer::with(&[&options[..], &["--tls-auth-clients", "no"]].concat());

    let connect = |url: String, root: &str| {
        let store = RedisStore::builder(url).root_certificate(root).build().unwrap();
        async move { store.save(KEY, &token("sealed")).await }
    };
    connect(format!("rediss://localhost:{port}"), &ca.pem).await.unwrap();
    for (url, root) in [
        (format!("rediss://127.0.0.1:{port}"), &ca.pem),
        (format!("rediss://localhost:{port}"), &Ca::new().pem),
        (format!("redis://localhost:{port}"), &ca.pem),
    ] {
        assert!(connect(url.clone(), root).await.is_err(), "{url}");
    }
    let system_only = RedisStore::new(format!("rediss://localhost:{port}"));
    // Without the system's roots it cannot even be built.
    if let Ok(store) = system_only {
        assert!(store.load(KEY).await.unwrap_err().is_unreachable());
    }
}

/// A node of a cluster that does not have the keys says which one has: it is followed, and remembered.
#[tokio::test]
async fn a_redirect_of_a_cluster_is_followed() {
    let server = RedisServer::with(&["--cluster-enabled", "yes"]);
    server.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    let deadline = Instant::now() + 20 * SECOND;
    while !server.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(SECOND / 20).await;
    }
    let moved = format!("-MOVED 1234 127.0.0.1:{}\r\n", server.port()).leak().as_bytes();
    let store = RedisStore::new(fake_redis::responding(moved)).unwrap();
    store.save(KEY, &token("sealed")).await.unwrap();
    assert!(store.load(KEY).await.unwrap().is_some());
    assert_eq!(server.connections(), 1);
}

/// What is no token of ours under our key is no error: it counts as absent, and is overwritten.
#[tokio::test]
async fn a_value_of_another_type_or_size_is_overwritten() {
    let server = RedisServer::start();
    let store = store(&server);
    let name = format!("adobe-ims:{{{KEY}}}:token");
    let huge = "x".repeat(1 << 20);
    let values = [
        &["LPUSH", &name, "a"][..],
        &["HSET", &name, "a", "b"],
        &["SET", &name, "no expiry"],
        &["SETEX", &name, "100", ""],
        &["SETEX", &name, "100", &huge[..100_000]],
    ];
    for value in values {
        server.command(value);
        let read = store.load(KEY).await.unwrap().unwrap();
        assert!(read.bytes().len() <= 65_537);
        store.save(KEY, &token("sealed")).await.unwrap();
        assert_eq!(store.load(KEY).await.unwrap().unwrap().bytes(), b"sealed");
        server.command(&["DEL", &name]);
    }
}

/// P5: whatever is at the address, a call ends, and reads no more than it is worth.
#[tokio::test]
async fn what_is_not_redis_is_an_error() {
    let responses: [&[u8]; 8] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\r\n",
        b"$-7\r\n",
        b"*2147483647\r\n",
        b"$2147483647\r\n",
        b"-ERR no\r\n",
        b":notanumber\r\n",
        &[0xff; 64],
    ];
    for response in responses {
        let store = RedisStore::new(fake_redis::responding(response)).unwrap();
        let outcome = tokio::time::timeout(SECOND, store.load(KEY)).await;
        assert!(!matches!(outcome, Ok(Ok(_))), "{response:?}");
    }
    for url in [fake_redis::endless(), fake_redis::closing()] {
        let error = tokio::time::timeout(5 * SECOND, RedisStore::new(url).unwrap().load(KEY)).await.unwrap();
        assert!(error.unwrap_err().is_unreachable());
    }
    // Nested as deeply as it likes.
    let nested: &'static [u8] = b"*1\r\n".repeat(20_000).leak();
    let store = RedisStore::new(fake_redis::responding(nested)).unwrap();
    let outcome = tokio::time::timeout(SECOND, store.load(KEY)).await;
    assert!(!matches!(outcome, Ok(Ok(_))));
}

/// A server that is gone is told from one that refuses.
#[tokio::test]
async fn a_server_that_is_down_is_unreachable() {
    let mut server = RedisServer::start();
    let store = store(&server);
    store.load(KEY).await.unwrap();
    server.kill();
    assert!(store.load(KEY).await.unwrap_err().is_unreachable());
    assert!(store.lease(KEY, HOUR).await.unwrap_err().is_unreachable());
    server.start_again();
    assert!(store.load(KEY).await.unwrap().is_none());
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(!store.save(KEY, &token("sealed")).await.unwrap_err().is_unreachable());
    assert!(store.load(KEY).await.unwrap().is_none());
}

fn shown(error: &adobe_ims::store::StoreError) -> String {
    format!("{error} {error:?} {:?}", std::error::Error::source(error).map(ToString::to_string))
}

struct Ca {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(BasicConstraints::Unconstrained);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { pem: pem("CERTIFICATE", &der), issuer: Issuer::new(params, key) }
    }

    /// A certificate and its key, as PEM.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        (pem("CERTIFICATE", &der), pem("PRIVATE KEY", &key.serialize_der()))
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
