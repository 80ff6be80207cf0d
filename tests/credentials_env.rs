//! Credentials in the environment. Each case runs in a child process with an environment of its own: no test changes the
//! environment of this one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::env;
use std::fs;
use std::process::Command;

use adobe_ims::Credentials;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
#[cfg(feature = "encrypted-keys")]
use support::material::ENCRYPTED_PKCS8;
use support::material::{
    CLIENT_ID, CLIENT_SECRET, CredentialsFile, IMS_HOST, METASCOPE, OAUTH_CLIENT_ID, OAUTH_SECRET, ORG_ID,
    OTHER_OAUTH_SECRET, RSA_2048_PKCS1, SCOPES, TECHNICAL_ACCOUNT_ID, printed, told,
};

type Environment<'a> = Vec<(String, &'a str)>;

/// C15: the variables that `aio app use` writes.
#[test]
fn the_variables_of_app_builder_are_read() {
    let scopes = serde_json::to_string(&SCOPES).unwrap();

    for prefix in ["IMS_OAUTH_S2S_", "AIO_WORKSPACE_IMS_OAUTH_S2S_"] {
        let read = read(&under(
            prefix,
            &[("CLIENT_ID", OAUTH_CLIENT_ID), ("CLIENT_SECRET", OAUTH_SECRET), ("ORG_ID", ORG_ID), ("SCOPES", &scopes)],
        ));
        assert_eq!(read, oauth(1), "{prefix}");
    }
}

/// C16: the variables of Adobe Commerce's kit: secrets and scopes as JSON, as a comma list, or one text; `stage` and `prod`.
#[test]
fn the_variables_of_the_commerce_kit_are_read() {
    let two = format!("{OAUTH_SECRET}, {OTHER_OAUTH_SECRET}");
    let two_as_json = format!("[\"{OAUTH_SECRET}\",\"{OTHER_OAUTH_SECRET}\"]");
    let (comma, blank, as_json) = (SCOPES.join(","), SCOPES.join(" "), serde_json::to_string(&SCOPES).unwrap());

    for (secrets, count) in [(OAUTH_SECRET, 1), (two.as_str(), 2), (two_as_json.as_str(), 2)] {
        for scopes in [&comma, &blank, &as_json] {
            let environment = under(
                "AIO_COMMERCE_AUTH_IMS_",
                &[
                    ("CLIENT_ID", OAUTH_CLIENT_ID),
                    ("CLIENT_SECRETS", secrets),
                    ("ORG_ID", ORG_ID),
                    ("SCOPES", scopes),
                    ("TECHNICAL_ACCOUNT_ID", TECHNICAL_ACCOUNT_ID),
                    ("TECHNICAL_ACCOUNT_EMAIL", "x@techacct.adobe.com"),
                    ("API_KEY", "of something else"),
                ],
            );
            assert_eq!(read(&environment), oauth(count), "{secrets} {scopes}");
        }
    }
    let mut stage = commerce();
    stage.push(("AIO_COMMERCE_AUTH_IMS_ENVIRONMENT".to_owned(), "stage"));
    assert_eq!(read(&stage)["host"], "ims-na1-stg1.adobelogin.com");
    stage.last_mut().unwrap().1 = "MARKER";
    assert_refused(&stage, "AIO_COMMERCE_AUTH_IMS_ENVIRONMENT: `prod` or `stage` is expected");
}

/// C17: the variables of the starter kits, in both spellings of secret and organization.
#[test]
fn the_variables_of_the_starter_kits_are_read() {
    let scopes = SCOPES.join(", ");
    for (secret, org) in [("CLIENT_SECRETS", "IMS_ORG_ID"), ("CLIENT_SECRET", "ORG_ID")] {
        let environment = under(
            "OAUTH_",
            &[("CLIENT_ID", OAUTH_CLIENT_ID), (secret, OAUTH_SECRET), (org, ORG_ID), ("SCOPES", &scopes)],
        );
        assert_eq!(read(&environment), oauth(1), "{secret} {org}");
    }
}

/// C18: the variables of imscli and of the tests of aio-lib-ims, which spell one thing in two ways.
#[test]
fn the_variables_of_imscli_are_read() {
    let scopes = SCOPES.join(",");
    let imscli = [("CLIENTID", OAUTH_CLIENT_ID), ("CLIENTSECRET", OAUTH_SECRET), ("ORGANIZATION", ORG_ID)];
    let aio = [("CLIENT_ID", OAUTH_CLIENT_ID), ("CLIENT_SECRET", OAUTH_SECRET), ("ORG_ID", ORG_ID)];

    for family in [imscli, aio] {
        for name in ["SCOPES", "SCOPE"] {
            let mut environment = under("IMS_", &family);
            environment.push((format!("IMS_{name}"), &scopes));
            assert_eq!(read(&environment), oauth(1), "{family:?}");
        }
    }
    let mut staged = under("IMS_", &imscli);
    staged.extend(under("IMS_", &[("SCOPES", scopes.as_str()), ("URL", "https://ims-na1-stg1.adobelogin.com/")]));
    assert_eq!(read(&staged)["host"], "ims-na1-stg1.adobelogin.com");
    staged.push(("IMS_CLIENT_ID".to_owned(), "another"));
    assert_refused(&staged, "IMS_CLIENT_ID and IMS_CLIENTID differ");
}

/// C18: the JWT half of imscli, whose key is a path; the key itself in its place is taken, too.
#[test]
fn the_jwt_variables_of_imscli_are_read_with_the_key_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("private.pem");
    fs::write(&path, RSA_2048_PKCS1).unwrap();
    let jwt = |key| {
        under(
            "IMS_",
            &[
                ("CLIENTID", CLIENT_ID),
                ("CLIENTSECRET", CLIENT_SECRET),
                ("ORGANIZATION", ORG_ID),
                ("ACCOUNT", TECHNICAL_ACCOUNT_ID),
                ("METASCOPES", METASCOPE),
                ("PRIVATEKEY", key),
            ],
        )
    };

    let (in_base64, in_blanks) = (STANDARD.encode(RSA_2048_PKCS1), format!(" {}\n", path.display()));
    for key in [path.to_str().unwrap(), RSA_2048_PKCS1, &in_base64, &in_blanks] {
        assert_eq!(read(&jwt(key)), service());
    }
    assert_refused(&jwt("/nowhere/private.pem"), "/nowhere/private.pem: private key file cannot be read");
    assert_refused(&jwt("s8e-MARKER"), "private key file cannot be read: the path given is a text that is not shown");
    fs::write(&path, "MARKER").unwrap();
    assert_refused(&jwt(path.to_str().unwrap()), "private.pem: private key is not PEM text");
}

/// C19: a context of aio, whose names have two underscores for one; deeper ones and single settings are passed over.
#[test]
fn a_context_of_aio_is_read() {
    let mut environment = context("my__ctx");
    environment.push(("AIO_ims_contexts_cli_access__token_token".to_owned(), "eyJ"));
    environment.push(("AIO_ims_contexts_cli_env".to_owned(), "prod"));
    environment.push(("AIO_ims_config_current".to_owned(), "cli"));

    assert_eq!(read(&environment), oauth(1));
    assert_eq!(read(&context("aio-cli-plugin-cloudmanager")), oauth(1));

    let key = RSA_2048_PKCS1.replace('\n', "\\n");
    let metascopes = format!("[\"{METASCOPE}\"]");
    let jwt = under(
        "AIO_ims_contexts_jwt_",
        &[
            ("client__id", CLIENT_ID),
            ("client__secret", CLIENT_SECRET),
            ("technical__account__id", TECHNICAL_ACCOUNT_ID),
            ("meta__scopes", &metascopes),
            ("ims__org__id", ORG_ID),
            ("private__key", &key),
        ],
    );
    assert_eq!(read(&jwt), service());
}

/// C19, K24: a context of aio has the passphrase of its key.
#[cfg(feature = "encrypted-keys")]
#[test]
fn the_passphrase_of_a_context_is_read() {
    let key = ENCRYPTED_PKCS8.replace('\n', "\\n");
    let context = |passphrase| {
        let variables = [
            ("client__id", CLIENT_ID),
            ("client__secret", CLIENT_SECRET),
            ("technical__account__id", TECHNICAL_ACCOUNT_ID),
            ("meta__scopes", METASCOPE),
            ("ims__org__id", ORG_ID),
            ("private__key", &key),
            ("passphrase", passphrase),
        ];
        under("AIO_ims_contexts_jwt_", &variables)
    };

    assert_eq!(read(&context("throw-away")), service());
    assert_refused(&context("MARKER"), "private key cannot be decrypted: the passphrase is wrong");
    assert_refused(&context(""), "private key is encrypted with a passphrase, and none is given");
}

/// C19: several contexts are listed, and one is selected by the name it has in aio or in the variable.
#[test]
fn of_several_contexts_one_must_be_selected() {
    let mut environment = context("first");
    let mut second = context("my__ctx");
    second[0].1 = "second";
    environment.extend(second);
    environment.push(("AIO_ims_contexts_half_client__id".to_owned(), "half"));

    assert_refused(
        &environment,
        "the environment holds several complete credentials: first: OAuth Server-to-Server; my_ctx: OAuth Server-to-Server",
    );
    for name in ["my ctx", "my_ctx", "second"] {
        assert_eq!(select(name, &environment)["client_id"], "second", "{name}");
    }
    let error = select("third", &environment);
    assert!(error["error"].as_str().unwrap().contains("none with the name or id given to `select`"), "{error}");
}

/// C19: a context that cannot be read is of no concern for a complete one, and is named if there is no other.
#[test]
fn a_context_that_cannot_be_read_does_not_hide_the_others() {
    let odd = |name| {
        let mut odd = context(name);
        odd.push((format!("AIO_ims_contexts_{name}_api__key"), "MARKER-another"));
        odd
    };
    let differ = "odd_api__key and AIO_ims_contexts_odd_client__id differ";

    let mut one_complete = odd("odd");
    one_complete.extend(context("good"));
    assert_eq!(read(&one_complete), oauth(1));
    assert_eq!(select("good", &one_complete), oauth(1));
    let error = select("odd", &one_complete);
    assert!(error["error"].as_str().unwrap().contains(differ), "{error}");

    assert_refused(&odd("odd"), differ);
    let mut two_odd = odd("odd");
    two_odd.extend(odd("other"));
    assert_refused(&two_odd, "odd: OAuth Server-to-Server that cannot be read; other:");
}

/// C20: our own variable comes first, and holds a path, the JSON, or base64 of it in either alphabet.
#[test]
fn our_own_variable_comes_first_in_each_of_its_forms() {
    let json = CredentialsFile::new().to_json();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service_token.json");
    fs::write(&path, &json).unwrap();
    let in_lines = STANDARD.encode(&json).as_bytes().chunks(76).map(|line| [line, b"\n"].concat()).collect::<Vec<_>>();
    let forms = [
        path.to_str().unwrap().to_owned(),
        json.clone(),
        format!(" {json}\n"),
        serde_json::to_string(&json).unwrap(),
        STANDARD.encode(&json),
        URL_SAFE_NO_PAD.encode(&json),
        String::from_utf8(in_lines.concat()).unwrap(),
    ];

    for form in &forms {
        let mut environment = commerce();
        environment.push(("ADOBE_IMS_CREDENTIALS".to_owned(), form));
        assert_eq!(read(&environment), service(), "{form:.60}");
    }
}

/// C20: our own variable set to nothing, as a mount that failed leaves it, is an error: the credentials of other variables
/// may be of another account.
#[test]
fn our_own_variable_set_to_nothing_is_an_error() {
    for nothing in ["", " ", "\n"] {
        let mut environment = commerce();
        environment.push(("ADOBE_IMS_CREDENTIALS".to_owned(), nothing));
        assert_refused(&environment, "ADOBE_IMS_CREDENTIALS is set but empty: hint: check that the secret");
    }
}

/// C20, S17: what our own variable holds is never repeated, and the variable or the file is named.
#[test]
fn our_own_variable_is_named_and_not_repeated() {
    let cases = [
        ("s8e-MARKER-0123456789", "credentials cannot be used: ADOBE_IMS_CREDENTIALS: it is neither"),
        ("MARKER\nMARKER", "it is neither the path of a file nor its JSON nor base64 of it"),
        ("{\"integration\":{\"MARKER\":1}}", "ADOBE_IMS_CREDENTIALS: credentials lack integration.imsEndpoint"),
        ("{\"MARKER", "ADOBE_IMS_CREDENTIALS: credentials are not valid JSON"),
        (RSA_2048_PKCS1, "ADOBE_IMS_CREDENTIALS: credentials expected, but this is a PEM file"),
        ("/nowhere/ims.json", "ADOBE_IMS_CREDENTIALS: /nowhere/ims.json: credentials file cannot be read"),
        (
            "${MARKER}",
            "ADOBE_IMS_CREDENTIALS: credentials expected, but this is a placeholder that nothing has filled in",
        ),
        ("{{ MARKER }}", "ADOBE_IMS_CREDENTIALS: credentials expected, but this is a placeholder"),
        ("$MARKER", "ADOBE_IMS_CREDENTIALS: credentials expected, but this is a placeholder"),
        ("/run/${MARKER}/ims.json", "ADOBE_IMS_CREDENTIALS: credentials expected, but this is a placeholder"),
        (
            "{\"integration\":",
            "it ends too early at line 1, column 15: hint: check that the download or the secret mount",
        ),
    ];

    for (value, words) in cases {
        let environment = vec![("ADOBE_IMS_CREDENTIALS".to_owned(), value)];
        assert_refused(&environment, words);
        let error = read(&environment)["error"].as_str().unwrap().to_owned();
        let message = error.split(": hint:").next().unwrap();
        assert_eq!(message.matches("ADOBE_IMS_CREDENTIALS").count(), 1, "{message}");
    }
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    fs::write(file.path(), "{}").unwrap();
    let path = file.path().to_str().unwrap();
    let words = format!("ADOBE_IMS_CREDENTIALS: {path}: credentials expected, but this is JSON of an unknown kind");
    assert_refused(&vec![("ADOBE_IMS_CREDENTIALS".to_owned(), path)], &words);
}

/// C21: two complete families are an error that names both; one of them can be selected by its prefix.
#[test]
fn two_complete_families_are_an_error_that_names_both() {
    let scopes = SCOPES.join(",");
    let mut environment = commerce();
    environment
        .extend(under("OAUTH_", &[("CLIENT_ID", "other"), ("CLIENT_SECRET", OTHER_OAUTH_SECRET), ("SCOPES", &scopes)]));

    let error = read(&environment);
    let error = error["error"].as_str().unwrap();
    for word in
        ["the environment holds several complete credentials", "prefix", "AIO_COMMERCE_AUTH_IMS_", "OAUTH_", "select"]
    {
        assert!(error.contains(word), "no {word:?} in {error:?}");
    }
    assert_eq!(select("OAUTH_", &environment)["client_id"], "other");
    assert_eq!(select("AIO_COMMERCE_AUTH_IMS_", &environment), oauth(1));
}

/// C21: a context of aio beside the variables of the same client is no second source.
#[test]
fn one_client_in_a_family_and_in_a_context_is_one_source() {
    let scopes = serde_json::to_string(&SCOPES).unwrap();
    let mut environment = context("aio");
    environment.extend(under(
        "IMS_OAUTH_S2S_",
        &[("CLIENT_ID", OAUTH_CLIENT_ID), ("CLIENT_SECRET", OAUTH_SECRET), ("ORG_ID", ORG_ID), ("SCOPES", &scopes)],
    ));

    assert_eq!(read(&environment), oauth(1));
    // Another client is another source.
    environment.iter_mut().find(|(name, _)| name == "IMS_OAUTH_S2S_CLIENT_ID").unwrap().1 = "other";
    assert_refused(&environment, "several complete credentials: IMS_OAUTH_S2S_: OAuth Server-to-Server; aio: OAuth");
}

/// C22: half a family is an error that names what is missing, unless another one is complete.
#[test]
fn half_a_family_is_an_error_that_names_what_is_missing() {
    let half = under("IMS_OAUTH_S2S_", &[("CLIENT_ID", OAUTH_CLIENT_ID), ("ORG_ID", ORG_ID), ("SCOPES", " ")]);
    assert_refused(&half, "credentials lack IMS_OAUTH_S2S_CLIENT_SECRET, IMS_OAUTH_S2S_SCOPES");

    let mut others = half.clone();
    others.extend(commerce());
    assert_eq!(read(&others), oauth(1));

    let mut halves = half;
    halves.push(("OAUTH_CLIENT_SECRET".to_owned(), OAUTH_SECRET));
    assert_refused(
        &halves,
        "the environment holds credentials, but none that can get a token: IMS_OAUTH_S2S_: OAuth Server-to-Server without",
    );
    assert!(read(&halves)["error"].as_str().unwrap().contains("hint: set what is missing"));

    let jwt = under("IMS_", &[("CLIENTID", CLIENT_ID), ("METASCOPES", METASCOPE)]);
    assert_refused(&jwt, "lack IMS_ORGANIZATION, IMS_ACCOUNT, IMS_CLIENTSECRET, IMS_PRIVATEKEY");
    let context = under("AIO_ims_contexts_a__b_", &[("client__id", CLIENT_ID)]);
    assert_refused(&context, "lack AIO_ims_contexts_a__b_client__secrets, AIO_ims_contexts_a__b_scopes");
}

/// C23: where nothing is found, the error says what was looked for; settings of other things are nothing.
#[test]
fn an_environment_without_credentials_says_what_was_looked_for() {
    for environment in [vec![], under("IMS_", &[("URL", "https://a.example"), ("TIMEOUT", "30"), ("SCOPES", "MARKER")])]
    {
        let error = read(&environment);
        let error = error["error"].as_str().unwrap();
        for word in [
            "ADOBE_IMS_CREDENTIALS",
            "IMS_OAUTH_S2S_CLIENT_ID",
            "AIO_WORKSPACE_IMS_OAUTH_S2S_CLIENT_ID",
            "AIO_COMMERCE_AUTH_IMS_CLIENT_ID",
            "OAUTH_CLIENT_ID",
            "IMS_CLIENTID",
            "AIO_ims_contexts_<name>_client__id",
        ] {
            assert!(error.contains(word), "no {word:?} in {error:?}");
        }
    }
}

/// C24: values that a shell or a template spoilt are mended or named by their variable, and never shown.
#[test]
fn spoilt_values_are_mended_or_named() {
    let scopes = format!("'{}'", serde_json::to_string(&SCOPES).unwrap());
    let quoted = [format!("\"{OAUTH_CLIENT_ID}\""), format!("'{OAUTH_SECRET}'"), format!("\"{ORG_ID}\"")];
    let family = |id, secret, org, scopes| {
        under("IMS_OAUTH_S2S_", &[("CLIENT_ID", id), ("CLIENT_SECRET", secret), ("ORG_ID", org), ("SCOPES", scopes)])
    };
    assert_eq!(read(&family(&quoted[0], &quoted[1], &quoted[2], &scopes)), oauth(1));

    for placeholder in ["${MARKER}", "{{ MARKER }}", "$MARKER", "<MARKER>", "%MARKER%", "#{MARKER}#", "$(MARKER)"] {
        let words = "IMS_OAUTH_S2S_CLIENT_SECRET: it is a placeholder that nothing has filled in";
        assert_refused(&family(OAUTH_CLIENT_ID, placeholder, ORG_ID, "openid"), words);
    }
    let masked = family(OAUTH_CLIENT_ID, "***", ORG_ID, "openid");
    assert_refused(&masked, "IMS_OAUTH_S2S_CLIENT_SECRET: it is masked");
    let blank = family(OAUTH_CLIENT_ID, "MARKER MARKER", ORG_ID, "openid");
    assert_refused(&blank, "IMS_OAUTH_S2S_CLIENT_SECRET: it contains a space");
}

/// C24: a value that is not Unicode is named by its variable.
#[cfg(unix)]
#[test]
fn a_value_that_is_not_unicode_is_named() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let output = child()
        .envs(commerce())
        .env("AIO_COMMERCE_AUTH_IMS_CLIENT_SECRETS", OsStr::from_bytes(b"MARKER\xff"))
        .output()
        .unwrap();

    let error = answer(&output.stdout)["error"].as_str().unwrap().to_owned();
    assert!(error.contains("AIO_COMMERCE_AUTH_IMS_CLIENT_SECRETS must be a string"), "{error}");
    assert!(!error.contains("MARKER"), "{error}");
}

/// What the children do; nothing in this process.
#[test]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "how a test talks to its child")]
fn child_reads_its_environment() {
    if env::var_os(IN_CHILD).is_none() {
        return;
    }
    let reader = match env::var(SELECT) {
        Ok(name) => Credentials::reader().select(name),
        Err(_) => Credentials::reader(),
    };
    let debug = |shown: String| shown.matches("[redacted]").count();
    let answer = match reader.from_env() {
        Ok(Credentials::OAuth(read)) => json!({
            "kind": "OAuth", "client_id": read.client_id(), "org_id": read.org_id(), "host": read.ims_host(),
            "scopes": read.scopes().collect::<Vec<_>>(), "secrets": debug(format!("{read:?}")),
        }),
        Ok(Credentials::Service(read)) => json!({
            "kind": "Service", "client_id": read.client_id(), "org_id": read.org_id(), "host": read.ims_host(),
            "scopes": read.metascopes().collect::<Vec<_>>(), "account": read.technical_account_id(),
        }),
        Ok(other) => panic!("{other:?}"),
        Err(error) => json!({ "error": told(&error), "printed": printed(&error), "kind": error.kind().to_string() }),
    };
    println!("\n{ANSWER}{answer}");
}

fn oauth(secrets: usize) -> Value {
    json!({
        "kind": "OAuth", "client_id": OAUTH_CLIENT_ID, "org_id": ORG_ID, "host": IMS_HOST, "scopes": SCOPES,
        "secrets": secrets,
    })
}

fn service() -> Value {
    json!({
        "kind": "Service", "client_id": CLIENT_ID, "org_id": ORG_ID, "host": IMS_HOST, "scopes": [METASCOPE],
        "account": TECHNICAL_ACCOUNT_ID,
    })
}

fn commerce() -> Environment<'static> {
    under(
        "AIO_COMMERCE_AUTH_IMS_",
        &[
            ("CLIENT_ID", OAUTH_CLIENT_ID),
            ("CLIENT_SECRETS", OAUTH_SECRET),
            ("ORG_ID", ORG_ID),
            ("SCOPES", "openid,AdobeID,read_organizations"),
        ],
    )
}

fn context(name: &str) -> Environment<'static> {
    under(
        &format!("AIO_ims_contexts_{name}_"),
        &[
            ("client__id", OAUTH_CLIENT_ID),
            ("client__secrets", r#"["p8e-MARKER-fedcba-9876543210"]"#),
            ("technical__account__id", TECHNICAL_ACCOUNT_ID),
            ("scopes", r#"["openid","AdobeID","read_organizations"]"#),
            ("ims__org__id", ORG_ID),
        ],
    )
}

fn under<'a>(prefix: &str, variables: &[(&str, &'a str)]) -> Environment<'a> {
    variables.iter().map(|(name, value)| (format!("{prefix}{name}"), *value)).collect()
}

fn read(environment: &Environment<'_>) -> Value {
    answer(&child().envs(environment.iter().cloned()).output().unwrap().stdout)
}

fn select(name: &str, environment: &Environment<'_>) -> Value {
    answer(&child().env(SELECT, name).envs(environment.iter().cloned()).output().unwrap().stdout)
}

/// The child says so, and shows nothing of what it was given.
#[track_caller]
fn assert_refused(environment: &Environment<'_>, words: &str) {
    let answer = read(environment);
    let Some(error) = answer["error"].as_str() else { panic!("taken: {answer}") };
    assert!(error.contains(words), "no {words:?} in {error:?}");
    let printed = answer["printed"].as_str().unwrap();
    assert!(!printed.contains("MARKER"), "{printed}");
}

fn child() -> Command {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "child_reads_its_environment", "--nocapture"]).env_clear().env(IN_CHILD, "1");
    child
}

#[track_caller]
fn answer(stdout: &[u8]) -> Value {
    let stdout = String::from_utf8_lossy(stdout);
    let answer = stdout.lines().find_map(|line| line.strip_prefix(ANSWER));
    serde_json::from_str(answer.unwrap_or_else(|| panic!("{stdout}"))).unwrap()
}

const IN_CHILD: &str = "TEST_OF_ENVIRONMENT_IN_CHILD";
const SELECT: &str = "TEST_OF_ENVIRONMENT_SELECT";
const ANSWER: &str = "answer: ";
