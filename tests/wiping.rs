//! S9: secrets are wiped before their memory is freed. An allocator looks at each block.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

#[path = "support/watch.rs"]
mod watch;

mod support;

use std::time::{Duration, Instant, SystemTime};

use adobe_ims::{Clock, Error, ErrorKind, ImsClient, JwtSigner, ServiceCredentials, Token};
use aws_lc_rs::pbkdf2;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use support::material::{
    CLIENT_ID, CLIENT_SECRET, CredentialsFile, ENCRYPTED_PKCS1, ENCRYPTED_PKCS8, METASCOPE, ORG_ID, RSA_2048_PKCS1,
    RSA_2048_PKCS8, TECHNICAL_ACCOUNT_ID, der, pkcs1_crlf,
};
use support::raw::{RawServer, Step};
use tokio::runtime::Builder;
use watch::Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching::new();

/// S9: the measurement itself: it detects each kind of secret that is merely dropped, truncated or reallocated.
#[test]
fn a_secret_that_is_not_wiped_is_detected() {
    for secret in secrets() {
        let (mut outgrown, mut cut) = (secret.clone(), secret.clone());
        assert_eq!(left_behind(|| secret), 1);
        assert_eq!(left_behind(move || (outgrown.reserve(1), outgrown.fill(0))), 1);
        assert_eq!(left_behind(move || cut.truncate(0)), 1);
    }
    assert_eq!(left_behind(|| CLIENT_ID.to_owned()), 0);
}

/// S9: the client secret is moved, and wiped with the last clone of the credentials.
#[test]
fn the_client_secret_is_wiped() {
    let secret = CLIENT_SECRET.to_owned();
    let key = RSA_2048_PKCS1.to_owned();
    assert_eq!(
        left_behind(|| {
            let credentials = credentials(secret, key).unwrap();
            (credentials.clone(), format!("{credentials:?}"))
        }),
        0
    );
}

/// S9: the text of the key and its DER are wiped, whatever the spelling.
#[test]
fn the_key_is_wiped_in_every_spelling() {
    let flat = RSA_2048_PKCS1.replace('\n', " ");
    let escaped = RSA_2048_PKCS1.replace('\n', "\\n");
    let bare = STANDARD.encode(der(RSA_2048_PKCS8));
    let wrapped = STANDARD.encode(RSA_2048_PKCS1);
    let marked = format!("\u{feff}\"{}\"", pkcs1_crlf());
    for key in [RSA_2048_PKCS1, RSA_2048_PKCS8, &pkcs1_crlf(), &flat, &escaped, &bare, &wrapped, &marked] {
        let (secret, key) = (CLIENT_SECRET.to_owned(), key.to_owned());
        assert_eq!(left_behind(|| JwtSigner::new(&credentials(secret, key).unwrap()).unwrap()), 0);
    }
}

/// S9: a key that is refused is wiped as well.
#[test]
fn a_refused_key_is_wiped() {
    let cut = &RSA_2048_PKCS1[..1200];
    let cut_in_the_middle = RSA_2048_PKCS1.replace(&RSA_2048_PKCS1[600..700], "");
    let damaged = RSA_2048_PKCS1.replace('\n', "\n!");
    let unlabelled = RSA_2048_PKCS1.replacen("KEY-----", "KEY", 1);
    let renamed = RSA_2048_PKCS8.replace("PRIVATE", "EC PRIVATE");
    let encrypted = ENCRYPTED_PKCS1.replace("\n\n", &RSA_2048_PKCS1[40..]);
    let too_long = RSA_2048_PKCS1.repeat(20);
    for key in [cut, &cut_in_the_middle, &damaged, &unlabelled, &renamed, &encrypted, &too_long] {
        let (secret, key) = (CLIENT_SECRET.to_owned(), key.to_owned());
        assert_eq!(left_behind(|| assert_eq!(credentials(secret, key).unwrap_err().kind(), ErrorKind::Key)), 0);
    }
}

/// S9: of an encrypted key, passphrase, derived key and decrypted text are wiped, whether it is decrypted or refused.
#[cfg(feature = "encrypted-keys")]
#[test]
fn what_decrypting_a_key_needs_is_wiped() {
    let cut = support::material::armour("ENCRYPTED PRIVATE KEY", &der(ENCRYPTED_PKCS8)[..1000]);
    for (key, is_taken) in [(ENCRYPTED_PKCS8, true), (ENCRYPTED_EC, false), (ENCRYPTED_PKCS1, false), (&cut, false)] {
        for (passphrase, is_right) in [(PASSPHRASE.to_owned(), true), (format!("{PASSPHRASE}!"), false)] {
            let (key, builder) = (key.to_owned(), support::material::parts());
            let build = || {
                let builder = builder.private_key(key).passphrase(passphrase);
                let built = (format!("{builder:?}"), builder.clone().build());
                assert_eq!(built.1.is_ok(), is_taken && is_right);
                built
            };
            assert_eq!(left_behind(build), 0);
        }
    }
}

/// S9: an assertion is wiped with its last clone, and so are all parts of its signature.
#[test]
fn an_assertion_is_wiped() {
    let signer = signer();
    assert_eq!(
        left_behind(|| {
            let assertion = signer.sign(NOW).unwrap();
            (assertion.clone(), format!("{assertion:?}"))
        }),
        left_by_aws_lc_rs()
    );
}

/// S9: the form is wiped when HTTP drops it, whether IMS accepts it, refuses it or closes the connection. HTTP itself
/// leaves no copy on a plain connection; a copy inside TLS would be its own.
#[test]
fn the_form_is_wiped() {
    let refusal = Step::response("400 Bad Request", r#"{"error":"invalid_client"}"#);
    for (response, kind, limit) in [
        (refusal, ErrorKind::Rejected, LONG),
        (Step::response("200 OK", "{}"), ErrorKind::Response, LONG),
        (Step::Reset, ErrorKind::Connect, LONG),
        (Step::Hold, ErrorKind::Timeout, Duration::from_secs(1)),
    ] {
        let server = RawServer::start([vec![Step::Read, response, Step::Hold]]);
        let credentials = CredentialsFile::new().read().unwrap();
        let left = left_behind(|| assert_eq!(exchange(credentials, &server, limit).unwrap_err().kind(), kind));
        assert_eq!(left, left_by_aws_lc_rs(), "{kind:?}");
        let form = server.requests()[0].form();
        assert_eq!(form["client_secret"], CLIENT_SECRET);
        assert_eq!(
            form["jwt_token"],
            signer().sign(NOW).unwrap().expose_secret(),
            "the search was for another assertion"
        );
    }
}

/// S9: the token and the body of its response are wiped. The body comes in chunks of four bytes, so that no buffer of
/// HTTP, which is not ours to wipe, ever holds as much of the token as the search looks for.
#[test]
fn the_token_is_wiped() {
    for blanks in [0, 100, 5_000, 60_000] {
        let token = token();
        let body = format!(r#"{{"access_token":"{token}","expires_in":86399999{}}}"#, " ".repeat(blanks));
        let mut response = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
        for piece in body.as_bytes().chunks(4) {
            response += &format!("{:x}\r\n{}\r\n", piece.len(), str::from_utf8(piece).unwrap());
        }
        let server = RawServer::start([vec![Step::Read, Step::write(response + "0\r\n\r\n"), Step::Hold]]);
        let credentials = CredentialsFile::new().read().unwrap();
        assert_eq!(
            left_behind(|| {
                let got = exchange(credentials, &server, LONG).unwrap();
                assert_eq!(got.expose_secret().len(), token.len());
                (got.clone(), got.authorization(), format!("{got:?}"))
            }),
            left_by_aws_lc_rs(),
            "{blanks}"
        );
    }
}

// Helpers.

/// All that is searched for. Of the key, its private part: the modulus is public.
fn secrets() -> Vec<Vec<u8>> {
    let base64_lines = |pem: &str| pem.lines().filter(|line| !line.starts_with('-')).map(Vec::from).collect::<Vec<_>>();
    let assertion = signer().sign(NOW).unwrap();
    let (_, signature) = assertion.expose_secret().rsplit_once('.').unwrap();
    let mut secrets = vec![
        CLIENT_SECRET.into(),
        der(RSA_2048_PKCS1)[PRIVATE..].to_vec(),
        signature.into(),
        URL_SAFE_NO_PAD.decode(signature).unwrap(),
        token().into_bytes(),
    ];
    for pem in [RSA_2048_PKCS1, RSA_2048_PKCS8] {
        secrets.extend(base64_lines(pem));
    }
    secrets.extend([PASSPHRASE.into(), derived_key()]);
    secrets
}

/// With what [`ENCRYPTED_PKCS8`] is encrypted.
fn derived_key() -> Vec<u8> {
    let der = der(ENCRYPTED_PKCS8);
    let salt = der.windows(2).position(|header| header == [0x04, 0x08]).unwrap() + 2;
    let mut key = vec![0; 32];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        2048.try_into().unwrap(),
        &der[salt..salt + 8],
        PASSPHRASE.as_bytes(),
        &mut key,
    );
    key
}

/// Of the encrypted fixtures.
const PASSPHRASE: &str = "throw-away";
#[cfg(feature = "encrypted-keys")]
const ENCRYPTED_EC: &str = include_str!("fixtures/encrypted.ec-p256.pem");
/// Version, modulus and public exponent come first.
const PRIVATE: usize = 280;
/// Enough on a slow machine, looking at each block included.
const LONG: Duration = Duration::from_secs(20);
/// All is signed at one time, so that the assertion is known.
const NOW: SystemTime = SystemTime::UNIX_EPOCH;

#[track_caller]
fn left_behind<T>(work: impl FnOnce() -> T) -> usize {
    ALLOCATOR.left_behind(secrets, work)
}

/// The raw signature, in the buffer of its own that aws-lc-rs signs into: not ours to wipe.
fn left_by_aws_lc_rs() -> usize {
    let key = KeyPair::from_der(&der(RSA_2048_PKCS1)).unwrap();
    let assertion = signer().sign(NOW).unwrap();
    let (signed, _) = assertion.expose_secret().rsplit_once('.').unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    let sign = || key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    left_behind(sign)
}

fn credentials(client_secret: String, key: String) -> Result<ServiceCredentials, Error> {
    ServiceCredentials::builder()
        .client_id(CLIENT_ID)
        .client_secret(client_secret)
        .org_id(ORG_ID)
        .technical_account_id(TECHNICAL_ACCOUNT_ID)
        .metascopes([METASCOPE])
        .private_key(key)
        .build()
}

fn signer() -> JwtSigner {
    JwtSigner::new(&CredentialsFile::new().read().unwrap()).unwrap()
}

fn token() -> String {
    (0..400).map(|number| format!("{:03}", number * 7 % 1000)).collect()
}

/// On this thread only, connection and all: what other threads free is the server's.
fn exchange(credentials: ServiceCredentials, server: &RawServer, limit: Duration) -> Result<Token, Error> {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let client = ImsClient::builder(credentials)
        .danger_endpoint(server.endpoint())
        .attempt_timeout(limit)
        .max_attempts(1)
        .clock(Standing)
        .build()
        .unwrap();
    runtime.block_on(client.exchange())
}

/// A clock that shows [`NOW`].
struct Standing;

impl Clock for Standing {
    fn now(&self) -> SystemTime {
        NOW
    }

    #[allow(clippy::disallowed_methods, reason = "there is no other way to an instant")]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
