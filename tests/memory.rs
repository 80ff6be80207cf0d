//! N6, N7, N9: whatever a server sends, an exchange needs less than 1 MiB of memory. An allocator counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

#[path = "support/allocator.rs"]
mod allocator;

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};

use adobe_ims::{Error, ErrorKind, ImsClient};
use allocator::Counting;
use support::material::CredentialsFile;
use support::raw::{RawServer, Step};
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// N6: the measurement itself: it detects a client that buffers a body.
#[test]
fn a_client_that_buffers_a_body_is_detected() {
    let _turn = turn();
    let (_, taken) = measured(flood("transfer-encoding: chunked", &chunk(), 8 << 20), async |endpoint| {
        reqwest::get(endpoint).await.unwrap().bytes().await.unwrap_err();
    });
    assert!(taken > 8 << 20, "{taken} bytes");
}

/// N6: a body of 400 MiB without a length.
#[test]
fn an_endless_body_takes_less_than_a_mebibyte() {
    let _turn = turn();
    assert_bounded(ErrorKind::Response, flood("transfer-encoding: chunked", &chunk(), HUGE));
    assert_bounded(ErrorKind::Response, flood("connection: close", b" ", HUGE));
}

/// N6: a body of 400 MiB that was declared.
#[test]
fn a_body_declared_too_large_takes_less_than_a_mebibyte() {
    let _turn = turn();
    assert_bounded(ErrorKind::Response, flood(&format!("content-length: {HUGE}"), b" ", HUGE));
}

/// N6: a refusal is read no further than a success.
#[test]
fn an_endless_refusal_takes_less_than_a_mebibyte() {
    let _turn = turn();
    let mut script = flood("transfer-encoding: chunked", &chunk(), HUGE);
    script[1] = Step::write("HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_bounded(ErrorKind::Rejected, script);
}

/// N7: 2.5 MiB that become 400 MiB, by the encoding that they declare.
#[test]
fn a_compressed_bomb_takes_less_than_a_mebibyte() {
    let _turn = turn();
    let (start, again) = bomb();
    let mut script = flood("content-encoding: gzip\r\nconnection: close", &again, HUGE / 158);
    script.insert(2, Step::Write(start));
    assert_bounded(ErrorKind::Response, script);
}

/// N9: more headers than any server sends, larger ones, and an endless one.
#[test]
fn excessive_headers_take_less_than_a_mebibyte() {
    let _turn = turn();
    let start = || vec![Step::Read, Step::write("HTTP/1.1 200 OK\r\n")];
    let end = || Step::write("\r\ncontent-length: 0\r\n\r\n");
    let many = b"x-header: value\r\n";
    for script in [
        [start(), vec![Step::Flood(many.to_vec(), many.len() * 10_000), end()]].concat(),
        [start(), vec![Step::write("x: "), Step::Flood(b"y".repeat(1024), 1 << 20), end()]].concat(),
        [start(), vec![Step::write("x: "), Step::Flood(b"y".repeat(PIECE), HUGE)]].concat(),
        [start(), vec![Step::Flood(many.repeat(1000), HUGE)]].concat(),
        vec![Step::Read, Step::Flood(b"y".repeat(PIECE), HUGE)],
    ] {
        assert_bounded(ErrorKind::Connect, script);
    }
}

// Helpers.

const HUGE: usize = 400 << 20;
const PIECE: usize = 16 * 1024;

/// A good start, and then these bytes over and over. The server holds one piece of them.
fn flood(framing: &str, bytes: &[u8], limit: usize) -> Vec<Step> {
    let piece = bytes.repeat(PIECE.div_ceil(bytes.len()));
    vec![Step::Read, Step::write(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n")), Step::Flood(piece, limit)]
}

fn chunk() -> Vec<u8> {
    [b"1000\r\n", b" ".repeat(0x1000).as_slice(), b"\r\n"].concat()
}

/// Gzip (RFC 1952) with a block of fixed codes (RFC 1951) that writes one zero byte and copies it 258 times, over and
/// over: its start, and the 13 bytes that can follow without end, each time for 2064 more.
fn bomb() -> (Vec<u8>, Vec<u8>) {
    let copy = "11000101_00000".replace('_', "");
    // Not the last block, fixed codes; the literal 0; then copies until a byte is full.
    let bits = format!("010_00110000_{}", copy.repeat(9)).replace('_', "");
    let bytes = |bits: &str| {
        let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit == b'1'));
        bits.as_bytes().chunks_exact(8).map(byte).collect::<Vec<_>>()
    };
    let (start, again) = bits.split_at(16);
    ([&b"\x1f\x8b\x08\0\0\0\0\0\0\xff"[..], &bytes(start)].concat(), bytes(&again[..13 * 8]))
}

#[track_caller]
fn assert_bounded(kind: ErrorKind, script: Vec<Step>) {
    let (error, taken) = measured(script, exchange);
    assert!(taken < 1 << 20, "{taken} bytes");
    assert_eq!(error.kind(), kind, "{error:?}");
}

async fn exchange(endpoint: String) -> Error {
    let client = ImsClient::builder(CredentialsFile::new().read().unwrap()).danger_endpoint(endpoint).max_attempts(1);
    client.build().unwrap().exchange().await.unwrap_err()
}

/// One test at a time, with all that it prepares and drops, because the whole process is counted.
fn turn() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The outcome of the work, and the peak of the bytes in use beyond those from before: the client's and the server's.
fn measured<T>(script: Vec<Step>, work: impl AsyncFnOnce(String) -> T) -> (T, usize) {
    let server = RawServer::start([script]);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let before = ALLOCATOR.baseline();
    let done = runtime.block_on(work(server.endpoint()));
    (done, ALLOCATOR.peak() - before)
}
