//! Which connections are made, reused, retried and closed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::error::Error as _;
#[cfg(feature = "configure-http")]
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use adobe_ims::{ErrorKind, ImsClient};
use support::material::CredentialsFile;
use support::raw::{ClosedPort, RawServer, Step};
use support::raw_exchange::{ACCESS_TOKEN, BODY, builder, ends, good, granted, with_endpoint};

/// N11: an endpoint may be an IPv6 address.
#[tokio::test]
async fn an_ipv6_endpoint_works() {
    // A machine without IPv6 has nothing to test.
    let Some(server) = RawServer::start_v6([good()]) else { return };
    let client = builder(&server).build().unwrap();

    let token = ends(&client).await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    let host = format!("host: [::1]:{}", server.port());
    assert!(server.requests()[0].head().contains(&host));
}

/// N11: where the IPv6 address of a name refuses, its IPv4 address is used. The test sets what the name resolves to: on
/// many machines `localhost` has no IPv6 address.
#[cfg(feature = "configure-http")]
#[tokio::test]
async fn a_refused_ipv6_address_falls_over_to_ipv4() {
    let server = RawServer::start([good()]);
    let port = server.port();
    let addresses: [SocketAddr; 2] = [(Ipv6Addr::LOCALHOST, port).into(), (Ipv4Addr::LOCALHOST, port).into()];
    assert!(TcpStream::connect(addresses[0]).is_err(), "something listens on the port of [::1]");
    let client = with_endpoint(&format!("http://localhost:{port}"))
        .configure_http(move |http| http.resolve_to_addrs("localhost", &addresses))
        .max_attempts(1)
        .build()
        .unwrap();

    let token = ends(&client).await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(server.requests().len(), 1);
}

/// N11: `localhost` works whatever it resolves to.
#[tokio::test]
async fn localhost_works_by_its_name() {
    let server = RawServer::start([good()]);
    let client = with_endpoint(&format!("http://localhost:{}", server.port())).max_attempts(1).build().unwrap();

    let token = ends(&client).await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(server.requests().len(), 1);
}

/// N14: a connection on which all went well is reused.
#[tokio::test]
async fn a_good_connection_is_reused() {
    let server = RawServer::start([vec![Step::Read, granted(), Step::Read, granted()]]);
    let client = builder(&server).build().unwrap();

    ends(&client).await.unwrap();
    ends(&client).await.unwrap();

    assert_eq!(server.connections(), 1);
    assert_eq!(server.requests().len(), 2);
}

/// N14: a connection with an unread response is closed and never reused.
#[tokio::test]
async fn a_connection_is_never_reused_after_an_overflow() {
    let chunk = [b"8000\r\n", b" ".repeat(0x8000).as_slice(), b"\r\n"].concat();
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (name, response) in [
        ("declared", Step::write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")),
        ("in chunks", Step::write([head.as_bytes(), &chunk.repeat(3)].concat())),
        ("refused", Step::write("HTTP/1.1 400 Bad Request\r\ncontent-length: 100000\r\n\r\n")),
        ("compressed", Step::write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\n")),
    ] {
        let server = RawServer::start([vec![Step::Read, response, Step::Hold], good()]);
        let client = builder(&server).build().unwrap();

        ends(&client).await.unwrap_err();
        assert!(server.is_idle().await, "{name}: the connection is still open");
        ends(&client).await.unwrap();

        let ports = server.requests().iter().map(|request| request.port).collect::<Vec<_>>();
        assert_eq!(ports.len(), 2, "{name}");
        assert_ne!(ports[0], ports[1], "{name}");
    }
}

/// N14: a connection that timed out is never reused.
#[tokio::test]
async fn a_connection_is_never_reused_after_a_timeout() {
    let late = vec![Step::Read, Step::write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"), Step::Hold];
    let server = RawServer::start([late, good()]);
    let client = builder(&server).attempt_timeout(Duration::from_secs(2)).max_attempts(1).build().unwrap();

    ends(&client).await.unwrap_err();
    ends(&client).await.unwrap();

    let ports = server.client_ports();
    assert_eq!(ports.len(), 2);
    assert_ne!(ports[0], ports[1]);
}

/// N14: a second response that a server sends ahead never becomes the response to the next request.
#[tokio::test]
async fn a_response_sent_ahead_is_never_used() {
    let ahead = BODY.replace(ACCESS_TOKEN, "smuggled.smuggled.smuggled");
    let Step::Write(mut both) = granted() else {
        panic!("a response is written");
    };
    both.extend(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{ahead}", ahead.len()).into_bytes());
    let server = RawServer::start([vec![Step::Read, Step::Write(both), Step::Hold], good()]);
    let client = builder(&server).build().unwrap();

    ends(&client).await.unwrap();
    assert!(server.is_idle().await, "the connection is still open");
    let token = ends(&client).await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(server.connections(), 2);
}

/// B8: a refused connection is retried.
#[tokio::test]
async fn a_refused_connection_is_retried() {
    let closed = ClosedPort::reserve();
    let client = with_endpoint(&closed.endpoint()).max_attempts(10).build().unwrap();

    let listen_later = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        closed.listen([good()])
    };
    let (token, server) = tokio::join!(ends(&client), listen_later);
    let token = token.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(server.requests().len(), 1);
}

/// B8: when every connection is refused, the error is transient and has the cause in its chain.
#[tokio::test]
async fn a_refused_connection_is_a_transient_fault() {
    let closed = ClosedPort::reserve();
    let client = with_endpoint(&closed.endpoint()).build().unwrap();

    let error = ends(&client).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_transient());
    assert_eq!(error.status(), None);
    assert!(error.source().is_some());
}

/// B8: a connection that breaks at any point before the whole response is retried.
#[tokio::test]
async fn a_broken_connection_is_retried() {
    for (name, script) in broken() {
        let read = script.iter().filter(|step| matches!(step, Step::Read)).count();
        let server = RawServer::start([script, good()]);
        let client = builder(&server).build().unwrap();

        let token = ends(&client).await.expect(name);

        assert_eq!(token.expose_secret(), ACCESS_TOKEN, "{name}");
        assert_eq!(server.connections(), 2, "{name}");
        assert_eq!(server.requests().len(), read + 1, "{name}");
    }
}

/// B8: when every connection breaks, the error is a transient fault of the connection, after three attempts.
#[tokio::test]
async fn a_broken_connection_is_a_transient_fault() {
    for (name, script) in broken() {
        let server = RawServer::start([script]);
        let client = builder(&server).build().unwrap();

        let error = ends(&client).await.expect_err(name);

        assert_eq!(error.kind(), ErrorKind::Connect, "{name}: {error:?}");
        assert!(error.is_transient(), "{name}");
        assert_eq!(server.connections(), 3, "{name}");
    }
}

/// B8: an idle connection that the server closes costs another connection and nothing else.
#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced() {
    for (name, first, requests) in [
        ("while idle", vec![Step::Read, granted()], 2),
        ("on the next request", vec![Step::Read, granted(), Step::Read], 3),
        ("on the next request, reset", vec![Step::Read, granted(), Step::Read, Step::Reset], 3),
    ] {
        let server = RawServer::start([first, good()]);
        let client = builder(&server).build().unwrap();

        ends(&client).await.expect(name);
        ends(&client).await.expect(name);

        assert_eq!(server.connections(), 2, "{name}");
        assert_eq!(server.requests().len(), requests, "{name}");
    }
}

/// B14: no other layer repeats a request: one attempt is one request, on an idle connection too.
#[tokio::test]
async fn a_single_attempt_is_a_single_request() {
    let server = RawServer::start([vec![Step::Read, granted(), Step::Read], good()]);
    let client = builder(&server).max_attempts(1).build().unwrap();

    ends(&client).await.unwrap();
    let error = ends(&client).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(server.requests().len(), 2);
}

/// R10: dropping a call closes its connection.
#[tokio::test]
async fn a_dropped_exchange_closes_its_connection() {
    let server = RawServer::start([vec![Step::Read, Step::Hold]]);
    let client = builder(&server).build().unwrap();
    let asked = async {
        while server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };

    tokio::select! {
        outcome = client.exchange() => panic!("an outcome without a response: {outcome:?}"),
        () = asked => {}
    }

    assert!(server.is_idle().await, "the connection is still open");
    assert_eq!(server.connections(), 1);
}

/// B10: a name that cannot be resolved is a transient fault, and the message has the name.
#[tokio::test]
async fn an_unknown_host_is_reported_by_its_name() {
    let client = ImsClient::builder(CredentialsFile::new().read().unwrap())
        .danger_endpoint("https://ims.invalid")
        .no_proxy()
        // The machine's resolver may be slow.
        .connect_timeout(Duration::from_secs(120))
        .attempt_timeout(Duration::from_secs(120))
        .timeout(Duration::from_secs(120))
        .max_attempts(1)
        .build()
        .unwrap();

    let error = client.exchange().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_transient());
    assert_eq!(error.to_string(), "cannot resolve ims.invalid");
}

/// All ways in which a connection can break before the whole response.
fn broken() -> Vec<(&'static str, Vec<Step>)> {
    let half_head = || Step::write("HTTP/1.1 200 OK\r\ncontent-le");
    let half_body = || {
        let (half, _) = BODY.split_at(BODY.len() / 2);
        let length = BODY.len();
        Step::write(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{half}"))
    };
    let half_chunk = || Step::write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{\"access_token\"");
    vec![
        ("closed unread", vec![]),
        ("reset unread", vec![Step::Reset]),
        ("closed before the head", vec![Step::Read]),
        ("reset before the head", vec![Step::Read, Step::Reset]),
        ("closed in the head", vec![Step::Read, half_head()]),
        ("reset in the head", vec![Step::Read, half_head(), Step::Reset]),
        ("closed in the body", vec![Step::Read, half_body()]),
        ("reset in the body", vec![Step::Read, half_body(), Step::Reset]),
        ("closed in a chunk", vec![Step::Read, half_chunk()]),
        ("reset in a chunk", vec![Step::Read, half_chunk(), Step::Reset]),
    ]
}
