//! S9: what reading credentials copies is wiped. What the JSON reader copies for itself, to undo escapes, is its own: so the
//! secrets here have none.
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

use std::fs;

use adobe_ims::{Credentials, OAuthCredentials};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use support::material::{
    CLIENT_SECRET, METASCOPE, OAUTH_SECRET, OTHER_OAUTH_SECRET, RSA_2048_PKCS1, SCOPES, der, development_token, parts,
};
use support::shapes::{aio_oauth, console_jwt, console_oauth, postman, project, s2s};
use watch::Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching::new();

/// S9: every form of OAuth credentials, whole, wrapped, and refused.
#[test]
fn what_reading_oauth_credentials_copies_is_wiped() {
    let mut text_list = console_oauth();
    text_list["CLIENT_SECRETS"] = json!(format!("{OAUTH_SECRET}, '{OTHER_OAUTH_SECRET}'"));
    let mut refused = console_oauth();
    refused["CLIENT_SECRETS"] = json!([OAUTH_SECRET, "two words"]);
    let mut missing = console_oauth();
    missing["SCOPES"] = json!([]);
    let files = [
        console_oauth(),
        text_list,
        project(vec![s2s(), s2s()]),
        aio_oauth(),
        postman(&[("SCOPES", &SCOPES.join(","))]),
        refused,
        missing,
    ];

    for file in files {
        let json = file.to_string();
        let encoded = STANDARD.encode(&json);
        let quoted = format!("'{json}'");
        let with_break = json.replace("openid", "open\nid");
        let cut = &json[..json.len() - 1];
        for text in [json.as_str(), &encoded, &quoted, &with_break, cut] {
            assert_eq!(left_behind(|| Credentials::from_json(text)), 0, "{text}");
        }
    }
}

/// S9: the bytes of a file are wiped with the text in them.
#[test]
fn what_reading_a_file_copies_is_wiped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oauth.json");
    fs::write(&path, console_oauth().to_string()).unwrap();

    assert_eq!(left_behind(|| Credentials::from_file(&path)), 0);
}

/// S9: parts given to the builder, in quotes or as they are, and the token of a developer.
#[test]
fn what_the_builder_and_a_development_token_copy_is_wiped() {
    let (secret, quoted) = (OAUTH_SECRET.to_owned(), format!("\"{OTHER_OAUTH_SECRET}\""));
    let build = || {
        let builder = OAuthCredentials::builder().client_id("x").client_secret(secret).client_secret(quoted);
        builder.scopes(["openid"]).build().unwrap()
    };
    assert_eq!(left_behind(build), 0);
    let token = json!({ "accessToken": development_token(u64::MAX / 1_000_000, 1_000) }).to_string();
    assert_eq!(left_behind(|| Credentials::from_json(&token)), 0);
}

/// S9: a key from its own file, as text and as DER, given to the reader, and in a container that is refused.
#[test]
fn what_reading_a_key_file_copies_is_wiped() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let utf_16 = RSA_2048_PKCS1.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let paths = [
        write("key.pem", RSA_2048_PKCS1.as_bytes()),
        write("key.der", &der(RSA_2048_PKCS1)),
        write("key.b64", STANDARD.encode(STANDARD.encode(RSA_2048_PKCS1)).as_bytes()),
        write("key.utf16", &[&[0xff, 0xfe], &utf_16[..]].concat()),
        write("cut.der", &der(RSA_2048_PKCS1)[..900]),
        write(
            "key.ppk",
            format!("PuTTY-User-Key-File-3: ssh-rsa\n{}", STANDARD.encode(der(RSA_2048_PKCS1))).as_bytes(),
        ),
        write("key.txt", format!("key={}", STANDARD.encode(der(RSA_2048_PKCS1))).as_bytes()),
    ];
    let download = console_jwt().to_string();

    for path in paths {
        let reader = Credentials::reader().private_key_file(&path).scopes([METASCOPE]);
        assert_eq!(left_behind(|| reader.from_json(&download)), 0, "{path:?}");
        let builder = parts().private_key_file(&path);
        assert_eq!(left_behind(|| builder.build()), 0, "{path:?}");
    }
}

/// All that is looked for. Of the key, what is private in it: the modulus is public.
fn secrets() -> Vec<Vec<u8>> {
    // Not to be mistaken for the claims of the file, which have its first characters.
    let token = development_token(u64::MAX / 1_000_000, 1_000);
    let mut secrets = vec![
        // The rest is also in a client id.
        CLIENT_SECRET[..11].into(),
        OAUTH_SECRET.into(),
        OTHER_OAUTH_SECRET.into(),
        der(RSA_2048_PKCS1)[280..].to_vec(),
        token[token.len() - 30..].into(),
    ];
    let lines = RSA_2048_PKCS1.lines().skip(8).filter(|line| !line.starts_with('-'));
    secrets.extend(lines.map(Vec::from));
    secrets
}

#[track_caller]
fn left_behind<T>(work: impl FnOnce() -> T) -> usize {
    ALLOCATOR.left_behind(secrets, work)
}
