//! Who is trusted with a secret: TLS by each of the two backends, told apart into what may pass and what will not.
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
use support::tls::{Authority, Play, TlsServer};

// Trust.

/// B11: whom the client can't trust it leaves after one handshake, without a byte of the form, and says why.
#[tokio::test]
async fn an_untrusted_server_is_left_after_one_handshake() {
    let ours = Authority::new("ours");
    let stranger = Authority::new("stranger");
    for (name, identity, reason) in [
        ("unknown issuer", stranger.server(), ["UnknownIssuer", "unable to get local issuer certificate"]),
        ("wrong address", ours.certify(["127.0.0.2"], 2020..=2120), ["not valid for name", "IP address mismatch"]),
        ("a name", ours.certify(["localhost"], 2020..=2120), ["not valid for name", "IP address mismatch"]),
        ("ended", ours.certify(["127.0.0.1"], 2020..=2021), ["certificate expired", "certificate has expired"]),
        ("early", ours.certify(["127.0.0.1"], 2110..=2120), ["not valid yet", "certificate is not yet valid"]),
    ] {
        let server = TlsServer::start(&identity, [granted()]).await;
        let error = trusting(&ours, &server).build().unwrap().exchange().await.expect_err(name);
        assert_no_trust(name, &server, &error, reason);
    }
}

/// B11: a certificate for another name is refused also where a name is asked for.
#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let ours = Authority::new("ours");
    let server = TlsServer::start(&ours.certify(["other.invalid", "127.0.0.1"], 2020..=2120), [granted()]).await;
    let endpoint = format!("https://localhost:{}", server.port());

    let error = trusting(&ours, &server).danger_endpoint(endpoint).build().unwrap().exchange().await.unwrap_err();

    assert_no_trust("other.invalid", &server, &error, ["not valid for name", "hostname mismatch"]);
}

/// B11: a server that speaks an old protocol, or no TLS at all, is left after its first words.
#[tokio::test]
async fn a_server_that_speaks_no_tls_of_today_is_left_after_its_first_words() {
    let ours = Authority::new("ours");
    let plain = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    for (name, words, reason) in [
        // A fatal alert, `protocol_version`.
        ("TLS 1.1 alone", b"\x15\x03\x02\0\x02\x02\x46".to_vec(), ["ProtocolVersion", "alert protocol version"]),
        ("a hello of TLS 1.1", server_hello([3, 2]), ["ServerDoesNotSupportTls12Or13", "unsupported protocol"]),
        ("a hello of TLS 1.0", server_hello([3, 1]), ["ServerDoesNotSupportTls12Or13", "unsupported protocol"]),
        ("a hello of SSL 3", server_hello([3, 0]), ["ServerDoesNotSupportTls12Or13", "unsupported protocol"]),
        // A fatal alert, `handshake_failure`.
        ("nothing in common", b"\x15\x03\x03\0\x02\x02\x28".to_vec(), ["HandshakeFailure", "alert handshake failure"]),
        ("plain http", plain, ["InvalidContentType", "wrong version number"]),
    ] {
        let server = TlsServer::start(&ours.server(), [Play::Clear(words)]).await;
        let error = trusting(&ours, &server).build().unwrap().exchange().await.expect_err(name);
        assert_no_trust(name, &server, &error, reason);
    }
}

/// B11: a handshake that is cut is a fault of the line, and tried again.
#[tokio::test]
async fn a_cut_handshake_is_tried_again() {
    let ours = Authority::new("ours");
    for (name, cut) in cuts() {
        let server = TlsServer::start(&ours.server(), [cut, granted()]).await;
        let client = trusting(&ours, &server).build().unwrap();

        let token = client.exchange().await.expect(name);

        assert_eq!(token.expose_secret(), ACCESS_TOKEN, "{name}");
        assert_eq!((server.connections(), server.handshakes(), server.requests().len()), (2, 1, 1), "{name}");
    }
}

/// B11: when every handshake is cut, the error says that it may pass.
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

/// B11: a fault of the line is tried again, but the lack of trust that shows then is final.
#[tokio::test]
async fn an_untrusted_server_is_left_on_the_second_attempt_too() {
    let ours = Authority::new("ours");
    let server = TlsServer::start(&Authority::new("stranger").server(), [Play::Reset, granted()]).await;

    let error = trusting(&ours, &server).build().unwrap().exchange().await.unwrap_err();

    assert!(!error.is_transient(), "{error:?}");
    assert_eq!((server.connections(), server.handshakes()), (2, 0));
}

/// N3: plain http is refused before any packet, however the way back to this machine is spelled; only loopback by its
/// plain names is its own.
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
    let server = TlsServer::start(&ours.server(), [Play::Answer(redirect.into_bytes())]).await;

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

/// N13: a root certificate is trusted beside the system's roots, not instead of them.
#[tokio::test]
async fn a_root_certificate_is_trusted_beside_the_systems() {
    if let Some(root) = child::told("ROOT") {
        for (name, is_trusted) in [("SYSTEM", true), ("OURS", true), ("NOBODY", false)] {
            let endpoint = child::told(name).unwrap();
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
        "a_root_certificate_is_trusted_beside_the_systems",
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

/// N13: what is no certificate is refused when the client is built, and nothing of it is printed.
#[test]
fn a_root_certificate_that_is_none_is_refused() {
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
        for line in String::from_utf8_lossy(&pem).lines().filter(|line| line.len() >= 12) {
            assert!(!printed(&error).contains(line), "{name}: {error:?}");
        }
    }
}

/// N13: a machine without root certificates is told what to install or to give, and what was given is enough.
///
/// rustls misses them when the client is built; a platform's library only when it has somebody to trust.
#[tokio::test]
async fn a_machine_without_roots_is_told_what_to_do() {
    if let Some(endpoint) = child::told("ENDPOINT") {
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

        let client = bare().root_certificate(child::told("ROOT").unwrap()).build().unwrap();
        client.exchange().await.unwrap();
        return;
    }
    let ours = Authority::new("ours");
    let server = TlsServer::start(&ours.server(), [granted()]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    fs::write(&file, "").unwrap();

    child::run(
        "a_machine_without_roots_is_told_what_to_do",
        &[("ENDPOINT", &server.endpoint()), ("ROOT", &ours.pem())],
        &[("SSL_CERT_FILE", file.to_str().unwrap()), ("SSL_CERT_DIR", folder.path().to_str().unwrap())],
    )
    .await;

    assert_eq!((server.handshakes(), server.requests().len()), (1, 1));
}

// The end of a connection.

/// N16: an answer that is whole by its length is taken, although the server closes without saying so in TLS.
#[tokio::test]
async fn a_whole_answer_without_a_notified_end_is_taken() {
    let ours = Authority::new("ours");
    let server = TlsServer::start(&ours.server(), [Play::Unnotified(answer(BODY.len(), BODY))]).await;

    let token = trusting(&ours, &server).build().unwrap().exchange().await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!((server.connections(), server.requests().len()), (1, 1));
}

/// N16: an answer that is short of its length, or of its last chunk, is never taken for one: it is a fault that may
/// pass, and tried again.
#[tokio::test]
async fn an_answer_cut_without_a_notified_end_is_tried_again() {
    let ours = Authority::new("ours");
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (name, cut) in [
        ("short of its length", answer(BODY.len() + 1, BODY)),
        ("short of its last chunk", format!("{chunked}{:x}\r\n{BODY}\r\n", BODY.len()).into_bytes()),
        ("in its head", b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
    ] {
        let server = TlsServer::start(&ours.server(), [Play::Unnotified(cut.clone()), granted()]).await;
        trusting(&ours, &server).build().unwrap().exchange().await.expect(name);
        assert_eq!((server.connections(), server.requests().len()), (2, 2), "{name}");

        let server = TlsServer::start(&ours.server(), [Play::Unnotified(cut)]).await;
        let error = trusting(&ours, &server).build().unwrap().exchange().await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Connect, "{name}: {error:?}");
        assert!(error.is_transient(), "{name}: {error:?}");
        assert!(!told(&error).contains("://"), "{name}: {error:?}");
        assert_eq!((server.connections(), server.requests().len()), (3, 3), "{name}");
    }
}

/// N16: an answer that ends with its connection and is cut is never taken for a token, whether the backend notices that
/// the end was not notified (rustls) or takes it for one (OpenSSL).
#[tokio::test]
async fn an_answer_of_unknown_length_that_is_cut_is_an_error() {
    let ours = Authority::new("ours");
    let (half, _) = BODY.split_at(BODY.len() - 1);
    let cut = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{half}").into_bytes();
    let server = TlsServer::start(&ours.server(), [Play::Unnotified(cut)]).await;

    let error = trusting(&ours, &server).max_attempts(1).build().unwrap().exchange().await.unwrap_err();

    let kind = if cfg!(feature = "rustls") { ErrorKind::Connect } else { ErrorKind::Response };
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

// What the tests stand on.

const ACCESS_TOKEN: &str = "header.payload.signature";
const BODY: &str = r#"{"token_type":"bearer","access_token":"header.payload.signature","expires_in":86399999}"#;

fn granted() -> Play {
    Play::Answer(answer(BODY.len(), BODY))
}

fn answer(length: usize, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// The ways in which a handshake can break.
fn cuts() -> [(&'static str, Play); 3] {
    let half_a_record = b"\x16\x03\x03\0\x7a\x02\0\0\x76".to_vec();
    [("closed", Play::Clear(Vec::new())), ("closed in a record", Play::Clear(half_a_record)), ("reset", Play::Reset)]
}

/// A hello that takes the client's offer, but in this version and with ECDHE-RSA-AES128-SHA, which all of them had.
fn server_hello(version: [u8; 2]) -> Vec<u8> {
    let body = [version.as_slice(), &[7; 32], &[0], &[0xc0, 0x13], &[0]].concat();
    let hello = [&[2, 0, 0, body.len().try_into().unwrap()], body.as_slice()].concat();
    [&[22], version.as_slice(), &[0, hello.len().try_into().unwrap()], &hello].concat()
}

/// One handshake, nothing sent, and an error that says that this is a matter of trust, and which: in the words of one
/// backend or the other.
#[track_caller]
fn assert_no_trust(name: &str, server: &TlsServer, error: &Error, reason: [&str; 2]) {
    assert_eq!((server.connections(), server.handshakes(), server.requests().len()), (1, 0, 0), "{name}: {error:?}");
    assert_eq!(error.kind(), ErrorKind::Connect, "{name}: {error:?}");
    assert!(!error.is_transient(), "{name}: {error:?}");
    assert!(error.to_string().starts_with("no trusted TLS connection to "), "{name}: {error}");
    assert!(error.hint().unwrap().contains("trusted"), "{name}: {error:?}");
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
