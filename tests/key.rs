//! Which private keys are taken, in which spellings, and what is said of the others.
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
use std::process::Command;
use std::time::SystemTime;
use std::{env, thread};

use adobe_ims::{Error, ErrorKind, ServiceCredentials};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use support::material::{
    CERTIFICATE, CLIENT_ID, CLIENT_SECRET, CredentialsFile, EC_PKCS8, EC_SEC1, ED25519, ENCRYPTED_PKCS1,
    ENCRYPTED_PKCS8, METASCOPE, ORG_ID, RSA_1024, RSA_2048_PKCS1, RSA_2048_PKCS8, RSA_2048_PUBLIC,
    RSA_2048_PUBLIC_PKCS1, RSA_3072_PKCS8, RSA_4096_PKCS8, RSA_16384, RSA_PSS, TECHNICAL_ACCOUNT_ID, armour,
    assert_no_key_text, assertion, der, told, unix,
};

/// K9: PKCS#1 and PKCS#8 of one key sign the same.
#[test]
fn both_forms_of_one_key_sign_the_same() {
    assert_eq!(signed(RSA_2048_PKCS1).unwrap(), signed(RSA_2048_PKCS8).unwrap());
}

/// K9: another key signs otherwise, or the comparisons here would prove nothing.
#[test]
fn another_key_signs_otherwise() {
    assert_ne!(signed(RSA_3072_PKCS8).unwrap(), signed(RSA_2048_PKCS8).unwrap());
    assert_ne!(signed(RSA_4096_PKCS8).unwrap(), signed(RSA_2048_PKCS8).unwrap());
}

/// K9, K10: each spelling that people paste a key in signs what the key signs as it was made.
#[test]
fn a_key_in_any_spelling_signs_the_same() {
    let expected = signed(RSA_2048_PKCS1).unwrap();
    let mut wrong = Vec::new();

    for (name, spell) in SPELLINGS {
        for (form, pem) in FORMS {
            wrong.extend(difference(&format!("{name} of {form}"), &spell(pem), &expected));
        }
    }

    assert_eq!(wrong, [""; 0]);
}

/// K9, K10: three spellings on top of each other: what stands round the key, how its lines end, how the whole is wrapped.
#[test]
fn a_key_in_three_spellings_at_once_signs_the_same() {
    let expected = signed(RSA_2048_PKCS1).unwrap();
    let mut wrong = Vec::new();

    for (round, stand) in SURROUNDINGS {
        for (end, end_lines) in LINE_ENDINGS {
            for (whole, wrap) in WRAPPINGS {
                for (form, pem) in FORMS {
                    let name = format!("{whole} of {end} of {round} of {form}");
                    wrong.extend(difference(&name, &wrap(&end_lines(&stand(pem))), &expected));
                }
            }
        }
    }

    assert_eq!(wrong, [""; 0]);
}

/// K9: the builder takes the same spellings as the file.
#[test]
fn the_builder_takes_a_key_in_any_spelling() {
    let expected = signed(RSA_2048_PKCS1).unwrap();

    for (name, spell) in SPELLINGS {
        let credentials = built(&spell(RSA_2048_PKCS8)).unwrap_or_else(|error| panic!("{name}: {}", told(&error)));
        assert_eq!(assertion(&credentials, now()), expected, "{name}");
    }
}

/// K11: what is not a usable key is refused when the file is read, as a matter of the key.
#[test]
fn an_unusable_key_is_refused_when_the_file_is_read() {
    for (name, pem, _) in refused() {
        assert_eq!(refusal(name, &pem).kind(), ErrorKind::Key, "{name}");
    }
}

/// K11: the refusal says what the key is.
#[test]
fn a_refusal_says_what_the_key_is() {
    for (name, pem, words) in refused() {
        let told = told(&refusal(name, &pem));
        assert!(says(&told, words), "{name}: no {words:?} in {told:?}");
    }
}

/// K10, K11: what it is does not depend on how it is spelled.
#[test]
fn a_refusal_says_what_the_key_is_in_any_spelling() {
    for (name, pem, words) in refused() {
        for (end, end_lines) in LINE_ENDINGS {
            for (whole, wrap) in WRAPPINGS {
                let spelled = wrap(&end_lines(&pem));
                if spelled.len() > LIMIT {
                    continue; // The longest key in base64 twice: refused by its length.
                }
                let told = told(&refusal(name, &spelled));
                assert!(says(&told, words), "{whole} of {end} of {name}: no {words:?} in {told:?}");
            }
        }
    }
}

/// K11: no two of these mistakes are told in the same words.
#[test]
fn each_kind_of_unusable_key_has_words_of_its_own() {
    let mistakes = [
        ("encrypted", ENCRYPTED_PKCS8.to_owned()),
        ("public key", RSA_2048_PUBLIC.to_owned()),
        ("certificate", CERTIFICATE.to_owned()),
        ("EC", EC_PKCS8.to_owned()),
        ("Ed25519", ED25519.to_owned()),
        ("RSA-PSS", RSA_PSS.to_owned()),
        ("too short", RSA_1024.to_owned()),
        ("too long", RSA_16384.to_owned()),
        ("truncated", without_the_end_line(RSA_2048_PKCS1)),
        ("inconsistent", flipped(&der(RSA_2048_PKCS1), 100)),
        ("garbage", "not a key at all".to_owned()),
        ("empty", String::new()),
    ];

    let told = mistakes.iter().map(|(name, pem)| told(&refusal(name, pem))).collect::<BTreeSet<_>>();

    assert_eq!(told.len(), mistakes.len(), "{told:#?}");
}

/// K23: without the feature, an encrypted key names it, with a passphrase and without; what the feature would not decrypt
/// is named as with it.
#[cfg(not(feature = "encrypted-keys"))]
#[test]
fn an_encrypted_key_names_the_feature() {
    let parts = || support::material::parts().private_key(ENCRYPTED_PKCS8);

    for error in [parts().build().unwrap_err(), parts().passphrase("throw-away").build().unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Key);
        assert_eq!(
            error.to_string(),
            "private key is encrypted with a passphrase, and the feature `encrypted-keys` is off"
        );
        assert_eq!(
            error.hint(),
            Some(
                "turn on the feature `encrypted-keys` of this crate and give the passphrase with `passphrase`, or remove \
                 it with `openssl pkey -in encrypted.pem -out key.pem`"
            )
        );
    }
    let error = parts().private_key(include_str!("fixtures/encrypted.des3.pem")).build().unwrap_err();
    assert_eq!(error.to_string(), "private key is encrypted with triple DES, which is not supported");
    assert_eq!(error.hint(), Some("remove the passphrase with `openssl pkey -in encrypted.pem -out key.pem`"));
}

/// K23: with the feature and without, a key that is not encrypted does not need the passphrase that is given.
#[test]
fn a_plain_key_is_read_whatever_the_passphrase() {
    let signed_with = |passphrase: &str| {
        let credentials = support::material::parts().private_key(RSA_2048_PKCS8).passphrase(passphrase);
        assertion(&credentials.build().unwrap(), now())
    };

    assert_eq!(signed_with("throw-away"), signed(RSA_2048_PKCS1).unwrap());
    assert_eq!(signed_with(""), signed(RSA_2048_PKCS1).unwrap());
}

/// K11: an empty or blank key is a missing part of the file, named by its path.
#[test]
fn an_empty_key_is_a_missing_part_of_the_file() {
    for blank in ["", " ", "\t", "\r\n"] {
        let error = refusal("blank", blank);
        assert_eq!(error.kind(), ErrorKind::Credentials, "{blank:?}");
        assert!(told(&error).contains("integration.privateKey"), "{}", told(&error));
    }
}

/// K10, K11: no error about a key shows a piece of it, however it was spelled.
#[test]
fn no_refusal_shows_a_piece_of_the_key() {
    for (name, pem, _) in refused() {
        for (_, spell) in SPELLINGS {
            let spelled = spell(&pem);
            assert_no_key_text(&refusal(name, &spelled), &spelled);
        }
    }
}

/// K10: a key with one character that does not belong there is refused without showing the line.
#[test]
fn a_stray_character_in_a_key_is_not_shown_with_its_line() {
    for stray in ['!', '\0', '\u{e9}', '\u{1b}', '-'] {
        for (_, pem) in FORMS {
            let mut broken = pem.to_owned();
            broken.insert(300, stray);
            for (_, spell) in SPELLINGS {
                let spelled = spell(&broken);
                let error = refusal("stray character", &spelled);
                assert_eq!(error.kind(), ErrorKind::Key, "{stray:?}");
                assert_no_key_text(&error, &spelled);
            }
        }
    }
}

/// K11: the structure tells what it is where the label lies.
#[test]
fn a_wrong_label_does_not_hide_what_stands_there() {
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
        for (pem, found) in [(CERTIFICATE, "a certificate"), (RSA_2048_PUBLIC, "a public key")] {
            let error = refusal(found, &armour(label, &der(pem)));
            assert_eq!(error.to_string(), format!("private key expected, but this is {found}"));
        }
    }
}

/// K11: a key cut at any of its lines is refused, with the end line and without.
#[test]
fn a_key_cut_at_any_line_is_refused() {
    for (form, pem) in FORMS {
        let lines = pem.lines().collect::<Vec<_>>();
        for kept in 1..lines.len() - 1 {
            let start = lines[..kept].join("\n");
            for cut in [format!("{start}\n"), format!("{start}\n{}\n", lines[lines.len() - 1])] {
                let error = refusal(form, &cut);
                assert_eq!(error.kind(), ErrorKind::Key, "{form}, {kept} lines");
                assert_no_key_text(&error, &cut);
            }
        }
    }
}

/// K12: sequences within sequences are refused without eating the stack: an overflow would abort the child.
#[test]
#[expect(clippy::disallowed_methods, reason = "how a test talks to its child")]
fn a_key_of_nested_sequences_is_refused_on_a_small_stack() {
    const CHILD: &str = "ADOBE_IMS_TEST_NESTED_SEQUENCES";
    const SMALL_STACK: usize = 128 * 1024;

    if env::var_os(CHILD).is_some() {
        let thread = thread::Builder::new().stack_size(SMALL_STACK).spawn(refuse_all_bombs).unwrap();
        thread.join().unwrap();
        return;
    }
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_key_of_nested_sequences_is_refused_on_a_small_stack", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();

    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{}: {}", child.status, String::from_utf8_lossy(&child.stderr));
    assert!(output.contains("1 passed"), "{output}");
}

/// K12: a key as long as the limit is read, one byte more is refused by its length.
#[test]
fn a_key_over_the_limit_is_refused_by_its_length() {
    let padded = |length| format!("{RSA_2048_PKCS8:\n<length$}");

    assert!(built(&padded(LIMIT)).is_ok());
    let error = built(&padded(LIMIT + 1)).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Key);
    assert!(told(&error).contains(&format!("{LIMIT} bytes")), "{}", told(&error));
    assert_no_key_text(&error, RSA_2048_PKCS8);
}

/// K14: one bit flipped at any of 170 places of the key, and it is refused.
#[test]
fn a_key_with_one_bit_flipped_is_refused() {
    let der = der(RSA_2048_PKCS1);
    let places = (0..der.len()).step_by(der.len() / 170).collect::<Vec<_>>();
    assert!(places.len() >= 170);

    for place in places {
        let pem = flipped(&der, place);
        let error = refusal(&format!("bit flipped at {place}"), &pem);
        assert_eq!(error.kind(), ErrorKind::Key, "{place}");
        assert_no_key_text(&error, &pem);
    }
}

/// The text that the key signs, as part of the file.
fn signed(pem: &str) -> Result<String, Error> {
    let credentials = CredentialsFile::new().key(pem).read()?;
    Ok(assertion(&credentials, now()))
}

/// `None` when this spelling signs what is expected, else what it did.
fn difference(name: &str, spelled: &str, expected: &str) -> Option<String> {
    match signed(spelled) {
        Ok(signed) if signed == expected => None,
        Ok(_) => Some(format!("{name}: signs otherwise")),
        Err(error) => Some(format!("{name}: {}", told(&error))),
    }
}

#[track_caller]
fn refusal(name: &str, pem: &str) -> Error {
    match CredentialsFile::new().key(pem).read() {
        Ok(_) => panic!("{name}: taken"),
        Err(error) => error,
    }
}

fn built(pem: &str) -> Result<ServiceCredentials, Error> {
    ServiceCredentials::builder()
        .client_id(CLIENT_ID)
        .client_secret(CLIENT_SECRET)
        .org_id(ORG_ID)
        .technical_account_id(TECHNICAL_ACCOUNT_ID)
        .metascopes([METASCOPE])
        .private_key(pem)
        .build()
}

/// Whole words, since "EC" stands in many.
fn says(told: &str, words: &str) -> bool {
    let words_of =
        |text: &str| format!(" {} ", text.split(|c: char| !c.is_alphanumeric()).collect::<Vec<_>>().join(" "));
    words_of(told).contains(&words_of(words))
}

/// What it is, its text, and the words that name it.
fn refused() -> Vec<(&'static str, String, &'static str)> {
    let ec_parameters_first =
        format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{EC_SEC1}");
    vec![
        ("encrypted PKCS#1", ENCRYPTED_PKCS1.to_owned(), "encrypted"),
        ("encrypted PKCS#8", ENCRYPTED_PKCS8.to_owned(), "encrypted"),
        ("public key", RSA_2048_PUBLIC.to_owned(), "public key"),
        ("public key, PKCS#1", RSA_2048_PUBLIC_PKCS1.to_owned(), "public key"),
        ("certificate only", CERTIFICATE.to_owned(), "certificate"),
        ("EC", EC_SEC1.to_owned(), "EC"),
        ("EC, parameters first", ec_parameters_first, "EC"),
        ("EC, PKCS#8", EC_PKCS8.to_owned(), "EC"),
        ("Ed25519", ED25519.to_owned(), "Ed25519"),
        ("RSA-PSS", RSA_PSS.to_owned(), "RSA-PSS"),
        ("1024 bits", RSA_1024.to_owned(), "1024"),
        ("16384 bits", RSA_16384.to_owned(), "16384"),
        ("end line cut off", without_the_end_line(RSA_2048_PKCS1), "truncated"),
        ("end line cut off, PKCS#8", without_the_end_line(RSA_2048_PKCS8), "truncated"),
        ("last lines missing", without_the_last_lines(RSA_2048_PKCS1), "truncated"),
        ("last lines missing, PKCS#8", without_the_last_lines(RSA_2048_PKCS8), "truncated"),
        ("encrypted, certificate first", certificate_first(ENCRYPTED_PKCS8), "encrypted"),
        ("EC, certificate first", certificate_first(EC_SEC1), "EC"),
        ("not PEM", "not a key at all".to_owned(), "PEM"),
        ("not base64", "-----BEGIN PRIVATE KEY-----\n&&&&\n-----END PRIVATE KEY-----\n".to_owned(), "base64"),
        ("not DER", armour("PRIVATE KEY", &[0x5a; 600]), "private key"),
        ("not DER, PKCS#1", armour("RSA PRIVATE KEY", &[0x5a; 600]), "private key"),
    ]
}

fn without_the_end_line(pem: &str) -> String {
    pem[..pem.len() * 2 / 3].to_owned()
}

fn without_the_last_lines(pem: &str) -> String {
    let lines = pem.lines().collect::<Vec<_>>();
    [&lines[..lines.len() - 6], &lines[lines.len() - 1..]].concat().join("\n")
}

fn flipped(der: &[u8], place: usize) -> String {
    let mut der = der.to_vec();
    der[place] ^= 1 << (place % 8);
    armour("RSA PRIVATE KEY", &der)
}

fn refuse_all_bombs() {
    const FITS: usize = 11_900;
    const TOO_LONG: usize = 48 * 1024;

    for bomb in [nested_sequences(FITS), nested_open_sequences(FITS), pkcs8_of(&nested_sequences(FITS - 40))] {
        for label in ["RSA PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "PUBLIC KEY"] {
            let pem = armour(label, &bomb);
            assert!(pem.len() <= LIMIT);
            assert_eq!(refusal(label, &pem).kind(), ErrorKind::Key);
            assert_eq!(refusal(label, &base64_of_the_pem(&pem)).kind(), ErrorKind::Key);
        }
        let certificate = armour("CERTIFICATE", &bomb);
        assert!(CredentialsFile::new().certificate(&certificate).read().unwrap().certificate().is_none());
    }
    for label in ["RSA PRIVATE KEY", "PRIVATE KEY"] {
        let error = built(&armour(label, &nested_sequences(TOO_LONG))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Key);
    }
}

/// As many sequences in each other as fit, each with its true length.
fn nested_sequences(size: usize) -> Vec<u8> {
    let mut backwards = Vec::new();
    while backwards.len() + 4 <= size {
        let [.., high, low] = backwards.len().to_be_bytes();
        match (high, low) {
            (0, 0..=0x7f) => backwards.extend([low, 0x30]),
            (0, _) => backwards.extend([low, 0x81, 0x30]),
            _ => backwards.extend([low, high, 0x82, 0x30]),
        }
    }
    backwards.reverse();
    backwards
}

/// The same with open lengths, two bytes a level.
fn nested_open_sequences(size: usize) -> Vec<u8> {
    [0x30, 0x80].repeat(size / 2)
}

/// A PKCS#8 shell that says RSA, round a key of these bytes.
fn pkcs8_of(key: &[u8]) -> Vec<u8> {
    let [.., high, low] = key.len().to_be_bytes();
    let mut inner = vec![0x02, 0x01, 0x00];
    inner.extend([0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00]);
    inner.extend([0x04, 0x82, high, low]);
    inner.extend(key);
    let [.., high, low] = inner.len().to_be_bytes();
    [&[0x30, 0x82, high, low][..], &inner].concat()
}

type Spelling = (&'static str, fn(&str) -> String);

const FORMS: [(&str, &str); 2] = [("PKCS#1", RSA_2048_PKCS1), ("PKCS#8", RSA_2048_PKCS8)];

const SPELLINGS: &[Spelling] = &[
    ("lf", lf),
    ("crlf", crlf),
    ("cr", cr),
    ("literal_backslash_n", literal_backslash_n),
    ("literal_backslash_r_backslash_n", literal_backslash_r_backslash_n),
    ("literal_backslashes_escaped", literal_backslashes_escaped),
    ("literal_backslash_n_before_each_line_break", literal_backslash_n_before_each_line_break),
    ("line_breaks_turned_to_spaces", line_breaks_turned_to_spaces),
    ("line_breaks_removed", line_breaks_removed),
    ("quoted", quoted),
    ("single_quoted", single_quoted),
    ("with_bom", with_bom),
    ("base64_of_the_pem", base64_of_the_pem),
    ("base64_of_the_pem_in_lines", base64_of_the_pem_in_lines),
    ("base64_of_base64_of_the_pem", base64_of_base64_of_the_pem),
    ("em_dashes", em_dashes),
    ("em_dashes_and_a_hyphen", em_dashes_and_a_hyphen),
    ("en_dashes", en_dashes),
    ("minus_signs", minus_signs),
    ("dashes_lost_in_copying", dashes_lost_in_copying),
    ("beautiful_quotes", beautiful_quotes),
    ("blank_lines_first", blank_lines_first),
    ("blank_lines_last", blank_lines_last),
    ("blank_lines_between", blank_lines_between),
    ("indented", indented),
    ("blanks_at_line_ends", blanks_at_line_ends),
    ("no_final_newline", no_final_newline),
    ("certificate_first", certificate_first),
    ("certificate_last", certificate_last),
    ("text_first", text_first),
    ("body_in_one_line", body_in_one_line),
    ("body_alone", body_alone),
    ("no_break_spaces_at_line_ends", no_break_spaces_at_line_ends),
    ("a_list_of_lines", a_list_of_lines),
];

const SURROUNDINGS: &[Spelling] = &[
    ("lf", lf),
    ("blank_lines_first", blank_lines_first),
    ("indented", indented),
    ("no_final_newline", no_final_newline),
    ("certificate_first", certificate_first),
    ("text_first", text_first),
];

const LINE_ENDINGS: &[Spelling] = &[
    ("lf", lf),
    ("crlf", crlf),
    ("cr", cr),
    ("literal_backslash_n", literal_backslash_n),
    ("literal_backslash_r_backslash_n", literal_backslash_r_backslash_n),
    ("line_breaks_turned_to_spaces", line_breaks_turned_to_spaces),
];

const WRAPPINGS: &[Spelling] =
    &[("lf", lf), ("quoted", quoted), ("with_bom", with_bom), ("base64_of_the_pem", base64_of_the_pem)];

/// As it was made.
fn lf(pem: &str) -> String {
    pem.to_owned()
}

fn crlf(pem: &str) -> String {
    pem.replace('\n', "\r\n")
}

fn cr(pem: &str) -> String {
    pem.replace('\n', "\r")
}

fn literal_backslash_n(pem: &str) -> String {
    pem.replace('\n', r"\n")
}

fn literal_backslash_r_backslash_n(pem: &str) -> String {
    pem.replace('\n', r"\r\n")
}

/// As JSON within JSON has it.
fn literal_backslashes_escaped(pem: &str) -> String {
    pem.replace('\n', r"\\r\\n")
}

fn literal_backslash_n_before_each_line_break(pem: &str) -> String {
    pem.replace('\n', "\\n\n")
}

fn line_breaks_turned_to_spaces(pem: &str) -> String {
    pem.replace('\n', " ")
}

fn line_breaks_removed(pem: &str) -> String {
    pem.replace('\n', "")
}

fn quoted(pem: &str) -> String {
    format!("\"{pem}\"")
}

fn single_quoted(pem: &str) -> String {
    format!("'{pem}'")
}

fn with_bom(pem: &str) -> String {
    format!("\u{feff}{pem}")
}

fn base64_of_the_pem(pem: &str) -> String {
    STANDARD.encode(pem)
}

fn base64_of_the_pem_in_lines(pem: &str) -> String {
    let armoured = armour("", pem.as_bytes());
    armoured.lines().filter(|line| !line.starts_with('-')).map(|line| format!("{line}\n")).collect()
}

fn base64_of_base64_of_the_pem(pem: &str) -> String {
    STANDARD.encode(STANDARD.encode(pem))
}

/// As some mail programs write five hyphens.
fn em_dashes(pem: &str) -> String {
    pem.replace("-----", "\u{2014}\u{2014}")
}

/// As telephones do: two hyphens become one dash.
fn em_dashes_and_a_hyphen(pem: &str) -> String {
    pem.replace("-----", "\u{2014}\u{2014}-")
}

fn en_dashes(pem: &str) -> String {
    pem.replace('-', "\u{2013}")
}

fn minus_signs(pem: &str) -> String {
    pem.replace('-', "\u{2212}")
}

/// The selection began and ended a little late and early.
fn dashes_lost_in_copying(pem: &str) -> String {
    let pem = pem.trim_end();
    pem[1..pem.len() - 2].to_owned()
}

fn beautiful_quotes(pem: &str) -> String {
    format!("\u{201c}{pem}\u{201d}")
}

fn blank_lines_first(pem: &str) -> String {
    format!("\n\n  \n{pem}")
}

fn blank_lines_last(pem: &str) -> String {
    format!("{pem}\n\n  \n")
}

fn blank_lines_between(pem: &str) -> String {
    pem.replace('\n', "\n\n")
}

fn indented(pem: &str) -> String {
    pem.lines().map(|line| format!("    {line}\n")).collect()
}

fn blanks_at_line_ends(pem: &str) -> String {
    pem.lines().map(|line| format!("{line} \t\n")).collect()
}

fn no_final_newline(pem: &str) -> String {
    pem.trim_end().to_owned()
}

fn certificate_first(pem: &str) -> String {
    format!("{CERTIFICATE}{pem}")
}

fn certificate_last(pem: &str) -> String {
    format!("{pem}{CERTIFICATE}")
}

/// As OpenSSL writes it when it takes a key out of a key store.
fn text_first(pem: &str) -> String {
    format!("Bag Attributes\n    friendlyName: integration\nKey Attributes: <No Attributes>\n{pem}")
}

fn body_in_one_line(pem: &str) -> String {
    let lines = pem.lines().collect::<Vec<_>>();
    let [first, body @ .., last] = lines.as_slice() else {
        return pem.to_owned();
    };
    format!("{first}\n{}\n{last}\n", body.concat())
}

/// Without armour lines, as aio-lib-java wants it.
fn body_alone(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).map(|line| format!("{line}\n")).collect()
}

/// Over this many bytes a key is refused unread.
const LIMIT: usize = 16 * 1024;

fn no_break_spaces_at_line_ends(pem: &str) -> String {
    pem.replace('\n', "\u{a0}\u{200b}\n")
}

/// As JSON text of an array: `["-----BEGIN …", "MII…", …]`.
fn a_list_of_lines(pem: &str) -> String {
    serde_json::to_string(&pem.lines().collect::<Vec<_>>()).unwrap()
}

fn now() -> SystemTime {
    unix(1_790_000_000)
}
