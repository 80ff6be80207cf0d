//! S13: no real key and no real host in the repository.
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

/// Private keys are among the fixtures only.
#[test]
fn no_key_is_outside_the_fixtures() {
    for (name, text) in texts() {
        if name.starts_with("tests/fixtures/") {
            continue;
        }
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
        for run in text.split(|c| !is_base64(c)) {
            let der = run.find("MII").map_or("", |start| &run[start..]);
            // A sequence that begins with the number 0 is a key, PKCS#1 or PKCS#8; PKCS#5 encrypts one.
            let is_key = der.get(6..9) == Some("IBA") || der.contains("BgkqhkiG9w0BBQ");
            assert!(!is_key || der.len() < 60, "a key in {name}: {der:.12}…");
        }
    }
}

/// Each fixture is made by the recorded command, so that no real key gets in.
#[test]
fn every_fixture_is_made_by_the_recorded_command() {
    let recorded = fs::read_to_string("tests/fixtures/make-keys.sh").unwrap();
    for path in files("tests/fixtures".as_ref()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name == "make-keys.sh" || recorded.contains(name), "{name} has no recorded command");
    }
}

/// Endpoints are on this machine, or have a name that RFC 2606 reserves for examples.
#[test]
fn no_endpoint_is_a_real_host() {
    let mut endpoints = 0;
    for (name, text) in texts() {
        for endpoint in text.split("danger_endpoint(\"").skip(1) {
            let endpoint = endpoint.split('"').next().unwrap();
            let host = endpoint.split("//").last().unwrap().split(['/', ':']).next().unwrap();
            let reserved = [".invalid", ".example", ".test"].iter().any(|end| host.ends_with(end));
            assert!(reserved || ["127.0.0.1", "localhost"].contains(&host), "a real host in {name}: {endpoint}");
            endpoints += 1;
        }
    }
    assert!(endpoints > 0, "the search finds no endpoint");
}

/// Every text of the repository that is written by hand, with its path.
fn texts() -> Vec<(String, String)> {
    let roots = ["README.md", "CHANGELOG.md", ".ci", ".github", "benches", "examples", "src", "tests"];
    let paths = roots.iter().flat_map(|root| files(root.as_ref()));
    paths.filter_map(|path| Some((path.display().to_string(), fs::read_to_string(&path).ok()?))).collect()
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.ends_with("target") {
        return Vec::new();
    }
    if path.is_file() {
        return vec![path.to_owned()];
    }
    fs::read_dir(path).unwrap().flat_map(|entry| files(&entry.unwrap().path())).collect()
}
