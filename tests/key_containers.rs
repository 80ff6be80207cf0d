//! What people keep private keys in: taken, or named with the command that makes it usable.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use adobe_ims::{Credentials, Error, ErrorKind, ServiceCredentials};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use support::material::{
    CERTIFICATE, CERTIFICATE_NOT_AFTER, CLIENT_SECRET, CredentialsFile, EC_PKCS8, ENCRYPTED_PKCS8, METASCOPE,
    OTHER_CERTIFICATE, PKCS12, RSA_2048_PKCS1, RSA_2048_PKCS8, armour, assert_no_key_text, assert_parts, assertion,
    der, parts, printed, told, unix,
};
use support::shapes::{aio_jwt, console_jwt};

/// K18: DER is taken, in a file and in base64, PKCS#1 and PKCS#8.
#[test]
fn der_is_taken_as_bytes_and_in_base64() {
    for pem in [RSA_2048_PKCS1, RSA_2048_PKCS8] {
        assert_signs(&from_file("key.der", &der(pem)).unwrap());
        assert_signs(&from_file("key.b64", STANDARD.encode(der(pem)).as_bytes()).unwrap());
        assert_signs(&from_text(&STANDARD.encode(der(pem))).unwrap());
    }
}

/// K18: text in a file is taken in each spelling that a text is, and in UTF-16, as PowerShell writes what openssl prints.
#[test]
fn a_key_file_is_taken_as_text_in_any_encoding() {
    let little = RSA_2048_PKCS1.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let big = RSA_2048_PKCS1.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    let files = [
        RSA_2048_PKCS8.as_bytes().to_vec(),
        RSA_2048_PKCS1.replace('\n', "\r\n").into_bytes(),
        format!("\u{feff}{RSA_2048_PKCS1}").into_bytes(),
        STANDARD.encode(RSA_2048_PKCS1).into_bytes(),
        [&[0xff, 0xfe], &little[..]].concat(),
        [&[0xfe, 0xff], &big[..]].concat(),
    ];

    for file in files {
        assert_signs(&from_file("key.pem", &file).unwrap_or_else(|error| panic!("{}", told(&error))));
    }
}

/// K18: PKCS#8 whose algorithm lacks its NULL parameter is the same key.
#[test]
fn pkcs8_without_its_null_parameter_is_taken() {
    let key = der(RSA_2048_PKCS1);
    let algorithm = [0x30, 0x0b, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let [.., high, low] = key.len().to_be_bytes();
    let inner = [&[0x02, 0x01, 0x00][..], &algorithm, &[0x04, 0x82, high, low], &key].concat();
    let [.., high, low] = inner.len().to_be_bytes();
    let pkcs8 = [&[0x30, 0x82, high, low][..], &inner].concat();

    assert_signs(&from_text(&armour("PRIVATE KEY", &pkcs8)).unwrap());
    assert_signs(&from_file("key.der", &pkcs8).unwrap());
}

/// K19: of a chain of key and certificates in one text or file, the certificate of the key is used.
#[test]
fn the_certificate_that_stands_with_the_key_is_used() {
    let bag = "Bag Attributes\n    localKeyID: 01 23\n    friendlyName: integration\nKey Attributes: <No Attributes>\n";
    let chains = [
        format!("{RSA_2048_PKCS1}{CERTIFICATE}"),
        format!("{CERTIFICATE}{RSA_2048_PKCS8}"),
        format!("{OTHER_CERTIFICATE}{CERTIFICATE}{RSA_2048_PKCS8}"),
        format!("{bag}{RSA_2048_PKCS8}{bag}{CERTIFICATE}subject=CN = x\n{OTHER_CERTIFICATE}"),
        STANDARD.encode(format!("{RSA_2048_PKCS1}{CERTIFICATE}")),
    ];

    for chain in chains {
        for read in [from_text(&chain), from_file("chain.pem", chain.as_bytes())] {
            let read = read.unwrap_or_else(|error| panic!("{}", told(&error)));
            assert_signs(&read);
            let certificate = read.certificate().unwrap();
            assert!(certificate.matches_key());
            assert_eq!(certificate.not_after(), unix(CERTIFICATE_NOT_AFTER));
        }
    }
    // One that is given by itself counts first; a certificate of another key is only reported.
    let chain = format!("{RSA_2048_PKCS1}{CERTIFICATE}");
    let given = parts().private_key(&*chain).certificate(OTHER_CERTIFICATE).build().unwrap();
    assert!(!given.certificate().unwrap().matches_key());
    assert!(!from_text(&format!("{RSA_2048_PKCS1}{OTHER_CERTIFICATE}")).unwrap().certificate().unwrap().matches_key());
    assert!(from_text(RSA_2048_PKCS1).unwrap().certificate().is_none());
}

/// K20: each container is named in words of its own, with the command that makes it usable, and nothing of it is shown.
#[test]
fn a_container_is_named_with_the_command_that_makes_it_usable() {
    let putty = format!("PuTTY-User-Key-File-3: ssh-rsa\r\nEncryption: none\r\nPrivate-Lines: 1\r\n{}", body());
    let openssh =
        armour("OPENSSH PRIVATE KEY", &[b"openssh-key-v1\0\0\0\0\x04none", &der(RSA_2048_PKCS1)[..]].concat());
    let jwk = json!({ "kty": "RSA", "n": body(), "d": body(), "e": "AQAB" }).to_string();
    let java = [&[0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2][..], &der(RSA_2048_PKCS1)].concat();
    let containers = [
        ("store.p12", PKCS12.to_vec(), "a PKCS#12 key store (.p12, .pfx)", "openssl pkcs12 -in store.p12 -nocerts"),
        (
            "store.b64",
            STANDARD.encode(PKCS12).into_bytes(),
            "a PKCS#12 key store",
            "openssl pkcs12 -in store.p12 -nocerts",
        ),
        ("key.ppk", putty.into_bytes(), "PuTTY's format (.ppk)", "puttygen key.ppk -O private-openssh -o key.pem"),
        ("id_rsa.key", openssh.into_bytes(), "OpenSSH's own format", "ssh-keygen -p -m PEM -f"),
        ("key.json", jwk.into_bytes(), "a JSON Web Key (JWK)", "export it as PEM (PKCS#8)"),
        ("store.jks", java.clone(), "a Java key store (.jks)", "keytool -importkeystore"),
        ("store.b64", STANDARD.encode(java).into_bytes(), "a Java key store (.jks)", "keytool -importkeystore"),
    ];

    let mut sentences = BTreeSet::new();
    for (name, bytes, found, command) in containers {
        let mut errors = vec![from_file(name, &bytes).unwrap_err()];
        errors.extend(std::str::from_utf8(&bytes).ok().map(|text| from_text(text).unwrap_err()));
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Key, "{name}");
            assert!(error.to_string().contains(&format!("private key is in {found}")), "{name}: {error}");
            assert!(error.hint().unwrap().contains(command), "{}", told(&error));
            assert_no_key_text(&error, RSA_2048_PKCS1);
            sentences.insert(error.to_string().rsplit(": ").next().unwrap().to_owned());
        }
    }
    assert_eq!(sentences.len(), 5, "{sentences:#?}");
}

/// K20: what is no key at all, or an encrypted one, is named in DER, too.
#[test]
fn der_of_another_kind_is_named() {
    let ssh = format!("ssh-rsa {} somebody@example", body());
    let cases = [
        (from_file("key.der", &der(ENCRYPTED_PKCS8)), "private key is encrypted with a passphrase"),
        (from_text(&STANDARD.encode(der(ENCRYPTED_PKCS8))), "private key is encrypted with a passphrase"),
        (from_file("key.der", &der(EC_PKCS8)), "private key expected, but this is an EC key"),
        (from_file("certificate.der", &der(CERTIFICATE)), "private key expected, but this is a certificate"),
        (from_file("key.der", &der(RSA_2048_PKCS1)[..1000]), "private key is truncated"),
        (from_file("key.der", &[0xa7; 500]), "private key is damaged"),
        (from_text(&armour("PKCS7", &der(CERTIFICATE))), "a PKCS#7 certificate bundle"),
        (from_text(&ssh), "an SSH public key"),
    ];

    for (read, words) in cases {
        let error = read.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key, "{words}");
        assert!(error.to_string().contains(words), "no {words:?} in {error}");
        assert_no_key_text(&error, RSA_2048_PKCS1);
    }
}

/// K21: a path where the text of a key belongs is named, and points to `private_key_file`; the path is not shown.
#[test]
fn a_path_in_place_of_a_key_points_to_private_key_file() {
    let paths = [
        "/keys/MARKER.pem",
        "./MARKER",
        "~/MARKER",
        "C:\\keys\\MARKER.key",
        "MARKER.pem",
        "\"../MARKER.p8\"",
        "file:///MARKER",
    ];
    let mut context = aio_jwt();
    let mut download = console_jwt();

    for path in paths {
        context["private_key"] = json!(path);
        download["PRIVATE_KEY"] = json!(path);
        download["META_SCOPES"] = json!(METASCOPE);
        let errors = [
            from_text(path).unwrap_err(),
            CredentialsFile::new().key(path).read().unwrap_err(),
            Credentials::from_json(context.to_string()).unwrap_err(),
            Credentials::from_json(download.to_string()).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Key, "{path}");
            assert_eq!(error.to_string(), "private key is the path of a file, not its text");
            assert!(error.hint().unwrap().contains("`private_key_file`"), "{}", told(&error));
            assert!(!printed(&error).contains("MARKER"), "{}", printed(&error));
        }
    }
}

/// K22: builder and reader read the key from its file; the reader only if the credentials need it.
#[test]
fn a_key_is_read_from_its_own_file() {
    let (folder, path) = file("private.key", RSA_2048_PKCS1.as_bytes());
    let reader = || Credentials::reader().private_key_file(&path);

    assert_signs(&parts().private_key_file(&path).build().unwrap());
    let Credentials::Service(context) = reader().from_json(aio_jwt().to_string()).unwrap() else { panic!() };
    assert_signs(&context);
    let download = reader().scopes([METASCOPE]).from_json(console_jwt().to_string()).unwrap();
    let Credentials::Service(download) = download else { panic!("{download:?}") };
    assert_signs(&download);

    drop(folder);
    let oauth = json!({ "CLIENT_ID": "x", "CLIENT_SECRETS": ["x"], "SCOPES": ["openid"] }).to_string();
    assert!(matches!(reader().from_json(oauth), Ok(Credentials::OAuth(_))));
}

/// K22, S17: an error about a key file names the file, and a slip in its place is described and never shown.
#[test]
fn an_error_about_a_key_file_names_the_file() {
    let (_folder, empty) = file("empty.pem", b"");
    let error = parts().private_key_file(&empty).build().unwrap_err();
    assert_eq!(error.to_string(), format!("{}: private key is not PEM text", empty.display()));

    let error = parts().private_key_file("/nowhere/private.pem").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Key);
    assert_eq!(error.to_string(), "/nowhere/private.pem: private key file cannot be read");

    for (slip, words) in [
        (RSA_2048_PKCS1, "the text of a key or certificate"),
        (CLIENT_SECRET, "may be a secret"),
        ("\u{1b}[31mMARKER.pem", "line breaks or control characters"),
    ] {
        let error = parts().private_key_file(slip).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key);
        assert!(error.to_string().contains(words), "no {words:?} in {error}");
        assert!(error.hint().unwrap().contains("`private_key`"), "{}", told(&error));
        assert!(!printed(&error).contains("MARKER"), "{}", printed(&error));
        assert_no_key_text(&error, RSA_2048_PKCS1);
    }
    let error = parts().private_key_file("").build().unwrap_err();
    assert_eq!(error.to_string(), "credentials lack private_key");
}

/// K22: a key file is bounded like every file.
#[cfg(unix)]
#[test]
fn a_key_file_without_an_end_is_refused_by_its_length() {
    let error = parts().private_key_file("/dev/zero").build().unwrap_err();

    assert_eq!(error.to_string(), "/dev/zero: private key is longer than 16384 bytes");
}

/// S1: neither the path nor the key shows in what is printed of builder and reader.
#[test]
fn builder_and_reader_do_not_show_where_the_key_is() {
    let builder = ServiceCredentials::builder().private_key_file("s8e-MARKER");
    let reader = Credentials::reader().private_key_file("s8e-MARKER");

    let printed = format!("{builder:?}{builder:#?}{reader:?}{reader:#?}");
    assert!(!printed.contains("MARKER") && printed.contains("[redacted]"), "{printed}");
}

#[track_caller]
fn assert_signs(credentials: &ServiceCredentials) {
    assert_parts(credentials);
    assert_eq!(assertion(credentials, unix(1_790_000_000)), assertion(&parts().build().unwrap(), unix(1_790_000_000)));
}

fn from_text(key: &str) -> Result<ServiceCredentials, Error> {
    parts().private_key(key).build()
}

fn from_file(name: &str, key: &[u8]) -> Result<ServiceCredentials, Error> {
    let (_folder, path) = file(name, key);
    parts().private_key_file(path).build()
}

fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

/// The base64 of the key, in one line.
fn body() -> String {
    STANDARD.encode(der(RSA_2048_PKCS1))
}
