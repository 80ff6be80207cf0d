//! What is read from the files that Adobe hands out, and what is said of those that can't be used.
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
use std::fs::{self, File};
use std::time::SystemTime;

use adobe_ims::{Error, ErrorKind, ServiceCredentials};
use serde_json::{Value, json};
use support::material::{
    CERTIFICATE, CLIENT_SECRET, CredentialsFile, IMS_HOST, ORG_ID, RSA_2048_PKCS1, TECHNICAL_ACCOUNT_ID,
    assert_no_key_text, assert_parts, assertion, parts, printed, told, unix,
};

/// K1: the file as downloaded gives each of its parts.
#[test]
fn the_file_as_downloaded_gives_its_parts() {
    assert_parts(&CredentialsFile::new().read().unwrap());
}

/// K1: the wrapper may be left away, in part or whole, and unknown neighbours are passed over.
#[test]
fn the_file_with_less_or_more_round_it_gives_the_same() {
    let files = [
        CredentialsFile::new().without("ok"),
        CredentialsFile::new().without("statusCode"),
        CredentialsFile::new().without("ok").without("statusCode"),
        CredentialsFile::new().unwrapped(),
        CredentialsFile::new().unwrapped().without("email"),
        CredentialsFile::new().with("proxy", json!({ "host": "proxy.example.net", "port": 3128 })),
        CredentialsFile::new().with("integration.certificateExpirationDate", "soon"),
        CredentialsFile::new().with("integration.technicalAccount.name", json!(["x"])),
    ];
    let expected = assertion(&CredentialsFile::new().read().unwrap(), now());

    for file in files {
        let credentials = file.read().unwrap_or_else(|error| panic!("{}: {}", file.to_json(), told(&error)));
        assert_parts(&credentials);
        assert_eq!(assertion(&credentials, now()), expected);
    }
}

/// K1: from a path, from a text by `parse`, from bytes and from parts, the same is signed.
#[test]
fn every_way_in_signs_the_same() {
    let json = CredentialsFile::new().to_json();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service_token.json");
    fs::write(&path, &json).unwrap();
    let expected = assertion(&CredentialsFile::new().read().unwrap(), now());

    let ways = [
        ServiceCredentials::from_file(&path).unwrap(),
        json.parse::<ServiceCredentials>().unwrap(),
        ServiceCredentials::from_json(json.as_bytes()).unwrap(),
        parts().build().unwrap(),
        parts().ims_host(IMS_HOST).certificate(CERTIFICATE).build().unwrap(),
    ];

    for credentials in ways {
        assert_parts(&credentials);
        assert_eq!(assertion(&credentials, now()), expected);
    }
}

/// K1: a byte order mark before the JSON is passed over.
#[test]
fn a_byte_order_mark_is_taken() {
    let json = format!("\u{feff}{}", CredentialsFile::new().to_json());

    assert_parts(&ServiceCredentials::from_json(json).unwrap());
}

/// K2: a file that says itself that the download failed is refused, although its parts are there.
#[test]
fn a_file_that_says_it_failed_is_refused() {
    let files = [
        CredentialsFile::new().with("ok", false),
        CredentialsFile::new().with("statusCode", 404),
        CredentialsFile::new().with("statusCode", 500).with("ok", false),
    ];

    for file in files {
        let error = refusal(file.to_json());
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(told(&error).contains("an error response"), "{}", told(&error));
    }
}

/// K2: a file of another kind is refused, saying what it is and showing no secret of it.
#[test]
fn a_file_of_another_kind_is_named_for_what_it_is() {
    for (json, words) in files_of_other_kinds() {
        let error = refusal(json.to_string());
        assert_eq!(error.kind(), ErrorKind::Credentials);
        let told = told(&error);
        for word in words {
            assert!(told.to_lowercase().contains(word), "no {word:?} in {told:?}");
        }
        assert!(!printed(&error).contains(MARKER), "{}", printed(&error));
    }
}

/// K2: no two kinds of file are told in the same words.
#[test]
fn each_kind_of_file_has_words_of_its_own() {
    let files = files_of_other_kinds();

    let told = files.iter().map(|(json, _)| told(&refusal(json.to_string()))).collect::<BTreeSet<_>>();

    assert_eq!(told.len(), files.len(), "{told:#?}");
}

/// K2: what is no JSON object with credentials in it is refused as a matter of the file.
#[test]
fn json_without_credentials_is_refused() {
    for json in ["{}", "[]", "null", "7", "\"text\"", "true", r#"{"ok":true}"#, r#"{"integration":null}"#] {
        assert_eq!(refusal(json).kind(), ErrorKind::Credentials, "{json}");
    }
}

/// K2: an empty file is said to be empty.
#[test]
fn an_empty_file_is_said_to_be_empty() {
    for empty in ["", " \r\n\t", "\u{feff}"] {
        let error = refusal(empty);
        assert_eq!(error.kind(), ErrorKind::Credentials, "{empty:?}");
        assert!(told(&error).contains("empty"), "{}", told(&error));
    }
}

/// K2: a file in UTF-16, as some editors save it, is said to be that.
#[test]
fn a_file_in_utf_16_is_named() {
    let json = CredentialsFile::new().to_json();
    let units = json.encode_utf16().collect::<Vec<_>>();
    let little = units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>();
    let big = units.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>();

    for bytes in [[&[0xff, 0xfe], &little[..]].concat(), [&[0xfe, 0xff], &big[..]].concat(), little, big] {
        let error = ServiceCredentials::from_json(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(told(&error).contains("UTF-16"), "{}", told(&error));
    }
}

/// K2: bytes that are no text are refused.
#[test]
fn a_file_that_is_no_text_is_refused() {
    let key_store = [&[0x30, 0x82, 0x09, 0xd1, 0x02, 0x01, 0x03][..], &[0xa7; 500]].concat();

    for bytes in [key_store, vec![0; 100], vec![0xff; 100], b"{\"ok\":\"\xe9\"}".to_vec()] {
        let error = ServiceCredentials::from_json(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials);
    }
}

/// K2: a key or a certificate given in place of the file is said to be that, and not shown.
#[test]
fn a_key_in_place_of_the_file_is_named() {
    for pem in [RSA_2048_PKCS1, CERTIFICATE] {
        let error = refusal(pem);
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(told(&error).contains("PEM"), "{}", told(&error));
        assert_no_key_text(&error, pem);
    }
}

/// K2: a path that can't be read is an error with the system's reason beneath.
#[test]
fn a_path_that_is_not_there_is_an_error_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();

    for path in [folder.path().join("absent.json"), folder.path().to_owned()] {
        let error = ServiceCredentials::from_file(path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(std::error::Error::source(&error).is_some(), "{error:?}");
    }
}

/// K3: all seven parts missing are seven names in one error.
#[test]
fn all_missing_parts_are_named_in_one_error() {
    let missing = PARTS.iter().fold(CredentialsFile::new(), |file, part| file.without(part));
    let null = PARTS.iter().fold(CredentialsFile::new(), |file, part| file.with(part, Value::Null));
    let empty = PARTS.iter().fold(CredentialsFile::new(), |file, part| file.with(part, ""));
    let blank = PARTS.iter().fold(CredentialsFile::new(), |file, part| file.with(part, " \t"));
    let nothing = json!({ "integration": {} }).to_string();

    for json in [missing.to_json(), null.to_json(), empty.to_json(), blank.to_json(), nothing] {
        let error = refusal(&json);
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert_eq!(named(&error), PARTS.into(), "{json}");
    }
}

/// K3: each part missing or empty alone is the one name in the error.
#[test]
fn one_missing_part_is_named_alone() {
    for part in PARTS {
        for file in [CredentialsFile::new().without(part), CredentialsFile::new().with(part, "")] {
            let error = refusal(file.to_json());
            assert_eq!(error.kind(), ErrorKind::Credentials, "{part}");
            assert_eq!(named(&error), [part].into());
        }
    }
}

/// K3: in the inner part alone the paths start there.
#[test]
fn a_missing_part_of_the_inner_file_is_named_from_there() {
    for part in PARTS.map(|part| part.trim_start_matches("integration.")) {
        let error = refusal(CredentialsFile::new().unwrapped().without(part).to_json());
        assert_eq!(error.kind(), ErrorKind::Credentials, "{part}");
        assert_eq!(named(&error), [part].into());
    }
}

/// K3: the builder names all that it was not given, by its own setters; the host has a default.
#[test]
fn the_builder_names_all_missing_parts() {
    let error = ServiceCredentials::builder().build().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert_eq!(named(&error), SETTERS.into());
}

/// K3: a builder given nothing but blanks is a builder given nothing.
#[test]
fn the_builder_names_empty_parts() {
    let blank = parts().client_id("").client_secret("").org_id(" ").technical_account_id("");

    let error = blank.metascopes([""; 0]).private_key("\n").build().unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert_eq!(named(&error), SETTERS.into());
}

/// K4: a fault is told by the line it stands in, blank lines included.
#[test]
fn a_fault_is_told_by_its_line_in_the_file() {
    let error = ServiceCredentials::from_json("\n\n\n\n{\n\"integration\": nope }").unwrap_err();
    assert!(error.to_string().contains("at line 6,"), "{error}");
}

/// K3: the inner part of a file is known by any two of its keys, and what it lacks is named.
#[test]
fn an_inner_part_without_an_account_names_what_it_lacks() {
    let error = CredentialsFile::new().unwrapped().without("technicalAccount").read().unwrap_err();
    assert_eq!(error.to_string(), "credentials lack technicalAccount.clientId, technicalAccount.clientSecret");
}

/// K4: a wrong type where a secret stands is told by line and column, without the value.
#[test]
fn a_wrong_type_is_told_by_its_place_and_never_its_value() {
    let values =
        [json!([MARKER]), json!({ MARKER: MARKER }), json!(9_876_543_210_u64), json!(98_765.432_1), json!(true)];

    for part in PARTS {
        for value in &values {
            if part.ends_with("metascopes") && value.is_array() {
                continue; // An array of names is one of the spellings.
            }
            let file = CredentialsFile::new().with(part, value.clone());
            assert_place_without_value(&file.to_json(), part, value);
        }
    }
}

/// K4: a text where an object belongs is told by line and column, without the text.
#[test]
fn a_text_in_place_of_an_object_is_told_by_its_place_and_never_shown() {
    for part in ["integration", "integration.technicalAccount"] {
        let file = CredentialsFile::new().with(part, MARKER);
        assert_place_without_value(&file.to_json(), part, &json!(MARKER));
    }
}

/// K4: broken JSON is told by line and column, and nothing of the file is shown; Adobe's own sample page has such a file.
#[test]
fn broken_json_is_told_by_its_place_and_never_shown() {
    let json = CredentialsFile::new().to_json();
    let broken = [
        json.replace(r"\r\n", r"\r\R"),
        json.replace(CLIENT_SECRET, "s8e-\u{1}MARKER"),
        json.replace(",\n", "\n"),
        json.replace("\"clientSecret\": \"", "\"clientSecret\": "),
        json[..json.len() - 20].to_owned(),
        json[..json.len() / 2].to_owned(),
        format!("{json}{MARKER}"),
    ];

    for json in broken {
        let error = refusal(&json);
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(told(&error).contains("line ") && told(&error).contains("column "), "{}", told(&error));
        assert!(!printed(&error).contains("MARKER"), "{}", printed(&error));
        assert_no_key_text(&error, RSA_2048_PKCS1);
    }
}

/// K5: a part given twice is refused: which of them counts would be a guess.
#[test]
fn a_part_given_twice_is_refused() {
    let json = CredentialsFile::new().to_json();
    let twice = ["integration", "clientId", "clientSecret", "id", "org", "imsEndpoint", "metascopes", "privateKey"];

    for part in twice {
        let first = format!("\"{part}\": ");
        let second =
            if part == "integration" { format!("{first}{{}}, {first}") } else { format!("{first}\"x\", {first}") };
        let doubled = json.replacen(&first, &second, 1);
        assert_ne!(doubled, json, "{part}");

        let error = refusal(&doubled);
        assert_eq!(error.kind(), ErrorKind::Credentials, "{part}");
        assert!(!printed(&error).contains(CLIENT_SECRET));
    }
}

/// K13: JSON as long as the limit is read; one blank more, and it is refused by its length.
#[test]
fn json_over_the_limit_is_refused_by_its_length() {
    let json = CredentialsFile::new().to_json();
    let padded = |length: usize| json.clone() + &" ".repeat(length - json.len());

    assert_parts(&ServiceCredentials::from_json(padded(LIMIT)).unwrap());
    let error = refusal(padded(LIMIT + 1));

    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(told(&error).contains(&format!("{LIMIT} bytes")), "{}", told(&error));
}

/// K13: a file of 64 MB is refused by its length, without reading it all.
#[test]
fn a_file_over_the_limit_is_refused_by_its_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service_token.json");
    File::create(&path).unwrap().set_len(64 * 1024 * 1024).unwrap();

    let error = ServiceCredentials::from_file(&path).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(told(&error).contains(&format!("{LIMIT} bytes")), "{}", told(&error));
}

/// K13: a file without an end, whose length the system does not know, ends all the same.
#[cfg(unix)]
#[test]
fn a_file_without_an_end_is_refused_by_its_length() {
    let error = ServiceCredentials::from_file("/dev/zero").unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(told(&error).contains(&format!("{LIMIT} bytes")), "{}", told(&error));
}

#[track_caller]
fn refusal(json: impl AsRef<str>) -> Error {
    match ServiceCredentials::from_json(json.as_ref()) {
        Ok(_) => panic!("taken: {:.400}", json.as_ref()),
        Err(error) => error,
    }
}

/// The error tells a line of that part and a column, and shows neither the value nor a secret.
#[track_caller]
fn assert_place_without_value(json: &str, part: &str, value: &Value) {
    let error = refusal(json);
    assert_eq!(error.kind(), ErrorKind::Credentials, "{json}");

    let name = part.rsplit('.').next().unwrap();
    let first = 1 + json.lines().position(|line| line.contains(&format!("\"{name}\":"))).unwrap();
    let last = first + serde_json::to_string_pretty(value).unwrap().lines().count() - 1;
    let told = told(&error);
    assert!(
        (first..=last).any(|line| told.contains(&format!("line {line},"))),
        "no line {first} to {last} in {told:?}"
    );
    assert!(told.contains("column "), "{told:?}");

    let printed = printed(&error);
    assert!(value.is_boolean() || !printed.contains(value.to_string().trim_matches('"')), "{printed:?}");
    assert!(!printed.contains(MARKER) && !printed.contains(CLIENT_SECRET), "{printed:?}");
    assert_no_key_text(&error, RSA_2048_PKCS1);
}

/// All names of parts or setters that the error has, by whole words.
fn named(error: &Error) -> BTreeSet<&'static str> {
    let error = error.to_string();
    let words = error.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').collect::<BTreeSet<_>>();
    let inner = PARTS.map(|part| part.trim_start_matches("integration."));
    let names = PARTS.into_iter().chain(inner).chain(SETTERS).chain(["ims_host"]);
    names.filter(|name| words.contains(name)).collect()
}

/// The other files that Adobe's consoles and tools write, and words that each must be told in.
fn files_of_other_kinds() -> Vec<(Value, Vec<&'static str>)> {
    vec![
        (json!({ "ok": true, "accessToken": MARKER, "statusCode": 200 }), vec!["local development token"]),
        (
            json!({
                "CLIENT_SECRETS": [MARKER],
                "ORG_ID": ORG_ID,
                "CLIENT_ID": "0123456789abcdef0123456789abcdef",
                "SCOPES": ["openid", "AdobeID"],
                "TECHNICAL_ACCOUNT_ID": TECHNICAL_ACCOUNT_ID,
                "TECHNICAL_ACCOUNT_EMAIL": "x@techacct.adobe.com",
            }),
            vec!["oauth", "developer console"],
        ),
        (
            json!({
                "project": {
                    "name": "demoProject",
                    "org": { "id": "123456", "ims_org_id": ORG_ID },
                    "workspace": { "details": { "credentials": [{
                        "integration_type": "oauth_server_to_server",
                        "oauth_server_to_server": { "client_id": "x", "client_secrets": [MARKER] },
                    }] } },
                },
            }),
            vec!["project", "developer console"],
        ),
        (
            json!({ "client_id": "x", "client_secrets": [MARKER], "scopes": ["openid"], "ims_org_id": ORG_ID }),
            vec!["oauth", "aio"],
        ),
        (
            json!({ "client_id": "x", "client_secret": MARKER, "meta_scopes": ["a"], "private_key": MARKER }),
            vec!["jwt", "aio"],
        ),
        (
            json!({ "client_id": "x", "client_secret": MARKER, "jwt_payload": { "iss": ORG_ID }, "jwt_private_key": MARKER }),
            vec!["jwt", "aio"],
        ),
    ]
}

/// Planted where a secret stands; must appear nowhere.
const MARKER: &str = "S3CR3T-MARKER-VALUE";

/// Over this many bytes a file is refused unread.
const LIMIT: usize = 64 * 1024;

/// What the file must have.
const PARTS: [&str; 7] = [
    "integration.imsEndpoint",
    "integration.org",
    "integration.id",
    "integration.technicalAccount.clientId",
    "integration.technicalAccount.clientSecret",
    "integration.metascopes",
    "integration.privateKey",
];

/// What the builder must be given.
const SETTERS: [&str; 6] =
    ["client_id", "client_secret", "org_id", "technical_account_id", "metascopes", "private_key"];

fn now() -> SystemTime {
    unix(1_790_000_000)
}
