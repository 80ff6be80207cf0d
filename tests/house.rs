//! Rules that the source itself keeps, for which no type can stand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// S6: a hand-written `Debug` of what holds a secret takes the struct apart by name, so that a new field does not compile
/// until somebody decides about it.
#[test]
fn debug_of_each_holder_of_a_secret_names_every_field() {
    let holders = [
        ("src/credentials/service.rs", "impl fmt::Debug for ServiceCredentials {"),
        ("src/credentials/service.rs", "impl fmt::Debug for ServiceCredentialsBuilder {"),
        ("src/signer.rs", "impl fmt::Debug for JwtSigner {"),
        ("src/signer.rs", "impl fmt::Debug for Assertion {"),
        ("src/token.rs", "impl fmt::Debug for Token {"),
        ("src/client/mod.rs", "impl fmt::Debug for ImsClient {"),
        ("src/client/builder.rs", "impl fmt::Debug for ImsClientBuilder {"),
        ("src/exchange/http.rs", "impl fmt::Debug for HttpSettings {"),
    ];
    for (file, start) in holders {
        let source = fs::read_to_string(file).unwrap();
        let body = source.split_once(start).expect(start).1;
        let body = &body[..body.find("\n}").unwrap()];
        let pattern = &body[..body.find("} =").expect(start)];
        assert!(!pattern.contains(".."), "{start}");
    }
}

/// S13: no test, example or document names a host of Adobe's to connect to, and keys stand among the fixtures alone.
#[test]
fn no_test_or_example_holds_a_key_or_connects_to_a_real_host() {
    for path in files("tests").into_iter().chain(files("examples")).chain(files("src")) {
        let name = path.display().to_string();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        // Assembled, or this file would find itself.
        let key = ["MII", "E"].concat();
        assert!(!text.contains(&key) || name.starts_with("tests/fixtures/"), "a key in {name}");
        for connect in [["danger_endpoint(\"", "https://ims"].concat(), ["danger_endpoint(\"", "https://id"].concat()] {
            let allowed = [connect.as_str(), ".invalid"].concat();
            assert!(!text.replace(&allowed, "").contains(&connect), "a real host in {name}");
        }
    }
}

/// S13: each key among the fixtures is made by the recorded command.
#[test]
fn every_key_among_the_fixtures_is_made_by_the_recorded_command() {
    let recorded = fs::read_to_string("tests/fixtures/make-keys.sh").unwrap();
    for path in files("tests/fixtures") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name == "make-keys.sh" || recorded.contains(&name), "{name} has no recorded command");
    }
}

/// S15: nothing in the crate reads the environment; proxies are the HTTP client's business.
#[test]
fn nothing_reads_the_environment() {
    for path in files("src") {
        let text = fs::read_to_string(&path).unwrap();
        let text: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        assert!(!text.contains("env::var") && !text.contains("std::env"), "{}", path.display());
    }
}

/// D8: the crate forbids `unsafe`.
#[test]
fn the_crate_forbids_unsafe_code() {
    assert!(fs::read_to_string("src/lib.rs").unwrap().contains("#![forbid(unsafe_code)]"));
}

/// D7: of other crates, public signatures show `http`, and reqwest where a feature asks for it by name.
#[test]
fn public_signatures_show_no_foreign_types() {
    let foreign =
        ["reqwest::", "wiremock", "bytes::", "Bytes", "aws_lc_rs", "jsonwebtoken", "tokio::", "serde", "Zeroizing"];
    for path in files("src") {
        let name = path.display().to_string();
        // Compiled for fuzzing alone.
        if name.ends_with("fuzzing.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (at, _) in text.match_indices("    pub fn ").chain(text.match_indices("    pub async fn ")) {
            let signature = &text[at..at + text[at..].find(" {\n").unwrap()];
            let shown = foreign.iter().find(|foreign| signature.contains(**foreign));
            assert!(shown.is_none() || signature.contains("pub fn configure_http("), "{name}: {signature}");
        }
    }
}

/// R10, S11, K15: what nobody could know without being told stands in the documentation.
#[test]
fn the_documentation_tells_what_dropping_does_what_stays_the_callers_and_what_the_certificate_is_for() {
    let page = fs::read_to_string("src/lib.rs").unwrap();
    assert!(page.contains("//! # Cancel safety"));
    assert!(page.contains("are yours"));
    assert!(fs::read_to_string("src/certificate.rs").unwrap().contains("It lives 365 days."));
}

fn files(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(path)),
            false => found.push(path),
        }
    }
    found
}
