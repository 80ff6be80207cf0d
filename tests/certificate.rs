//! What the certificate in a credentials file tells.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::time::{Duration, SystemTime};

use serde_json::Value;
use support::material::{
    CERTIFICATE, CERTIFICATE_NOT_AFTER, CredentialsFile, ENDED_CERTIFICATE, ENDED_CERTIFICATE_NOT_AFTER,
    OTHER_CERTIFICATE, RSA_2048_PKCS1, armour, assert_parts, parts, told, unix,
};

/// K15: a certificate of another type is as good as none.
#[test]
fn a_certificate_that_is_no_text_does_not_stop_construction() {
    for odd in [serde_json::json!(42), serde_json::json!(["x"]), serde_json::json!({"x": null}), serde_json::json!(1.5)]
    {
        let credentials = CredentialsFile::new().with("integration.publicKey", odd.clone()).read();
        assert!(credentials.unwrap().certificate().is_none(), "{odd}");
    }
}

/// K15: a certificate tells its end, and how much of its life remains at a time.
#[test]
fn a_certificate_tells_its_end() {
    let credentials = CredentialsFile::new().read().unwrap();
    let certificate = credentials.certificate().unwrap();
    let end = unix(CERTIFICATE_NOT_AFTER);

    assert_eq!(certificate.not_after(), end);
    assert_eq!(certificate.remaining(end - Duration::from_millis(1_500)), Duration::from_millis(1_500));
    assert_eq!(certificate.remaining(end), Duration::ZERO);
    assert_eq!(certificate.remaining(end + Duration::from_secs(1)), Duration::ZERO);
}

/// K15: a certificate that has ended is not our decision: IMS refuses it, we tell.
#[test]
fn an_ended_certificate_does_not_stop_construction() {
    let credentials = CredentialsFile::new().certificate(ENDED_CERTIFICATE).read().unwrap();
    let certificate = credentials.certificate().unwrap();

    assert_eq!(certificate.not_after(), unix(ENDED_CERTIFICATE_NOT_AFTER));
    assert_eq!(certificate.remaining(now()), Duration::ZERO);
    assert!(certificate.matches_key());
}

/// K15: a certificate matches the key it was made for, and no other.
#[test]
fn a_certificate_tells_whether_it_is_of_the_key() {
    let matches = |certificate: &str| {
        let credentials = CredentialsFile::new().certificate(certificate).read().unwrap();
        credentials.certificate().unwrap().matches_key()
    };

    assert!(matches(CERTIFICATE));
    assert!(!matches(OTHER_CERTIFICATE));
}

/// K15: a certificate is read in the spellings in which a key is.
#[test]
fn a_certificate_is_read_in_the_spellings_of_a_key() {
    let spellings = [
        CERTIFICATE.replace('\n', "\r\n"),
        CERTIFICATE.replace('\n', r"\n"),
        CERTIFICATE.replace('\n', r"\r\n"),
        CERTIFICATE.trim_end().to_owned(),
        format!("\u{feff}\n{CERTIFICATE}"),
    ];

    for certificate in spellings {
        let credentials = CredentialsFile::new().certificate(&certificate).read().unwrap();
        assert!(credentials.certificate().is_some_and(|read| read.matches_key()), "{certificate:?}");
    }
}

/// K15: without a certificate that can be read there is none, and the rest works.
#[test]
fn an_absent_or_unreadable_certificate_does_not_stop_construction() {
    let garbage = armour("CERTIFICATE", &[0x5a; 600]);
    let files = [
        CredentialsFile::new().without("integration.publicKey"),
        CredentialsFile::new().with("integration.publicKey", Value::Null),
        CredentialsFile::new().certificate(""),
        CredentialsFile::new().certificate("garbage"),
        CredentialsFile::new().certificate(&garbage),
        CredentialsFile::new().certificate(&CERTIFICATE[..CERTIFICATE.len() / 2]),
        CredentialsFile::new().certificate(RSA_2048_PKCS1),
    ];

    for file in files {
        let credentials = file.read().unwrap_or_else(|error| panic!("{}: {}", file.to_json(), told(&error)));
        assert!(credentials.certificate().is_none(), "{}", file.to_json());
        assert_parts(&credentials);
    }
}

/// K15: the builder takes a certificate, and does without.
#[test]
fn the_builder_takes_a_certificate_or_none() {
    let with = parts().certificate(CERTIFICATE).build().unwrap();
    let without = parts().build().unwrap();

    assert!(with.certificate().unwrap().matches_key());
    assert!(without.certificate().is_none());
}

fn now() -> SystemTime {
    unix(1_790_000_000)
}
