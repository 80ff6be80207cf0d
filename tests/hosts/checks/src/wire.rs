//! N19: whatever its host turned on or asked for, the crate follows no redirect, inflates nothing, repeats nothing by
//! itself, and speaks HTTP/1.1, by TLS over rustls.
//!
//! Beside the crate's client stands one of the host's own with the same settings, which does do all that: the checks
//! would notice.

use std::io::Write;
use std::sync::Arc;

use adobe_ims::testing::MockIms;
use adobe_ims::{Error, ErrorKind, ImsClient, ImsClientBuilder, Token};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::server::Server;
use crate::{Heap, block_on, exchange_works};

/// What a host does with reqwest.
pub struct Wire {
    /// All it asks of the crate's client.
    pub ims: fn(ImsClientBuilder) -> ImsClientBuilder,
    /// The same for a client of its own, HTTP/2 aside.
    pub own: fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    /// Whether that repeats a request after a 503.
    pub repeats: bool,
    /// HTTP/2 without being asked for it.
    pub http2: fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    /// The platform's TLS.
    pub native_tls: fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
}

pub fn wire(host: &Wire) {
    let tls = Tls::new("known");
    exchange_works();
    no_redirect_is_followed(host, &tls);
    nothing_is_inflated(host, &tls);
    no_bomb_is_inflated(host, &tls);
    nothing_is_repeated(host, &tls);
    http1_is_spoken(host, &tls);
    rustls_is_used(host, &tls);
}

fn no_redirect_is_followed(host: &Wire, tls: &Tls) {
    let elsewhere = Server::plain(ok("identity", TOKEN.as_bytes()));
    for status in [301, 302, 303, 307, 308] {
        let location = elsewhere.url("http");
        let answer = format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        // From TLS to plain as well: `https_only` is not the host's to switch off.
        let servers = [("http", Server::plain(answer.clone().into())), ("https", tls.server(answer.clone().into()))];
        for (scheme, server) in &servers {
            let error = exchange(host, tls, &server.url(scheme)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response, "{error:?}");
            assert_eq!((server.requests(), elsewhere.seen().connections), (1, 0), "{status} by {scheme}");
        }
        let [(_, plain), _] = servers;
        if status == 308 {
            own(host, tls, |builder| builder, &plain.url("http")).unwrap();
            assert_eq!(elsewhere.requests(), 1, "the host's own client follows no redirect");
        }
    }
}

fn nothing_is_inflated(host: &Wire, tls: &Tls) {
    let identity = Server::plain(ok("identity", TOKEN.as_bytes()));
    assert!(exchange(host, tls, &identity.url("http")).is_ok(), "the token is none");

    for (encoding, encoded) in
        [("gzip", gzip(TOKEN.as_bytes())), ("deflate", zlib()), ("zstd", zstd()), ("br", brotli())]
    {
        let server = Server::plain(ok(encoding, &encoded));
        let error = exchange(host, tls, &server.url("http")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Response, "{encoding}: {error:?}");
        assert!(error.to_string().contains("compressed"), "{encoding}: {error}");
        let head = server.seen().requests.remove(0).to_lowercase();
        assert!(!head.contains("accept-encoding"), "{head}");

        let body = own(host, tls, |builder| builder, &server.url("http")).unwrap();
        assert_eq!(body, TOKEN.as_bytes(), "the host's own client does not inflate {encoding}");
    }
}

fn no_bomb_is_inflated(host: &Wire, tls: &Tls) {
    let server = Server::plain(ok("gzip", &gzip(&vec![0; BOMB])));
    let client = client(host, tls, &server.url("http"));
    let (outcome, growth) = Heap::growth(|| block_on(client.exchange()));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Response);
    assert!(growth < 1024 * 1024, "{growth} bytes");

    let (body, growth) = Heap::growth(|| own(host, tls, |builder| builder, &server.url("http")).unwrap());
    assert_eq!(body.len(), BOMB);
    assert!(growth > BOMB, "{growth} bytes: the measurement is blind");
}

fn nothing_is_repeated(host: &Wire, tls: &Tls) {
    let server = Server::plain(b"HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n".to_vec());
    let error = exchange(host, tls, &server.url("http")).unwrap_err();
    assert_eq!((error.kind(), server.requests()), (ErrorKind::Server, 1));

    own(host, tls, |builder| builder, &server.url("http")).unwrap();
    assert_eq!(server.requests() > 2, host.repeats);
}

fn http1_is_spoken(host: &Wire, tls: &Tls) {
    let server = Server::plain(ok("identity", TOKEN.as_bytes()));
    assert!(exchange(host, tls, &server.url("http")).is_ok());
    assert_eq!(server.seen().requests[0].lines().next(), Some("POST /ims/exchange/jwt HTTP/1.1"));
    // The server does not speak it, so what comes back is a failure.
    let _failed = own(host, tls, host.http2, &server.url("http"));
    assert_eq!(server.seen().requests[1].lines().next(), Some("PRI * HTTP/2.0"), "the host's own client has no HTTP/2");

    let server = tls.server(ok("identity", TOKEN.as_bytes()));
    assert!(exchange(host, tls, &server.url("https")).is_ok());
    let _failed = own(host, tls, |builder| builder, &server.url("https"));
    assert_eq!(server.seen().protocols, [Some("http/1.1".to_owned()), Some("h2".to_owned())]);
}

/// Told by the word that rustls has for a certificate that nobody vouches for.
fn rustls_is_used(host: &Wire, tls: &Tls) {
    let server = tls.server(ok("identity", TOKEN.as_bytes()));
    let stranger = Tls::new("stranger");
    let error = exchange(host, &stranger, &server.url("https")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(chain(&error).contains("UnknownIssuer"), "{error:?}");

    let error = own(host, &stranger, host.native_tls, &server.url("https")).unwrap_err();
    assert!(error.is_connect() && !chain(&error).contains("UnknownIssuer"), "{error:?}");
    assert_eq!(server.requests(), 0);
}

/// One attempt of the crate's client as the host sets it up.
fn exchange(host: &Wire, tls: &Tls, endpoint: &str) -> Result<Token, Error> {
    block_on(client(host, tls, endpoint).exchange())
}

fn client(host: &Wire, tls: &Tls, endpoint: &str) -> ImsClient {
    let credentials = block_on(MockIms::start()).unwrap().credentials();
    let builder = ImsClient::builder(credentials).danger_endpoint(endpoint).root_certificate(&tls.pem).max_attempts(1);
    // A proxy of the machine's would be in the way; of a plain endpoint it is kept away without a word.
    let builder = if endpoint.starts_with("https") { builder.no_proxy() } else { builder };
    (host.ims)(builder).build().unwrap()
}

/// What a client of the host's own makes of the same server.
fn own(
    host: &Wire,
    tls: &Tls,
    settings: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    url: &str,
) -> reqwest::Result<Vec<u8>> {
    let root = reqwest::Certificate::from_pem(tls.pem.as_bytes()).unwrap();
    let builder = settings((host.own)(reqwest::Client::builder())).no_proxy().tls_certs_merge([root]);
    let client = builder.build().unwrap();
    block_on(async { Ok(client.post(url).body("nothing secret").send().await?.bytes().await?.to_vec()) })
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text += &format!(": {cause}");
        next = cause.source();
    }
    text
}

/// A certificate that only those know who are given it, and a server that would rather speak HTTP/2.
struct Tls {
    pem: String,
    config: Arc<ServerConfig>,
}

impl Tls {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let chain = vec![certificate.der().clone()];
        let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { pem: certificate.pem(), config: Arc::new(config) }
    }

    fn server(&self, answer: Vec<u8>) -> Server {
        Server::tls(&self.config, answer)
    }
}

fn ok(encoding: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let encoding = if encoding == "identity" { String::new() } else { format!("content-encoding: {encoding}\r\n") };
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{encoding}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib() -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(TOKEN.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// RFC 8878: one frame of a known size, with one block that is stored as it is.
fn zstd() -> Vec<u8> {
    let length = u8::try_from(TOKEN.len()).unwrap();
    let [low, middle, high, _] = (u32::from(length) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, length, low, middle, high], TOKEN.as_bytes()].concat()
}

/// RFC 7932: one meta-block that is stored as it is, and an empty last one.
fn brotli() -> Vec<u8> {
    let length = u32::try_from(TOKEN.len()).unwrap();
    let [low, middle, high, _] = ((length - 1) << 4 | 1 << 20).to_le_bytes();
    [&[low, middle, high], TOKEN.as_bytes(), &[3]].concat()
}

const TOKEN: &str = r#"{"token_type":"bearer","access_token":"header.payload.signature","expires_in":86399999}"#;
const BOMB: usize = 16 * 1024 * 1024;
