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

use std::sync::Arc;
use std::time::SystemTime;

use adobe_ims::{ImsClient, JwtSigner, ServiceCredentials};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use support::material::{CLIENT_ID, CLIENT_SECRET, CredentialsFile, RSA_2048_PKCS1, der};
use support::server::Server;
use support::{compare, cost};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

fn main() {
    let credentials = CredentialsFile::new().read().unwrap();
    let server = Server::start();
    let endpoint = server.endpoint();
    let one_thread = Builder::new_current_thread().enable_all().build().unwrap();
    let client = ImsClient::builder(credentials.clone()).danger_endpoint(endpoint).build().unwrap();
    let floor = Floor::new(&credentials, endpoint);
    compare(
        "ImsClient::exchange over loopback",
        "1.05",
        2000,
        || cost(|| one_thread.block_on(client.exchange()).unwrap()),
        || cost(|| one_thread.block_on(floor.exchange())),
    );

    // Connections belong to the runtime they were made on.
    let two_threads = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let client = ImsClient::builder(credentials.clone()).danger_endpoint(endpoint).build().unwrap();
    let floor = Arc::new(Floor::new(&credentials, endpoint));
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
