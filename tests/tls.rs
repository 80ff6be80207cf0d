//! Which server gets the secret: TLS by each of the two backends, transient faults and final ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::fs;

use adobe_ims::{Error, ErrorKind, ImsClient, ImsClientBuilder};
use support::child;
use support::material::{CLIENT_SECRET, CredentialsFile, RSA_2048_PKCS8, printed, told};
use support::raw::{RawServer, Step};
use support::tls::{Authority, Behavior, TlsServer};

// Trust.

/// B11: an untrusted server gets one handshake and not a byte of the form. The hint names the one cause.
#[tokio::test]
async fn an_untrusted_server_gets_one_handshake() {
    let ours = Authority::new("ours");
    let stranger = Authority::new("stranger");
    let issuer = "the server's certificate comes from an issuer that is not trusted here";
    let name = "the server's certificate is for another host name";
    let expired = "the server's certificate has expired, or this machine's clock is ahead";
    let early = "the server's certificate is not valid yet: this machine's clock is probably behind";
    for (case, identity, reason, hint) in [
        ("unknown issuer", stranger.server(), ["UnknownIssuer", "unable to get local issuer certificate"], issuer),
        (
            "another address",
            ours.certify(["127.0.0.2"], 2020..=2120),
            ["not valid for name", "IP address mismatch"],
            name,
        ),
        ("a name", ours.certify(["localhost"], 2020..=2120), ["not valid for name", "IP address mismatch"], name),
        (
            "expired",
            ours.certify(["127.0.0.1"], 2020..=2021),
            ["certificate expired", "certificate has expired"],
            expired,
        ),
        ("early", ours.certify(["127.0.0.1"], 2110..=2120), ["not valid yet", "certificate is not yet valid"], early),
    ] {
        let server = TlsServer::start(&identity, [granted()]).await;
        let error = trusting(&ours, &server).build().unwrap().exchange().await.expect_err(case);
        assert_no_trust(case, &server, &error, reason, hint);
    }
}

/// B11: a CA certificate in the place of a server's is refused by rustls, and the hint says how to make a right one.
/// OpenSSL accepts it.
#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_ca_certificate_as_the_servers_is_refused() {
    let ours = Authority::new("ours");
    let server = TlsServer::start(&ours.as_server(), [granted()]).await;
    let error = trusting(&ours, &server).build().unwrap().exchange().await.unwrap_err();
    let hint = "the server presents a CA certificate as its own";
    assert_no_trust("CA", &server, &error, ["CaUsedAsEndEntity", ""], hint);
}

/// B11: a certificate for another name is refused also where the endpoint has a name.
#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let ours = Authority::new("ours");
    let server = TlsServer::start(&ours.certify(["other.invalid", "127.0.0.1"], 2020..=2120), [granted()]).await;
    let endpoint = format!("https://localhost:{}", server.port());

    let error = trusting(&ours, &server).danger_endpoint(endpoint).build().unwrap().exchange().await.unwrap_err();

    let hint = "the server's certificate is for another host name";
    assert_no_trust("other.invalid", &server, &error, ["not valid for name", "hostname mismatch"], hint);
}

/// B11: a server that speaks an old protocol, or no TLS at all, is asked once.
#[tokio::test]
async fn a_server_without_current_tls_is_asked_once() {
    let ours = Authority::new("ours");
    let plain = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    for (name, words, reason) in [
        // A fatal alert, `protocol_version`.
        ("only TLS 1.1", b"\x15\x03\x02\0\x02\x02\x46".to_vec(), ["ProtocolVersion", "alert protocol version"]),
        ("a hello of TLS 1.1", server_hello([3, 2]), ["ServerDoesNotSupportTls12Or13", "unsupported protocol"]),
        ("a hello of TLS 1.0", server_hello([3, 1]), ["ServerDoesNotSupportTls12Or13", "unsupported protocol"]),
        ("a hello of SSL 3", server_hello([3, 0]), ["ServerDoesNotSupportTls12Or13", "unsupported protocol"]),
        // A fatal alert, `handshake_failure`.
        ("nothing in common", b"\x15\x03\x03\0\x02\x02\x28".to_vec(), ["HandshakeFailure", "alert handshake failure"]),
    ] {
        let server = TlsServer::start(&ours.server(), [Behavior::Clear(words)]).await;
        let error = trusting(&ours, &server).build().unwrap().exchange().await.expect_err(name);
        assert_no_trust(name, &server, &error, reason, "TLS failed for the reason among the causes");
    }
    let server = TlsServer::start(&ours.server(), [Behavior::Clear(plain)]).await;
    let error = trusting(&ours, &server).build().unwrap().exchange().await.unwrap_err();
    assert_eq!((server.connections(), error.kind(), error.is_transient()), (1, ErrorKind::Connect, false));
    assert_eq!(error.to_string(), format!("no TLS response from 127.0.0.1:{}", server.port()));
    assert!(error.hint().unwrap().starts_with("the server does not speak TLS: "), "{error:?}");
}

/// B11, N3: a server that expects TLS at the port of a plain-http endpoint is asked once.
#[tokio::test]
async fn a_tls_server_behind_a_plain_endpoint_is_asked_once() {
    let server = TlsServer::start(&Authority::new("ours").server(), [granted()]).await;
    let endpoint = server.endpoint().replace("https", "http");

    let error = builder().danger_endpoint(endpoint).build().unwrap().exchange().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(error.to_string(), format!("no HTTP response from 127.0.0.1:{}", server.port()));
    assert!(error.hint().unwrap().contains("https://"), "{error:?}");
    assert_eq!(server.connections(), 1);
}

/// B11: a handshake that is cut is a fault of the network, and retried.
#[tokio::test]
async fn a_cut_handshake_is_retried() {
    let ours = Authority::new("ours");
    for (name, cut) in cuts() {
        let server = TlsServer::start(&ours.server(), [cut, granted()]).await;
        let client = trusting(&ours, &server).build().unwrap();

        let token = client.exchange().await.expect(name);

        assert_eq!(token.expose_secret(), ACCESS_TOKEN, "{name}");
        assert_eq!((server.connections(), server.handshakes(), server.requests().len()), (2, 1, 1), "{name}");
    }
}

/// B11: when every handshake is cut, the error is transient.
#[tokio::test]
async fn a_cut_handshake_is_a_transient_fault() {
    let ours = Authority::new("ours");
    for (name, cut) in cuts() {
        let server = TlsServer::start(&ours.server(), [cut]).await;
        let client = trusting(&ours, &server).build().unwrap();

        let error = client.exchange().await.expect_err(name);

        assert_eq!(error.kind(), ErrorKind::Connect, "{name}: {error:?}");
        assert!(error.is_transient(), "{name}: {error:?}");
        assert!(!error.to_string().contains("trust"), "{name}: {error:?}");
        assert_eq!((server.connections(), server.handshakes()), (3, 0), "{name}");
    }
}

/// B11: after a fault of the network, an untrusted server is final too.
#[tokio::test]
async fn an_untrusted_server_is_final_on_the_second_attempt_too() {
    let ours = Authority::new("ours");
    let server = TlsServer::start(&Authority::new("stranger").server(), [Behavior::Reset, granted()]).await;

    let error = trusting(&ours, &server).build().unwrap().exchange().await.unwrap_err();

    assert!(!error.is_transient(), "{error:?}");
    assert_eq!((server.connections(), server.handshakes()), (2, 0));
}

/// N3: plain http is refused before any packet, however this machine is spelled; only loopback by its usual names is
/// accepted.
#[tokio::test]
async fn plain_http_is_refused_before_any_packet() {
    let server = RawServer::start([vec![Step::Read, Step::Hold]]);
    let port = server.port();
    for host in ["0.0.0.0", "[::ffff:127.0.0.1]", "[::]", "localhost.", "127.0.0.1.nip.invalid", "ims.invalid"] {
        let built = builder().danger_endpoint(format!("http://{host}:{port}")).build();

        assert_eq!(built.expect_err(host).kind(), ErrorKind::Config, "{host}");
    }
    assert_eq!(server.connections(), 0);
}

/// N2, N3: a redirect from TLS to plain http is not followed.
#[tokio::test]
async fn a_redirect_to_plain_http_is_not_followed() {
    let ours = Authority::new("ours");
    let plain = RawServer::start([vec![Step::Read, Step::Hold]]);
    let location = format!("{}/ims/exchange/jwt", plain.endpoint());
    let redirect = format!("HTTP/1.1 307 x\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    let server = TlsServer::start(&ours.server(), [Behavior::Respond(redirect.into_bytes())]).await;

    let error = trusting(&ours, &server).build().unwrap().exchange().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Response);
    assert_eq!((server.requests().len(), plain.connections()), (1, 0));
}

// Roots.

/// N13: root certificates add up, from one PEM or from several.
#[tokio::test]
async fn root_certificates_add_up() {
    let authorities = ["one", "two", "three"].map(Authority::new);
    let [one, two, three] = &authorities;
    for identity in authorities.iter().map(Authority::server) {
        let server = TlsServer::start(&identity, [granted()]).await;
        let client = builder()
            .root_certificate(format!("{}\n{}", one.pem(), two.pem()))
            .root_certificate(three.pem().replace('\n', "\r\n"))
            .danger_endpoint(server.endpoint())
            .build()
            .unwrap();

        client.exchange().await.unwrap();

        assert_eq!((server.connections(), server.handshakes()), (1, 1));
    }
}

/// N13: a root certificate is trusted in addition to the system's roots, not instead of them.
#[tokio::test]
async fn a_root_certificate_is_added_to_the_systems() {
    if let Some(root) = child::argument("ROOT") {
        for (name, is_trusted) in [("SYSTEM", true), ("OURS", true), ("NOBODY", false)] {
            let endpoint = child::argument(name).unwrap();
            let client = builder().root_certificate(&root).danger_endpoint(endpoint).build().unwrap();
            let outcome = client.exchange().await;
            assert_eq!(outcome.is_ok(), is_trusted, "{name}: {outcome:?}");
        }
        return;
    }
    let (system, ours) = (Authority::new("system"), Authority::new("ours"));
    let [by_system, by_us, by_nobody] = [
        TlsServer::start(&system.server(), [granted()]).await,
        TlsServer::start(&ours.server(), [granted()]).await,
        TlsServer::start(&Authority::new("nobody").server(), [granted()]).await,
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    fs::write(&file, system.pem()).unwrap();

    child::run(
        "a_root_certificate_is_added_to_the_systems",
        &[
            ("ROOT", &ours.pem()),
            ("SYSTEM", &by_system.endpoint()),
            ("OURS", &by_us.endpoint()),
            ("NOBODY", &by_nobody.endpoint()),
        ],
        &[("SSL_CERT_FILE", file.to_str().unwrap())],
    )
    .await;

    assert_eq!([&by_system, &by_us, &by_nobody].map(TlsServer::connections), [1, 1, 1]);
    assert_eq!([&by_system, &by_us, &by_nobody].map(TlsServer::handshakes), [1, 1, 0]);
}

/// N13: `build` refuses what is not a certificate, and shows nothing of it.
#[test]
fn a_root_certificate_that_is_not_one_is_refused() {
    let good = Authority::new("good").pem();
    let half = good.lines().take(4).collect::<Vec<_>>().join("\n");
    let other = good.replace("CERTIFICATE", "CERTIFICATE REQUEST");
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAAAAAAAAAAAAAA\n-----END CERTIFICATE-----\n";
    for (name, pem) in [
        ("nothing", Vec::new()),
        ("garbage", b"garbage".to_vec()),
        ("no text", vec![0xff; 100]),
        ("a key", RSA_2048_PKCS8.into()),
        ("a key after a certificate", format!("{good}{RSA_2048_PKCS8}").into_bytes()),
        ("half a certificate", half.clone().into_bytes()),
        ("half a certificate after a whole one", format!("{good}{half}").into_bytes()),
        ("another label", other.into_bytes()),
        ("base64 of something else", nonsense.into()),
    ] {
        let error = builder().root_certificate(&pem).build().expect_err(name);

        assert_eq!(error.kind(), ErrorKind::Config, "{name}: {error:?}");
        assert!(error.to_string().contains("root_certificate"), "{name}: {error}");
        let lines = String::from_utf8_lossy(&pem).into_owned();
        for line in lines.lines().filter(|line| line.len() >= 12 && !line.starts_with('-')) {
            assert!(!printed(&error).contains(line), "{name}: {error:?}");
        }
    }
}

/// N13: without root certificates the hint says what to install or to add, and what is added is enough.
///
/// rustls needs them when the client is built; a platform's library only when it connects.
#[tokio::test]
async fn a_machine_without_roots_gets_a_hint() {
    if let Some(endpoint) = child::argument("ENDPOINT") {
        let bare = || builder().danger_endpoint(&endpoint);
        let error = match bare().build() {
            Ok(client) => client.exchange().await.unwrap_err(),
            Err(error) => error,
        };
        let kind = if cfg!(feature = "rustls") { ErrorKind::Config } else { ErrorKind::Connect };
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(!error.is_transient(), "{error:?}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("ca-certificates") && hint.contains("`root_certificate`"), "{hint}");

        let client = bare().root_certificate(child::argument("ROOT").unwrap()).build().unwrap();
        client.exchange().await.unwrap();
        return;
    }
    let ours = Authority::new("ours");
    let server = TlsServer::start(&ours.server(), [granted()]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    fs::write(&file, "").unwrap();

    child::run(
        "a_machine_without_roots_gets_a_hint",
        &[("ENDPOINT", &server.endpoint()), ("ROOT", &ours.pem())],
        &[("SSL_CERT_FILE", file.to_str().unwrap()), ("SSL_CERT_DIR", folder.path().to_str().unwrap())],
    )
    .await;

    assert_eq!((server.handshakes(), server.requests().len()), (1, 1));
}

// The end of a connection.

/// N16: a response that is complete by its length is accepted, although the server closes without `close_notify`.
#[tokio::test]
async fn a_complete_response_without_close_notify_is_accepted() {
    let ours = Authority::new("ours");
    let server = TlsServer::start(&ours.server(), [Behavior::Unnotified(response(BODY.len(), BODY))]).await;

    let token = trusting(&ours, &server).build().unwrap().exchange().await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!((server.connections(), server.requests().len()), (1, 1));
}

/// N16: a response that is short of its length, or of its last chunk, is a transient fault, and retried.
#[tokio::test]
async fn a_truncated_response_without_close_notify_is_retried() {
    let ours = Authority::new("ours");
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (name, cut) in [
        ("short of its length", response(BODY.len() + 1, BODY)),
        ("short of its last chunk", format!("{chunked}{:x}\r\n{BODY}\r\n", BODY.len()).into_bytes()),
        ("in its head", b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
    ] {
        let server = TlsServer::start(&ours.server(), [Behavior::Unnotified(cut.clone()), granted()]).await;
        trusting(&ours, &server).build().unwrap().exchange().await.expect(name);
        assert_eq!((server.connections(), server.requests().len()), (2, 2), "{name}");

        let server = TlsServer::start(&ours.server(), [Behavior::Unnotified(cut)]).await;
        let error = trusting(&ours, &server).build().unwrap().exchange().await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Connect, "{name}: {error:?}");
        assert!(error.is_transient(), "{name}: {error:?}");
        assert!(!told(&error).contains("://"), "{name}: {error:?}");
        assert_eq!((server.connections(), server.requests().len()), (3, 3), "{name}");
    }
}

/// N16: a truncated response without a length never becomes a token, whether the backend misses the `close_notify`
/// (rustls) or not (OpenSSL).
#[tokio::test]
async fn a_truncated_response_of_unknown_length_is_an_error() {
    let ours = Authority::new("ours");
    let (half, _) = BODY.split_at(BODY.len() - 1);
    let cut = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{half}").into_bytes();
    let server = TlsServer::start(&ours.server(), [Behavior::Unnotified(cut)]).await;

    let error = trusting(&ours, &server).max_attempts(1).build().unwrap().exchange().await.unwrap_err();

    let kind = if cfg!(feature = "rustls") { ErrorKind::Connect } else { ErrorKind::Response };
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

// Helpers.

const ACCESS_TOKEN: &str = "header.payload.signature";
const BODY: &str = r#"{"token_type":"bearer","access_token":"header.payload.signature","expires_in":86399999}"#;

fn granted() -> Behavior {
    Behavior::Respond(response(BODY.len(), BODY))
}

fn response(length: usize, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// The ways in which a handshake can break.
fn cuts() -> [(&'static str, Behavior); 3] {
    let half_a_record = b"\x16\x03\x03\0\x7a\x02\0\0\x76".to_vec();
    [
        ("closed", Behavior::Clear(Vec::new())),
        ("closed in a record", Behavior::Clear(half_a_record)),
        ("reset", Behavior::Reset),
    ]
}

/// A hello that accepts the client's offer, but in this version and with ECDHE-RSA-AES128-SHA, which all of them had.
fn server_hello(version: [u8; 2]) -> Vec<u8> {
    let body = [version.as_slice(), &[7; 32], &[0], &[0xc0, 0x13], &[0]].concat();
    let hello = [&[2, 0, 0, body.len().try_into().unwrap()], body.as_slice()].concat();
    [&[22], version.as_slice(), &[0, hello.len().try_into().unwrap()], &hello].concat()
}

/// One handshake, nothing sent, and an error that gives the reason in the words of one backend or the other.
#[track_caller]
fn assert_no_trust(name: &str, server: &TlsServer, error: &Error, reason: [&str; 2], hint: &str) {
    assert_eq!((server.connections(), server.handshakes(), server.requests().len()), (1, 0, 0), "{name}: {error:?}");
    assert_eq!(error.kind(), ErrorKind::Connect, "{name}: {error:?}");
    assert!(!error.is_transient(), "{name}: {error:?}");
    assert!(error.to_string().starts_with("TLS handshake failed with "), "{name}: {error}");
    assert!(error.hint().unwrap().starts_with(hint), "{name}: {error:?}");
    let chain = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let chain = chain.map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let [rustls, openssl] = reason;
    assert!(chain.contains(if cfg!(feature = "rustls") { rustls } else { openssl }), "{name}: {chain}");
    assert!(!printed(error).contains(&CLIENT_SECRET[..12]), "{name}: {error:?}");
}

fn builder() -> ImsClientBuilder {
    ImsClient::builder(CredentialsFile::new().read().unwrap()).no_proxy()
}

fn trusting(authority: &Authority, server: &TlsServer) -> ImsClientBuilder {
    builder().root_certificate(authority.pem()).danger_endpoint(server.endpoint())
}
