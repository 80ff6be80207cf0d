//! A server of canned bytes, in a thread of its own: verifies nothing, allocates nothing.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;

use super::material::CLIENT_ID;

/// Answers every request with a token, unless it is told to hang or to fail.
pub struct Server {
    endpoint: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    requests: AtomicUsize,
    hangs: AtomicBool,
    fails: AtomicBool,
}

#[allow(dead_code, reason = "each bench uses a part")]
impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let serve = serve(listener, Arc::clone(&state), answer().leak());
        thread::spawn(|| Builder::new_current_thread().enable_all().build().unwrap().block_on(serve));
        Self { endpoint, state }
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// From now on takes requests and does not answer them.
    pub fn hang(&self) {
        self.state.hangs.store(true, Ordering::SeqCst);
    }

    /// From now on refuses them.
    pub fn fail(&self) {
        self.state.fails.store(true, Ordering::SeqCst);
    }
}

async fn serve(listener: TcpListener, state: Arc<State>, answer: &'static [u8]) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let (mut request, mut length) = ([0; 8192], 0);
            while let Ok(read @ 1..) = stream.read(&mut request[length..]).await {
                length += read;
                if is_whole(&request[..length]) {
                    state.requests.fetch_add(1, Ordering::SeqCst);
                    length = 0;
                    let answer = match state.fails.load(Ordering::SeqCst) {
                        true => REFUSAL,
                        false => answer,
                    };
                    if !state.hangs.load(Ordering::SeqCst) {
                        stream.write_all(answer).await.unwrap();
                    }
                }
            }
        });
    }
}

const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 25\r\n\r\n{\"error\":\"invalid_token\"}";

/// A token like those of IMS, with claims to read and of their size.
fn answer() -> Vec<u8> {
    let claims = format!(
        r#"{{"client_id":"{CLIENT_ID}","user_id":"0A1B@techacct.adobe.com","as":"ims-na1","type":"access_token",
        "created_at":"1790000000000","expires_in":"86400000","scope":"ent_aem_cloud_api","fill":"{}"}}"#,
        "x".repeat(500)
    );
    let [header, claims, signature] =
        [&br#"{"alg":"RS256","kid":"1"}"#[..], claims.as_bytes(), &[1; 256]].map(|part| URL_SAFE_NO_PAD.encode(part));
    let body =
        format!(r#"{{"token_type":"bearer","access_token":"{header}.{claims}.{signature}","expires_in":86399999}}"#);
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
    let (head, body) = request.split_at(end + 4);
    let head = str::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    body.len() >= length.parse().unwrap()
}
