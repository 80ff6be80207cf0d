//! What a server can send, byte by byte: no partial response is used, no limit is exceeded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use adobe_ims::ErrorKind;
use support::material::printed;
use support::raw::{RawServer, Step};
use support::raw_exchange::{ACCESS_TOKEN, BODY, builder, ends, good, granted};

/// N6: an endless body is read up to 64 KiB, whatever its framing.
#[tokio::test]
async fn an_endless_body_is_read_up_to_64_kib() {
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
        // What was not read filled the buffers of the two sockets.
        assert!(server.sent() < 16 << 20, "{framing}: {} bytes", server.sent());
    }
}

/// N6: a body that is declared too large is refused before a byte of it arrives.
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
        for response in
            [Step::response("200 OK", &body), Step::write(format!("{head}{length:x}\r\n{body}\r\n0\r\n\r\n"))]
        {
            let server = RawServer::start([vec![Step::Read, response, Step::Hold]]);
            let client = builder(&server).build().unwrap();

            let outcome = ends(&client).await;

            match outcome {
                Ok(token) => assert!(fits, "{length}: {token:?}"),
                Err(error) => assert!(!fits && error.kind() == ErrorKind::Response, "{length}: {error:?}"),
            }
        }
    }
}

/// N8: a body shorter than declared is never used: the attempt is retried.
#[tokio::test]
async fn a_body_shorter_than_declared_is_retried() {
    let length = BODY.len() + 1;
    let short = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{BODY}");
    let server = RawServer::start([vec![Step::Read, Step::write(short)], good()]);
    let client = builder(&server).build().unwrap();

    let token = ends(&client).await.unwrap();

    assert_eq!(token.expose_secret(), ACCESS_TOKEN);
    assert_eq!(server.requests().len(), 2);
}

/// N8: the status of a truncated refusal says enough: it is final, and no part of its body is used.
#[tokio::test]
async fn a_truncated_refusal_is_a_refusal() {
    let cut = "HTTP/1.1 400 Bad Request\r\ncontent-length: 600\r\n\r\n{\"error\":\"invalid_token\"}";
    let server = RawServer::start([vec![Step::Read, Step::write(cut)], good()]);

    let error = ends(&builder(&server).build().unwrap()).await.unwrap_err();

    assert_eq!((error.kind(), error.code(), server.requests().len()), (ErrorKind::Rejected, None, 1));
}

/// N8: a body longer than declared is cut where it was declared to end, and refused if that is not a whole response.
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

/// N9: a response that is not HTTP, or too much of it, is an error and nothing worse.
#[tokio::test]
async fn a_response_that_is_not_http_is_an_error() {
    let many = (0..10_000).map(|number| format!("x-{number}: y\r\n")).collect::<String>();
    let huge = "y".repeat(1 << 20);
    for (name, response) in [
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
        ("a length that is not a number", format!("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n{BODY}")),
        ("a negative length", format!("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{BODY}")),
        ("a chunk size that is not a number", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned()),
        (
            "a chunk too large to count",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n".to_owned(),
        ),
    ] {
        let server = RawServer::start([vec![Step::Read, Step::write(response)]]);
        let client = builder(&server).max_attempts(1).build().unwrap();

        let error = ends(&client).await.expect_err(name);

        assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::Response), "{name}: {error:?}");
        assert_eq!(server.requests().len(), 1, "{name}");
        assert!(!printed(&error).contains("MARKER"), "{name}: {error:?}");
    }
}

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

/// N10: a response in HTTP/2 is an error.
#[tokio::test]
async fn a_response_in_http_2_is_an_error() {
    let goaway = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let server = RawServer::start([vec![Step::Read, Step::write(goaway)]]);
    let client = builder(&server).max_attempts(1).build().unwrap();

    let error = ends(&client).await.unwrap_err();

    assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::Response), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}

/// N15: an interim response is ignored.
#[tokio::test]
async fn interim_responses_are_ignored() {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ] {
        let server = RawServer::start([vec![Step::Read, Step::write(interim), granted()]]);
        let client = builder(&server).build().unwrap();

        let token = ends(&client).await.unwrap();

        assert_eq!(token.expose_secret(), ACCESS_TOKEN, "{interim}");
        assert_eq!(server.requests().len(), 1, "{interim}");
    }
}

/// B3: a change of protocol that was not requested is an error.
#[tokio::test]
async fn switching_protocols_is_an_error() {
    let switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    let server = RawServer::start([vec![Step::Read, Step::write(switch), granted(), Step::Hold]]);
    let client = builder(&server).build().unwrap();

    let error = ends(&client).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Response);
    assert_eq!(server.requests().len(), 1);
}
