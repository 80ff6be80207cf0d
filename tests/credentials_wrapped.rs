//! What happens to a file on its way to a service: taken where its meaning is beyond doubt, named otherwise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use adobe_ims::{Credentials, Error, ErrorKind, OAuthCredentials, ServiceCredentials};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use serde_json::json;
use support::material::{
    CLIENT_ID, CLIENT_SECRET, CredentialsFile, METASCOPE, OAUTH_CLIENT_ID, OAUTH_SECRET, ORG_ID, RSA_2048_PKCS1,
    assert_no_key_text, assert_parts, assertion, development_token, parts, printed, told, unix,
};

type Wrapping = (&'static str, fn(&str) -> String);

const WRAPPINGS: &[Wrapping] = &[
    ("as it is", |text| text.to_owned()),
    ("JSON in JSON", |text| json!(text).to_string()),
    ("JSON in JSON, without its quotes", |text| {
        let json = json!(text).to_string();
        json[1..json.len() - 1].to_owned()
    }),
    ("value of a secret manager", |text| json!({ "aem-credentials": text }).to_string()),
    ("in the quotes of a shell", |text| format!("'{text}'")),
    ("in double quotes, nothing escaped", |text| format!("\"{text}\"")),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 without padding", |text| STANDARD_NO_PAD.encode(text)),
    ("base64 of the other alphabet", |text| URL_SAFE.encode(text)),
    ("base64 in lines", in_lines),
    ("base64 with a line break behind", |text| format!("{}\r\n", STANDARD.encode(text))),
    ("byte order mark", |text| format!("\u{feff}{text}")),
    ("blanks around", |text| format!(" \r\n\t{text}\n\n")),
];

/// C25: a file that is encoded once more, or wrapped twice, is the same file.
#[test]
fn a_wrapped_file_is_read_like_the_file() {
    let pretty = CredentialsFile::new().to_json();
    let compact = serde_json::from_str::<serde_json::Value>(&pretty).unwrap().to_string();
    let expected = assertion(&parts().build().unwrap(), now());

    for (outer, wrap_again) in WRAPPINGS {
        for (inner, wrap) in WRAPPINGS {
            for file in [&pretty, &compact] {
                let text = wrap_again(&wrap(file));
                let read = ServiceCredentials::from_json(&text);
                let read = read.unwrap_or_else(|error| panic!("{outer} of {inner}: {}: {text:.80}", told(&error)));
                assert_parts(&read);
                assert_eq!(assertion(&read, now()), expected, "{outer} of {inner}");
            }
        }
    }
}

/// C25: every kind is unwrapped, not only AEM's.
#[test]
fn every_kind_of_credential_is_unwrapped() {
    let oauth = json!({ "CLIENT_ID": OAUTH_CLIENT_ID, "CLIENT_SECRETS": [OAUTH_SECRET], "SCOPES": ["openid"] });

    for (name, wrap) in WRAPPINGS {
        let read = OAuthCredentials::from_json(wrap(&oauth.to_string()));
        assert_eq!(read.unwrap_or_else(|error| panic!("{name}: {error}")).client_id(), OAUTH_CLIENT_ID);
    }
}

/// C25: there is an end to unwrapping.
#[test]
fn a_file_wrapped_without_end_is_refused() {
    let mut text = CredentialsFile::new().to_json();
    for _ in 0..6 {
        text = STANDARD.encode(&text);
        if text.len() > 60_000 {
            break;
        }
    }
    let error = refusal(&text);
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert_no_key_text(&error, RSA_2048_PKCS1);
}

/// C26: real line breaks and tabs inside `privateKey`, as a template leaves them, and beautiful quotes are mended.
#[test]
fn line_breaks_inside_a_text_and_beautiful_quotes_are_mended() {
    let json = CredentialsFile::new().key(RSA_2048_PKCS1).to_json();
    let expected = assertion(&parts().build().unwrap(), now());
    let mended = [
        json.replace("\\n", "\n"),
        json.replace("\\n", "\r\n"),
        json.replace("\\n", "\n\t\t"),
        json.replace("\": \"", "\u{201d}: \u{201c}").replace("{\n", "{\u{a0}\n"),
    ];

    for json in mended {
        let read = ServiceCredentials::from_json(&json);
        let read = read.unwrap_or_else(|error| panic!("{}: {json:.400}", told(&error)));
        assert_parts(&read);
        assert_eq!(assertion(&read, now()), expected);
    }
}

/// C26: what is mended in one place and wrong in another keeps the place in the text as it was given.
#[test]
fn a_fault_beside_a_mended_one_keeps_its_place() {
    let broken = "{\n\"privateKey\": \"a\nb\",\n\"org\": nope }";
    let error = refusal(broken);
    assert_eq!(
        error.to_string(),
        "credentials are not valid JSON: a line break or control character inside a text at line 3, column 0"
    );
}

/// C27: a value in quotes is the value; a placeholder or a mask is named by its field, and never sent.
#[test]
fn quotes_around_a_value_are_taken_off_and_placeholders_are_named() {
    let path = "integration.technicalAccount.clientSecret";
    for quoted in [
        format!("\"{CLIENT_SECRET}\""),
        format!("'{CLIENT_SECRET}'"),
        format!("\\\"{CLIENT_SECRET}\\\""),
        format!("\u{201c}{CLIENT_SECRET}\u{201d}"),
    ] {
        let read = CredentialsFile::new().with(path, quoted.as_str()).client_id(&format!("'{CLIENT_ID}'"));
        let read = read.with("integration.org", format!("\"{ORG_ID}\"")).read();
        assert_parts(&read.unwrap_or_else(|error| panic!("{quoted}: {}", told(&error))));
    }
    let placeholders = [
        "${AEM_CLIENT_SECRET}",
        "{{ aem.clientSecret }}",
        "{{AEM}}",
        "$AEM_CLIENT_SECRET",
        "$(AEM_CLIENT_SECRET)",
        "#{AEM_CLIENT_SECRET}#",
        "<client secret>",
        "%AEM_CLIENT_SECRET%",
        "'${AEM_CLIENT_SECRET}'",
        "s8e-${AEM_CLIENT_SECRET}",
    ];
    for path in
        [path, "integration.technicalAccount.clientId", "integration.org", "integration.id", "integration.privateKey"]
    {
        for placeholder in placeholders {
            let error = CredentialsFile::new().with(path, placeholder).read().unwrap_err();
            let words = format!("{path}: it is a placeholder that nothing has filled in");
            assert!(error.to_string().contains(&words), "{placeholder}: {error}");
            assert!(!printed(&error).contains("AEM_CLIENT"), "{}", printed(&error));
        }
    }
    for mask in ["***", "********", "\u{2022}\u{2022}\u{2022}"] {
        let error = CredentialsFile::new().with(path, mask).read().unwrap_err();
        assert!(error.to_string().contains(&format!("{path}: it is masked")), "{error}");
    }
    let error = CredentialsFile::new().metascopes("${METASCOPES}").read().unwrap_err();
    assert!(error.to_string().contains("integration.metascopes: it is a placeholder"), "{error}");
}

/// C27: a template of which a whole part was left is named for it.
#[test]
fn a_template_that_was_not_filled_in_is_named() {
    let json = CredentialsFile::new().to_json();
    let start = json.find("\"clientSecret\": ").unwrap() + "\"clientSecret\": ".len();
    let end = start + json[start..].find('\n').unwrap();
    for placeholder in ["{{ secret }}", "${SECRET}"] {
        let template = format!("{}{placeholder}{}", &json[..start], &json[end..]);
        assert!(
            refusal(&template).to_string().contains("a placeholder in it is not filled in at line"),
            "{placeholder}"
        );
        assert!(refusal(placeholder).to_string().contains("this is a placeholder that nothing has filled in"));
    }
}

/// C28: metascopes come in each form of a list; the same in the builder.
#[test]
fn metascopes_come_in_each_form_of_a_list() {
    let forms = [
        format!("[\"{METASCOPE}\", \"ent_b_sdk\"]"),
        format!("{METASCOPE} ent_b_sdk"),
        format!("{METASCOPE}, ent_b_sdk"),
        format!("'{METASCOPE}' 'ent_b_sdk'"),
        format!("\"[\\\"{METASCOPE}\\\",\\\"ent_b_sdk\\\"]\""),
    ];
    for form in forms {
        for read in
            [CredentialsFile::new().metascopes(form.as_str()).read(), parts().metascopes([form.as_str()]).build()]
        {
            let read = read.unwrap_or_else(|error| panic!("{form}: {}", told(&error)));
            assert_eq!(read.metascopes().collect::<Vec<_>>(), [METASCOPE, "ent_b_sdk"], "{form}");
        }
    }
}

/// C29: what is not JSON at all is named for what it is, and not shown.
#[test]
fn what_is_not_json_is_named() {
    let env_file =
        format!("# written by aio\nIMS_OAUTH_S2S_CLIENT_ID={OAUTH_CLIENT_ID}\nIMS_OAUTH_S2S_CLIENT_SECRET=x");
    let yaml = format!("enterprise:\n  org_id: {ORG_ID}\n  client_secret: {CLIENT_SECRET}\n");
    let cases = [
        (RSA_2048_PKCS1.to_owned(), "a PEM file"),
        (format!("Bag Attributes\n{RSA_2048_PKCS1}"), "a PEM file"),
        (STANDARD.encode(RSA_2048_PKCS1), "a PEM file"),
        (development_token(0, 1), "a token, without the JSON it came in"),
        (env_file, "a file with environment variables"),
        (format!("export AEM_SECRET='{CLIENT_SECRET}'"), "a file with environment variables"),
        (yaml, "a file in YAML"),
        (format!("---\nclientID: {CLIENT_SECRET}"), "a file in YAML"),
        (format!("<!DOCTYPE html><title>{CLIENT_SECRET}</title>"), "a page in HTML or XML"),
        ("./service_token.json".to_owned(), "the name of a file"),
        ("${AEM_CREDENTIALS}".to_owned(), "a placeholder"),
    ];
    for (text, words) in cases {
        let error = refusal(&text);
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(error.to_string().starts_with(&format!("credentials expected, but this is {words}")), "{error}");
        assert!(!printed(&error).contains("MARKER") && !printed(&error).contains("eyJ"), "{}", printed(&error));
        assert_no_key_text(&error, RSA_2048_PKCS1);
    }
    assert_eq!(refusal("./service_token.json").hint(), Some("call `Credentials::from_file` with it"));
    for garbage in ["MARKER", "MARKER MARKER MARKER", "TUFSS0VS", "\"MARKER", "'MARKER'", "[MARKER"] {
        let error = refusal(garbage);
        assert_eq!(error.kind(), ErrorKind::Credentials, "{garbage}");
        assert!(!printed(&error).contains("MARKER"), "{}", printed(&error));
    }
}

#[track_caller]
fn refusal(text: &str) -> Error {
    match Credentials::from_json(text) {
        Ok(_) => panic!("taken: {text:.400}"),
        Err(error) => error,
    }
}

fn in_lines(text: &str) -> String {
    let encoded = STANDARD.encode(text);
    let lines = encoded.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned());
    lines.collect::<Vec<_>>().join("\n")
}

fn now() -> std::time::SystemTime {
    unix(1_790_000_000)
}
