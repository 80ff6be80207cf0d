//! The JWT exchange: what is granted, and what is refused in which words.

use std::sync::Arc;

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::*;

const MALFORMED: &str = "JWT token is incorrectly formatted, and can not be decoded.";
const NO_SUBSET: &str = "The metascopes in the JWT are not a subset of the metascopes in the binding.";

#[tokio::test]
async fn a_right_request_is_granted_in_the_words_of_ims() {
    let (ims, _) = mock().await;
    let answer = JwtRequest::of(&ims).send(&ims).await;

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
    let fields = answer.json();
    let names: Vec<_> = fields.as_object().unwrap().keys().collect();
    assert_eq!(names, ["access_token", "expires_in", "token_type"]);
    assert_eq!(fields["token_type"], "bearer");
    assert!((86_399_990..=86_399_999).contains(&fields["expires_in"].as_u64().unwrap()));

    let (header, claims) = decode(answer.token());
    assert_eq!(header["alg"], "RS256");
    assert_eq!(header["itt"], "at");
    assert_eq!(claims["created_at"], format!("{NOW}000"));
    assert_eq!(claims["expires_in"], "86400000");
    assert_eq!(claims["client_id"], "cm-p11111-e22222-integration");
    assert_eq!(claims["as"], "ims-na1");
    assert_eq!(claims["exp"], Value::Null);

    let again = JwtRequest::of(&ims).send(&ims).await;
    assert_ne!(again.token(), answer.token());
    assert_ne!(again.header("x-debug-id"), answer.header("x-debug-id"));
}

#[tokio::test]
async fn each_fault_is_refused_as_ims_refuses_it() {
    let (ims, _) = mock().await;
    #[rustfmt::skip]
    let cases: [(&str, Spoil, u16, &str, &str); 37] = [
        ("no jwt_token", |a| a.form.drop_field("jwt_token"), 400, "invalid_token", "missing"),
        ("an empty jwt_token", |a| a.form.field("jwt_token", ""), 400, "invalid_token", "missing"),
        ("no client id", |a| a.form.drop_field("client_id"), 400, "invalid_client", "invalid client_id parameter"),
        ("unknown client", |a| a.form.field("client_id", "x"), 400, "invalid_client", "invalid client_id parameter"),
        ("the OAuth client", |a| a.form.field("client_id", OAUTH_CLIENT_ID), 400, "invalid_client", "invalid client_secret parameter"),
        ("no secret", |a| a.form.drop_field("client_secret"), 400, "invalid_client", "invalid client_secret parameter"),
        ("wrong secret", |a| a.form.field("client_secret", "x"), 400, "invalid_client", "invalid client_secret parameter"),
        ("a field twice", |a| a.form.fields.push(("client_id".into(), "x".into())), 400, "invalid_request", "twice"),
        ("a body of JSON", |a| a.form.content_type = "application/json", 400, "invalid_request", "form"),
        ("a body too large", |a| a.form.field("more", &"x".repeat(70_000)), 413, "invalid_request", "large"),
        ("fields in the query", |a| a.form.path = "/ims/exchange/jwt?client_id=x".into(), 500, "internal_error", "Please try again later"),
        ("no JWT", |a| a.form.field("jwt_token", "x"), 400, "invalid_token", MALFORMED),
        ("two parts", |a| a.form.field("jwt_token", "e30.e30"), 400, "invalid_token", MALFORMED),
        ("four parts", |a| a.form.field("jwt_token", "e30.e30.e30.e30"), 400, "invalid_token", MALFORMED),
        ("padding", |a| a.form.field("jwt_token", "e30=.e30=.e30="), 400, "invalid_token", MALFORMED),
        ("claims that are a list", |a| a.form.field("jwt_token", "e30.W10.e30"), 400, "invalid_token", MALFORMED),
        ("deep claims", |a| a.form.field("jwt_token", &deep()), 400, "invalid_token", MALFORMED),
        ("no exp", |a| a.drop_claim("exp"), 400, "invalid_token", MALFORMED),
        ("exp as text", |a| a.claim("exp", "2030-01-01"), 400, "invalid_token", MALFORMED),
        ("exp as a fraction", |a| a.claim("exp", NOW as f64 + 300.5), 400, "invalid_token", MALFORMED),
        ("jti as text", |a| a.claim("jti", "x"), 400, "invalid_token", MALFORMED),
        ("no aud", |a| a.drop_claim("aud"), 400, "invalid_client", "audience"),
        ("aud of another host", |a| a.claim("aud", "https://ims/c/cm-p11111-e22222-integration"), 400, "invalid_client", "audience"),
        ("aud of another client", |a| a.claim("aud", "https://ims-na1.adobelogin.com/c/x"), 400, "invalid_client", "audience"),
        ("another algorithm", |a| a.header = json!({"alg": "none"}), 400, "invalid_signature", "RS256"),
        ("another key", |a| a.key = Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()), 400, "invalid_token", NO_BINDING),
        ("another organisation", |a| a.claim("iss", "9999222233334444AAAA5555@AdobeOrg"), 400, "invalid_token", NO_BINDING),
        ("another account", |a| a.claim("sub", "9999BBBBCCCCDDDD0A49AAAA@techacct.adobe.com"), 400, "invalid_token", NO_BINDING),
        ("expired", |a| a.claim("exp", NOW - 31), 400, "invalid_token", "expired"),
        ("expired before 1970", |a| a.claim("exp", -1), 400, "invalid_token", "expired"),
        ("iss of no organisation", |a| a.claim("iss", "me"), 400, "bad_request", "iss"),
        ("the e-mail as sub", |a| a.claim("sub", "0a1b2c3d-0000-4000-8000-00000000abcd@techacct.adobe.com"), 400, "bad_request", "sub"),
        ("no sub", |a| a.drop_claim("sub"), 400, "bad_request", "sub"),
        ("no metascope", |a| a.drop_claim(SCOPE), 400, "invalid_scope", NO_SUBSET),
        ("a metascope not bound", |a| a.claim("https://ims-na1.adobelogin.com/s/ent_user_sdk", true), 400, "invalid_scope", NO_SUBSET),
        ("a metascope of another host", |a| a.claim("https://ims/s/ent_aem_cloud_api", true), 400, "invalid_scope", NO_SUBSET),
        ("a metascope as text", |a| a.claim(SCOPE, "true"), 400, "invalid_scope", NO_SUBSET),
    ];
    for (name, spoil, status, code, description) in &cases {
        let mut request = JwtRequest::of(&ims);
        spoil(&mut request);
        let answer = request.send(&ims).await;
        let (error, text) = (&answer.json()["error"], &answer.json()["error_description"]);
        assert_eq!((answer.status, error.as_str().unwrap()), (*status, *code), "{name}: {text}");
        assert!(text.as_str().unwrap().contains(description), "{name}: {text}");
        assert!(!answer.header("x-debug-id").is_empty(), "{name}");
        let last = ims.requests().pop().unwrap();
        assert_eq!((last.status(), last.code()), (*status, Some(*code)), "{name}");
    }
    assert_eq!(ims.request_count(), cases.len() as u64);
    assert_eq!(JwtRequest::of(&ims).send(&ims).await.status, 200);
}

#[tokio::test]
async fn oddities_that_ims_takes_are_taken() {
    let (ims, _) = mock().await;
    let cases: [(&str, Spoil); 6] = [
        ("exp at the end of the skew", |a| a.claim("exp", NOW - 30)),
        ("exp in milliseconds", |a| a.claim("exp", NOW * 1000)),
        ("exp beyond any calendar", |a| a.claim("exp", u64::MAX)),
        ("jti as a number, iat", |a| {
            a.claim("jti", 7);
            a.claim("iat", NOW);
        }),
        ("resource twice", |a| {
            a.form.fields.push(("resource".into(), "a".into()));
            a.form.fields.push(("resource".into(), "b".into()));
        }),
        ("a charset", |a| a.form.content_type = "application/x-www-form-urlencoded; charset=UTF-8"),
    ];
    for (name, change) in cases {
        let mut request = JwtRequest::of(&ims);
        change(&mut request);
        assert_eq!(request.send(&ims).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_multipart_form_is_accepted() {
    let (ims, _) = mock().await;
    let form = JwtRequest::of(&ims).signed();
    assert_eq!(form.send_multipart(&ims).await.status, 200);

    let mut cut = form.multipart();
    cut.truncate(cut.len() - 8);
    let form = FormRequest { content_type: "multipart/form-data; boundary=limit", ..form };
    assert_eq!(form.send_body(&ims, cut).await.status, 400);
}

#[tokio::test]
async fn claims_of_its_own_address_are_accepted_only_on_request() {
    let (strict, _) = mock().await;
    let lenient = builder().0.accept_own_address(true).start().await.unwrap();
    for (ims, status) in [(&strict, 400), (&lenient, 200)] {
        let address = ims.endpoint().strip_prefix("http://").unwrap();
        let port = address.rsplit(':').next().unwrap();
        for origin in [ims.endpoint().to_owned(), format!("https://{address}"), format!("http://localhost:{port}")] {
            let mut request = JwtRequest::of(ims);
            request.drop_claim(SCOPE);
            request.claim("aud", format!("{origin}/c/cm-p11111-e22222-integration"));
            request.claims.insert(format!("{origin}/s/ent_aem_cloud_api"), json!(true));
            assert_eq!(request.send(ims).await.status, status, "{origin}");
        }
        assert_eq!(JwtRequest::of(ims).send(ims).await.status, 200);
        assert_eq!(service_file(ims)["integration"]["imsEndpoint"], "ims-na1.adobelogin.com");
    }
}

#[tokio::test]
async fn some_of_the_bound_metascopes_may_be_asked_for() {
    let ims = builder().0.metascopes(["ent_user_sdk", "ent_aem_cloud_api"]).start().await.unwrap();
    let answer = JwtRequest::of(&ims).send(&ims).await;
    assert_eq!(decode(answer.token()).1["scope"], "ent_aem_cloud_api");

    let mut request = JwtRequest::of(&ims);
    request.claim("https://ims-na1.adobelogin.com/s/ent_user_sdk", true);
    assert_eq!(decode(request.send(&ims).await.token()).1["scope"], "ent_aem_cloud_api,ent_user_sdk");
}

#[tokio::test]
async fn an_expired_certificate_matches_no_binding() {
    let (ims, clock) = mock().await;
    for (day, status) in [(365, 200), (366, 400)] {
        let now = NOW + day * 86_400;
        clock.set(now);
        let mut request = JwtRequest::of(&ims);
        request.claim("exp", now + 300);
        let answer = request.send(&ims).await;
        assert_eq!(answer.status, status, "{day}");
        if status == 400 {
            assert_eq!(answer.json()["error_description"], NO_BINDING);
        }
    }
}

#[tokio::test]
async fn another_account_has_its_own_file_and_is_verified_by_it() {
    let ims = builder()
        .0
        .client_id("cm-p3-e4-integration-1")
        .org_id("acme@AdobeOrg")
        .ims_host("ims-na1-stg1.adobelogin.com")
        .start()
        .await
        .unwrap();
    let answer = JwtRequest::of(&ims).send(&ims).await;
    let (_, claims) = decode(answer.token());
    assert_eq!(claims["client_id"], "cm-p3-e4-integration-1");
    assert_eq!(claims["as"], "ims-na1-stg1");

    let (usual, _) = mock().await;
    assert_eq!(JwtRequest::of(&ims).send(&usual).await.status, 400);
}

#[tokio::test]
async fn the_oauth_client_may_not_exchange_a_jwt() {
    let (ims, _) = mock().await;
    let mut request = JwtRequest::of(&ims);
    request.form.field("client_id", OAUTH_CLIENT_ID);
    request.form.field("client_secret", oauth_file(&ims)["CLIENT_SECRETS"][0].as_str().unwrap());
    let (status, code, _) = request.send(&ims).await.refusal();
    assert_eq!((status, code.as_str()), (401, "invalid_client"));
}

type Spoil = fn(&mut JwtRequest);

fn deep() -> String {
    let claims = format!("{{\"a\":{}", "[".repeat(20_000));
    format!("e30.{}.e30", URL_SAFE_NO_PAD.encode(claims))
}
