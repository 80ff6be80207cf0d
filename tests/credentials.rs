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
use std::time::{Duration, SystemTime};

use adobe_ims::{Error, ErrorKind, ServiceCredentials, ServiceCredentialsBuilder};
use serde_json::{Value, json};
use support::material::{
    CERTIFICATE, CERTIFICATE_NOT_AFTER, CLIENT_ID, CLIENT_SECRET, CredentialsFile, ENDED_CERTIFICATE,
    ENDED_CERTIFICATE_NOT_AFTER, IMS_HOST, METASCOPE, ORG_ID, OTHER_CERTIFICATE, RSA_2048_PKCS1, TECHNICAL_ACCOUNT_ID,
    armour, assert_no_key_text, assertion, printed, told, unix,
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
        assert!(told(&error).contains("an error answer"), "{}", told(&error));
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

/// K7: a client secret with a blank, a line break or a character that no form of Adobe's has is refused.
#[test]
fn a_client_secret_with_a_blank_or_line_break_is_refused() {
    for secret in ["secret\n", "secret\r\n", " secret", "two words", "caf\u{e9}", "\u{0}"] {
        let error =
            CredentialsFile::new().with("integration.technicalAccount.clientSecret", secret).read().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials, "{secret:?}");
        assert!(error.to_string().contains("integration.technicalAccount.clientSecret"), "{error}");
        assert!(!format!("{error:?}").contains(secret.trim()), "{error:?}");
    }
}

/// K3: the inner part of a file is known by any two of its keys, and what it lacks is named.
#[test]
fn an_inner_part_without_an_account_names_what_it_lacks() {
    let error = CredentialsFile::new().unwrapped().without("technicalAccount").read().unwrap_err();
    assert_eq!(error.to_string(), "credentials lack technicalAccount.clientId, technicalAccount.clientSecret");
}

/// K15: a certificate of another type is as good as none.
#[test]
fn a_certificate_that_is_no_text_does_not_stop_construction() {
    for odd in [serde_json::json!(42), serde_json::json!(["x"]), serde_json::json!({"x": null}), serde_json::json!(1.5)]
    {
        let credentials = CredentialsFile::new().with("integration.publicKey", odd.clone()).read();
        assert!(credentials.unwrap().certificate().is_none(), "{odd}");
    }
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

/// K6: a host of Adobe's is taken bare, as an address, with one slash behind, and in upper case.
#[test]
fn a_host_of_adobe_is_taken_in_its_spellings() {
    let hosts = [
        ("ims-na1.adobelogin.com", "ims-na1.adobelogin.com"),
        ("https://ims-na1.adobelogin.com", "ims-na1.adobelogin.com"),
        ("ims-na1.adobelogin.com/", "ims-na1.adobelogin.com"),
        ("IMS-NA1.AdobeLogin.com", "ims-na1.adobelogin.com"),
        ("https://ims-na1.adobelogin.com/", "ims-na1.adobelogin.com"),
        ("ims-na1-stg1.adobelogin.com", "ims-na1-stg1.adobelogin.com"),
        ("ims.services.adobe.com", "ims.services.adobe.com"),
    ];

    for (given, taken) in hosts {
        assert_eq!(CredentialsFile::new().host(given).read().unwrap().ims_host(), taken, "{given}");
        assert_eq!(parts().ims_host(given).build().unwrap().ims_host(), taken, "{given}");
    }
}

/// K6: any other host is refused, so that a changed file can't send the secret elsewhere.
#[test]
fn any_other_host_is_refused() {
    let hosts = [
        "evil.com",
        "user@ims-na1.adobelogin.com",
        "ims-na1.adobelogin.com@evil.com",
        "ims-na1.adobelogin.com/../",
        "ims-na1.adobelogin.com//",
        "ims-na1.adobelogin.com/ims",
        "ims-na1.adobelogin.com:8443",
        "ims-na1.adobelogin.com#",
        "ims-na1.adobelogin.com?",
        "ims-na1.adobelogin.com\\",
        "169.254.169.254",
        "[::1]",
        "localhost",
        "ims-na1.adobelogin.com.",
        "ims-na1.xn--dobelogin-2of.com",
        "ims-na1.\u{430}dobelogin.com",
        "ims-na1.adobelogin\u{3002}com",
        "ims-na1%2eadobelogin.com",
        "ims-na1.adobelogin.com%2f",
        "ims na1.adobelogin.com",
        "ims-na1.adobelogin.com evil.com",
        "ims-na1.adobelogin.com\nevil.com",
        "ims-na1.adobelogin.com\r\nHost: evil.com",
        "http://ims-na1.adobelogin.com",
        "ftp://ims-na1.adobelogin.com",
        "https://https://ims-na1.adobelogin.com",
        "//ims-na1.adobelogin.com",
        "ims-na1.adobelogin.com.evil.com",
        "evil-adobelogin.com",
        "evil.notadobe.com",
        ".adobelogin.com",
        "ims..adobelogin.com",
    ];

    for host in hosts {
        for refused in [CredentialsFile::new().host(host).read(), parts().ims_host(host).build()] {
            let Err(error) = refused else { panic!("{host:?} taken") };
            assert_eq!(error.kind(), ErrorKind::Credentials, "{host:?}");
            assert!(!printed(&error).contains('\r'), "{host:?}");
        }
    }
}

/// K6: what is taken can be connected to. `xn--` announces another alphabet, and what follows may be no name at all, which
/// would come out only when a client is built. Found by fuzzing.
#[test]
fn a_host_that_no_address_can_hold_is_refused_with_the_credentials() {
    for host in ["xn--ims-na1.adobelogin.com", "xn--.adobelogin.com", "ims.xn--a.adobe.com"] {
        let error = CredentialsFile::new().host(host).read().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials, "{host}");
        assert!(told(&error).contains("imsEndpoint"), "{host}: {error:?}");
    }
}

/// K7: a client id goes into an address, so it is letters, digits, `-`, `_` and `.` alone.
#[test]
fn a_client_id_with_another_character_is_refused() {
    for character in ['/', '?', '#', '%', '"', '\'', '\\', '\n', '\0', ' ', '@', ':', '&', '\u{e9}', '\u{7f}'] {
        let client_id = format!("cm-p1{character}e2");
        for refused in [CredentialsFile::new().client_id(&client_id).read(), parts().client_id(&client_id).build()] {
            let Err(error) = refused else { panic!("{client_id:?} taken") };
            assert_eq!(error.kind(), ErrorKind::Credentials, "{client_id:?}");
        }
    }
}

/// K7: the organisation and the account are printable and have no blanks.
#[test]
fn an_identifier_that_is_not_printable_is_refused() {
    for character in [' ', '\t', '\n', '\r', '\0', '\u{1b}', '\u{7f}', '\u{e9}', '\u{202e}'] {
        let id = format!("1111{character}2222@AdobeOrg");
        let refused = [
            CredentialsFile::new().with("integration.org", id.as_str()).read(),
            CredentialsFile::new().with("integration.id", id.as_str()).read(),
            parts().org_id(&id).build(),
            parts().technical_account_id(&id).build(),
        ];
        for refused in refused {
            let Err(error) = refused else { panic!("{id:?} taken") };
            assert_eq!(error.kind(), ErrorKind::Credentials, "{id:?}");
            assert!(!printed(&error).contains('\u{1b}'));
        }
    }
}

/// K7: an identifier is at most 256 bytes, and a longer one is not repeated in the error.
#[test]
fn an_identifier_over_the_limit_is_refused_without_repeating_it() {
    type Setter = fn(ServiceCredentialsBuilder, String) -> ServiceCredentialsBuilder;
    let setters: [Setter; 3] = [
        ServiceCredentialsBuilder::client_id,
        ServiceCredentialsBuilder::org_id,
        ServiceCredentialsBuilder::technical_account_id,
    ];

    for set in setters {
        assert!(set(parts(), "a".repeat(256)).build().is_ok());
        for length in [257, 1024 * 1024] {
            let error = set(parts(), "a".repeat(length)).build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Credentials);
            assert!(printed(&error).len() < 4096, "{} bytes", printed(&error).len());
        }
    }
}

/// K8: metascopes are taken in each spelling and kept by their short names.
#[test]
fn metascopes_in_any_spelling_are_kept_by_their_short_names() {
    let spellings = [
        (json!("ent_a_sdk"), vec!["ent_a_sdk"]),
        (json!("ent_a_sdk,ent_b_sdk"), vec!["ent_a_sdk", "ent_b_sdk"]),
        (json!(" ent_a_sdk ,\tent_b_sdk\n"), vec!["ent_a_sdk", "ent_b_sdk"]),
        (json!("ent_a_sdk,"), vec!["ent_a_sdk"]),
        (json!("ent_a_sdk,,ent_b_sdk"), vec!["ent_a_sdk", "ent_b_sdk"]),
        (json!("/s/ent_a_sdk,s/ent_b_sdk"), vec!["ent_a_sdk", "ent_b_sdk"]),
        (json!("https://ims-na1.adobelogin.com/s/ent_a_sdk"), vec!["ent_a_sdk"]),
        (json!("https://ims-na1-stg1.adobelogin.com/s/ent_a_sdk"), vec!["ent_a_sdk"]),
        (json!("ent_a_sdk,/s/ent_a_sdk,ent_a_sdk"), vec!["ent_a_sdk"]),
        (json!(["ent_a_sdk"]), vec!["ent_a_sdk"]),
        (json!(["/s/ent_a_sdk", "https://ims-na1.adobelogin.com/s/ent_b_sdk"]), vec!["ent_a_sdk", "ent_b_sdk"]),
        (json!(["ent_a_sdk,ent_b_sdk"]), vec!["ent_a_sdk", "ent_b_sdk"]),
    ];

    for (given, kept) in spellings {
        let credentials = CredentialsFile::new().metascopes(given.clone()).read();
        let credentials = credentials.unwrap_or_else(|error| panic!("{given}: {}", told(&error)));
        assert_eq!(credentials.metascopes().collect::<Vec<_>>(), kept, "{given}");
    }
}

/// K8: the builder takes the same spellings.
#[test]
fn the_builder_keeps_metascopes_by_their_short_names() {
    let given = ["ent_a_sdk", " /s/ent_b_sdk ", "https://ims-na1.adobelogin.com/s/ent_c_sdk"];

    let credentials = parts().metascopes(given).build().unwrap();

    assert_eq!(credentials.metascopes().collect::<Vec<_>>(), ["ent_a_sdk", "ent_b_sdk", "ent_c_sdk"]);
}

/// K8: without one metascope there is nothing to ask for.
#[test]
fn metascopes_without_a_name_are_refused() {
    let nothings = [
        json!(""),
        json!(","),
        json!(" , ,"),
        json!([]),
        json!([""]),
        json!("/s/"),
        json!("https://ims-na1.adobelogin.com/s/"),
    ];

    for nothing in nothings {
        let error = refusal(CredentialsFile::new().metascopes(nothing.clone()).to_json());
        assert_eq!(error.kind(), ErrorKind::Credentials, "{nothing}");
        assert_eq!(named(&error), ["integration.metascopes"].into(), "{nothing}");
    }
}

/// K8: a metascope that would break the claim it becomes is refused.
#[test]
fn a_metascope_with_a_strange_character_is_refused() {
    for strange in [
        "ent a",
        "ent/../a",
        "ent\"a",
        "ent\na",
        "ent\u{e9}",
        "ent?a",
        "ent#a",
        "https://evil.com/x/ent",
        "https://evil.com/ent",
    ] {
        let error = refusal(CredentialsFile::new().metascopes([strange].as_slice()).to_json());
        assert_eq!(error.kind(), ErrorKind::Credentials, "{strange:?}");
    }
}

/// K8: 64 metascopes are taken, 65 and 1000 are not.
#[test]
fn more_than_64_metascopes_are_refused() {
    let names = |count: usize| (0..count).map(|index| format!("ent_{index}_sdk")).collect::<Vec<_>>();

    let credentials = CredentialsFile::new().metascopes(names(64).join(",")).read().unwrap();
    assert_eq!(credentials.metascopes().count(), 64);
    for count in [65, 1000] {
        let error = refusal(CredentialsFile::new().metascopes(names(count).join(",")).to_json());
        assert_eq!(error.kind(), ErrorKind::Credentials);
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

#[track_caller]
fn refusal(json: impl AsRef<str>) -> Error {
    match ServiceCredentials::from_json(json.as_ref()) {
        Ok(_) => panic!("taken: {:.400}", json.as_ref()),
        Err(error) => error,
    }
}

#[track_caller]
fn assert_parts(credentials: &ServiceCredentials) {
    assert_eq!(credentials.client_id(), CLIENT_ID);
    assert_eq!(credentials.org_id(), ORG_ID);
    assert_eq!(credentials.technical_account_id(), TECHNICAL_ACCOUNT_ID);
    assert_eq!(credentials.ims_host(), IMS_HOST);
    assert_eq!(credentials.metascopes().collect::<Vec<_>>(), [METASCOPE]);
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

fn parts() -> ServiceCredentialsBuilder {
    ServiceCredentials::builder()
        .client_id(CLIENT_ID)
        .client_secret(CLIENT_SECRET)
        .org_id(ORG_ID)
        .technical_account_id(TECHNICAL_ACCOUNT_ID)
        .metascopes([METASCOPE])
        .private_key(RSA_2048_PKCS1)
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
