//! Every file that Adobe's consoles and tools hand out, as downloaded: what is read from it, and what is said of those that
//! cannot be used.
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
use std::fmt::{Debug, Display};
use std::str::FromStr;

use adobe_ims::{
    Credentials, CredentialsReader, DevelopmentToken, ErrorKind, OAuthCredentials, OAuthCredentialsBuilder,
    ServiceCredentials,
};
use serde::Serialize;
use serde_json::{Value, json};
use static_assertions::{assert_impl_all, assert_not_impl_any};
use support::material::{
    CLIENT_ID, CLIENT_SECRET, CredentialsFile, IMS_HOST, METASCOPE, OAUTH_CLIENT_ID, OAUTH_SECRET, ORG_ID,
    OTHER_OAUTH_SECRET, RSA_2048_PKCS1, SCOPES, TECHNICAL_ACCOUNT_ID, assert_no_key_text, assert_parts, assertion, der,
    development_token, parts, pkcs1_crlf, printed, told, unix,
};
use support::shapes::{
    aio_jwt, aio_oauth, api_key, console_jwt, console_oauth, jwt_auth, oldest_aio, postman, project, project_jwt, s2s,
    web,
};

// S7, S8: no holder of a secret can be written out, or compared in whatever time.
assert_impl_all!(OAuthCredentials: Send, Sync, Clone, Debug, FromStr);
assert_impl_all!(OAuthCredentialsBuilder: Send, Sync, Clone, Debug);
assert_impl_all!(DevelopmentToken: Send, Sync, Clone, Debug, FromStr);
assert_impl_all!(CredentialsReader: Send, Sync, Clone, Debug);
assert_impl_all!(Credentials: FromStr, From<OAuthCredentials>, From<DevelopmentToken>, From<ServiceCredentials>);
assert_not_impl_any!(OAuthCredentials: Serialize, Display, PartialEq);
assert_not_impl_any!(OAuthCredentialsBuilder: Serialize, Display, PartialEq);
assert_not_impl_any!(DevelopmentToken: Serialize, Display, PartialEq);
assert_not_impl_any!(CredentialsReader: Serialize, Display, PartialEq);

/// C1: the OAuth Server-to-Server download of the Adobe Developer Console.
#[test]
fn the_oauth_download_of_the_console_is_read() {
    let credentials = oauth(&console_oauth());

    assert_oauth(&credentials);
    assert_eq!(secrets(&credentials), 2);
    assert_eq!(credentials.ims_host(), IMS_HOST);
}

/// C1: the same from a path, by `parse`, from bytes, and by the type of its kind.
#[test]
fn every_way_in_reads_the_same_oauth_credentials() {
    let json = console_oauth().to_string();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("oauth.json");
    std::fs::write(&path, &json).unwrap();

    assert_oauth(&OAuthCredentials::from_json(&json).unwrap());
    assert_oauth(&OAuthCredentials::from_file(&path).unwrap());
    assert_oauth(&json.parse::<OAuthCredentials>().unwrap());
    for credentials in [Credentials::from_file(&path), json.parse(), Credentials::from_json(json.as_bytes())] {
        let Ok(Credentials::OAuth(credentials)) = credentials else { panic!("{credentials:?}") };
        assert_oauth(&credentials);
    }
}

/// C2: a project download with one credential that can be used, among those that cannot.
#[test]
fn the_one_usable_credential_of_a_project_is_read() {
    let credentials = oauth(&project(vec![s2s(), web(), api_key(), project_jwt()]));

    assert_oauth(&credentials);
    assert_eq!(secrets(&credentials), 1);
}

/// C2: the organization is the one of IMS, not the console's own number; and a workspace of its own is read, too.
#[test]
fn a_workspace_download_is_read() {
    let whole = project(vec![s2s()]);
    let workspace =
        json!({ "workspace": whole["project"]["workspace"], "project": { "org": whole["project"]["org"] } });

    assert_oauth(&oauth(&whole));
    assert_oauth(&oauth(&workspace));
}

/// C2: a credential that was migrated has both halves, and its OAuth half is used.
#[test]
fn a_migrated_credential_of_a_project_is_read_as_oauth() {
    let mut migrated = s2s();
    migrated["integration_type"] = json!("oauth_server_to_server_migrate");
    migrated["jwt"] = project_jwt()["jwt"].clone();

    assert_oauth(&oauth(&project(vec![migrated.clone()])));
    assert_oauth(&OAuthCredentials::from_json(project(vec![migrated]).to_string()).unwrap());
}

/// C2: several that can be used are listed by name and id, and chosen by name, id or client id.
#[test]
fn of_several_usable_credentials_of_a_project_one_must_be_selected() {
    let mut second = s2s();
    second["id"] = json!("200009");
    second["name"] = json!("Zweiter Zugang für Tests");
    second["oauth_server_to_server"]["client_id"] = json!("second");
    let file = project(vec![s2s(), second, web()]).to_string();

    let error = Credentials::from_json(&file).unwrap_err();
    let words = told(&error);
    assert_eq!(error.kind(), ErrorKind::Credentials);
    for word in ["S2S credential (200001)", "Zweiter Zugang für Tests (200009)", "select"] {
        assert!(words.contains(word), "no {word:?} in {words:?}");
    }
    assert!(!words.contains("Web"), "{words}");
    for name in ["Zweiter Zugang für Tests", "200009", "second"] {
        let Credentials::OAuth(chosen) = Credentials::reader().select(name).from_json(&file).unwrap() else { panic!() };
        assert_eq!(chosen.client_id(), "second", "{name}");
    }
    let error = Credentials::reader().select("third").from_json(&file).unwrap_err();
    assert!(told(&error).contains("none in it has the name or id"), "{}", told(&error));
    assert!(told(&error).contains("S2S credential (200001)"), "{}", told(&error));
}

/// C2: of very many the first eight are listed, with names that a terminal can show.
#[test]
fn a_list_of_many_credentials_is_short_and_printable() {
    let named = |name: &str| {
        let mut credential = s2s();
        credential["name"] = json!(name);
        credential
    };
    let many = |count: usize| Credentials::from_json(project(vec![named("S2S"); count]).to_string()).unwrap_err();
    assert_eq!(many(8).to_string().matches("S2S (200001)").count(), 8);
    assert!(!many(8).to_string().contains("more"));
    assert!(many(11).to_string().ends_with("; and 3 more"), "{}", many(11));

    let hostile = ["\u{1b}[31mred\n", &"long".repeat(1000), OAUTH_SECRET, ""].map(named);
    let error = Credentials::from_json(project(hostile.into()).to_string()).unwrap_err();
    let printed = printed(&error);
    assert!(!printed.contains('\u{1b}') && !printed.contains("MARKER") && printed.len() < 6000, "{printed}");
    assert!(error.to_string().contains("(unnamed): OAuth Server-to-Server"), "{error}");
}

/// C2: credentials that `aio` imported have left their secrets in its `.env` file, and the error says so.
#[test]
fn a_project_without_secrets_says_where_aio_put_them() {
    let bare = |kind: &str| json!({ "id": "200001", "name": "S2S credential", "integration_type": kind });
    let empty = {
        let mut credential = s2s();
        credential["oauth_server_to_server"]["client_secrets"] = json!([]);
        credential
    };

    for (credentials, words) in [
        (
            vec![bare("oauth_server_to_server")],
            vec!["without its secrets", ".env", "from_env", "S2S credential (200001)"],
        ),
        (vec![bare("oauth_server_to_server"), web()], vec!["without its secrets", "for signing in people"]),
        (vec![], vec!["a project download of the Adobe Developer Console with none that can get a token: hint:"]),
        (vec![empty], vec!["client_secrets"]),
    ] {
        let error = Credentials::from_json(project(credentials).to_string()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials);
        for word in words {
            assert!(told(&error).contains(word), "no {word:?} in {}", told(&error));
        }
    }
}

/// C2: a JWT credential of a project has no key: with one given it works, without it the error says what to do.
#[test]
fn a_jwt_credential_of_a_project_needs_its_key() {
    let file = project(vec![project_jwt()]).to_string();

    let error = Credentials::from_json(&file).unwrap_err();
    for word in ["JWT", "private key", "private_key", "2026-03-01", "OAuth Server-to-Server"] {
        assert!(told(&error).contains(word), "no {word:?} in {}", told(&error));
    }
    let credentials = Credentials::reader().private_key(RSA_2048_PKCS1).from_json(&file).unwrap();
    let Credentials::Service(credentials) = credentials else { panic!("{credentials:?}") };
    assert_parts(&credentials);
}

/// C3: an OAuth Server-to-Server context of aio, with the optional environment.
#[test]
fn an_oauth_context_of_aio_is_read() {
    assert_oauth(&oauth(&aio_oauth()));
    // aio keeps the last token next to the credentials.
    let mut used = aio_oauth();
    used["access_token"] = json!({ "token": "eyJ", "expiry": 1_645_283_889_007_u64 });
    assert_oauth(&oauth(&used));
    for (name, host) in [("prod", IMS_HOST), ("Production", IMS_HOST), ("stage", "ims-na1-stg1.adobelogin.com")] {
        let mut context = aio_oauth();
        context["env"] = json!(name);
        assert_eq!(oauth(&context).ims_host(), host);
    }
}

/// C3: a JWT context of aio, whose key is a text, a list of lines, or that list as text.
#[test]
fn a_jwt_context_of_aio_is_read() {
    let expected = assertion(&parts().build().unwrap(), now());
    let lines = RSA_2048_PKCS1.lines().collect::<Vec<_>>();
    let keys = [json!(pkcs1_crlf()), json!(lines), json!(serde_json::to_string(&lines).unwrap())];
    let metascopes = [json!([METASCOPE]), json!(format!("[\"{METASCOPE}\"]")), json!(METASCOPE)];

    for key in keys {
        for metascopes in &metascopes {
            let mut context = aio_jwt();
            context["private_key"] = key.clone();
            context["meta_scopes"] = metascopes.clone();
            let credentials = service(&context);
            assert_parts(&credentials);
            assert_eq!(assertion(&credentials, now()), expected);
        }
    }
}

/// C3: a configuration file of aio with several contexts, of which most are useless.
#[test]
fn a_context_of_an_aio_configuration_is_selected_by_its_name() {
    let useless = json!({ "cli": { "access_token": { "token": "eyJ" } }, "current": "$cli" });
    let with = |contexts: Value| {
        let mut all = useless.clone();
        all.as_object_mut().unwrap().extend(contexts.as_object().unwrap().clone());
        json!({ "ims": { "contexts": all }, "project": { "name": "demo" } }).to_string()
    };

    let Ok(Credentials::OAuth(only)) = Credentials::from_json(with(json!({ "s2s": aio_oauth() }))) else { panic!() };
    assert_oauth(&only);
    let both = with(json!({ "s2s": aio_oauth(), "old one": aio_jwt() }));
    let error = Credentials::from_json(&both).unwrap_err();
    assert!(told(&error).contains("old one: JWT; s2s: OAuth"), "{}", told(&error));
    let chosen = Credentials::reader().select("old one").from_json(&both).unwrap();
    let Credentials::Service(chosen) = chosen else { panic!("{chosen:?}") };
    assert_parts(&chosen);
    // Who wants one kind has chosen already.
    assert_oauth(&OAuthCredentials::from_json(&both).unwrap());
    assert_parts(&ServiceCredentials::from_json(&both).unwrap());
}

/// C3: a flat file with both halves of a migrated credential is OAuth, unless somebody asks for the other half.
#[test]
fn a_context_with_both_halves_is_read_as_oauth() {
    let mut both = aio_jwt();
    both["scopes"] = json!(SCOPES);

    let Ok(Credentials::OAuth(read)) = Credentials::from_json(both.to_string()) else { panic!() };
    assert_eq!(read.client_id(), CLIENT_ID);
    assert_parts(&ServiceCredentials::from_json(both.to_string()).unwrap());
}

/// C4: the Postman environment of the console, of today and of the time of JWT.
#[test]
fn a_postman_environment_is_read() {
    assert_oauth(&oauth(&postman(&[("SCOPES", &SCOPES.join(","))])));

    let jwt = postman(&[("META_SCOPE", METASCOPE), ("PRIVATE_KEY", RSA_2048_PKCS1), ("SCOPES", "")]);
    let credentials = service(&jwt);
    assert_eq!(credentials.metascopes().collect::<Vec<_>>(), [METASCOPE]);
    assert_eq!((credentials.client_id(), credentials.org_id()), (OAUTH_CLIENT_ID, ORG_ID));
}

/// C4: a variable that is switched off in Postman is not there.
#[test]
fn a_variable_that_is_switched_off_is_not_read() {
    let mut file = postman(&[("SCOPES", &SCOPES.join(","))]);
    for variable in file["values"].as_array_mut().unwrap() {
        if variable["key"] == "CLIENT_SECRET" {
            variable["enabled"] = json!(false);
        }
    }

    let error = Credentials::from_json(file.to_string()).unwrap_err();
    assert!(told(&error).contains("lack CLIENT_SECRET (a Postman environment"), "{}", told(&error));
}

/// C5: configurations of aepp and aanalytics2, keys in any case, scopes as text with commas or as a list.
#[test]
fn a_configuration_of_the_python_libraries_is_read() {
    let scopes = SCOPES.join(",");
    let files = [
        json!({ "org_id": ORG_ID, "client_id": OAUTH_CLIENT_ID, "secret": OAUTH_SECRET, "scopes": scopes,
            "sandbox-name": "prod", "environment": "prod" }),
        json!({ "org_id": ORG_ID, "api_key": OAUTH_CLIENT_ID, "client_secret": OAUTH_SECRET, "scopes": SCOPES }),
        json!({ "ORG_ID": ORG_ID, "Client_Id": OAUTH_CLIENT_ID, "SECRET": OAUTH_SECRET, "SCOPES": SCOPES.join(", ") }),
        json!({ "org_id": ORG_ID, "client_id": OAUTH_CLIENT_ID, "client_secrets": [OAUTH_SECRET], "secret": OAUTH_SECRET,
            "scopes": SCOPES.join(" "), "tech_id": TECHNICAL_ACCOUNT_ID }),
    ];

    for file in files {
        assert_oauth(&oauth(&file));
        assert_eq!(secrets(&oauth(&file)), 1, "{file}");
    }
}

/// C6: a configuration file of imscli, whose keys are its flags.
#[test]
fn a_configuration_of_imscli_is_read() {
    let oauth_file = json!({
        "url": "https://ims-na1.adobelogin.com", "clientID": OAUTH_CLIENT_ID, "clientSecret": OAUTH_SECRET,
        "organization": ORG_ID, "scopes": SCOPES,
    });
    let jwt_file = json!({
        "clientid": CLIENT_ID, "clientsecret": CLIENT_SECRET, "organization": ORG_ID, "account": TECHNICAL_ACCOUNT_ID,
        "metascopes": [METASCOPE], "privateKey": RSA_2048_PKCS1,
    });

    assert_oauth(&oauth(&oauth_file));
    assert_parts(&service(&jwt_file));
}

/// C7: the JWT download of the console has no key. The error says where it comes from, and that Adobe converted these.
#[test]
fn the_jwt_download_of_the_console_needs_its_key() {
    for file in [console_jwt(), {
        let mut file = console_jwt();
        file["PRIVATE_KEY"] = json!("");
        file
    }] {
        let error = Credentials::from_json(file.to_string()).unwrap_err();
        for word in ["a JWT download of the Adobe Developer Console", "without the private key", "2026-03-01", "reader"]
        {
            assert!(told(&error).contains(word), "no {word:?} in {}", told(&error));
        }
    }
    let reader = || Credentials::reader().private_key(RSA_2048_PKCS1);
    let Credentials::Service(credentials) = reader().scopes([METASCOPE]).from_json(console_jwt().to_string()).unwrap()
    else {
        panic!()
    };
    assert_parts(&credentials);
    let error = reader().from_json(console_jwt().to_string()).unwrap_err();
    assert!(told(&error).contains("lack META_SCOPES"), "{}", told(&error));
}

/// C8: what is no credential of IMS is named for what it is.
#[test]
fn what_holds_no_credential_of_ims_is_named() {
    let files = [
        (json!({ "client_credentials": { "client_id": "x", "client_secret": OAUTH_SECRET } }), "Adobe PDF Services"),
        (json!({ "access_token": OAUTH_SECRET, "token_type": "bearer", "expires_in": 86399 }), "a token response"),
        (
            json!({ "client_id": "x", "client_secret": OAUTH_SECRET, "redirect_uri": "https://a.example", "scope": "x" }),
            "signing in people",
        ),
        (json!({ "ok": false, "statusCode": 403, "message": OAUTH_SECRET }), "an error response"),
        (
            json!({ "type": "service_account", "client_id": "x", "private_key": RSA_2048_PKCS1 }),
            "the key of a Google service account",
        ),
        (json!({ "client_id": OAUTH_SECRET, "x": 1 }), "JSON of an unknown kind"),
        (json!([console_oauth()]), "without an object"),
        (project(vec![web(), api_key()]), "with none that can get a token"),
    ];

    let mut sentences = BTreeSet::new();
    for (file, words) in &files {
        let error = Credentials::from_json(file.to_string()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials, "{file}");
        assert!(told(&error).contains(words), "no {words:?} in {}", told(&error));
        assert!(error.hint().is_some(), "{file}");
        assert!(!printed(&error).contains("MARKER"), "{}", printed(&error));
        sentences.insert(error.to_string());
    }
    assert_eq!(sentences.len(), files.len(), "{sentences:#?}");
}

/// C9: configurations of jwt-auth, and of aio before it had contexts.
#[test]
fn older_jwt_configurations_are_read() {
    let expected = assertion(&parts().build().unwrap(), now());

    for file in [jwt_auth(), oldest_aio()] {
        assert_parts(&service(&file));
        assert_eq!(assertion(&service(&file), now()), expected);
    }
}

/// C11: who asks for one kind and gives another is told what the file is, and showing nothing of it.
#[test]
fn a_file_of_another_kind_is_refused_by_the_type_of_one_kind() {
    let aem = CredentialsFile::new().to_json();
    let token = json!({ "accessToken": development_token(0, 1) }).to_string();
    let oauth_files = [
        (console_oauth(), "an OAuth Server-to-Server download of the Adobe Developer Console"),
        (project(vec![s2s()]), "a project download of the Adobe Developer Console"),
        (aio_oauth(), "an OAuth Server-to-Server context of Adobe's aio-lib-ims"),
        (postman(&[("SCOPES", "openid")]), "a Postman environment of the Adobe Developer Console"),
    ];

    let mut errors = vec![
        (OAuthCredentials::from_json(&aem).unwrap_err(), "the service credentials of AEM's Developer Console"),
        (DevelopmentToken::from_json(&aem).unwrap_err(), "the service credentials of AEM's Developer Console"),
        (OAuthCredentials::from_json(&token).unwrap_err(), "a local development token"),
        (ServiceCredentials::from_json(&token).unwrap_err(), "a local development token"),
    ];
    for (file, words) in &oauth_files {
        errors.push((ServiceCredentials::from_json(file.to_string()).unwrap_err(), words));
        errors.push((DevelopmentToken::from_json(file.to_string()).unwrap_err(), words));
    }

    for (error, words) in errors {
        assert_eq!(error.kind(), ErrorKind::Credentials, "{words}");
        assert!(error.to_string().starts_with(&format!("credentials are {words}")), "{error}");
        assert!(told(&error).contains("`Credentials::from_file`"), "{}", told(&error));
        assert!(!printed(&error).contains("MARKER"), "{}", printed(&error));
        assert_no_key_text(&error, RSA_2048_PKCS1);
    }
}

/// C11: `Credentials` takes the file of AEM as what it is.
#[test]
fn credentials_take_the_file_of_aem() {
    for json in [CredentialsFile::new().to_json(), CredentialsFile::new().unwrapped().to_json()] {
        let Ok(Credentials::Service(credentials)) = Credentials::from_json(json) else { panic!() };
        assert_parts(&credentials);
    }
}

/// C12: all that a file or a builder lacks is named in one error, in the names it has there.
#[test]
fn all_that_is_missing_is_named_in_one_error() {
    let lacks = |file: Value| Credentials::from_json(file.to_string()).unwrap_err().to_string();

    assert_eq!(
        lacks(json!({ "CLIENT_SECRETS": [], "ORG_ID": ORG_ID, "CLIENT_ID": "", "SCOPES": [" ", ","] })),
        "credentials lack CLIENT_ID, CLIENT_SECRETS, SCOPES (an OAuth Server-to-Server download of the Adobe Developer Console)"
    );
    assert_eq!(
        lacks(json!({ "CLIENT_SECRETS": [], "ORG_ID": ORG_ID, "CLIENT_ID": "x", "SCOPES": [" ", ","] })),
        "credentials lack CLIENT_SECRETS, SCOPES (an OAuth Server-to-Server download of the Adobe Developer Console)"
    );
    assert_eq!(
        lacks(json!({ "client_id": "x", "meta_scopes": ["a"], "private_key": RSA_2048_PKCS1 })),
        "credentials lack ims_org_id, technical_account_id, client_secret (a JWT context of Adobe's aio-lib-ims)"
    );
    assert_eq!(
        OAuthCredentials::builder().build().unwrap_err().to_string(),
        "credentials lack client_id, client_secret, scopes"
    );
    let blank = OAuthCredentials::builder().client_id(" ").client_secret("").scopes([",", ""]).ims_host("");
    assert_eq!(
        blank.send_org_id(true).build().unwrap_err().to_string(),
        "credentials lack client_id, client_secret, scopes, ims_host, org_id"
    );
}

/// C13: secrets are split at commas only where the source is text; lists come as JSON, as text of it, with commas, with
/// blanks, and with quotes.
#[test]
fn lists_are_read_in_every_form() {
    let both = format!("{OAUTH_SECRET},{OTHER_OAUTH_SECRET}");
    let secret_forms = [
        (json!(OAUTH_SECRET), 1),
        (json!([OAUTH_SECRET]), 1),
        (json!([OAUTH_SECRET, OAUTH_SECRET, ""]), 1),
        (json!([OAUTH_SECRET, OTHER_OAUTH_SECRET]), 2),
        (json!(both), 2),
        (json!([both]), 1),
        (json!(format!("[\"{OAUTH_SECRET}\", \"{OTHER_OAUTH_SECRET}\"]")), 2),
        (json!(format!("['{OAUTH_SECRET}', '{OTHER_OAUTH_SECRET}']")), 2),
        (json!(format!("\"{OAUTH_SECRET}\" , {OTHER_OAUTH_SECRET}")), 2),
    ];
    for (form, count) in secret_forms {
        let mut file = console_oauth();
        file["CLIENT_SECRETS"] = form.clone();
        assert_eq!(secrets(&oauth(&file)), count, "{form}");
    }
    let scope_forms = [
        json!(SCOPES),
        json!(SCOPES.join(",")),
        json!(SCOPES.join(", ")),
        json!(SCOPES.join(" ")),
        json!(SCOPES.join("\n")),
        json!([SCOPES.join(",")]),
        json!(serde_json::to_string(&SCOPES).unwrap()),
        json!(format!("'{}'", serde_json::to_string(&SCOPES).unwrap())),
        json!(["openid", "openid", "AdobeID", "read_organizations"]),
    ];
    for form in scope_forms {
        let mut file = console_oauth();
        file["SCOPES"] = form.clone();
        assert_oauth(&oauth(&file));
    }
}

/// C13: more secrets or scopes than anybody has are refused.
#[test]
fn too_many_secrets_or_scopes_are_refused() {
    let many = |count: usize| (0..count).map(|at| format!("p8e-{at}")).collect::<Vec<_>>();
    for (key, taken, refused) in [("CLIENT_SECRETS", 8, 9), ("SCOPES", 64, 65)] {
        let mut file = console_oauth();
        file[key] = json!(many(taken));
        oauth(&file);
        file[key] = json!(many(refused));
        let error = Credentials::from_json(file.to_string()).unwrap_err();
        assert!(error.to_string().contains(&format!("{key}: there are too many")), "{error}");
    }
}

/// C14: what the caller gives counts instead of what the source says; the organization is sent only if asked.
#[test]
fn the_reader_takes_the_place_of_what_the_source_says() {
    let reader = Credentials::reader().scopes(["adobeio_api"]).org_id("OTHER@AdobeOrg").send_org_id(true);
    let Ok(Credentials::OAuth(credentials)) = reader.from_json(console_oauth().to_string()) else { panic!() };
    assert_eq!(credentials.scopes().collect::<Vec<_>>(), ["adobeio_api"]);
    assert_eq!(credentials.org_id(), Some("OTHER@AdobeOrg"));
    assert!(format!("{credentials:?}").contains("send_org_id: true"), "{credentials:?}");
    assert!(format!("{:?}", oauth(&console_oauth())).contains("send_org_id: false"));

    let reader = Credentials::reader().scopes(["ent_x_sdk"]).org_id("OTHER@AdobeOrg");
    let Ok(Credentials::Service(credentials)) = reader.from_json(CredentialsFile::new().to_json()) else { panic!() };
    assert_eq!(credentials.metascopes().collect::<Vec<_>>(), ["ent_x_sdk"]);
    assert_eq!(credentials.org_id(), "OTHER@AdobeOrg");
}

/// C14: to send an organization, there has to be one.
#[test]
fn an_organization_to_be_sent_must_be_given() {
    let mut file = console_oauth();
    file.as_object_mut().unwrap().remove("ORG_ID");

    assert_eq!(oauth(&file).org_id(), None);
    let error = Credentials::reader().send_org_id(true).from_json(file.to_string()).unwrap_err();
    assert!(error.to_string().contains("lack ORG_ID"), "{error}");
}

/// C14: two names of one value that differ are refused, since which of them counts would be a guess.
#[test]
fn two_names_of_one_value_that_differ_are_refused() {
    let mut file = aio_oauth();
    file["api_key"] = json!(OAUTH_CLIENT_ID);
    assert_oauth(&oauth(&file));
    file["api_key"] = json!("another");

    let error = Credentials::from_json(file.to_string()).unwrap_err();
    assert_eq!(error.to_string(), "credentials cannot be used: api_key and client_id differ");

    let mut file = aio_oauth();
    file["scope"] = json!(SCOPES);
    file["scopes"] = json!(SCOPES);
    assert_oauth(&oauth(&file));
    file["scope"] = json!([SCOPES[0]]);
    let error = Credentials::from_json(file.to_string()).unwrap_err();
    assert_eq!(error.to_string(), "credentials cannot be used: scope and scopes differ");
}

/// C14: a credential of a project that cannot be read is of no concern for a complete one.
#[test]
fn a_credential_that_cannot_be_read_does_not_hide_the_others() {
    let mut odd = s2s();
    odd["name"] = json!("odd");
    odd["oauth_server_to_server"]["client_id"] = json!(7);

    assert_oauth(&oauth(&project(vec![odd.clone(), s2s()])));
    let error = Credentials::reader().select("odd").from_json(project(vec![odd, s2s()]).to_string()).unwrap_err();
    assert!(error.to_string().contains("oauth_server_to_server.client_id must be a string"), "{error}");
}

/// A16, K4: a value of another type is named, and its place; an array is no object.
#[test]
fn a_value_of_another_type_is_named() {
    let cases = [
        ("/CLIENT_ID", json!(7), "CLIENT_ID must be a string at line"),
        (
            "/CLIENT_SECRETS",
            json!({ OAUTH_SECRET: OAUTH_SECRET }),
            "CLIENT_SECRETS must be a string or a list of strings",
        ),
        ("/CLIENT_SECRETS", json!([OAUTH_SECRET, 7]), "CLIENT_SECRETS must be a string or a list of strings"),
        ("/SCOPES", json!(true), "SCOPES must be a string or a list of strings"),
    ];
    for (pointer, value, words) in cases {
        let mut file = console_oauth();
        *file.pointer_mut(pointer).unwrap() = value;
        assert_words(&file, words);
    }
    let list = "project.workspace.details.credentials";
    let cases = [
        ("/project/workspace/details/credentials", json!({}), format!("{list} must be a list")),
        ("/project/workspace/details", json!([]), "project.workspace.details must be an object".to_owned()),
        ("/project/org", json!([ORG_ID]), "project.org must be an object".to_owned()),
        (
            "/project/workspace/details/credentials/0/oauth_server_to_server",
            json!([OAUTH_SECRET]),
            format!("{list}[0].oauth_server_to_server must be an object"),
        ),
        (
            "/project/workspace/details/credentials/0/oauth_server_to_server/client_id",
            json!([OAUTH_SECRET]),
            format!("{list}[0].oauth_server_to_server.client_id must be a string at line"),
        ),
    ];
    for (pointer, value, words) in cases {
        let mut file = project(vec![s2s()]);
        *file.pointer_mut(pointer).unwrap() = value;
        assert_words(&file, &words);
    }
    assert_words(&json!({ "integration": [CLIENT_SECRET] }), "integration must be an object at line");
    let file = json!({ "integration": { "technicalAccount": [CLIENT_ID, CLIENT_SECRET] } });
    assert_words(&file, "integration.technicalAccount must be an object at line");
}

/// K5: a key given twice is refused in every shape, at any depth.
#[test]
fn a_key_given_twice_is_refused() {
    let json = project(vec![s2s()]).to_string();
    for key in ["client_id", "client_secrets", "scopes", "credentials", "project", "ims_org_id"] {
        let doubled = json.replacen(&format!("\"{key}\":"), &format!("\"{key}\":[],\"{key}\":"), 1);
        assert_ne!(doubled, json, "{key}");
        let error = Credentials::from_json(doubled).unwrap_err();
        assert!(error.to_string().contains("a key appears twice at line 1"), "{key}: {error}");
    }
}

/// S1, S2: no secret of any kind of credential is shown in a `Debug`, and none in an error about the file it is in.
#[test]
fn no_secret_of_any_shape_is_shown() {
    let token = development_token(u64::MAX / 4, 1);
    let files = [
        console_oauth(),
        project(vec![s2s(), s2s()]),
        aio_oauth(),
        postman(&[("SCOPES", "openid")]),
        aio_jwt(),
        json!({ "accessToken": token }),
    ];
    let key = der(RSA_2048_PKCS1).iter().map(u8::to_string).collect::<Vec<_>>().join(", ");

    for file in files {
        let json = file.to_string();
        let mut texts = Vec::new();
        for part in 1..24 {
            let cut = &json[..json.floor_char_boundary(json.len() * part / 24)];
            texts.extend(Credentials::from_json(cut).err().map(|error| printed(&error)));
        }
        for hostile in
            [json.replace("scopes", "skopes"), json.replace("client", "klient"), json.replace("\":\"", "\":[\"")]
        {
            texts.extend(Credentials::from_json(hostile).err().map(|error| printed(&error)));
        }
        texts.extend(Credentials::from_json(&json).iter().map(|read| format!("{read:?}{read:#?}")));
        assert!(texts.len() >= 20, "{}", texts.len());
        for text in texts {
            assert!(!text.contains("MARKER") && !text.contains(&key[..60]) && !text.contains("eyJ"), "{text}");
        }
    }
}

/// S1: the reader and the builders show no secret.
#[test]
fn no_builder_or_reader_shows_a_secret() {
    let reader = Credentials::reader().private_key(RSA_2048_PKCS1).select("x");
    let builder = OAuthCredentials::builder().client_id("x").client_secret(OAUTH_SECRET);

    let text = format!("{reader:?}{reader:#?}{builder:?}{builder:#?}");
    assert!(!text.contains("MARKER") && !text.contains("BEGIN"), "{text}");
    assert!(text.contains("[redacted]") && text.contains("\"x\""), "{text}");
}

#[track_caller]
fn assert_words(file: &Value, words: &str) {
    let error = Credentials::from_json(serde_json::to_string_pretty(file).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(error.to_string().contains(words), "no {words:?} in {error}");
    assert!(!printed(&error).contains("MARKER"), "{}", printed(&error));
}

#[track_caller]
fn oauth(file: &Value) -> OAuthCredentials {
    match Credentials::from_json(file.to_string()) {
        Ok(Credentials::OAuth(credentials)) => credentials,
        Ok(other) => panic!("{other:?}"),
        Err(error) => panic!("{file}: {}", told(&error)),
    }
}

#[track_caller]
fn service(file: &Value) -> ServiceCredentials {
    match Credentials::from_json(file.to_string()) {
        Ok(Credentials::Service(credentials)) => credentials,
        Ok(other) => panic!("{other:?}"),
        Err(error) => panic!("{file}: {}", told(&error)),
    }
}

#[track_caller]
fn assert_oauth(credentials: &OAuthCredentials) {
    assert_eq!(credentials.client_id(), OAUTH_CLIENT_ID);
    assert_eq!(credentials.org_id(), Some(ORG_ID));
    assert_eq!(credentials.scopes().collect::<Vec<_>>(), SCOPES);
}

/// How many there are; none is shown.
fn secrets(credentials: &OAuthCredentials) -> usize {
    format!("{credentials:?}").matches("[redacted]").count()
}

fn now() -> std::time::SystemTime {
    unix(1_790_000_000)
}
