//! Keys that sign elsewhere: what is asked of them, and what happens when they do not do it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adobe_ims::testing::MockIms;
use adobe_ims::{
    Error, ErrorKind, ImsClient, ImsClientBuilder, JwtSigner, ServiceCredentials, SigningError, SigningFuture,
    SigningInput, SigningKey,
};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// Stands for a key management service: it has the key, and does one of these things.
struct Kms {
    key: KeyPair,
    does: Vec<Does>,
    asked: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

#[derive(Clone, Copy)]
enum Does {
    Sign,
    Hang,
    Panic,
    PanicAtOnce,
    SignSomethingElse,
    Return(usize),
    FailForNow,
    Fail,
}

struct CountDrop(Arc<AtomicUsize>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Kms {
    fn new(mock: &MockIms, does: &[Does]) -> Self {
        let file: Value = serde_json::from_str(&mock.credentials_json()).unwrap();
        let pem = file["integration"]["privateKey"].as_str().unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).map(str::trim).collect();
        let key = KeyPair::from_der(&STANDARD.decode(base64).unwrap()).unwrap();
        Self { key, does: does.to_vec(), asked: Arc::default(), dropped: Arc::default() }
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }
}

impl SigningKey for Kms {
    fn sign<'a>(&'a self, input: &'a SigningInput<'a>) -> SigningFuture<'a> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let does = *self.does.get(asked).or(self.does.last()).unwrap();
        assert!(!matches!(does, Does::PanicAtOnce), "a key that panics at once");
        let dropped = CountDrop(Arc::clone(&self.dropped));
        Box::pin(async move {
            let _dropped = dropped;
            // The digest is that of the message.
            assert_eq!(
                input.sha256().as_slice(),
                aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, input.message()).as_ref()
            );
            tokio::task::yield_now().await;
            match does {
                Does::Sign => Ok(self.signature(input.message())),
                Does::Hang => pending().await,
                Does::Panic | Does::PanicAtOnce => panic!("a key that panics"),
                Does::SignSomethingElse => Ok(self.signature(b"something else")),
                Does::Return(bytes) => Ok(vec![7; bytes]),
                Does::FailForNow => Err(SigningError::transient("the service is throttling\u{1b}[31m")),
                Does::Fail => Err(SigningError::permanent("no permission kms:Sign")),
            }
        })
    }
}

fn with_key(mock: &MockIms, key: impl SigningKey) -> ServiceCredentials {
    let known = mock.credentials();
    let file: Value = serde_json::from_str(&mock.credentials_json()).unwrap();
    let text = |name: &str| file["integration"][name].as_str().unwrap().to_owned();
    ServiceCredentials::builder()
        .client_id(known.client_id())
        .client_secret(file["integration"]["technicalAccount"]["clientSecret"].as_str().unwrap())
        .org_id(known.org_id())
        .technical_account_id(known.technical_account_id())
        .ims_host(known.ims_host())
        .metascopes(known.metascopes())
        .certificate(text("publicKey"))
        .signing_key(key)
        .build()
        .unwrap()
}

fn builder(mock: &MockIms, key: Kms) -> ImsClientBuilder {
    ImsClient::builder(with_key(mock, key)).danger_endpoint(mock.endpoint())
}

async fn fails(does: &[Does], attempts: u32) -> (Error, usize) {
    let mock = MockIms::start().await.unwrap();
    let kms = Kms::new(&mock, does);
    let asked = Arc::clone(&kms.asked);
    let ims = builder(&mock, kms).max_attempts(attempts).attempt_timeout(Duration::from_millis(250)).build().unwrap();
    let error = ims.exchange().await.unwrap_err();
    assert_eq!(mock.request_count(), 0, "nothing is sent: {error:?}");
    (error, asked.load(Ordering::SeqCst))
}

/// C70: a strict IMS takes what the key signed, and a key that fails for now is asked again.
#[tokio::test]
async fn a_key_that_signs_elsewhere_gets_a_token() {
    let mock = MockIms::start().await.unwrap();
    let kms = Kms::new(&mock, &[Does::Sign, Does::FailForNow, Does::Sign]);
    let asked = Arc::clone(&kms.asked);
    let ims = builder(&mock, kms).build().unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 0, "building a client asks nobody");
    assert!(ims.certificate().unwrap().matches_key());
    ims.token().await.unwrap();
    assert_eq!((mock.request_count(), asked.load(Ordering::SeqCst)), (1, 1));
    ims.exchange().await.unwrap();
    assert_eq!((mock.request_count(), asked.load(Ordering::SeqCst)), (2, 3));
}

/// C71: a key that hangs is a timeout of the key, which may pass, and nothing is sent.
#[tokio::test]
async fn a_key_that_hangs_is_reported_as_that() {
    let (error, asked) = fails(&[Does::Hang], 2).await;
    assert_eq!((error.kind(), error.is_transient(), asked), (ErrorKind::Timeout, true, 2));
    assert_eq!(error.to_string(), "the signing key did not sign within 200 ms");
    assert!(error.hint().unwrap().contains("key service"));
}

/// C72: a key that panics is an error of the key, not a panic of the caller.
#[tokio::test]
async fn a_key_that_panics_is_an_error() {
    for does in [Does::Panic, Does::PanicAtOnce] {
        let (error, asked) = fails(&[does], 3).await;
        assert_eq!((error.kind(), error.is_transient(), asked), (ErrorKind::Key, false, 1));
        assert_eq!(error.to_string(), "the signing key panicked");
    }
}

/// C73: what is not an RSA signature, or another key's, is told apart before anything is sent.
#[tokio::test]
async fn a_wrong_signature_is_refused_before_anything_is_sent() {
    for bytes in [0, 32, 255, 1025] {
        let (error, _) = fails(&[Does::Return(bytes)], 3).await;
        let expected = format!("the signing key returned {bytes} bytes, not an RSA signature");
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Key, expected));
    }
    for does in [Does::Return(256), Does::SignSomethingElse] {
        let (error, asked) = fails(&[does], 3).await;
        assert_eq!((error.kind(), asked), (ErrorKind::Key, 1));
        assert_eq!(error.to_string(), "the signature of the signing key does not match the certificate");
    }
}

/// C74: the key's own words are a cause, cleaned; whether to retry is its decision.
#[tokio::test]
async fn a_key_that_fails_says_whether_to_retry() {
    use std::error::Error as _;
    let (error, asked) = fails(&[Does::Fail], 3).await;
    assert_eq!((error.kind(), error.is_transient(), asked), (ErrorKind::Key, false, 1));
    assert_eq!(error.source().unwrap().to_string(), "no permission kms:Sign");
    let (error, asked) = fails(&[Does::FailForNow], 3).await;
    assert_eq!((error.kind(), error.is_transient(), asked), (ErrorKind::Key, true, 3));
    assert_eq!(error.source().unwrap().to_string(), "the service is throttling[31m");
}

/// C75: dropping the call drops the signing.
#[tokio::test]
async fn dropping_the_call_drops_the_signing() {
    let mock = MockIms::start().await.unwrap();
    let kms = Kms::new(&mock, &[Does::Hang]);
    let dropped = Arc::clone(&kms.dropped);
    let ims = builder(&mock, kms).build().unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(50), ims.exchange()).await.is_err());
    assert_eq!((dropped.load(Ordering::SeqCst), mock.request_count()), (1, 0));
}

/// C76: what needs the key itself says so, two keys are one too many, and nothing prints the key.
#[tokio::test]
async fn a_key_that_is_kept_elsewhere_is_not_here() {
    let mock = MockIms::start().await.unwrap();
    let credentials = with_key(&mock, Kms::new(&mock, &[Does::Sign]));
    let error = JwtSigner::new(&credentials).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key);
    assert!(error.hint().unwrap().contains("ImsClient"));
    assert!(format!("{credentials:?}").contains("private_key: [kept elsewhere]"));

    let file: Value = serde_json::from_str(&mock.credentials_json()).unwrap();
    let both = ServiceCredentials::builder()
        .client_id("client")
        .client_secret("secret")
        .org_id("org@AdobeOrg")
        .technical_account_id("id@techacct.adobe.com")
        .metascopes(["ent_aem_cloud_api"])
        .private_key(file["integration"]["privateKey"].as_str().unwrap())
        .signing_key(Kms::new(&mock, &[Does::Sign]));
    assert_eq!(
        both.build().unwrap_err().to_string(),
        "credentials cannot be used: both private_key and signing_key are set"
    );
}
