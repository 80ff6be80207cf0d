//! The client credentials grant: what is granted, and what is refused in which words.

use serde_json::json;

use crate::support::*;

const BAD_ID: &str = "invalid client_id parameter";
const BAD_SECRET: &str = "invalid client_secret parameter";

#[tokio::test]
async fn a_right_request_gets_a_token_that_lives_a_day_in_seconds() {
    let (ims, _) = mock().await;
    let answer = FormRequest::client_credentials(&ims).send(&ims).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
    let body = answer.json();
    assert_eq!(body.as_object().unwrap().len(), 3);
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(86_399)));

    let (header, claims) = decode(answer.token());
    assert_eq!(header["itt"], "at");
    assert_eq!(claims["type"], "access_token");
    assert_eq!(claims["client_id"], OAUTH_CLIENT_ID);
    assert_eq!(claims["user_id"], "AAAABBBBCCCCDDDD0A49AAAB@techacct.adobe.com");
    assert_eq!(claims["scope"], "openid,AdobeID,read_organizations");
    assert_eq!(claims["created_at"], format!("{NOW}000"));
    assert_eq!(claims["expires_in"], "86400000");

    assert_ne!(FormRequest::client_credentials(&ims).send(&ims).await.token(), answer.token());
}

#[tokio::test]
async fn each_fault_is_refused_as_ims_refuses_it() {
    let (ims, _) = mock().await;
    #[rustfmt::skip]
    let cases: [(&str, Spoil, u16, &str, &str); 21] = [
        ("no grant type", |a| a.drop_field("grant_type"), 400, "invalid_request", "grant_type"),
        ("another grant", |a| a.field("grant_type", "authorization_code"), 400, "unsupported_grant_type", ""),
        ("no client id", |a| a.drop_field("client_id"), 400, "invalid_client", BAD_ID),
        ("unknown client", |a| a.field("client_id", "x"), 400, "invalid_client", BAD_ID),
        ("no secret", |a| a.drop_field("client_secret"), 400, "invalid_client", BAD_SECRET),
        ("an empty secret", |a| a.field("client_secret", ""), 400, "invalid_client", BAD_SECRET),
        ("wrong secret", |a| a.field("client_secret", "x"), 400, "invalid_client", BAD_SECRET),
        ("the secret of the other client", |a| a.field("client_id", CLIENT_ID), 400, "invalid_client", BAD_SECRET),
        ("no scope", |a| a.drop_field("scope"), 400, "invalid_scope", "missing"),
        ("blank scopes", |a| a.field("scope", " , "), 400, "invalid_scope", "missing"),
        ("a scope not granted", |a| a.field("scope", "openid,adobeio_api"), 400, "invalid_scope", "not granted"),
        ("scopes as JSON", |a| a.field("scope", "[\"openid\"]"), 400, "invalid_scope", "not granted"),
        ("another organization", |a| a.field("org_id", "9999222233334444AAAA5555@AdobeOrg"), 400, "invalid_request", "org_id"),
        ("a number of the console as organization", |a| a.field("org_id", "123456"), 400, "invalid_request", "org_id"),
        ("a field twice", |a| a.fields.push(("scope".into(), "openid".into())), 400, "invalid_request", "twice"),
        ("a body of JSON", |a| a.content_type = "application/json", 400, "invalid_request", "form"),
        ("a body too large", |a| a.field("more", &"x".repeat(70_000)), 413, "invalid_request", "large"),
        ("the secret in the query", |a| a.path.push_str("?client_secret=x"), 400, "invalid_request", "query"),
        ("the scope in the query", |a| a.path.push_str("?scope=openid"), 400, "invalid_request", "query"),
        ("another client in the query", |a| a.path.push_str("?client_id=x"), 400, "invalid_request", "client_id"),
        ("the secret in a header", |a| {
            a.drop_field("client_secret");
            a.headers.push(("authorization", "Basic eDp5".to_owned()));
        }, 400, "invalid_client", BAD_SECRET),
    ];
    for (name, spoil, status, code, description) in &cases {
        let mut form = FormRequest::client_credentials(&ims);
        spoil(&mut form);
        let refusal = form.send(&ims).await.refusal();
        assert_eq!((refusal.0, refusal.1.as_str()), (*status, *code), "{name}: {refusal:?}");
        assert!(refusal.2.contains(description), "{name}: {refusal:?}");
        let last = ims.requests().pop().unwrap();
        assert_eq!((last.status(), last.code()), (*status, Some(*code)), "{name}");
    }
    assert_eq!(ims.request_count(), cases.len() as u64);
    assert_eq!(FormRequest::client_credentials(&ims).send(&ims).await.status, 200);
}

#[tokio::test]
async fn what_adobes_own_clients_send_is_accepted() {
    let (ims, _) = mock().await;
    // aio-lib-java and asset-compute-client: the client id is in the query, and nowhere else.
    let mut form = FormRequest::client_credentials(&ims);
    form.drop_field("client_id");
    form.path = format!("/ims/token/v4?client_id={OAUTH_CLIENT_ID}");
    assert_eq!(form.send(&ims).await.status, 200);
    assert_eq!(ims.requests()[0].client_id(), Some(OAUTH_CLIENT_ID));

    // aio-lib-ims: multipart, with the organization.
    let mut form = FormRequest::client_credentials(&ims);
    form.field("org_id", "1111222233334444AAAA5555@AdobeOrg");
    form.path = "/ims/token/v2".to_owned();
    let answer = form.send_multipart(&ims).await;
    assert_eq!((answer.status, &answer.json()["expires_in"]), (200, &json!(86_399)));

    // ims-go: audiences.
    let mut form = FormRequest::client_credentials(&ims);
    form.fields.extend(["a", "b"].map(|resource| ("resource".to_owned(), resource.to_owned())));
    assert_eq!(form.send(&ims).await.status, 200);
}

#[tokio::test]
async fn the_token_has_the_scopes_that_were_asked_for() {
    let ims = builder().0.oauth_scopes(["openid", "AdobeID", "adobeio_api"]).start().await.unwrap();
    for (asked, granted) in [
        ("adobeio_api", "adobeio_api"),
        ("AdobeID,openid", "AdobeID,openid"),
        ("openid AdobeID", "openid,AdobeID"),
        (" openid , AdobeID,openid,", "openid,AdobeID"),
    ] {
        let mut form = FormRequest::client_credentials(&ims);
        form.field("scope", asked);
        assert_eq!(decode(form.send(&ims).await.token()).1["scope"], granted, "{asked}");
    }
}

#[tokio::test]
async fn a_token_for_an_organization_of_a_multi_org_client_lives_an_hour() {
    let ims = builder().0.oauth_multi_org(true).start().await.unwrap();
    for (org_id, expires_in, claimed) in [
        (None, 86_399, "86400000"),
        (Some("1111222233334444AAAA5555@AdobeOrg"), 3599, "3600000"),
        (Some("9999222233334444AAAA5555@AdobeOrg"), 3599, "3600000"),
    ] {
        let mut form = FormRequest::client_credentials(&ims);
        if let Some(org_id) = org_id {
            form.field("org_id", org_id);
        }
        let answer = form.send(&ims).await;
        assert_eq!(answer.json()["expires_in"], expires_in, "{org_id:?}");
        assert_eq!(decode(answer.token()).1["expires_in"], claimed, "{org_id:?}");
    }
    let mut form = FormRequest::client_credentials(&ims);
    form.field("org_id", "123456");
    assert_eq!(form.send(&ims).await.refusal().1, "invalid_request");
}

#[tokio::test]
async fn a_wrong_secret_may_be_refused_with_401() {
    let ims = builder().0.wrong_secret_is_unauthorized(true).start().await.unwrap();
    let mut form = FormRequest::client_credentials(&ims);
    form.field("client_secret", "x");
    assert_eq!(form.send(&ims).await.refusal(), (401, "invalid_client".to_owned(), BAD_SECRET.to_owned()));
    let mut jwt = JwtRequest::of(&ims);
    jwt.form.field("client_secret", "x");
    assert_eq!(jwt.send(&ims).await.refusal(), (401, "invalid_client".to_owned(), BAD_SECRET.to_owned()));
    form.field("client_id", "x");
    assert_eq!(form.send(&ims).await.refusal(), (400, "invalid_client".to_owned(), BAD_ID.to_owned()));
}

#[tokio::test]
async fn the_technical_account_may_not_use_the_client_credentials_grant() {
    let (ims, _) = mock().await;
    let mut form = FormRequest::client_credentials(&ims);
    let file = service_file(&ims);
    form.field("client_id", CLIENT_ID);
    form.field("client_secret", file["integration"]["technicalAccount"]["clientSecret"].as_str().unwrap());
    let (status, code, _) = form.send(&ims).await.refusal();
    assert_eq!((status, code.as_str()), (400, "unauthorized_client"));
}

type Spoil = fn(&mut FormRequest);
