//! What each field of the credentials may hold.
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

use adobe_ims::{Error, ErrorKind, OAuthCredentials, ServiceCredentials, ServiceCredentialsBuilder};
use serde_json::json;
use support::material::{CredentialsFile, parts, printed, told};

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
        (json!("ent_a_sdk ent_b_sdk\nent_c_sdk"), vec!["ent_a_sdk", "ent_b_sdk", "ent_c_sdk"]),
        (json!(r#"["ent_a_sdk", "\/s\/ent_b_sdk"]"#), vec!["ent_a_sdk", "ent_b_sdk"]),
        (json!("['ent_a_sdk', 'ent_b_sdk']"), vec!["ent_a_sdk", "ent_b_sdk"]),
        (json!("\"ent_a_sdk\",\"ent_b_sdk\""), vec!["ent_a_sdk", "ent_b_sdk"]),
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
    for strange in
        ["ent/../a", "ent\"a", "ent\u{e9}", "ent?a", "ent#a", "https://evil.com/x/ent", "https://evil.com/ent"]
    {
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

/// C30: a client secret is at most 1024 bytes, a scope or metascope 128, a host 253.
#[test]
fn lengths_are_bounded() {
    let host = format!("{}adobe.com", "a.".repeat(122));
    assert_eq!(host.len(), 253);
    let oauth = || OAuthCredentials::builder().client_id("x").client_secret("x").scopes(["openid"]);
    let name = |length: usize| "a".repeat(length);

    assert!(parts().ims_host(&host).build().is_ok());
    assert!(parts().client_secret(name(1024)).build().is_ok());
    assert!(parts().metascopes([name(128)]).build().is_ok());
    assert!(oauth().scopes([name(128)]).client_secret(name(1024)).build().is_ok());
    let refused = [
        parts().ims_host(format!("a{host}")).build().unwrap_err(),
        parts().client_secret(name(1025)).build().unwrap_err(),
        parts().metascopes([name(129)]).build().unwrap_err(),
        oauth().scopes([name(129)]).build().unwrap_err(),
        oauth().client_secret(name(1025)).build().unwrap_err(),
        oauth().client_id(name(257)).build().unwrap_err(),
        oauth().org_id(name(257)).build().unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(printed(&error).len() < 2048, "{error}");
    }
}

/// C31: a scope is any name without blanks, commas, quotes and backslashes (RFC 6749 section 3.3).
#[test]
fn a_scope_with_a_strange_character_is_refused() {
    let build = |scope: &str| OAuthCredentials::builder().client_id("x").client_secret("x").scopes([scope]).build();

    for scope in ["openid", "additional_info.projectedProductContext", "https://a.example/x?y#z", "a:b/c-d_e.f~"] {
        assert_eq!(build(scope).unwrap().scopes().collect::<Vec<_>>(), [scope]);
    }
    for strange in ["a\"b", "a\\b", "a\u{e9}", "a\u{1b}", "a\u{7f}", "\u{0}"] {
        let error = build(strange).unwrap_err();
        assert_eq!(
            error.to_string(),
            "credentials cannot be used: scopes: a scope is a name such as openid or AdobeID"
        );
        assert!(!printed(&error).contains('\u{1b}'));
    }
}

/// C27: what only resembles a placeholder or a quoted value is a value.
#[test]
fn what_resembles_a_placeholder_is_a_value() {
    for secret in ["}${", "a$b", "$", "$a-b", "s8e-{x}", "50%", "%", "<a", "b>", "#a}", "$(", "}}{{", "*a*", "\"", "'a"]
    {
        assert!(parts().client_secret(secret).build().is_ok(), "{secret}");
    }
    for empty in ["\"\"", "''"] {
        let error = parts().client_id(empty).build().unwrap_err();
        assert_eq!(error.to_string(), "credentials cannot be used: client_id: it is empty");
    }
}

#[track_caller]
fn refusal(json: impl AsRef<str>) -> Error {
    match ServiceCredentials::from_json(json.as_ref()) {
        Ok(_) => panic!("taken: {:.400}", json.as_ref()),
        Err(error) => error,
    }
}

/// All names of parts or setters that the error has, by whole words.
fn named(error: &Error) -> BTreeSet<&'static str> {
    let error = error.to_string();
    let words = error.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').collect::<BTreeSet<_>>();
    let inner = PARTS.map(|part| part.trim_start_matches("integration."));
    let names = PARTS.into_iter().chain(inner).chain(SETTERS).chain(["ims_host"]);
    names.filter(|name| words.contains(name)).collect()
}

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
