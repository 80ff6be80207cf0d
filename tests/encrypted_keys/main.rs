//! Private keys that OpenSSL encrypted: decrypted with the passphrase, or named with the command that converts them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod made;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;

use adobe_ims::{Credentials, Error, ErrorKind, ServiceCredentials};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use made::{HMAC_SHA256, HMAC_SHA512_256, Made, NULL, PBES2, oid, sequence};
use serde_json::json;
use support::material::{
    CERTIFICATE, CredentialsFile, ENCRYPTED_PKCS1, ENCRYPTED_PKCS8, RSA_2048_PKCS1, RSA_2048_PKCS8, armour,
    assert_no_key_text, assert_parts, assertion, der, parts, printed, told, unix,
};
use support::shapes::{aio_jwt, jwt_auth, project, project_jwt, s2s};

/// K23: one test for each cipher and each function that OpenSSL can be told to take. RS256 is deterministic, so the
/// signature is that of the key before it was encrypted.
macro_rules! decrypted {
    ($($name:ident: $file:literal)*) => {
        $(#[test]
        fn $name() {
            assert_signs(&built(include_str!(concat!("../fixtures/", $file)), PASSPHRASE).unwrap());
        })*
    };
}

decrypted! {
    aes_128_cbc_with_hmac_sha_1_is_decrypted: "encrypted.aes-128-cbc.sha1.pem"
    aes_128_cbc_with_hmac_sha_256_is_decrypted: "encrypted.aes-128-cbc.sha256.pem"
    aes_128_cbc_with_hmac_sha_384_is_decrypted: "encrypted.aes-128-cbc.sha384.pem"
    aes_128_cbc_with_hmac_sha_512_is_decrypted: "encrypted.aes-128-cbc.sha512.pem"
    aes_192_cbc_with_hmac_sha_1_is_decrypted: "encrypted.aes-192-cbc.sha1.pem"
    aes_192_cbc_with_hmac_sha_256_is_decrypted: "encrypted.aes-192-cbc.sha256.pem"
    aes_192_cbc_with_hmac_sha_384_is_decrypted: "encrypted.aes-192-cbc.sha384.pem"
    aes_192_cbc_with_hmac_sha_512_is_decrypted: "encrypted.aes-192-cbc.sha512.pem"
    aes_256_cbc_with_hmac_sha_1_is_decrypted: "encrypted.aes-256-cbc.sha1.pem"
    aes_256_cbc_with_hmac_sha_256_is_decrypted: "encrypted.aes-256-cbc.sha256.pem"
    aes_256_cbc_with_hmac_sha_384_is_decrypted: "encrypted.aes-256-cbc.sha384.pem"
    aes_256_cbc_with_hmac_sha_512_is_decrypted: "encrypted.aes-256-cbc.sha512.pem"
    what_openssl_does_by_default_is_decrypted: "encrypted.default.pem"
    a_key_with_as_many_iterations_as_advice_has_it_is_decrypted: "encrypted.600000.pem"
}

/// K23: parameters that other tools and later versions write: a longer salt, the length of the key, a function without NULL.
#[test]
fn parameters_that_other_tools_write_are_taken() {
    let made = Made::new(PASSPHRASE);
    let variants = [
        made.clone(),
        Made { salt: vec![7; 16], ..made.clone() },
        Made { salt: vec![7; 32], ..made.clone() },
        Made { iterations: 10_000, ..made.clone() },
        Made { stated_key_length: Some(32), ..made.clone() },
        Made { function: sequence(&[&oid(HMAC_SHA256)]), ..made },
    ];

    for made in variants {
        assert_signs(&built(&armour(LABEL, &made.encrypt(&der(RSA_2048_PKCS8))), PASSPHRASE).unwrap());
    }
}

/// K23: the spellings and containers of a key are those of an encrypted key: text, base64, DER, a file, a wrong label.
#[test]
fn an_encrypted_key_is_taken_in_any_spelling() {
    let bytes = der(ENCRYPTED_PKCS8);
    let spellings = [
        ENCRYPTED_PKCS8.replace('\n', "\r\n"),
        ENCRYPTED_PKCS8.replace('\n', "\\n"),
        ENCRYPTED_PKCS8.replace('\n', " "),
        format!("\u{feff}\"{ENCRYPTED_PKCS8}\""),
        STANDARD.encode(STANDARD.encode(ENCRYPTED_PKCS8)),
        STANDARD.encode(&bytes),
        armour("PRIVATE KEY", &bytes),
        format!("{CERTIFICATE}{ENCRYPTED_PKCS8}"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");

    for spelling in spellings {
        let read = built(&spelling, PASSPHRASE).unwrap_or_else(|error| panic!("{spelling:.40}: {}", told(&error)));
        assert_signs(&read);
        assert_eq!(read.certificate().is_some(), spelling.starts_with(CERTIFICATE));
    }
    for content in [ENCRYPTED_PKCS8.as_bytes(), &bytes] {
        fs::write(&path, content).unwrap();
        assert_signs(&parts().private_key_file(&path).passphrase(PASSPHRASE).build().unwrap());
    }
    // Not encrypted, whatever the label says.
    assert_signs(&built(&armour(LABEL, &der(RSA_2048_PKCS8)), PASSPHRASE).unwrap());
}

/// K24: the reader takes the passphrase for every source, and its own counts first.
#[test]
fn the_reader_takes_the_passphrase() {
    let aem = CredentialsFile::new().key(ENCRYPTED_PKCS8).to_json();
    let mut with_another = aio_jwt();
    with_another["private_key"] = json!(ENCRYPTED_PKCS8);
    with_another["passphrase"] = json!("another");
    let reader = || Credentials::reader().passphrase(PASSPHRASE);

    assert_signs(&service(reader().from_json(aem)));
    assert_signs(&service(reader().from_json(with_another.to_string())));
    assert_signs(&service(reader().private_key(ENCRYPTED_PKCS8).from_json(aio_jwt().to_string())));
    // OAuth credentials have no key.
    let oauth = json!({ "CLIENT_ID": "x", "CLIENT_SECRETS": ["x"], "SCOPES": ["openid"] }).to_string();
    assert!(matches!(reader().from_json(oauth), Ok(Credentials::OAuth(_))));
}

/// K24: a file that has the passphrase with the key is read as it is: contexts of aio, jwt-auth, a project download.
#[test]
fn a_passphrase_in_the_file_is_read() {
    let with_passphrase = |mut file: serde_json::Value, key: &str| {
        file[key] = json!(ENCRYPTED_PKCS8);
        file["passphrase"] = json!(PASSPHRASE);
        file
    };
    let context = with_passphrase(aio_jwt(), "private_key");
    let mut credential = project_jwt();
    credential["jwt"] = with_passphrase(credential["jwt"].clone(), "private_key");
    let files = [
        context.clone(),
        json!({ "ims": { "contexts": { "jwt": context } } }),
        with_passphrase(jwt_auth(), "privateKey"),
        project(vec![credential]),
    ];

    for file in files {
        assert_signs(&service(Credentials::from_json(file.to_string())));
        assert_signs(&ServiceCredentials::from_json(file.to_string()).unwrap());
    }
    // The default of jwt-auth.
    let mut empty = jwt_auth();
    empty["passphrase"] = json!("");
    assert_signs(&service(Credentials::from_json(empty.to_string())));
    let error = Credentials::from_json(project(vec![s2s(), project_jwt()]).to_string());
    assert!(matches!(error, Ok(Credentials::OAuth(_))), "{error:?}");
}

/// K25: any text may be a passphrase. The line break of a mounted file does not belong to it; blanks do.
#[test]
fn a_passphrase_is_taken_as_it_is_but_for_a_line_break_at_its_end() {
    for end in ["\n", "\r\n"] {
        assert_signs(&built(ENCRYPTED_PKCS8, &format!("{PASSPHRASE}{end}")).unwrap());
    }
    for passphrase in ["${not a placeholder}", "\"quoted\"", " caf\u{e9} \u{2615} ", "$ecret", "****"] {
        let key = armour(LABEL, &Made::new(passphrase).encrypt(&der(RSA_2048_PKCS8)));
        assert_signs(&built(&key, passphrase).unwrap());
        assert_eq!(built(&key, &format!("{passphrase} ")).unwrap_err().to_string(), WRONG);
    }
}

/// K25: a wrong passphrase says so, also where what it decrypts ends well by chance.
#[test]
fn a_wrong_passphrase_says_so() {
    let made = Made::new(PASSPHRASE);
    let key = made.encrypt(&der(RSA_2048_PKCS8));
    let content = &key[key.len() - der(RSA_2048_PKCS8).len().next_multiple_of(16)..];
    let guesses = (0..10_000).map(|number| format!("MARKER {number}"));
    let chances = guesses.filter(|guess| made.pads_well(guess, content)).take(3).collect::<Vec<_>>();
    assert_eq!(chances.len(), 3);

    let mut errors = vec![built(ENCRYPTED_PKCS8, "MARKER").unwrap_err(), built(ENCRYPTED_PKCS8, " ").unwrap_err()];
    errors.extend(chances.iter().map(|guess| built(&armour(LABEL, &key), guess).unwrap_err()));
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Key);
        assert_eq!(error.to_string(), WRONG);
        assert!(error.hint().unwrap().contains("`openssl pkey -in key.pem -noout`"), "{}", told(&error));
        assert_nothing_shown(&error);
    }
}

/// K25: without a passphrase, or with an empty one, the error says that it is needed, and how it is given.
#[test]
fn an_absent_passphrase_is_asked_for() {
    let absent = [parts().private_key(ENCRYPTED_PKCS8), parts().private_key(ENCRYPTED_PKCS8).passphrase("\n")];
    let mut errors = absent.map(|parts| parts.build().unwrap_err()).to_vec();
    errors.push(CredentialsFile::new().key(ENCRYPTED_PKCS8).read().unwrap_err());

    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Key);
        assert_eq!(error.to_string(), "private key is encrypted with a passphrase, and none is given");
        assert_eq!(
            error.hint(),
            Some(
                "give it with `passphrase` of the builder or of `Credentials::reader()`, or remove it with `openssl pkey \
                 -in encrypted.pem -out key.pem`"
            )
        );
        assert_nothing_shown(&error);
    }
}

/// K26: what is not decrypted is named, each in words of its own, with the command that converts it; before a passphrase is
/// asked for.
#[test]
fn what_is_not_decrypted_is_named_with_the_command_that_converts_it() {
    let convert = "convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in encrypted.pem -out key.pem`";
    let legacy = "convert it with `openssl pkcs8 -topk8 -v2 aes-256-cbc -provider legacy -provider default -in \
                  encrypted.pem -out key.pem`; OpenSSL 1 does not need the providers";
    let cases = [
        (ENCRYPTED_PKCS1, "the old format of OpenSSL (Proc-Type: 4,ENCRYPTED)", convert),
        (include_str!("../fixtures/encrypted.scrypt.pem"), "scrypt", convert),
        (include_str!("../fixtures/encrypted.sha224.pem"), "HMAC-SHA-224", convert),
        (include_str!("../fixtures/encrypted.camellia.pem"), "a cipher other than AES-CBC", convert),
        (include_str!("../fixtures/encrypted.des3.pem"), "triple DES", convert),
        (include_str!("../fixtures/encrypted.des.pem"), "DES", legacy),
        (include_str!("../fixtures/encrypted.rc2.pem"), "RC2", legacy),
        (include_str!("../fixtures/encrypted.pbe-md5-des.pem"), "PBES1, an old scheme of PKCS#5 (DES or RC2)", legacy),
        (include_str!("../fixtures/encrypted.pbe-sha1-3des.pem"), "an old scheme of PKCS#12 (triple DES)", convert),
        (include_str!("../fixtures/encrypted.pbe-sha1-rc2-40.pem"), "an old scheme of PKCS#12 (RC2 or RC4)", legacy),
    ];

    let mut sentences = BTreeSet::new();
    for (key, found, command) in cases {
        for error in [parts().private_key(key).build().unwrap_err(), built(key, PASSPHRASE).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Key, "{found}");
            assert_eq!(error.to_string(), format!("private key is encrypted with {found}, which is not supported"));
            assert_eq!(error.hint(), Some(command), "{found}");
            assert_no_key_text(&error, key);
            assert_nothing_shown(&error);
            sentences.insert(error.to_string());
        }
    }
    assert_eq!(sentences.len(), 10);
}

/// K26: parameters that are damaged, contradict themselves or are out of range.
#[test]
fn unusual_parameters_are_named() {
    let made = Made::new(PASSPHRASE);
    let unusual = [
        Made { salt: vec![7; 33], ..made.clone() },
        Made { stated_iterations: Some(vec![0]), ..made.clone() },
        Made { stated_iterations: Some(vec![0xff]), ..made.clone() },
        Made { stated_iterations: Some(vec![1; 5]), ..made.clone() },
        Made { stated_key_length: Some(16), ..made.clone() },
        Made { stated_vector: Some(vec![7; 8]), ..made.clone() },
        Made { function: sequence(&[&oid(HMAC_SHA256), &[0x02, 0x01, 0x00]]), ..made.clone() },
    ];
    let mut keys = unusual.map(|made| made.encrypt(&der(RSA_2048_PKCS8))).to_vec();
    keys.push(sequence(&[&sequence(&[&oid(PBES2)]), &[0x04, 0x01, 0x00]]));
    keys.push(sequence(&[&sequence(&[&oid(PBES2), NULL]), &[0x04, 0x01, 0x00]]));

    for key in keys {
        let error = built(&armour(LABEL, &key), PASSPHRASE).unwrap_err();
        assert_eq!(
            error.to_string(),
            "private key is encrypted with unusual parameters of PBES2, which is not supported"
        );
        assert!(error.hint().unwrap().contains("openssl pkcs8 -topk8"), "{}", told(&error));
    }
    let function = sequence(&[&oid(HMAC_SHA512_256), NULL]);
    let error = built(&armour(LABEL, &Made { function, ..made }.encrypt(b"key")), PASSPHRASE).unwrap_err();
    assert!(error.to_string().contains("PBKDF2 with a function other than HMAC-SHA"), "{error}");
}

/// K26: five million iterations are the most: more are refused by name, and nothing is derived. What is no whole block shows
/// that the limit itself is not refused, without deriving either.
#[test]
fn more_than_five_million_iterations_are_refused() {
    let stated = |iterations: &[u8]| {
        let made = Made { stated_iterations: Some(iterations.to_vec()), ..Made::new(PASSPHRASE) };
        built(&armour(LABEL, &made.around(&[7; 15])), PASSPHRASE).unwrap_err()
    };

    for refused in [&[0x4c, 0x4b, 0x41][..], &[0x00, 0x98, 0x96, 0x80], &[0x7f; 4], &[0x00, 0xff, 0xff, 0xff, 0xff]] {
        let error = stated(refused);
        assert_eq!(error.kind(), ErrorKind::Key);
        assert_eq!(error.to_string(), "private key is encrypted with more than 5000000 iterations of PBKDF2");
        assert!(error.hint().unwrap().contains("`openssl pkcs8 -topk8 -v2 aes-256-cbc"), "{}", told(&error));
    }
    for taken in [&[0x4c, 0x4b, 0x40][..], &[1]] {
        assert_eq!(stated(taken).to_string(), "private key is damaged: its encrypted part is not whole blocks of AES");
    }
}

/// K26: what is in the encryption is judged like a key that was never encrypted.
#[test]
fn an_encrypted_key_of_another_kind_is_named() {
    let error = built(include_str!("../fixtures/encrypted.ec-p256.pem"), PASSPHRASE).unwrap_err();
    assert_eq!(error.to_string(), "private key expected, but this is an EC key; IMS accepts only RSA");

    let end = der(ENCRYPTED_PKCS8).len() - 16;
    let error = built(&armour(LABEL, &der(ENCRYPTED_PKCS8)[..end]), PASSPHRASE).unwrap_err();
    assert!(error.to_string().starts_with("private key is truncated"), "{error}");
}

/// S1: neither the builder nor the reader shows the passphrase.
#[test]
fn builder_and_reader_do_not_show_the_passphrase() {
    let builder = ServiceCredentials::builder().passphrase("MARKER");
    let reader = Credentials::reader().passphrase("MARKER");
    let built = built(ENCRYPTED_PKCS8, PASSPHRASE).unwrap();

    let shown = format!("{builder:?}{builder:#?}{reader:?}{reader:#?}");
    assert_eq!(shown.matches("passphrase").count(), 4, "{shown}");
    assert!(!shown.contains("MARKER") && !format!("{built:?}{built:#?}").contains(PASSPHRASE), "{shown}");
}

fn built(key: &str, passphrase: &str) -> Result<ServiceCredentials, Error> {
    parts().private_key(key).passphrase(passphrase).build()
}

#[track_caller]
fn service(read: Result<Credentials, Error>) -> ServiceCredentials {
    match read.unwrap_or_else(|error| panic!("{}", told(&error))) {
        Credentials::Service(service) => service,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_signs(credentials: &ServiceCredentials) {
    assert_parts(credentials);
    let expected = parts().private_key(RSA_2048_PKCS1).build().unwrap();
    assert_eq!(assertion(credentials, unix(1_790_000_000)), assertion(&expected, unix(1_790_000_000)));
}

#[track_caller]
fn assert_nothing_shown(error: &Error) {
    let printed = printed(error);
    assert!(!printed.contains("MARKER") && !printed.contains(PASSPHRASE), "{printed}");
    assert_no_key_text(error, ENCRYPTED_PKCS8);
    assert_no_key_text(error, RSA_2048_PKCS8);
}

/// That of the fixtures.
const PASSPHRASE: &str = "throw-away";
const LABEL: &str = "ENCRYPTED PRIVATE KEY";
const WRONG: &str = "private key cannot be decrypted: the passphrase is wrong";
