//! What is said of a path: the file is named in every error, and what is no path is never repeated.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::fs;

use adobe_ims::{Credentials, DevelopmentToken, Error, ErrorKind, OAuthCredentials, ServiceCredentials};
use support::material::{CLIENT_SECRET, CredentialsFile, EC_PKCS8, RSA_2048_PKCS1, assert_no_key_text, printed, told};

/// S17: the text of a file, a key or a secret where a path was meant is described, and not one byte of it shown.
#[test]
fn what_is_no_path_is_described_and_never_shown() {
    let json = CredentialsFile::new().to_json();
    let slips = [
        (json.as_str(), "the text of a credentials file"),
        ("[\"p8e-MARKER\"]", "the text of a credentials file"),
        (RSA_2048_PKCS1, "the text of a key or certificate"),
        (CLIENT_SECRET, "may be a secret"),
        ("0123456789MARKER", "may be a secret"),
        ("eyJhbGciOiJSUzI1NiJ9.MARKER.x", "may be a secret"),
        ("MARKER\nMARKER/service_token.json", "line breaks or control characters"),
        ("\u{1b}[31mMARKER.json", "line breaks or control characters"),
        ("MARKER\0.json", "line breaks or control characters"),
        ("", "is empty"),
    ];

    for (slip, words) in slips {
        for error in errors_of(slip) {
            assert_eq!(error.kind(), ErrorKind::Credentials, "{words}");
            assert!(error.to_string().contains(words), "no {words:?} in {error}");
            assert!(error.hint().unwrap().contains("`from_json`"), "{}", told(&error));
            let all = printed(&error) + &error.report().to_string();
            assert!(!all.contains("MARKER") && !all.contains('\u{1b}') && !all.contains("eyJ"), "{all}");
            assert!(slip.is_empty() || !all.contains(slip), "{all}");
            assert_no_key_text(&error, RSA_2048_PKCS1);
        }
    }
}

/// S17: a path that can be shown is named, with the system's reason.
#[test]
fn a_path_that_is_not_there_is_named_with_the_reason() {
    for path in ["/nowhere/service_token.json", "./nowhere/ключ.json", "nowhere.json"] {
        for error in errors_of(path) {
            assert_eq!(error.to_string(), format!("{path}: credentials file cannot be read"));
            assert!(error.report().to_string().contains("caused by: "), "{}", error.report());
        }
    }
}

/// K2: every error about what is in a file names the file, whatever is wrong with it.
#[test]
fn an_error_about_the_content_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = CredentialsFile::new();
    let contents = [
        ("empty.json", String::new()),
        ("cut.json", file.to_json()[..200].to_owned()),
        ("kind.json", "[]".to_owned()),
        ("missing.json", file.clone().without("integration.org").to_json()),
        ("host.json", file.clone().host("evil.com").to_json()),
        ("key.json", file.clone().key(EC_PKCS8).to_json()),
        ("large.json", " ".repeat(64 * 1024 + 1)),
    ];

    for (name, content) in contents {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let path = path.to_str().unwrap();
        for error in [ServiceCredentials::from_file(path).unwrap_err(), Credentials::from_file(path).unwrap_err()] {
            assert!(error.to_string().starts_with(&format!("{path}: ")), "{error}");
            assert!(error.report().to_string().starts_with(&format!("{path}: ")), "{}", error.report());
        }
    }
}

/// S17: a file whose name cannot be shown is read all the same, and not named.
#[test]
fn a_file_whose_name_cannot_be_shown_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s8e-MARKER-name");
    fs::write(&path, CredentialsFile::new().to_json()).unwrap();
    Credentials::from_file(&path).unwrap();

    fs::write(&path, "[]").unwrap();
    let error = Credentials::from_file(&path).unwrap_err();
    assert!(!printed(&error).contains("MARKER"), "{}", printed(&error));
}

fn errors_of(path: &str) -> Vec<Error> {
    vec![
        Credentials::from_file(path).unwrap_err(),
        ServiceCredentials::from_file(path).unwrap_err(),
        OAuthCredentials::from_file(path).unwrap_err(),
        DevelopmentToken::from_file(path).unwrap_err(),
    ]
}
