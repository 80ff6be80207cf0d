//! The credentials files.

use std::time::Duration;

use adobe_ims::testing::MockIms;
use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
use serde_json::{Value, json};
use x509_cert::der::{Decode, Encode};

use crate::support::*;

#[tokio::test]
async fn the_file_is_the_one_the_developer_console_hands_out() {
    let (ims, _) = mock().await;
    let text = ims.credentials_json();
    let file: Value = serde_json::from_str(&text).unwrap();
    let integration = &file["integration"];
    assert_eq!((&file["ok"], &file["statusCode"]), (&json!(true), &json!(200)));
    assert_eq!(integration["metascopes"], "ent_aem_cloud_api");
    assert_eq!(integration["email"], "0a1b2c3d-0000-4000-8000-00000000abcd@techacct.adobe.com");
    assert_eq!(integration.as_object().unwrap().len(), 8);
    assert!(text.find("\"ok\"").unwrap() < text.find("\"integration\"").unwrap());

    let key = integration["privateKey"].as_str().unwrap();
    assert!(key.starts_with("-----BEGIN RSA PRIVATE KEY-----\r\n"));
    assert!(key.ends_with("\r\n-----END RSA PRIVATE KEY-----\r\n"));
    assert!(key.split("\r\n").all(|line| line.len() <= 64 && !line.contains('\n')));

    let certificate =
        x509_cert::Certificate::from_der(&unarmoured(integration["publicKey"].as_str().unwrap())).unwrap();
    let certificate = certificate.tbs_certificate();
    assert_eq!(certificate.subject().to_string(), "CN=cm-p11111-e22222-integration");
    assert_eq!(certificate.subject(), certificate.issuer());
    let (begin, end) = (certificate.validity().not_before, certificate.validity().not_after);
    assert_eq!(begin.to_unix_duration(), Duration::from_secs(NOW));
    assert_eq!(end.to_unix_duration() - begin.to_unix_duration(), Duration::from_secs(365 * 86_400));
    let public_key = certificate.subject_public_key_info().subject_public_key.to_der().unwrap();
    let pair = RsaKeyPair::from_der(&unarmoured(key)).unwrap();
    assert!(public_key.ends_with(pair.public_key().as_ref()));
    assert_eq!(pair.public_modulus_len(), 256);
}

#[tokio::test]
async fn the_mocks_of_a_process_share_a_key_and_no_secret() {
    let (one, other) = (MockIms::start().await.unwrap(), MockIms::start().await.unwrap());
    let (file, other_file) = (service_file(&one), service_file(&other));
    assert_eq!(file["integration"]["privateKey"], other_file["integration"]["privateKey"]);
    assert_ne!(file["integration"]["technicalAccount"], other_file["integration"]["technicalAccount"]);
    assert_ne!(oauth_file(&one)["CLIENT_SECRETS"], oauth_file(&other)["CLIENT_SECRETS"]);
    let mut request = JwtRequest::of(&one);
    request.claim("exp", 4_102_444_800_u64);
    assert_eq!(request.send(&one).await.status, 200);
    assert_eq!(request.send(&other).await.status, 400);
}

#[tokio::test]
async fn the_oauth_download_has_the_shape_of_the_consoles() {
    let (ims, _) = mock().await;
    let file = oauth_file(&ims);
    let secret = file["CLIENT_SECRETS"][0].as_str().unwrap();
    assert_eq!(
        file,
        json!({
            "CLIENT_SECRETS": [secret],
            "ORG_ID": "1111222233334444AAAA5555@AdobeOrg",
            "CLIENT_ID": OAUTH_CLIENT_ID,
            "SCOPES": ["openid", "AdobeID", "read_organizations"],
            "TECHNICAL_ACCOUNT_ID": "AAAABBBBCCCCDDDD0A49AAAB@techacct.adobe.com",
            "TECHNICAL_ACCOUNT_EMAIL": "0a1b2c3d-0000-4000-8000-00000000abce@techacct.adobe.com",
        })
    );
    let text = ims.oauth_credentials_json();
    let places: Vec<_> = ["CLIENT_SECRETS", "ORG_ID", "CLIENT_ID", "SCOPES"].map(|key| text.find(key).unwrap()).into();
    assert!(places.is_sorted(), "{places:?}");
}

#[tokio::test]
async fn the_project_and_the_contexts_hold_the_same_credentials() {
    let ims = builder().0.oauth_org_id("9999222233334444AAAA5555@AdobeOrg").start().await.unwrap();
    ims.add_client_secret().unwrap();
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let oauth = oauth_file(&ims);
    assert_eq!(oauth["CLIENT_SECRETS"].as_array().unwrap().len(), 2);

    let project = &read(ims.project_json())["project"];
    assert_eq!(project["org"]["ims_org_id"], "9999222233334444AAAA5555@AdobeOrg");
    let credentials = project["workspace"]["details"]["credentials"].as_array().unwrap();
    let kinds: Vec<_> = credentials.iter().map(|credential| credential["integration_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["oauth_server_to_server", "apikey"]);
    let context = read(ims.aio_oauth_context_json());
    for (found, name) in [(&credentials[0]["oauth_server_to_server"], "project"), (&context, "context")] {
        assert_eq!(found["client_id"], oauth["CLIENT_ID"], "{name}");
        assert_eq!(found["client_secrets"], oauth["CLIENT_SECRETS"], "{name}");
        assert_eq!(found["scopes"], oauth["SCOPES"], "{name}");
        assert_eq!(found["technical_account_id"], oauth["TECHNICAL_ACCOUNT_ID"], "{name}");
        assert_eq!(found["technical_account_email"], oauth["TECHNICAL_ACCOUNT_EMAIL"], "{name}");
    }
    assert_eq!(context["ims_org_id"], oauth["ORG_ID"]);

    let jwt = read(ims.aio_jwt_context_json());
    let integration = &service_file(&ims)["integration"];
    assert_eq!(jwt["client_id"], integration["technicalAccount"]["clientId"]);
    assert_eq!(jwt["client_secret"], integration["technicalAccount"]["clientSecret"]);
    assert_eq!(jwt["technical_account_id"], integration["id"]);
    assert_eq!(jwt["technical_account_email"], integration["email"]);
    assert_eq!(jwt["meta_scopes"], json!(["ent_aem_cloud_api"]));
    assert_eq!(jwt["ims_org_id"], integration["org"]);
    assert_eq!(jwt["private_key"], integration["privateKey"]);
}

#[tokio::test]
async fn a_development_token_lives_a_day_and_is_known_to_the_mock() {
    let (ims, clock) = mock().await;
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let (file, another) = (read(ims.development_token_json()), read(ims.development_token_json()));
    assert_eq!((&file["ok"], &file["statusCode"]), (&json!(true), &json!(200)));
    assert_eq!(file.as_object().unwrap().len(), 3);
    assert_ne!(file["accessToken"], another["accessToken"]);

    let token = file["accessToken"].as_str().unwrap();
    let (_, claims) = decode(token);
    assert_eq!((&claims["created_at"], &claims["expires_in"]), (&json!(format!("{NOW}000")), &json!("86400000")));
    let fields = [("type", "access_token"), ("client_id", CLIENT_ID), ("token", token)];
    let validate = FormRequest::new("/ims/validate_token/v1", &fields);
    assert_eq!(validate.send(&ims).await.json()["valid"], true);
    clock.set(NOW + 86_400);
    assert_eq!(validate.send(&ims).await.json()["valid"], false);
}
