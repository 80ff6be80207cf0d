//! What IMS is sent for the credentials in each file: the right client, secret and scopes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::collections::BTreeMap;

use adobe_ims::{Credentials, ImsClient};
use serde_json::{Value, json};
use support::material::{
    CLIENT_ID, CLIENT_SECRET, CredentialsFile, METASCOPE, OAUTH_CLIENT_ID, OAUTH_SECRET, ORG_ID, RSA_2048_PKCS1,
    SCOPES, told,
};
use support::server::{form, ok, responding, token_body};
use support::shapes::{
    aio_jwt, aio_oauth, console_jwt, console_oauth, jwt_auth, oldest_aio, postman, project, project_jwt, s2s,
};

/// C1 to C6: the client id, the first secret and the scopes of the file are what is sent, and nothing else.
#[tokio::test]
async fn what_is_sent_for_oauth_credentials_is_what_the_file_says() {
    let files = [
        console_oauth(),
        project(vec![s2s()]),
        aio_oauth(),
        postman(&[("SCOPES", &SCOPES.join(","))]),
        json!({ "org_id": ORG_ID, "client_id": OAUTH_CLIENT_ID, "secret": OAUTH_SECRET, "scopes": SCOPES.join(" ") }),
        json!({ "clientID": OAUTH_CLIENT_ID, "clientSecret": format!("'{OAUTH_SECRET}'"), "scopes": SCOPES }),
        json!({ "CLIENT_ID": OAUTH_CLIENT_ID, "CLIENT_SECRETS": format!("[\"{OAUTH_SECRET}\"]"), "SCOPES": SCOPES }),
        json!({ "CLIENT_ID": OAUTH_CLIENT_ID, "CLIENT_SECRETS": format!("{OAUTH_SECRET}, x"), "SCOPES": SCOPES }),
    ];
    let expected = [
        ("client_id", OAUTH_CLIENT_ID),
        ("client_secret", OAUTH_SECRET),
        ("grant_type", "client_credentials"),
        ("scope", "openid,AdobeID,read_organizations"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));

    for file in files {
        let credentials = Credentials::from_json(file.to_string());
        let credentials = credentials.unwrap_or_else(|error| panic!("{file}: {}", told(&error)));
        assert_eq!(sent(credentials).await, BTreeMap::from(expected.clone()), "{file}");
    }
}

/// C14: the organization is sent if asked, and only then.
#[tokio::test]
async fn the_organization_is_sent_only_if_asked() {
    let reader = Credentials::reader().send_org_id(true);

    let form = sent(reader.from_json(console_oauth().to_string()).unwrap()).await;

    assert_eq!(form["org_id"], ORG_ID);
}

/// C2, C3, C7, C9: the client and its one secret, with an assertion.
#[tokio::test]
async fn what_is_sent_for_jwt_credentials_is_what_the_file_says() {
    let reader = || Credentials::reader().private_key(RSA_2048_PKCS1).scopes([METASCOPE]);
    let plain: [Value; 4] =
        [serde_json::from_str(&CredentialsFile::new().to_json()).unwrap(), aio_jwt(), jwt_auth(), oldest_aio()];
    let with_key = [project(vec![project_jwt()]), console_jwt()];

    let read = plain.iter().map(|file| Credentials::from_json(file.to_string()));
    for credentials in read.chain(with_key.iter().map(|file| reader().from_json(file.to_string()))) {
        let form = sent(credentials.unwrap()).await;
        assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), (CLIENT_ID, CLIENT_SECRET));
        assert_eq!(form.keys().collect::<Vec<_>>(), ["client_id", "client_secret", "jwt_token"]);
    }
}

/// The form of the one request that an exchange makes.
async fn sent(credentials: Credentials) -> BTreeMap<String, String> {
    let server = responding(ok(token_body("header.payload.signature", "86399"))).await;
    let ims = ImsClient::builder(credentials).danger_endpoint(server.uri()).build().unwrap();
    ims.exchange().await.unwrap();
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    form(&requests[0])
}
