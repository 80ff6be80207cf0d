//! Tokens that are validated and invalidated.

use std::time::Duration;

use adobe_ims::testing::{MockAnswer, MockEndpoint};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_token_is_valid_until_it_expires() {
    let (ims, clock) = mock().await;
    let day = JwtRequest::of(&ims).send(&ims).await.token().to_owned();
    ims.answer_next(MockAnswer::grant().expires_in(Duration::from_secs(3600)));
    let hour = FormRequest::client_credentials(&ims).send(&ims).await.token().to_owned();

    for (token, client_id) in [(&day, CLIENT_ID), (&hour, OAUTH_CLIENT_ID)] {
        let answer = validate(client_id, token).send(&ims).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"valid": true, "token": decode(token).1})));
    }
    for (now, day_is_valid, hour_is_valid) in
        [(NOW + 3599, true, true), (NOW + 3600, true, false), (NOW + 86_399, true, false), (NOW + 86_400, false, false)]
    {
        clock.set(now);
        for (token, valid) in [(&day, day_is_valid), (&hour, hour_is_valid)] {
            let body = validate(CLIENT_ID, token).send(&ims).await.json();
            assert_eq!(body["valid"], valid, "{now}");
            assert_eq!(body.get("reason").is_some(), !valid, "{now}");
        }
    }
}

#[tokio::test]
async fn a_token_of_another_issuer_is_not_valid_and_the_response_is_still_200() {
    let ((ims, _), (other, _)) = (mock().await, mock().await);
    let foreign = JwtRequest::of(&other).send(&other).await.token().to_owned();
    for token in [foreign.as_str(), "x", "a.b.c"] {
        let answer = validate(CLIENT_ID, token).send(&ims).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"valid": false, "reason": "bad_signature"})),
            "{token}"
        );
    }
}

#[tokio::test]
async fn an_invalidated_token_is_not_valid_and_no_other_is_touched() {
    let (ims, _) = mock().await;
    let token = JwtRequest::of(&ims).send(&ims).await.token().to_owned();
    let other = JwtRequest::of(&ims).send(&ims).await.token().to_owned();

    for _ in 0..2 {
        let answer = invalidate(CLIENT_ID, &token).send(&ims).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    }
    let body = validate(CLIENT_ID, &token).send(&ims).await.json();
    assert_eq!(body, json!({"valid": false, "reason": "invalidated"}));
    assert_eq!(validate(CLIENT_ID, &other).send(&ims).await.json()["valid"], true);
}

#[tokio::test]
async fn the_token_to_validate_may_be_a_bearer() {
    let (ims, _) = mock().await;
    let token = JwtRequest::of(&ims).send(&ims).await.token().to_owned();
    let mut form = validate(CLIENT_ID, &token);
    form.headers.push(("authorization", format!("Bearer {token}")));
    assert_eq!(form.send(&ims).await.refusal().1, "invalid_request");
    form.drop_field("token");
    assert_eq!(form.send_multipart(&ims).await.json()["valid"], true);
}

#[tokio::test]
async fn each_fault_of_a_validation_is_refused() {
    let (ims, _) = mock().await;
    let token = JwtRequest::of(&ims).send(&ims).await.token().to_owned();
    let cases: [(&str, Spoil, &str, &str); 9] = [
        ("no token", |a| a.drop_field("token"), "invalid_request", "token"),
        ("no type", |a| a.drop_field("type"), "invalid_request", "type"),
        ("an unknown type", |a| a.field("type", "bearer"), "invalid_request", "type"),
        ("no client id", |a| a.drop_field("client_id"), "invalid_client", "invalid client_id parameter"),
        ("unknown client", |a| a.field("client_id", "x"), "invalid_client", "invalid client_id parameter"),
        (
            "another client in the header",
            |a| a.headers.push(("x-ims-clientid", "x".into())),
            "invalid_request",
            "X-IMS",
        ),
        ("the token in the query", |a| a.path.push_str("?token=x"), "invalid_request", "query"),
        ("a body of JSON", |a| a.content_type = "application/json", "invalid_request", "form"),
        ("a field twice", |a| a.fields.push(("type".into(), "x".into())), "invalid_request", "twice"),
    ];
    for (name, spoil, code, description) in cases {
        let mut form = validate(CLIENT_ID, &token);
        spoil(&mut form);
        let refusal = form.send(&ims).await.refusal();
        assert_eq!((refusal.0, refusal.1.as_str()), (400, code), "{name}: {refusal:?}");
        assert!(refusal.2.contains(description), "{name}: {refusal:?}");
    }
    let mut form = validate(CLIENT_ID, &token);
    form.headers.push(("x-ims-clientid", CLIENT_ID.into()));
    assert_eq!(form.send(&ims).await.json()["valid"], true);
    form.field("type", "refresh_token");
    assert_eq!(form.send(&ims).await.json(), json!({"valid": false, "reason": "wrong_type"}));
}

#[tokio::test]
async fn each_fault_of_an_invalidation_is_refused_and_leaves_the_token_valid() {
    let (ims, _) = mock().await;
    let token = JwtRequest::of(&ims).send(&ims).await.token().to_owned();
    #[rustfmt::skip]
    let cases: [(&str, Spoil, &str, &str); 14] = [
        ("no token", |a| a.drop_field("token"), "invalid_request", "token"),
        ("unknown token", |a| a.field("token", "x"), "invalid_token", "issued"),
        ("no type", |a| a.drop_field("token_type"), "invalid_request", "token_type"),
        ("an unknown type", |a| a.field("token_type", "bearer"), "invalid_request", "token_type"),
        ("another type", |a| a.field("token_type", "refresh_token"), "invalid_token", "type"),
        ("a service token without a secret", |a| a.field("token_type", "service_token"), "invalid_client", "client_secret"),
        ("no client id", |a| a.drop_field("client_id"), "invalid_client", "invalid client_id parameter"),
        ("unknown client", |a| a.field("client_id", "x"), "invalid_client", "invalid client_id parameter"),
        ("another client", |a| a.field("client_id", OAUTH_CLIENT_ID), "invalid_client", "another client"),
        ("another client in the header", |a| a.headers.push(("x-ims-clientid", "x".into())), "invalid_request", "X-IMS"),
        ("wrong secret", |a| a.field("client_secret", "x"), "invalid_client", "invalid client_secret parameter"),
        ("an empty secret", |a| a.field("client_secret", ""), "invalid_client", "invalid client_secret parameter"),
        ("a cascade of something", |a| a.field("cascading", "some"), "invalid_request", "cascading"),
        ("the token in the query", |a| a.path.push_str("?token=x"), "invalid_request", "query"),
    ];
    for (name, spoil, code, description) in cases {
        let mut form = invalidate(CLIENT_ID, &token);
        spoil(&mut form);
        let refusal = form.send(&ims).await.refusal();
        assert_eq!((refusal.0, refusal.1.as_str()), (400, code), "{name}: {refusal:?}");
        assert!(refusal.2.contains(description), "{name}: {refusal:?}");
    }
    assert_eq!(validate(CLIENT_ID, &token).send(&ims).await.json()["valid"], true);

    let mut form = invalidate(CLIENT_ID, &token);
    form.field(
        "client_secret",
        service_file(&ims)["integration"]["technicalAccount"]["clientSecret"].as_str().unwrap(),
    );
    form.field("cascading", "all");
    form.headers.push(("x-ims-clientid", CLIENT_ID.into()));
    assert_eq!(form.send_multipart(&ims).await.status, 200);
    let last = ims.requests_of(MockEndpoint::InvalidateToken).pop().unwrap();
    assert_eq!(last.ims_client_id(), Some(CLIENT_ID));
    assert_eq!(last.client_secret_index(), Some(0));
    assert_eq!(last.field_names(), ["token_type", "client_id", "token", "client_secret", "cascading"]);
    assert_eq!(validate(CLIENT_ID, &token).send(&ims).await.json()["valid"], false);
}

#[tokio::test]
async fn a_scripted_answer_invalidates_nothing() {
    let (ims, _) = mock().await;
    let token = JwtRequest::of(&ims).send(&ims).await.token().to_owned();
    ims.answer_next(MockAnswer::status(503).on(MockEndpoint::InvalidateToken));
    ims.answer_next(MockAnswer::grant().body(r#"{"valid":"true"}"#).on(MockEndpoint::ValidateToken));
    assert_eq!(validate(CLIENT_ID, &token).send(&ims).await.json(), json!({"valid": "true"}));
    assert_eq!(invalidate(CLIENT_ID, &token).send(&ims).await.status, 503);
    assert_eq!(validate(CLIENT_ID, &token).send(&ims).await.json()["valid"], true);

    ims.answer_next(MockAnswer::grant().with_status(204));
    assert_eq!(invalidate(CLIENT_ID, &token).send(&ims).await.status, 204);
    assert_eq!(validate(CLIENT_ID, &token).send(&ims).await.json()["valid"], false);
}

#[tokio::test]
async fn tokens_outlive_the_secret_they_were_issued_for() {
    let (ims, _) = mock().await;
    let token = FormRequest::client_credentials(&ims).send(&ims).await.token().to_owned();
    ims.add_client_secret().unwrap();
    ims.revoke_old_client_secrets();
    assert_eq!(validate(OAUTH_CLIENT_ID, &token).send(&ims).await.json()["valid"], true);

    ims.revoke_oauth_credentials();
    assert_eq!(validate(OAUTH_CLIENT_ID, &token).send(&ims).await.refusal().1, "invalid_client");
}

#[tokio::test]
async fn a_token_given_by_a_script_is_known_too() {
    let (ims, _) = mock().await;
    ims.answer_next(MockAnswer::grant().access_token("my-own"));
    JwtRequest::of(&ims).send(&ims).await;
    assert_eq!(validate(CLIENT_ID, "my-own").send(&ims).await.json(), json!({"valid": true, "token": {}}));
}

fn validate(client_id: &str, token: &str) -> FormRequest {
    let fields = [("type", "access_token"), ("client_id", client_id), ("token", token)];
    FormRequest::new("/ims/validate_token/v1", &fields)
}

fn invalidate(client_id: &str, token: &str) -> FormRequest {
    let fields = [("token_type", "access_token"), ("client_id", client_id), ("token", token)];
    FormRequest::new("/ims/invalidate_token/v2", &fields)
}

type Spoil = fn(&mut FormRequest);
