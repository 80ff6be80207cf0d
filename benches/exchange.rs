//! What an exchange costs beyond a signature and a POST.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench measures time, prints, and may stop at the first surprise"
)]

mod support;

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use adobe_ims::{ImsClient, JwtSigner, ServiceCredentials};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use support::material::{CLIENT_ID, CLIENT_SECRET, CredentialsFile, RSA_2048_PKCS1, der};
use support::{compare, cost};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

fn main() {
    let credentials = CredentialsFile::new().read().unwrap();
    let endpoint = serve(answer());
    let one_thread = Builder::new_current_thread().enable_all().build().unwrap();
    let client = ImsClient::builder(credentials.clone()).danger_endpoint(&endpoint).build().unwrap();
    let floor = Floor::new(&credentials, &endpoint);
    compare(
        "ImsClient::exchange over loopback",
        "1.05",
        2000,
        || cost(|| one_thread.block_on(client.exchange()).unwrap()),
        || cost(|| one_thread.block_on(floor.exchange())),
    );

    // Connections belong to the runtime they were made on.
    let two_threads = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let client = ImsClient::builder(credentials.clone()).danger_endpoint(&endpoint).build().unwrap();
    let floor = Arc::new(Floor::new(&credentials, &endpoint));
    compare(
        "64 exchanges in flight, all of them",
        "1.10",
        100,
        || cost(|| in_flight(&two_threads, || exchange(client.clone()))),
        || cost(|| in_flight(&two_threads, || hand_written(Arc::clone(&floor)))),
    );
}

/// Starts 64 at once and waits for all.
fn in_flight<F: Future<Output = ()> + Send + 'static>(runtime: &Runtime, one: impl Fn() -> F) {
    runtime.block_on(async {
        let flights = (0..64).map(|_| one()).collect::<JoinSet<_>>();
        flights.join_all().await;
    });
}

async fn exchange(client: ImsClient) {
    client.exchange().await.unwrap();
}

async fn hand_written(floor: Arc<Floor>) {
    floor.exchange().await;
}

/// The hand-written floor: one signature over the same bytes, and a POST of the same bytes.
struct Floor {
    key: KeyPair,
    signed: String,
    form: Bytes,
    http: reqwest::Client,
    url: String,
}

impl Floor {
    fn new(credentials: &ServiceCredentials, endpoint: &str) -> Self {
        let assertion = JwtSigner::new(credentials).unwrap().sign(SystemTime::now()).unwrap();
        let (signed, _) = assertion.expose_secret().rsplit_once('.').unwrap();
        let fields =
            [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET), ("jwt_token", assertion.expose_secret())];
        Self {
            key: KeyPair::from_der(&der(RSA_2048_PKCS1)).unwrap(),
            signed: signed.to_owned(),
            form: form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            url: format!("{endpoint}/ims/exchange/jwt"),
        }
    }

    async fn exchange(&self) -> Bytes {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), self.signed.as_bytes(), &mut signature).unwrap();
        let request = self.http.post(&self.url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let response = request.body(self.form.clone()).send().await.unwrap();
        response.bytes().await.unwrap()
    }
}

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

/// In a thread of its own, answers each request with the same bytes; verifies and allocates nothing.
fn serve(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let answer: &'static [u8] = answer.leak();
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let (mut request, mut length) = ([0; 8192], 0);
                while let Ok(read @ 1..) = stream.read(&mut request[length..]).await {
                    length += read;
                    if is_whole(&request[..length]) {
                        stream.write_all(answer).await.unwrap();
                        length = 0;
                    }
                }
            });
        }
    };
    thread::spawn(|| Builder::new_current_thread().enable_all().build().unwrap().block_on(serve));
    endpoint
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
    let (head, body) = request.split_at(end + 4);
    let head = str::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    body.len() >= length.parse().unwrap()
}
