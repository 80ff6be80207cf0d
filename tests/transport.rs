//! What a server can do to a connection, byte by byte: every call ends, nothing is read in part, no limit is passed.
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

use adobe_ims::{Error, ErrorKind, ImsClient, ImsClientBuilder, Token};
use support::material::{CredentialsFile, printed};
use support::raw::{ClosedPort, RawServer, Step};

// Time limits.

/// N4: a server that accepts and says nothing is left when the attempt has had its time.
#[tokio::test]
async fn a_silent_server_is_left_at_the_attempt_limit() {
    let server = RawServer::start([vec![Step::Read, Step::Hold]]);

    let error = one_short_attempt(&server).await;

    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_transient());
    assert_eq!(server.requests().len(), 1);
}

/// N4: headers that come byte by byte do not stretch the attempt.
#[tokio::test]
async fn dripping_headers_are_left_at_the_attempt_limit() {
    let server = RawServer::start([vec![
        Step::Read,
        Step::write("HTTP/1.1 200 OK\r\nx: "),
        Step::Drip(b"y".repeat(60_000), PAUSE),
    ]]);

    let error = one_short_attempt(&server).await;

    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(server.is_idle().await, "the connection is still open");
}

/// N5: a body that comes byte by byte does not stretch the attempt.
#[tokio::test]
async fn a_dripping_body_is_left_at_the_attempt_limit() {
    for framing in ["content-length: 60000", "connection: close"] {
        let server = RawServer::start([vec![
            Step::Read,
            Step::write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n")),
            Step::Drip(b" ".repeat(60_000), PAUSE),
        ]]);

        let error = one_short_attempt(&server).await;

        assert_eq!(error.kind(), ErrorKind::Timeout, "{framing}");
        assert!(server.is_idle().await, "{framing}: the connection is still open");
    }
}

/// N5: a refusal whose body never comes does not stretch the attempt either.
#[tokio::test]
async fn a_refusal_with_a_dripping_body_ends() {
    let server = RawServer::start([vec![
        Step::Read,
        Step::write("HTTP/1.1 400 Bad Request\r\ncontent-length: 60000\r\n\r\n"),
        Step::Drip(b" ".repeat(60_000), PAUSE),
    ]]);

    one_short_attempt(&server).await;

    assert_eq!(server.requests().len(), 1);
    assert!(server.is_idle().await, "the connection is still open");
}

/// B9: an attempt that ran out of time is made again while the call has time left.
#[tokio::test]
async fn a_timed_out_attempt_is_tried_again() {
    let server = RawServer::start([vec![Step::Read, Step::Hold], good()]);
    let client = builder(&server).attempt_timeout(Duration::from_secs(2)).build().unwrap();

    let token = ends(&client).await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(server.requests().len(), 2);
}

/// B9: the whole call ends at its own limit, however many attempts are left.
#[tokio::test]
async fn a_call_ends_at_its_own_limit() {
    let server = RawServer::start([vec![Step::Read, Step::Hold]]);
    let client = builder(&server)
        .attempt_timeout(Duration::from_millis(200))
        .timeout(Duration::from_secs(1))
        .max_attempts(1_000_000)
        .build()
        .unwrap();

    let error = ends(&client).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_transient());
}

/// B9: one long attempt does not outlive the call.
#[tokio::test]
async fn an_attempt_ends_with_its_call() {
    let server = RawServer::start([vec![Step::Read, Step::Hold]]);
    let client = builder(&server)
        .attempt_timeout(Duration::from_secs(3600))
        .timeout(Duration::from_millis(300))
        .build()
        .unwrap();

    let error = ends(&client).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(server.requests().len(), 1);
}

// Sizes.

/// N6: an endless body is left after 64 KiB, by whatever framing it comes.
#[tokio::test]
async fn an_endless_body_is_left_after_64_kib() {
    let piece = b" ".repeat(16 * 1024);
    let chunk = [b"4000\r\n", piece.as_slice(), b"\r\n"].concat();
    for (framing, piece) in [("transfer-encoding: chunked", chunk), ("connection: close", piece)] {
        let server = RawServer::start([vec![
            Step::Read,
            Step::write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n")),
            Step::Flood(piece, 1 << 30),
        ]]);
        let client = builder(&server).build().unwrap();

        let error = ends(&client).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Response, "{framing}");
        assert_eq!(server.requests().len(), 1, "{framing}");
        assert!(server.is_idle().await, "{framing}: the connection is still open");
        // What was not read stood in the buffers of the two sockets.
        assert!(server.sent() < 16 << 20, "{framing}: {} bytes", server.sent());
    }
}

/// N6: a body that is declared too large is refused before a byte of it is there.
#[tokio::test]
async fn a_body_declared_too_large_is_refused_unread() {
    for length in [64 * 1024 + 1, 68_719_476_736, u64::MAX / 2] {
        let server = RawServer::start([vec![
            Step::Read,
            Step::write(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n")),
            Step::Hold,
        ]]);
        let client = builder(&server).build().unwrap();

        let error = ends(&client).await.unwrap_err();

        assert_eq!(error.kind(), ErrorKind::Response, "{length}");
        assert_eq!(server.requests().len(), 1, "{length}");
        assert!(server.is_idle().await, "{length}: the connection is still open");
    }
}

/// N6: the largest body is 64 KiB, declared or in chunks.
#[tokio::test]
async fn a_body_of_64_kib_is_the_largest() {
    for (length, fits) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let body = format!("{BODY}{}", " ".repeat(length - BODY.len()));
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        for answer in [Step::answer("200 OK", &body), Step::write(format!("{head}{length:x}\r\n{body}\r\n0\r\n\r\n"))] {
            let server = RawServer::start([vec![Step::Read, answer, Step::Hold]]);
            let client = builder(&server).build().unwrap();

            let outcome = ends(&client).await;

            match outcome {
                Ok(token) => assert!(fits, "{length}: {token:?}"),
                Err(error) => assert!(!fits && error.kind() == ErrorKind::Response, "{length}: {error:?}"),
            }
        }
    }
}

/// N8: a body shorter than declared is never read in part: the attempt is made again.
#[tokio::test]
async fn a_body_shorter_than_declared_is_tried_again() {
    let length = BODY.len() + 1;
    let short = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{BODY}");
    let server = RawServer::start([vec![Step::Read, Step::write(short)], good()]);
    let client = builder(&server).build().unwrap();

    let token = ends(&client).await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(server.requests().len(), 2);
}

/// N8: of a refusal cut short the status says enough: it is final, and no part of its body is taken for the whole.
#[tokio::test]
async fn a_refusal_cut_short_is_a_refusal() {
    let cut = "HTTP/1.1 400 Bad Request\r\ncontent-length: 600\r\n\r\n{\"error\":\"invalid_token\"}";
    let server = RawServer::start([vec![Step::Read, Step::write(cut)], good()]);

    let error = ends(&builder(&server).build().unwrap()).await.unwrap_err();

    assert_eq!((error.kind(), error.code(), server.requests().len()), (ErrorKind::Rejected, None, 1));
}

/// N8: a body longer than declared ends where it was declared to end, and is refused if that is no whole answer.
#[tokio::test]
async fn a_body_longer_than_declared_is_refused() {
    let length = BODY.len() - 1;
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{BODY}");
    let server = RawServer::start([vec![Step::Read, Step::write(long), Step::Hold]]);
    let client = builder(&server).build().unwrap();

    let error = ends(&client).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Response);
    assert_eq!(server.requests().len(), 1);
}

/// N9: an answer that is no HTTP, or too much of it, is an error and nothing worse.
#[tokio::test]
async fn an_answer_that_is_no_http_is_an_error() {
    let many = (0..10_000).map(|number| format!("x-{number}: y\r\n")).collect::<String>();
    let huge = "y".repeat(1 << 20);
    for (name, answer) in [
        ("many headers", format!("HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n")),
        ("a huge header", format!("HTTP/1.1 200 OK\r\nx: {huge}\r\ncontent-length: 0\r\n\r\n")),
        ("a huge reason", format!("HTTP/1.1 200 {huge}\r\ncontent-length: 0\r\n\r\n")),
        ("no status", "HTTP/1.1 OK\r\n\r\n".to_owned()),
        ("status 99999", "HTTP/1.1 99999 OK\r\n\r\n".to_owned()),
        ("HTTP/0.9", format!("<html>{BODY}</html>")),
        ("HTTP/9.9", format!("HTTP/9.9 200 OK\r\ncontent-length: 60\r\n\r\n{BODY}")),
        ("another protocol", "SSH-2.0-OpenSSH_9.9\r\n".to_owned()),
        ("a header without a colon", "HTTP/1.1 200 OK\r\nMARKER\r\n\r\n".to_owned()),
        ("a nul in a header", "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n".to_owned()),
        ("two lengths", format!("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\n{BODY}")),
        ("a length that is no number", format!("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{BODY}")),
        ("a negative length", format!("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{BODY}")),
        ("a chunk that is no number", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned()),
        (
            "a chunk too large to count",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_owned(),
        ),
    ] {
        let server = RawServer::start([vec![Step::Read, Step::write(answer)]]);
        let client = builder(&server).max_attempts(1).build().unwrap();

        let error = ends(&client).await.expect_err(name);

        assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::Response), "{name}: {error:?}");
        assert_eq!(server.requests().len(), 1, "{name}");
        assert!(!printed(&error).contains("MARKER"), "{name}: {error:?}");
    }
}

// The protocol.

/// N10: the client speaks HTTP/1.1 and offers nothing else.
#[tokio::test]
async fn the_client_speaks_http_1_1() {
    let server = RawServer::start([good()]);
    let client = builder(&server).build().unwrap();

    ends(&client).await.unwrap();

    let request = &server.requests()[0];
    let mut lines = request.head().lines();
    assert_eq!(lines.next().unwrap(), "POST /ims/exchange/jwt HTTP/1.1");
    for line in lines {
        let name = line.split(':').next().unwrap().to_ascii_lowercase();
        assert!(!["upgrade", "http2-settings", "connection", "te"].contains(&name.as_str()), "{line}");
    }
}

/// N10: a server that answers in HTTP/2 is not understood.
#[tokio::test]
async fn an_answer_in_http_2_is_an_error() {
    let goaway = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let server = RawServer::start([vec![Step::Read, Step::write(goaway)]]);
    let client = builder(&server).max_attempts(1).build().unwrap();

    let error = ends(&client).await.unwrap_err();

    assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::Response), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

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

/// N11: where the IPv6 address of a name refuses, its IPv4 address is taken. The test says what the name resolves to:
/// on many machines `localhost` has no IPv6 address, and nothing would be refused.
#[cfg(feature = "configure-http")]
#[tokio::test]
async fn a_refused_ipv6_address_falls_over_to_ipv4() {
    let server = RawServer::start([good()]);
    let port = server.port();
    let addresses: [SocketAddr; 2] = [(Ipv6Addr::LOCALHOST, port).into(), (Ipv4Addr::LOCALHOST, port).into()];
    assert!(TcpStream::connect(addresses[0]).is_err(), "somebody listens on the port of [::1]");
    let client = with_endpoint(&format!("http://localhost:{port}"))
        .configure_http(move |http| http.resolve_to_addrs("localhost", &addresses))
        .max_attempts(1)
        .build()
        .unwrap();

    let token = ends(&client).await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(server.requests().len(), 1);
}

/// N11: the name of this machine works whatever it resolves to.
#[tokio::test]
async fn localhost_works_by_its_name() {
    let server = RawServer::start([good()]);
    let client = with_endpoint(&format!("http://localhost:{}", server.port())).max_attempts(1).build().unwrap();

    let token = ends(&client).await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(server.requests().len(), 1);
}

/// N15: an interim answer is passed over.
#[tokio::test]
async fn interim_answers_are_passed_over() {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let server = RawServer::start([vec![Step::Read, Step::write(interim), answer()]]);
        let client = builder(&server).build().unwrap();

        let token = ends(&client).await.unwrap();

        assert_eq!(token.expose_secret(), ACCESS_TOKEN, "{interim}");
        assert_eq!(server.requests().len(), 1, "{interim}");
    }
}

/// B3: a change of protocol that nobody asked for is no answer.
#[tokio::test]
async fn switching_protocols_is_no_answer() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    let server = RawServer::start([vec![Step::Read, Step::write(switch), answer(), Step::Hold]]);
    let client = builder(&server).build().unwrap();

    let error = ends(&client).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Response);
    assert_eq!(server.requests().len(), 1);
}

// Connections.

/// N14: a connection on which all went well is used again.
#[tokio::test]
async fn a_good_connection_is_used_again() {
    let server = RawServer::start([vec![Step::Read, answer(), Step::Read, answer()]]);
    let client = builder(&server).build().unwrap();

    ends(&client).await.unwrap();
    ends(&client).await.unwrap();

    assert_eq!(server.connections(), 1);
    assert_eq!(server.requests().len(), 2);
}

/// N14: a connection with something left in it is closed and never used again.
#[tokio::test]
async fn a_connection_is_never_used_again_after_an_overflow() {
    let chunk = [b"8000\r\n", b" ".repeat(0x8000).as_slice(), b"\r\n"].concat();
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (name, answer) in [
        ("declared", Step::write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")),
        ("in chunks", Step::write([head.as_bytes(), &chunk.repeat(3)].concat())),
        ("refused", Step::write("HTTP/1.1 400 Bad Request\r\ncontent-length: 100000\r\n\r\n")),
        ("compressed", Step::write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\n")),
    ] {
        let server = RawServer::start([vec![Step::Read, answer, Step::Hold], good()]);
        let client = builder(&server).build().unwrap();

        ends(&client).await.unwrap_err();
        assert!(server.is_idle().await, "{name}: the connection is still open");
        ends(&client).await.unwrap();

        let ports = server.requests().iter().map(|request| request.port).collect::<Vec<_>>();
        assert_eq!(ports.len(), 2, "{name}");
        assert_ne!(ports[0], ports[1], "{name}");
    }
}

/// N14: a connection that timed out is never used again.
#[tokio::test]
async fn a_connection_is_never_used_again_after_a_time_out() {
    let late = vec![Step::Read, Step::write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"), Step::Hold];
    let server = RawServer::start([late, good()]);
    let client = builder(&server).attempt_timeout(Duration::from_secs(2)).max_attempts(1).build().unwrap();

    ends(&client).await.unwrap_err();
    ends(&client).await.unwrap();

    let ports = server.client_ports();
    assert_eq!(ports.len(), 2);
    assert_ne!(ports[0], ports[1]);
}

/// N14: a second answer that a server sends ahead is never taken for the answer to the next request.
#[tokio::test]
async fn an_answer_sent_ahead_is_never_taken() {
    let ahead = BODY.replace(ACCESS_TOKEN, "smuggled.smuggled.smuggled");
    let Step::Write(mut both) = answer() else {
        panic!("an answer is written");
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

/// B8: a refused connection is tried again.
#[tokio::test]
async fn a_refused_connection_is_tried_again() {
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

/// B8: when every connection is refused, the error says so down to the cause, and that it may pass.
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

/// B8: a connection that breaks at any point before the whole answer is a fault that may pass: the attempt is made
/// again and succeeds.
#[tokio::test]
async fn a_broken_connection_is_tried_again() {
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

/// B8: when every connection breaks, the error is a fault of the connection that may pass, after three attempts.
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

/// B8: a kept connection that the server closes in the meantime costs nothing but another one.
#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced() {
    for (name, first, requests) in [
        ("while idle", vec![Step::Read, answer()], 2),
        ("on the next request", vec![Step::Read, answer(), Step::Read], 3),
        ("on the next request, reset", vec![Step::Read, answer(), Step::Read, Step::Reset], 3),
    ] {
        let server = RawServer::start([first, good()]);
        let client = builder(&server).build().unwrap();

        ends(&client).await.expect(name);
        ends(&client).await.expect(name);

        assert_eq!(server.connections(), 2, "{name}");
        assert_eq!(server.requests().len(), requests, "{name}");
    }
}

/// B14: nobody but us repeats a request: one attempt is one request, on a kept connection too.
#[tokio::test]
async fn a_single_attempt_is_a_single_request() {
    let server = RawServer::start([vec![Step::Read, answer(), Step::Read], good()]);
    let client = builder(&server).max_attempts(1).build().unwrap();

    ends(&client).await.unwrap();
    let error = ends(&client).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(server.requests().len(), 2);
}

/// R10: a call that is dropped takes its connection with it.
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
        outcome = client.exchange() => panic!("nobody answered, and yet: {outcome:?}"),
        () = asked => {}
    }

    assert!(server.is_idle().await, "the connection is still open");
    assert_eq!(server.connections(), 1);
}

/// B10: a name that nobody knows is a fault that may pass, told by the name.
#[tokio::test]
async fn an_unknown_host_is_told_by_its_name() {
    let client = ImsClient::builder(CredentialsFile::new().read().unwrap())
        .danger_endpoint("https://ims.invalid")
        .no_proxy()
        // The machine's resolver may take its time.
        .connect_timeout(Duration::from_secs(120))
        .attempt_timeout(Duration::from_secs(120))
        .timeout(Duration::from_secs(120))
        .max_attempts(1)
        .build()
        .unwrap();

    let error = client.exchange().await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_transient());
    assert!(error.to_string().contains("ims.invalid"), "{error}");
}

// What the tests stand on.

const ACCESS_TOKEN: &str = "header.payload.signature";
const BODY: &str = r#"{"token_type":"bearer","access_token":"header.payload.signature","expires_in":86399999}"#;
/// Between two bytes that drip.
const PAUSE: Duration = Duration::from_millis(20);

/// A whole good answer.
fn answer() -> Step {
    Step::answer("200 OK", BODY)
}

/// A connection on which all goes well.
fn good() -> Vec<Step> {
    vec![Step::Read, answer(), Step::Hold]
}

/// All the ways in which a connection can break before a whole answer is there.
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

fn with_endpoint(endpoint: &str) -> ImsClientBuilder {
    let credentials = CredentialsFile::new().read().unwrap();
    ImsClient::builder(credentials).danger_endpoint(endpoint)
}

fn builder(server: &RawServer) -> ImsClientBuilder {
    with_endpoint(&server.endpoint())
}

/// The error of a call with one attempt of half a second.
async fn one_short_attempt(server: &RawServer) -> Error {
    let client = builder(server).attempt_timeout(Duration::from_millis(500)).max_attempts(1).build().unwrap();
    ends(&client).await.unwrap_err()
}

/// The outcome of a call, which has to end well before the longest default limit would end it.
async fn ends(client: &ImsClient) -> Result<Token, Error> {
    tokio::time::timeout(Duration::from_secs(25), client.exchange()).await.expect("the call does not end")
}
