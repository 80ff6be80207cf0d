//! What a proxy gets to see, what is said of one that stands in the way, and who decides whether there is one.
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
use support::proxy::{Conduct, Proxy, Seen, basic};
use support::raw::{ClosedPort, RawServer, Step};
use support::tls::{Authority, NAME, Play, TlsServer};

// What it sees.

/// N12: a proxy sees a CONNECT and TLS: of client secret, assertion and token not twelve characters.
#[tokio::test]
async fn a_proxy_sees_connect_and_tls_alone() {
    let (ours, server) = ims().await;
    let proxy = Proxy::start([Conduct::Tunnel(server.port())]).await;

    let token = through(&ours, proxy.url()).build().unwrap().exchange().await.unwrap();

    let [seen] = proxy.connections().try_into().unwrap();
    let agent = concat!("adobe-ims/", env!("CARGO_PKG_VERSION"));
    assert_eq!(seen.head, format!("CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\nuser-agent: {agent}\r\n\r\n"));
    assert!(seen.is_tls());
    let [request] = server.requests().try_into().unwrap();
    let form = request.form();
    for secret in [&form["client_secret"], &form["jwt_token"], token.expose_secret()] {
        let piece = |bytes: &[u8]| secret.as_bytes().windows(12).any(|piece| contains(bytes, piece));
        assert!(!piece(seen.head.as_bytes()) && !piece(&seen.sent) && !piece(&seen.answered));
        assert!(piece(&request.bytes) || secret == token.expose_secret(), "what is searched for is not what was sent");
    }
}

/// N12: one tunnel serves one exchange after the other.
#[tokio::test]
async fn a_tunnel_is_used_again() {
    let (ours, server) = ims().await;
    let proxy = Proxy::start([Conduct::Tunnel(server.port())]).await;
    let client = through(&ours, proxy.url()).build().unwrap();

    client.exchange().await.unwrap();
    client.exchange().await.unwrap();

    assert_eq!((proxy.connections().len(), server.connections(), server.requests().len()), (1, 1, 2));
}

/// N12: user and password in the proxy's URL are shown to the proxy alone, as they were before they were put into a URL.
#[tokio::test]
async fn a_password_is_shown_to_the_proxy_alone() {
    for (in_url, plain) in
        [(USERINFO, USERINFO), ("us%40er:p%3Aa%2Fss%20word", "us@er:p:a/ss word"), ("user:", "user:")]
    {
        let (ours, server) = ims().await;
        let proxy = Proxy::start([Conduct::Demand(plain, server.port())]).await;

        through(&ours, proxy.url_with(in_url)).build().unwrap().exchange().await.unwrap();

        let [seen] = proxy.connections().try_into().unwrap();
        assert_eq!(seen.header("proxy-authorization"), Some(basic(plain).as_str()));
        let [request] = server.requests().try_into().unwrap();
        assert!(!request.head().to_ascii_lowercase().contains("proxy"), "{}", request.head());
    }
}

// What is said of one that stands in the way.

/// N12: a proxy that wants a password, or another one, is told as that, and asked once.
#[tokio::test]
async fn a_proxy_that_wants_a_password_is_told_as_that() {
    for userinfo in ["", USERINFO] {
        let (ours, server) = ims().await;
        let proxy = Proxy::start([Conduct::Demand("user:another", server.port())]).await;
        let url = if userinfo.is_empty() { proxy.url() } else { proxy.url_with(userinfo) };

        let error = through(&ours, url).build().unwrap().exchange().await.unwrap_err();

        assert_proxy_refuses("407", &error);
        assert!(told(&error).contains("proxy authorization required"), "{error:?}");
        assert!(error.hint().unwrap().contains("password"), "{error:?}");
        assert_eq!((proxy.connections().len(), server.connections()), (1, 0));
    }
}

/// N12: whatever a proxy answers in place of a way is told as its answer, not IMS's, and asked for once.
#[tokio::test]
async fn a_proxy_that_gives_no_way_is_told_as_that() {
    let page = format!("content-type: text/html\r\ncontent-length: {}\r\n\r\n{PAGE}", PAGE.len());
    for (name, answer) in [
        ("403", "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("403 and a page", format!("HTTP/1.1 403 Forbidden\r\n{page}")),
        ("502", "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("503 and a page", format!("HTTP/1.0 503 Service Unavailable\r\nretry-after: 1\r\n{page}")),
        ("a log-in page", format!("HTTP/1.1 302 Found\r\nlocation: http://192.0.2.1/login\r\n{page}")),
        ("a page without a head", PAGE.to_owned()),
        ("IMS's own words", "HTTP/1.1 400 x\r\n\r\n{\"error\":\"invalid_client\"}".to_owned()),
        ("an endless head", format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(10_000))),
        ("something else than http", "SSH-2.0-OpenSSH_9.6\r\n".to_owned()),
    ] {
        let (ours, server) = ims().await;
        let proxy = Proxy::start([Conduct::Answer(answer.into_bytes())]).await;

        let error = through(&ours, proxy.url_with(USERINFO)).build().unwrap().exchange().await.expect_err(name);

        assert_proxy_refuses(name, &error);
        assert!(!printed(&error).contains("<html>") && error.code().is_none(), "{name}: {error:?}");
        assert_eq!((proxy.connections().len(), server.connections()), (1, 0), "{name}");
    }
}

/// N12: a proxy that opens the way and then answers itself is not trusted with anything.
#[tokio::test]
async fn a_proxy_that_answers_in_place_of_ims_is_not_trusted() {
    let page = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n{PAGE}").into_bytes();
    let (ours, server) = ims().await;
    let proxy = Proxy::start([Conduct::Impersonate(page)]).await;

    let error = through(&ours, proxy.url_with(USERINFO)).build().unwrap().exchange().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
    assert!(error.to_string().starts_with("no trusted TLS connection to "), "{error}");
    assert_no_password("in the clear", &error);
    assert_eq!((proxy.connections().len(), server.connections()), (1, 0));
}

/// N12: what is answered inside of TLS by somebody who is trusted, but in a proxy's or a log-in page's words, is told as
/// that.
#[tokio::test]
async fn a_trusted_answer_in_a_proxys_words_is_told_as_that() {
    let ours = Authority::new("ours");
    for (answer, kind, words) in [
        ("200 OK\r\ncontent-type: text/html", ErrorKind::Response, "a proxy or a log-in page may have answered"),
        ("407 x\r\nproxy-authenticate: Basic", ErrorKind::Connect, "a proxy answered in place of ims"),
        ("403 x\r\ncontent-type: text/html", ErrorKind::Rejected, "a log-in page answered in its place"),
    ] {
        let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: {}\r\n\r\n{PAGE}", PAGE.len());
        let opener = TlsServer::start(&ours.server(), [Play::Answer(answer.into_bytes())]).await;
        let proxy = Proxy::start([Conduct::Tunnel(opener.port())]).await;

        let error = through(&ours, proxy.url_with(USERINFO)).build().unwrap().exchange().await.unwrap_err();

        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(!error.is_transient(), "{error:?}");
        assert!(told(&error).contains(words), "{error:?}");
        assert!(!printed(&error).contains("<html>"), "{error:?}");
        assert_no_password(words, &error);
        assert_eq!((proxy.connections().len(), opener.requests().len()), (1, 1));
    }
}

/// N12: an untrusted server is as untrusted at the end of a tunnel.
#[tokio::test]
async fn an_untrusted_server_behind_a_proxy_is_left_after_one_handshake() {
    let (ours, _) = ims().await;
    let server = TlsServer::start(&Authority::new("stranger").server(), [granted()]).await;
    let proxy = Proxy::start([Conduct::Tunnel(server.port())]).await;

    let error = through(&ours, proxy.url_with(USERINFO)).build().unwrap().exchange().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
    assert!(error.to_string().starts_with("no trusted TLS connection to "), "{error}");
    assert_no_password("a stranger", &error);
    assert_eq!((proxy.connections().len(), server.connections(), server.handshakes()), (1, 1, 0));
}

/// N12: a proxy that is itself spoken to in TLS and can't be trusted never learns its password.
#[tokio::test]
async fn an_untrusted_proxy_is_not_shown_its_password() {
    let (ours, _) = ims().await;
    let proxy = TlsServer::start(&Authority::new("stranger").server(), [granted()]).await;
    let url = format!("https://{USERINFO}@127.0.0.1:{}", proxy.port());

    let error = through(&ours, url).build().unwrap().exchange().await.unwrap_err();

    assert_proxy_refuses("TLS", &error);
    assert!(error.hint().unwrap().contains("address"), "{error:?}");
    assert_eq!((proxy.connections(), proxy.handshakes(), proxy.requests().len()), (1, 0, 0));
}

/// N12: a proxy that can't be reached is a fault that may pass, told as the proxy's, and tried again.
#[tokio::test]
async fn a_proxy_out_of_reach_is_a_transient_fault() {
    let (ours, _) = ims().await;
    let closed = ClosedPort::reserve();
    let url = closed.endpoint().replace("//", &format!("//{USERINFO}@"));

    let error = through(&ours, url).build().unwrap().exchange().await.unwrap_err();

    assert_proxy_is_lost("refused", &error);
}

/// B10, N12: a proxy whose name nobody knows is told as the proxy's fault too.
#[tokio::test]
async fn a_proxy_of_an_unknown_name_is_a_transient_fault() {
    // The machine's resolver may take its time.
    let patience = Duration::from_secs(120);
    let (ours, _) = ims().await;
    let client = through(&ours, format!("http://{USERINFO}@proxy.invalid:3128"))
        .connect_timeout(patience)
        .attempt_timeout(patience)
        .timeout(patience)
        .max_attempts(1)
        .build()
        .unwrap();

    assert_proxy_is_lost("unknown", &client.exchange().await.unwrap_err());
}

/// N12: a proxy that hangs up before it has answered is asked again, and told as that when it always does.
#[tokio::test]
async fn a_proxy_that_hangs_up_is_asked_again() {
    for (name, conduct) in [
        ("closed", Conduct::Answer(Vec::new())),
        ("closed in the head", Conduct::Answer(b"HTTP/1.1 200 Connection est".to_vec())),
        ("reset", Conduct::Reset),
    ] {
        let (ours, server) = ims().await;
        let proxy = Proxy::start([conduct.clone(), Conduct::Tunnel(server.port())]).await;
        through(&ours, proxy.url_with(USERINFO)).build().unwrap().exchange().await.expect(name);
        assert_eq!((proxy.connections().len(), server.connections()), (2, 1), "{name}");

        let proxy = Proxy::start([conduct]).await;
        let client = through(&ours, proxy.url_with(USERINFO)).build().unwrap();
        let error = client.exchange().await.expect_err(name);
        assert_proxy_is_lost(name, &error);
        assert_eq!(proxy.connections().len(), 3, "{name}");
    }
}

/// N12: a tunnel that ends in mid-handshake is a fault that may pass.
#[tokio::test]
async fn a_tunnel_cut_in_the_handshake_is_tried_again() {
    let (ours, server) = ims().await;
    let proxy = Proxy::start([Conduct::Impersonate(Vec::new()), Conduct::Tunnel(server.port())]).await;

    through(&ours, proxy.url()).build().unwrap().exchange().await.unwrap();

    assert_eq!((proxy.connections().len(), server.connections()), (2, 1));
}

/// N12: what is no proxy's URL, and what contradicts a proxy, is refused when the client is built; the password is
/// printed neither then nor with the client.
#[tokio::test]
async fn an_unusable_proxy_is_refused_without_a_word_of_its_password() {
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

// Who decides.

/// N12: HTTPS_PROXY and NO_PROXY are honoured; `no_proxy()` and `proxy()` go before them.
#[tokio::test]
async fn the_environment_names_the_proxy_and_the_builder_has_the_last_word() {
    if child::told("ENDPOINT").is_some() {
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
        let proxy = Proxy::start([Conduct::Demand(USERINFO, server.port())]).await;
        let url = proxy.url_with(USERINFO);
        let environment = environment.map(|(name, value)| (name, if value == PROXY { &url } else { value }));
        let mut facts = vec![("ENDPOINT", format!("https://{host}:{}", server.port())), ("ROOT", ours.pem())];
        facts.extend((!setting.is_empty()).then(|| (setting, url.clone())));
        let facts = facts.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();

        let test = "the_environment_names_the_proxy_and_the_builder_has_the_last_word";
        child::run(test, &facts, &environment).await;

        assert_eq!(proxy.connections().len(), tunnels, "{name}");
        assert!(proxy.connections().iter().all(Seen::is_tls), "{name}");
        assert_eq!((server.connections(), server.requests().len()), (1, 1), "{name}");
    }
}

/// N12: a password from the environment is printed no more than one from the builder.
#[tokio::test]
async fn a_password_from_the_environment_is_printed_nowhere() {
    if child::told("ENDPOINT").is_some() {
        let client = child_builder().build().unwrap();
        let error = client.exchange().await.unwrap_err();
        assert_proxy_refuses("407", &error);
        assert!(!format!("{client:?}{:?}", child_builder()).contains("MARKER"));
        return;
    }
    let (ours, server) = ims().await;
    let proxy = Proxy::start([Conduct::Demand("user:another", server.port())]).await;

    child::run(
        "a_password_from_the_environment_is_printed_nowhere",
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
    if let Some(endpoint) = child::told("ENDPOINT") {
        let client = ImsClient::builder(CredentialsFile::new().read().unwrap()).danger_endpoint(endpoint);
        client.build().unwrap().exchange().await.unwrap();
        return;
    }
    let server = RawServer::start([vec![Step::Read, Step::answer("200 OK", BODY), Step::Hold]]);
    let proxy = Proxy::start([Conduct::Tunnel(server.port())]).await;
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

// What the tests stand on.

const USERINFO: &str = "proxy-user:p8x-MARKER-0123456789-ghijklmn";
/// Stands for the proxy's URL in a table.
const PROXY: &str = "the proxy";
const PAGE: &str = "<html><body>Please log in to the company network</body></html>";
const BODY: &str = r#"{"token_type":"bearer","access_token":"header.payload.signature","expires_in":86399999}"#;

/// An authority, and a server that it vouches for and that hands out a token.
async fn ims() -> (Authority, TlsServer) {
    let ours = Authority::new("ours");
    let server = TlsServer::start(&ours.server(), [granted()]).await;
    (ours, server)
}

fn granted() -> Play {
    let length = BODY.len();
    Play::Answer(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{BODY}").into_bytes())
}

/// A client of a host that can be reached by way of a proxy alone.
fn through(authority: &Authority, proxy: String) -> ImsClientBuilder {
    ImsClient::builder(CredentialsFile::new().read().unwrap())
        .root_certificate(authority.pem())
        .danger_endpoint(format!("https://{NAME}"))
        .proxy(proxy)
}

/// A client as the parent told.
fn child_builder() -> ImsClientBuilder {
    let mut builder = ImsClient::builder(CredentialsFile::new().read().unwrap())
        .root_certificate(child::told("ROOT").unwrap())
        .danger_endpoint(child::told("ENDPOINT").unwrap());
    if let Some(url) = child::told("PROXY") {
        builder = builder.proxy(url);
    }
    if child::told("NO_PROXY").is_some() {
        builder = builder.no_proxy();
    }
    builder
}

#[track_caller]
fn assert_proxy_refuses(name: &str, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Connect, "{name}: {error:?}");
    assert!(!error.is_transient(), "{name}: {error:?}");
    assert_eq!(error.status(), None, "{name}: {error:?}");
    assert!(error.to_string().starts_with("proxy gave no way to "), "{name}: {error}");
    assert!(error.hint().unwrap().contains("the proxy's refusal, not IMS's"), "{name}: {error:?}");
    assert_no_password(name, error);
}

#[track_caller]
fn assert_proxy_is_lost(name: &str, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Connect, "{name}: {error:?}");
    assert!(error.is_transient(), "{name}: {error:?}");
    assert!(error.to_string().starts_with("no connection to the proxy "), "{name}: {error}");
    assert!(error.hint().unwrap().contains("the proxy's address"), "{name}: {error:?}");
    assert_no_password(name, error);
}

/// S2: no twelve characters of the proxy's password, as it is or as the proxy is shown it.
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
