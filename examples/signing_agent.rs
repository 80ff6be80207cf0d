//! A private key in another process: an agent signs over a Unix socket, and the service gets its
//! token without ever having the key. It represents a key management service or a hardware security
//! module.
//!
//! ```text
//! cargo run --example signing_agent
//! ```
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use adobe_ims::testing::MockIms;
use adobe_ims::{ImsClient, JwtSigner, ServiceCredentials, SigningError, SigningFuture, SigningInput, SigningKey};
use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// The key as the service sees it: a socket.
struct Agent {
    socket: PathBuf,
}

impl SigningKey for Agent {
    fn sign<'a>(&'a self, input: &'a SigningInput<'a>) -> SigningFuture<'a> {
        Box::pin(async move {
            let ask = async {
                let mut stream = UnixStream::connect(&self.socket).await?;
                stream.write_all(input.message()).await?;
                stream.shutdown().await?;
                let mut signature = Vec::new();
                stream.read_to_end(&mut signature).await?;
                Ok(signature)
            };
            ask.await.map_err(|error: std::io::Error| SigningError::transient(error))
        })
    }
}

/// The other process: reads the key from a file, and signs what it is sent.
async fn agent(file: &str, socket: &str) -> Result<(), Box<dyn Error>> {
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(file)?)?;
    let pem = file.pointer("/integration/privateKey").and_then(|pem| pem.as_str()).ok_or("no key in the file")?;
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).map(str::trim).collect();
    let key = KeyPair::from_der(&STANDARD.decode(base64)?)?;
    let listener = UnixListener::bind(socket)?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut message = Vec::new();
        stream.read_to_end(&mut message).await?;
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &message, &mut signature)?;
        stream.write_all(&signature).await?;
    }
}

/// The service: has everything but the key.
async fn service(mock: &MockIms, socket: PathBuf) -> Result<(), Box<dyn Error>> {
    let file: serde_json::Value = serde_json::from_str(&mock.credentials_json())?;
    let text = |pointer: &str| file.pointer(pointer).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let credentials = ServiceCredentials::builder()
        .client_id(text("/integration/technicalAccount/clientId"))
        .client_secret(text("/integration/technicalAccount/clientSecret"))
        .org_id(text("/integration/org"))
        .technical_account_id(text("/integration/id"))
        .ims_host(text("/integration/imsEndpoint"))
        .metascopes([text("/integration/metascopes")])
        .certificate(text("/integration/publicKey"))
        .signing_key(Agent { socket })
        .build()?;
    assert!(JwtSigner::new(&credentials).is_err(), "the key is not here");
    let ims = ImsClient::builder(credentials).danger_endpoint(mock.endpoint()).build()?;
    let token = ims.token().await?;
    println!("got an access token, valid for {} minutes, signed by another process", token.remaining().as_secs() / 60);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, file, socket] = arguments.as_slice() {
        return agent(file, socket).await;
    }
    let mock = MockIms::start().await?;
    let folder = std::env::temp_dir().join(format!("adobe-ims-agent-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let (file, socket) = (folder.join("credentials.json"), folder.join("agent.sock"));
    std::fs::write(&file, mock.credentials_json())?;
    let mut agent = Command::new(std::env::current_exe()?).args([&file, &socket]).spawn()?;
    wait_for(&socket).await;
    let result = service(&mock, socket).await;
    agent.kill()?;
    agent.wait()?;
    std::fs::remove_dir_all(folder)?;
    result
}

async fn wait_for(socket: &Path) {
    for _ in 0..500 {
        if socket.exists() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
