//! What the types guarantee, and that no `Debug` shows a secret.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::fmt::{Debug, Display};
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};

use adobe_ims::testing::{MockAnswer, MockIms, MockImsBuilder, MockRequest};
use adobe_ims::{
    Assertion, Certificate, Credentials, Error, ErrorKind, ImsClient, ImsClientBuilder, JwtSigner, ServiceCredentials,
    ServiceCredentialsBuilder, Token, TokenClaims,
};
use serde::Serialize;
use static_assertions::{assert_impl_all, assert_not_impl_any};
use support::material::{CLIENT_SECRET, CredentialsFile, RSA_2048_PKCS1, der, unix};

// R8: the client can be shared, sent and kept as a service needs it.
assert_impl_all!(ImsClient: Send, Sync, Clone, Debug, UnwindSafe, RefUnwindSafe);
assert_impl_all!(ImsClientBuilder: Send, Debug);
assert_impl_all!(ServiceCredentials: Send, Sync, Clone, Debug);
assert_impl_all!(ServiceCredentialsBuilder: Send, Sync, Clone, Debug);
assert_impl_all!(Credentials: Send, Sync, Clone, Debug);
assert_impl_all!(JwtSigner: Send, Sync, Clone, Debug);
assert_impl_all!(Assertion: Send, Sync, Clone, Debug);
assert_impl_all!(Token: Send, Sync, Clone, Debug);
assert_impl_all!(TokenClaims: Send, Sync, Clone, Debug);
assert_impl_all!(Certificate: Send, Sync, Clone, Debug);
assert_impl_all!(Error: Send, Sync, Clone, Debug, UnwindSafe, RefUnwindSafe, std::error::Error);
assert_impl_all!(ErrorKind: Send, Sync, Copy, Debug, Eq, std::hash::Hash);
assert_impl_all!(MockIms: Send, Sync, Debug);
assert_impl_all!(MockImsBuilder: Send, Debug);
assert_impl_all!(MockAnswer: Send, Sync, Clone, Debug);
assert_impl_all!(MockRequest: Send, Sync, Clone, Debug);

// S7, S8, S14: no holder of a secret can be serialized, or compared in variable time. RSA is aws-lc's, blinded.
assert_not_impl_any!(ServiceCredentials: Serialize, Display, PartialEq);
assert_not_impl_any!(ServiceCredentialsBuilder: Serialize, Display, PartialEq);
assert_not_impl_any!(Credentials: Serialize, Display, PartialEq);
assert_not_impl_any!(JwtSigner: Serialize, Display, PartialEq);
assert_not_impl_any!(Assertion: Serialize, Display, PartialEq);
assert_not_impl_any!(Token: Serialize, Display, PartialEq);
assert_not_impl_any!(ImsClient: Serialize, Display, PartialEq);

/// R8: futures move between threads and outlive borrowed arguments.
#[test]
fn the_future_of_an_exchange_is_send() {
    fn is_send<F: Future<Output = Result<Token, Error>> + Send>(_: F) {}
    let ims = ImsClient::builder(CredentialsFile::new().read().unwrap()).danger_endpoint("http://127.0.0.1:1");
    is_send(ims.build().unwrap().exchange());
}

/// S1: no `Debug` of a public type, plain or pretty, shows a piece of a secret.
#[tokio::test]
async fn debug_of_no_public_type_shows_a_secret() {
    let mock = MockIms::start().await.unwrap();
    let credentials = CredentialsFile::new().read().unwrap();
    let signer = JwtSigner::new(&credentials).unwrap();
    let assertion = signer.sign(unix(1_790_000_000)).unwrap();
    let marker = "eyJhbGciOiJub25lIn0.VE9LRU4tTUFSS0VSLTAxMjM0NTY3ODk.bWFya2Vy";
    mock.answer_always(MockAnswer::grant().access_token(marker).expires_in(std::time::Duration::from_secs(60)));
    let mocked = mock.client().unwrap();
    let token = mocked.exchange().await.unwrap();
    assert_eq!(token.expose_secret(), marker);
    let builder = ServiceCredentials::builder().client_secret(CLIENT_SECRET).private_key(RSA_2048_PKCS1);
    let builder = builder.passphrase("PASSPHRASE-MARKER");
    let reader = Credentials::reader().private_key(RSA_2048_PKCS1).passphrase("PASSPHRASE-MARKER");
    let proxy = "http://user:PROXY-PASSWORD-MARKER@proxy.example";

    let mut printed = String::new();
    let mut print = |value: &dyn Debug| printed += &format!("{value:?}\n{value:#?}\n");
    print(&credentials);
    print(&Credentials::from(credentials.clone()));
    print(&builder);
    print(&reader);
    print(&signer);
    print(&assertion);
    print(&token);
    print(&token.authorization());
    print(&token.claims());
    print(&mocked);
    print(&ImsClient::builder(credentials.clone()).proxy(proxy));
    print(&ImsClient::builder(credentials.clone()).proxy(proxy).danger_endpoint(mock.endpoint()).build().unwrap_err());
    print(&credentials.certificate());
    print(&mock);
    print(&mock.requests());
    print(&MockIms::builder());
    print(&MockAnswer::grant().access_token(marker));

    let mock_json = mock.credentials_json();
    let mock_json: serde_json::Value = serde_json::from_str(&mock_json).unwrap();
    let mock_key = mock_json["integration"]["privateKey"].as_str().unwrap().to_owned();
    let mock_secret = mock_json["integration"]["technicalAccount"]["clientSecret"].as_str().unwrap().to_owned();
    let key_bytes = der(RSA_2048_PKCS1).iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let key_hex = der(RSA_2048_PKCS1).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key_text = RSA_2048_PKCS1.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let mock_key_text = mock_key.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    for secret in [
        CLIENT_SECRET,
        assertion.expose_secret(),
        marker,
        "PROXY-PASSWORD-MARKER",
        "PASSPHRASE-MARKER",
        &mock_secret,
        &key_text,
        &mock_key_text,
        &key_bytes,
        &key_hex,
    ] {
        for start in 0..secret.len() - 11 {
            let piece = &secret[start..start + 12];
            assert!(!printed.contains(piece), "{piece} in {printed}");
        }
    }
}

/// S11: the text of a file that a caller reads stays the caller's, to wipe when it likes.
#[test]
fn the_text_of_a_file_stays_the_callers() {
    let text = CredentialsFile::new().to_json().into_bytes();
    let before = (text.as_ptr(), text.clone());
    ServiceCredentials::from_json(&text).unwrap();
    Credentials::from_json(&text).unwrap();
    assert_eq!((text.as_ptr(), text), before);
}

/// S10: one text for each secret: clones and views share it.
#[tokio::test]
async fn clones_of_a_token_share_one_text() {
    let mock = MockIms::start().await.unwrap();
    let token = mock.client().unwrap().exchange().await.unwrap();
    assert!(std::ptr::eq(token.expose_secret(), token.clone().expose_secret()));
    let header = token.authorization();
    assert!(std::ptr::eq(&header.as_bytes()["Bearer ".len()..], token.expose_secret().as_bytes()));
    let assertion = JwtSigner::new(&mock.credentials()).unwrap().sign(unix(1_790_000_000)).unwrap();
    assert!(std::ptr::eq(assertion.expose_secret(), assertion.clone().expose_secret()));
}

/// A token has its own claims; an opaque token has none, which is not a failure.
#[tokio::test]
async fn a_token_has_its_own_claims() {
    let mock = MockIms::start().await.unwrap();
    let ims = mock.client().unwrap();
    let claims = ims.exchange().await.unwrap().claims().unwrap();
    assert_eq!(claims.client_id(), Some(ims.client_id()));
    assert_eq!(claims.user_id(), Some(mock.credentials().technical_account_id()));
    assert_eq!(claims.authorization_server(), Some("ims-na1"));
    assert_eq!(claims.scopes().collect::<Vec<_>>(), ["ent_aem_cloud_api"]);
    assert_eq!(claims.lifetime().unwrap().as_secs(), 86_400);
    assert!(claims.created_at().unwrap().elapsed().unwrap().as_secs() < 60);

    mock.answer_next(MockAnswer::grant().opaque_token());
    assert!(ims.exchange().await.unwrap().claims().is_none());
}
