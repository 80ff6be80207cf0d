//! What a proxy sees, how its failures are reported, and which setting chooses it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::time::Duration;

use adobe_ims::{Error, ErrorKind, ImsClient, ImsClientBuilder};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use support::child;
use support::material::{CredentialsFile, printed, told};
use support::proxy::{Behavior, Proxy, Seen, basic};
use support::raw::{ClosedPort, RawServer, Step};
use support::tls::{self, Authority, NAME, TlsServer};

// What it sees.

/// N12: a proxy sees a CONNECT and TLS: not twelve characters of client secret, assertion or token.
#[tokio::test]
async fn a_proxy_sees_connect_and_tls_only() {
    let (ours, server) = ims().await;
    let proxy = Proxy::start([Behavior::Tunnel(server.port())]).await;

    let token = through(&ours, proxy.url()).build().unwrap().exchange().await.unwrap();

    let [seen] = proxy.connections().try_into().unwrap();
    let agent = concat!("adobe-ims/", env!("CARGO_PKG_VERSION"));
    assert_eq!(seen.head, format!("CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\nuser-agent: {agent}\r\n\r\n"));
    assert!(seen.is_tls());
    let [request] = server.requests().try_into().unwrap();
    let form = request.form();
    for secret in [&form["client_secret"], &form["jwt_token"], token.expose_secret()] {
        let piece = |bytes: &[u8]| secret.as_bytes().windows(12).any(|piece| contains(bytes, piece));
        assert!(!piece(seen.head.as_bytes()) && !piece(&seen.sent) && !piece(&seen.received));
        assert!(piece(&request.bytes) || secret == token.expose_secret(), "what is searched for is not what was sent");
    }
}

/// N12: one tunnel serves one exchange after the other.
#[tokio::test]
async fn a_tunnel_is_reused() {
    let (ours, server) = ims().await;
    let proxy = Proxy::start([Behavior::Tunnel(server.port())]).await;
    let client = through(&ours, proxy.url()).build().unwrap();

    client.exchange().await.unwrap();
    client.exchange().await.unwrap();

    assert_eq!((proxy.connections().len(), server.connections(), server.requests().len()), (1, 1, 2));
}

/// N12: user and password of the proxy's URL are decoded and sent to the proxy only.
#[tokio::test]
async fn a_password_is_sent_to_the_proxy_only() {
    for (in_url, plain) in
        [(USERINFO, USERINFO), ("us%40er:p%3Aa%2Fss%20word", "us@er:p:a/ss word"), ("user:", "user:")]
    {
        let (ours, server) = ims().await;
        let proxy = Proxy::start([Behavior::Authenticate(plain, server.port())]).await;

        through(&ours, proxy.url_with(in_url)).build().unwrap().exchange().await.unwrap();

        let [seen] = proxy.connections().try_into().unwrap();
        assert_eq!(seen.header("proxy-authorization"), Some(basic(plain).as_str()));
        let [request] = server.requests().try_into().unwrap();
        assert!(!request.head().to_ascii_lowercase().contains("proxy"), "{}", request.head());
    }
}

/// N21: a proxy may send its `200` in two segments, wherever it is split.
#[tokio::test]
async fn a_confirmation_in_two_segments_opens_the_tunnel() {
    for segments in [
        ["HTTP/1", ".1 200 Connection established\r\n\r\n"],
        ["HTTP/1.1 2", "00 Connection established\r\n\r\n"],
        ["HTTP/1.1 200 Connection established\r\n", "\r\n"],
        ["HTTP/1.1 200 OK\r\nvia: pro", "xy\r\n\r\n"],
    ] {
        let (ours, server) = ims().await;
        let proxy = Proxy::start([Behavior::Segments(segments, server.port())]).await;

        let client = through(&ours, proxy.url()).max_attempts(1).build().unwrap();

        client.exchange().await.unwrap_or_else(|error| panic!("{segments:?}: {error:?}"));
        assert_eq!((proxy.connections().len(), server.requests().len()), (1, 1), "{segments:?}");
    }
}

// How its failures are reported.

/// N12: a proxy that requires a password, or another one, is asked once.
#[tokio::test]
async fn a_proxy_that_requires_a_password_is_reported_as_that() {
    for userinfo in ["", USERINFO] {
        let (ours, server) = ims().await;
        let proxy = Proxy::start([Behavior::Authenticate("user:another", server.port())]).await;
        let url = if userinfo.is_empty() { proxy.url() } else { proxy.url_with(userinfo) };

        let error = through(&ours, url).build().unwrap().exchange().await.unwrap_err();

        assert_password_required(NAME, &error);
        assert_eq!((proxy.connections().len(), server.connections()), (1, 0));
    }
}

/// N12: whatever a proxy responds instead of opening a tunnel is reported as its refusal, not IMS's. The HTTP library
/// hides the status, so it may pass: a proxy that is restarting sends a 503.
#[tokio::test]
async fn a_proxy_that_refuses_is_reported_as_that() {
    let page = format!("content-type: text/html\r\ncontent-length: {}\r\n\r\n{PAGE}", PAGE.len());
    for (name, response) in [
        ("403", "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("403 and a page", format!("HTTP/1.1 403 Forbidden\r\n{page}")),
        ("502", "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("503 and a page", format!("HTTP/1.0 503 Service Unavailable\r\nretry-after: 1\r\n{page}")),
        ("a sign-in page", format!("HTTP/1.1 302 Found\r\nlocation: http://192.0.2.1/login\r\n{page}")),
        ("a page without a head", PAGE.to_owned()),
        ("IMS's own words", "HTTP/1.1 400 x\r\n\r\n{\"error\":\"invalid_client\"}".to_owned()),
        ("an endless head", format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(10_000))),
        ("something other than http", "SSH-2.0-OpenSSH_9.6\r\n".to_owned()),
    ] {
        let (ours, server) = ims().await;
        let proxy = Proxy::start([Behavior::Respond(response.into_bytes())]).await;

        let client = through(&ours, proxy.url_with(USERINFO)).max_attempts(2).build().unwrap();
        let error = client.exchange().await.expect_err(name);

        assert_eq!(error.kind(), ErrorKind::Connect, "{name}: {error:?}");
        assert!(error.is_transient(), "{name}: {error:?}");
        assert_eq!(error.status(), None, "{name}: {error:?}");
        assert_eq!(error.to_string(), format!("proxy refused to connect to {NAME}"), "{name}");
        assert!(error.hint().unwrap().starts_with("the proxy refused, not IMS: "), "{name}: {error:?}");
        assert!(!printed(&error).contains("<html>") && error.code().is_none(), "{name}: {error:?}");
        assert_no_password(name, &error);
        assert_eq!((proxy.connections().len(), server.connections()), (2, 0), "{name}");
    }
}

/// B2, N12: a proxy that is not ready for a moment is asked again.
#[tokio::test]
async fn a_proxy_that_responds_with_503_is_asked_again() {
    let (ours, server) = ims().await;
    let busy = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_vec();
    let proxy = Proxy::start([Behavior::Respond(busy), Behavior::Tunnel(server.port())]).await;

    let token = through(&ours, proxy.url()).build().unwrap().token().await.unwrap();

    assert!(!token.is_expired());
    assert_eq!((proxy.connections().len(), server.requests().len()), (2, 1));
}

/// N12: a proxy that confirms the tunnel and then responds itself gets nothing.
#[tokio::test]
async fn a_proxy_that_responds_instead_of_ims_is_not_trusted() {
    let page = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n{PAGE}").into_bytes();
    let (ours, server) = ims().await;
    let proxy = Proxy::start([Behavior::Impersonate(page)]).await;

    let error = through(&ours, proxy.url_with(USERINFO)).build().unwrap().exchange().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(error.to_string(), format!("no TLS response from {NAME}"));
    assert_no_password("in the clear", &error);
    assert_eq!((proxy.connections().len(), server.connections()), (1, 0));
}

/// N12: a response inside TLS, from a proxy that the client trusts (it inspects TLS) or from a sign-in page.
#[tokio::test]
async fn a_response_of_a_trusted_proxy_is_reported_as_that() {
    let ours = Authority::new("ours");
    for (response, kind, words) in [
        ("200 OK\r\ncontent-type: text/html", ErrorKind::Response, "a proxy or a sign-in page may have responded"),
        ("407 x\r\nproxy-authenticate: Basic", ErrorKind::Connect, "a proxy responded instead of IMS: 407"),
        ("403 x\r\ncontent-type: text/html", ErrorKind::Rejected, "refused by something that is not IMS: 403"),
    ] {
        let response = format!("HTTP/1.1 {response}\r\ncontent-length: {}\r\n\r\n{PAGE}", PAGE.len());
        let inspector = TlsServer::start(&ours.server(), [tls::Behavior::Respond(response.into_bytes())]).await;
        let proxy = Proxy::start([Behavior::Tunnel(inspector.port())]).await;

        let error = through(&ours, proxy.url_with(USERINFO)).build().unwrap().exchange().await.unwrap_err();

        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(!error.is_transient(), "{error:?}");
        assert!(told(&error).contains(words), "{error:?}");
        assert!(!printed(&error).contains("<html>"), "{error:?}");
        assert_no_password(words, &error);
        assert_eq!((proxy.connections().len(), inspector.requests().len()), (1, 1));
    }
}

/// N12: an untrusted server stays untrusted behind a proxy.
#[tokio::test]
async fn an_untrusted_server_behind_a_proxy_gets_one_handshake() {
    let (ours, _) = ims().await;
    let server = TlsServer::start(&Authority::new("stranger").server(), [granted()]).await;
    let proxy = Proxy::start([Behavior::Tunnel(server.port())]).await;

    let error = through(&ours, proxy.url_with(USERINFO)).build().unwrap().exchange().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(error.to_string(), format!("TLS handshake failed with {NAME}"));
    assert_no_password("a stranger", &error);
    assert_eq!((proxy.connections().len(), server.connections(), server.handshakes()), (1, 1, 0));
}

/// N12: a proxy behind TLS that is not trusted never gets its password.
#[tokio::test]
async fn an_untrusted_proxy_is_not_sent_its_password() {
    let (ours, _) = ims().await;
    let proxy = TlsServer::start(&Authority::new("stranger").server(), [granted()]).await;
    let url = format!("https://{USERINFO}@127.0.0.1:{}", proxy.port());

    let error = through(&ours, url).build().unwrap().exchange().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(error.to_string(), format!("TLS handshake failed with the proxy on the way to {NAME}"));
    assert!(error.hint().unwrap().starts_with("the proxy's certificate is not trusted: "), "{error:?}");
    assert_no_password("TLS", &error);
    assert_eq!((proxy.connections(), proxy.handshakes(), proxy.requests().len()), (1, 0, 0));
}

/// N12: an address with https:// for a proxy that speaks plain HTTP, as most do.
#[tokio::test]
async fn a_plain_proxy_with_https_in_its_address_is_reported_as_that() {
    let (ours, _) = ims().await;
    let plain = TlsServer::start(&ours.server(), [tls::Behavior::Clear(b"HTTP/1.1 400 x\r\n\r\n".to_vec())]).await;

    let error = through(&ours, plain.endpoint()).build().unwrap().exchange().await.unwrap_err();

    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(error.to_string(), format!("no TLS response from the proxy on the way to {NAME}"));
    assert!(error.hint().unwrap().contains("with http:// in front"), "{error:?}");
    assert_eq!(plain.connections(), 1);
}

/// N12: a proxy that cannot be reached is a transient fault, reported as the proxy's.
#[tokio::test]
async fn an_unreachable_proxy_is_a_transient_fault() {
    let (ours, _) = ims().await;
    let closed = ClosedPort::reserve();
    let url = closed.endpoint().replace("//", &format!("//{USERINFO}@"));

    let error = through(&ours, url).build().unwrap().exchange().await.unwrap_err();

    assert_proxy_unreachable("refused", &error);
}

/// B10, N12: a proxy whose name cannot be resolved is reported as the proxy's fault too.
#[tokio::test]
async fn a_proxy_with_an_unknown_name_is_a_transient_fault() {
    // The machine's resolver may be slow.
    let patience = Duration::from_secs(120);
    let (ours, _) = ims().await;
    let client = through(&ours, format!("http://{USERINFO}@proxy.invalid:3128"))
        .connect_timeout(patience)
        .attempt_timeout(patience)
        .timeout(patience)
        .max_attempts(1)
        .build()
        .unwrap();

    assert_proxy_unreachable("unknown", &client.exchange().await.unwrap_err());
}

/// N12: a proxy that closes the connection before it responds is asked again; if it always does, that is the error.
#[tokio::test]
async fn a_proxy_that_closes_the_connection_is_asked_again() {
    for (name, behavior) in [
        ("closed", Behavior::Respond(Vec::new())),
        ("closed in the head", Behavior::Respond(b"HTTP/1.1 200 Connection est".to_vec())),
        ("reset", Behavior::Reset),
    ] {
        let (ours, server) = ims().await;
        let proxy = Proxy::start([behavior.clone(), Behavior::Tunnel(server.port())]).await;
        through(&ours, proxy.url_with(USERINFO)).build().unwrap().exchange().await.expect(name);
        assert_eq!((proxy.connections().len(), server.connections()), (2, 1), "{name}");

        let proxy = Proxy::start([behavior]).await;
        let client = through(&ours, proxy.url_with(USERINFO)).build().unwrap();
        let error = client.exchange().await.expect_err(name);
        assert_proxy_unreachable(name, &error);
        assert_eq!(proxy.connections().len(), 3, "{name}");
    }
}

/// N12: a tunnel that is closed in mid-handshake is a transient fault.
#[tokio::test]
async fn a_tunnel_closed_in_the_handshake_is_retried() {
    let (ours, server) = ims().await;
    let proxy = Proxy::start([Behavior::Impersonate(Vec::new()), Behavior::Tunnel(server.port())]).await;

    through(&ours, proxy.url()).build().unwrap().exchange().await.unwrap();

    assert_eq!((proxy.connections().len(), server.connections()), (2, 1));
}

/// N12: `build` refuses what is not a proxy's URL and what contradicts one. Neither an error nor the client shows the
/// password.
#[tokio::test]
async fn an_unusable_proxy_is_refused_without_showing_its_password() {
    let (ours, _) = ims().await;
    let (user, password) = USERINFO.split_once(':').unwrap();
    for url in ["", "http://", &format!("http://{USERINFO}@"), &format!("http://{USERINFO}@[::1")] {
        let error = through(&ours, url.to_owned()).build().expect_err(url);
        assert_eq!(error.kind(), ErrorKind::Config, "{url}: {error:?}");
        assert_no_password(url, &error);
    }
    let url = format!("http://{USERINFO}@127.0.0.1:3128");
    let error = through(&ours, url.clone()).no_proxy().build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_no_password("both", &error);

    let builder = through(&ours, url);
    let shown = format!("{builder:?}{:?}", through(&ours, format!("http://{USERINFO}@127.0.0.1:1")).build().unwrap());
    assert!(!shown.contains(&password[..12]) && !shown.contains(user), "{shown}");
}

// Which setting chooses it.

/// N12: HTTPS_PROXY and NO_PROXY are honoured; `no_proxy()` and `proxy()` take precedence.
#[tokio::test]
async fn the_builder_takes_precedence_over_the_environment() {
    if child::argument("ENDPOINT").is_some() {
        child_builder().build().unwrap().exchange().await.unwrap();
        return;
    }
    let ours = Authority::new("ours");
    let closed = ClosedPort::reserve();
    let dead = closed.endpoint();
    for (name, host, environment, setting, tunnels) in [
        ("HTTPS_PROXY", "127.0.0.1", [("HTTPS_PROXY", PROXY), ("x", "")], "", 1),
        ("https_proxy", "localhost", [("https_proxy", PROXY), ("x", "")], "", 1),
        ("ALL_PROXY", "localhost", [("ALL_PROXY", PROXY), ("x", "")], "", 1),
        ("HTTP_PROXY is for plain http", "localhost", [("HTTP_PROXY", PROXY), ("http_proxy", PROXY)], "", 0),
        ("NO_PROXY", "127.0.0.1", [("HTTPS_PROXY", PROXY), ("NO_PROXY", "example.com,127.0.0.1")], "", 0),
        ("NO_PROXY, a name", "localhost", [("HTTPS_PROXY", PROXY), ("NO_PROXY", "example.com, localhost")], "", 0),
        ("no_proxy", "127.0.0.1", [("HTTPS_PROXY", PROXY), ("no_proxy", "127.0.0.0/8")], "", 0),
        ("NO_PROXY for all", "localhost", [("HTTPS_PROXY", PROXY), ("NO_PROXY", "*")], "", 0),
        ("NO_PROXY for another", "localhost", [("HTTPS_PROXY", PROXY), ("NO_PROXY", "calhost,example.com")], "", 1),
        ("no_proxy()", "localhost", [("HTTPS_PROXY", PROXY), ("ALL_PROXY", PROXY)], "NO_PROXY", 0),
        ("proxy()", "localhost", [("HTTPS_PROXY", &dead), ("ALL_PROXY", &dead)], "PROXY", 1),
        ("proxy() and NO_PROXY", "localhost", [("HTTPS_PROXY", &dead), ("NO_PROXY", "*")], "PROXY", 1),
    ] {
        let server = TlsServer::start(&ours.server(), [granted()]).await;
        let proxy = Proxy::start([Behavior::Authenticate(USERINFO, server.port())]).await;
        let url = proxy.url_with(USERINFO);
        let environment = environment.map(|(name, value)| (name, if value == PROXY { &url } else { value }));
        let mut arguments = vec![("ENDPOINT", format!("https://{host}:{}", server.port())), ("ROOT", ours.pem())];
        arguments.extend((!setting.is_empty()).then(|| (setting, url.clone())));
        let arguments = arguments.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();

        let test = "the_builder_takes_precedence_over_the_environment";
        child::run(test, &arguments, &environment).await;

        assert_eq!(proxy.connections().len(), tunnels, "{name}");
        assert!(proxy.connections().iter().all(Seen::is_tls), "{name}");
        assert_eq!((server.connections(), server.requests().len()), (1, 1), "{name}");
    }
}

/// N20: `build` refuses a proxy variable that cannot be used, by its name, as `proxy()` does: never a silent direct
/// connection. SOCKS is named.
#[tokio::test]
async fn an_unusable_proxy_variable_is_refused_by_its_name() {
    if let Some(name) = child::argument("NAME") {
        let problem = child::argument("PROBLEM").unwrap();
        let url = child::argument("URL").unwrap();
        let error = child_builder().build().unwrap_err();
        assert_eq!(error.to_string(), format!("environment variable {name} cannot be used: {problem}"));
        assert!(error.hint().unwrap().starts_with(&format!("set {name} to http://host:port")), "{error:?}");
        let by_setting = child_builder().proxy(url).build().unwrap_err();
        assert_eq!(by_setting.to_string(), format!("setting proxy cannot be used: {problem}"));
        for error in [error, by_setting] {
            assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Config, false));
            assert_no_password(&name, &error);
        }
        // Nobody is forced to use the variable.
        child_builder().no_proxy().build().unwrap();
        child_builder().proxy("http://127.0.0.1:3128").build().unwrap();
        child_builder().danger_endpoint("http://127.0.0.1:1").build().unwrap();
        return;
    }
    let (ours, server) = ims().await;
    let not_a_url = "it is not a URL of the form http://host:port";
    let socks = "SOCKS proxies are not supported";
    let blank = format!("http://{} word@127.0.0.1:3128", USERINFO);
    for (name, url, problem) in [
        ("HTTPS_PROXY", "127.0.0.1:3128", not_a_url),
        ("https_proxy", "proxy.example", not_a_url),
        ("HTTPS_PROXY", "ftp://127.0.0.1:3128", not_a_url),
        ("HTTPS_PROXY", &blank, not_a_url),
        ("ALL_PROXY", "not a url", not_a_url),
        ("HTTPS_PROXY", "socks5://127.0.0.1:1080", socks),
        ("all_proxy", "socks5h://127.0.0.1:1080", socks),
    ] {
        let arguments = [
            ("NAME", name),
            ("PROBLEM", problem),
            ("URL", url),
            ("ENDPOINT", &server.endpoint()),
            ("ROOT", &ours.pem()),
        ];
        child::run("an_unusable_proxy_variable_is_refused_by_its_name", &arguments, &[(name, url)]).await;
    }
    assert_eq!(server.connections(), 0);
}

/// N12: a password from the environment is shown as little as one from the builder.
#[tokio::test]
async fn a_password_from_the_environment_is_never_shown() {
    if child::argument("ENDPOINT").is_some() {
        let client = child_builder().build().unwrap();
        let error = client.exchange().await.unwrap_err();
        let host = child::argument("ENDPOINT").unwrap().replace("https://", "");
        assert_password_required(&host, &error);
        assert!(!format!("{client:?}{:?}", child_builder()).contains("MARKER"));
        return;
    }
    let (ours, server) = ims().await;
    let proxy = Proxy::start([Behavior::Authenticate("user:another", server.port())]).await;

    child::run(
        "a_password_from_the_environment_is_never_shown",
        &[("ENDPOINT", &server.endpoint()), ("ROOT", &ours.pem())],
        &[("HTTPS_PROXY", &proxy.url_with(USERINFO))],
    )
    .await;

    let [seen] = proxy.connections().try_into().unwrap();
    assert_eq!(seen.header("proxy-authorization"), Some(basic(USERINFO).as_str()));
}

/// N18: a plain-http endpoint is never proxied, whatever the environment says: the proxy would see the client secret.
#[tokio::test]
async fn a_plain_http_endpoint_is_never_proxied() {
    if let Some(endpoint) = child::argument("ENDPOINT") {
        let client = ImsClient::builder(CredentialsFile::new().read().unwrap()).danger_endpoint(endpoint);
        client.build().unwrap().exchange().await.unwrap();
        return;
    }
    let server = RawServer::start([vec![Step::Read, Step::response("200 OK", BODY), Step::Hold]]);
    let proxy = Proxy::start([Behavior::Tunnel(server.port())]).await;
    let url = proxy.url();
    let names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let each = names.map(|name| vec![(name, url.as_str())]).into_iter();
    let all = names.map(|name| (name, url.as_str())).to_vec();

    let mut runs = 0;
    for environment in each.chain([all]) {
        child::run("a_plain_http_endpoint_is_never_proxied", &[("ENDPOINT", &server.endpoint())], &environment).await;
        runs += 1;
    }

    assert_eq!((runs, server.requests().len()), (7, 7));
    assert_eq!(proxy.connections().len(), 0);
}

// Helpers.

const USERINFO: &str = "proxy-user:p8x-MARKER-0123456789-ghijklmn";
/// A placeholder for the proxy's URL.
const PROXY: &str = "the proxy";
const PAGE: &str = "<html><body>Please log in to the company network</body></html>";
const BODY: &str = r#"{"token_type":"bearer","access_token":"header.payload.signature","expires_in":86399999}"#;

/// An authority, and a server with a certificate of it that issues a token.
async fn ims() -> (Authority, TlsServer) {
    let ours = Authority::new("ours");
    let server = TlsServer::start(&ours.server(), [granted()]).await;
    (ours, server)
}

fn granted() -> tls::Behavior {
    let length = BODY.len();
    tls::Behavior::Respond(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{BODY}").into_bytes())
}

/// A client of a host that only a proxy can reach.
fn through(authority: &Authority, proxy: String) -> ImsClientBuilder {
    ImsClient::builder(CredentialsFile::new().read().unwrap())
        .root_certificate(authority.pem())
        .danger_endpoint(format!("https://{NAME}"))
        .proxy(proxy)
}

/// A client by the arguments of the parent.
fn child_builder() -> ImsClientBuilder {
    let mut builder = ImsClient::builder(CredentialsFile::new().read().unwrap())
        .root_certificate(child::argument("ROOT").unwrap())
        .danger_endpoint(child::argument("ENDPOINT").unwrap());
    if let Some(url) = child::argument("PROXY") {
        builder = builder.proxy(url);
    }
    if child::argument("NO_PROXY").is_some() {
        builder = builder.no_proxy();
    }
    builder
}

#[track_caller]
fn assert_password_required(host: &str, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(error.status(), None, "{error:?}");
    assert_eq!(error.to_string(), format!("proxy requires authentication (407) to connect to {host}"));
    assert!(error.hint().unwrap().starts_with("the proxy requires a user and a password: "), "{error:?}");
    assert_no_password("407", error);
}

#[track_caller]
fn assert_proxy_unreachable(name: &str, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Connect, "{name}: {error:?}");
    assert!(error.is_transient(), "{name}: {error:?}");
    assert_eq!(error.to_string(), format!("cannot reach the proxy on the way to {NAME}"), "{name}");
    assert!(error.hint().unwrap().starts_with("check the proxy's address"), "{name}: {error:?}");
    assert_no_password(name, error);
}

/// S2: no twelve characters of the proxy's password, as it is or as the proxy is sent it.
#[track_caller]
fn assert_no_password(name: &str, error: &Error) {
    let printed = printed(error);
    let (_, password) = USERINFO.split_once(':').unwrap();
    for secret in [password, &STANDARD.encode(USERINFO), &STANDARD.encode(password)] {
        for piece in secret.as_bytes().windows(12) {
            assert!(!contains(printed.as_bytes(), piece), "{name}: {printed}");
        }
    }
}

fn contains(bytes: &[u8], piece: &[u8]) -> bool {
    bytes.windows(piece.len()).any(|window| window == piece)
}
