//! S6: a hand-written `Debug` destructures its struct by name, so that a new field does not compile until it is decided
//! whether it may be shown.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

use std::fs;
use std::path::Path;

#[test]
fn every_hand_written_debug_names_every_field() {
    let mut found = Vec::new();
    visit(Path::new("src"), &mut found);
    // Or the search would have lost them.
    for holder in ["Token", "Assertion", "ServiceCredentials", "ImsClient"] {
        assert!(found.iter().any(|(name, _)| name == holder), "no hand-written Debug of {holder}");
    }
    for (name, body) in found {
        // One without fields shows a fixed text.
        if !body.contains("debug_struct") {
            continue;
        }
        let body = without_methods_of_self(&body);
        let (pattern, shown) = body.split_once("debug_struct").unwrap();
        assert!(!shown.contains("self."), "{name} shows a field that no pattern names");
        let patterns = pattern.split("let ").skip(1).filter_map(|found| found.split_once(" = "));
        for (pattern, _) in patterns {
            assert!(!pattern.contains(".."), "{name} passes over fields");
        }
    }
}

/// The type and the body of each `impl Debug` in the source files.
fn visit(path: &Path, found: &mut Vec<(String, String)>) {
    // The secrets of the test kit are its own.
    if path.ends_with("testing") {
        return;
    }
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| visit(&entry.unwrap().path(), found));
        return;
    }
    let source = fs::read_to_string(path).unwrap();
    for piece in source.split("\nimpl").skip(1) {
        let (head, rest) = piece.split_once('\n').unwrap_or((piece, ""));
        let Some((_, name)) = head.split_once("Debug for ") else { continue };
        let name = name.trim_end_matches(" {").to_owned();
        found.push((name, rest.split("\n}").next().unwrap().to_owned()));
    }
}

/// `self.name()` decides for itself what it shows.
fn without_methods_of_self(body: &str) -> String {
    let mut pieces = body.split("self.");
    let mut kept = pieces.next().unwrap().to_owned();
    for piece in pieces {
        let after = piece.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        if !after.starts_with('(') {
            kept.push_str("self.");
        }
        kept.push_str(piece);
    }
    kept
}
