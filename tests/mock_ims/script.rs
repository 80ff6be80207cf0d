//! Scripted answers.

use std::time::Duration;

use adobe_ims::testing::{MockAnswer, MockEndpoint};
use serde_json::{Value, json};

use crate::support::*;

#[tokio::test]
async fn scripted_answers_come_in_order_then_always_then_never() {
    let (ims, _) = mock().await;
    ims.answer_next(MockAnswer::status(503));
    ims.answer_next(MockAnswer::throttle(Duration::from_millis(1500)));
    ims.answer_next(MockAnswer::refuse("invalid_scope", "no"));
    ims.answer_always(MockAnswer::status(502).body("<html>Bad Gateway</html>"));

    let first = JwtRequest::of(&ims).send(&ims).await;
    assert_eq!((first.status, first.body.as_str()), (503, ""));
    let second = JwtRequest::of(&ims).send(&ims).await;
    assert_eq!((second.status, second.header("retry-after")), (429, "2"));
    assert_eq!(second.json()["error"], "rate_limit");
    let third = JwtRequest::of(&ims).send(&ims).await;
    assert_eq!((third.status, &third.json()), (400, &json!({"error": "invalid_scope", "error_description": "no"})));
    for _ in 0..2 {
        let later = JwtRequest::of(&ims).send(&ims).await;
        assert_eq!((later.status, later.body.as_str()), (502, "<html>Bad Gateway</html>"));
        assert_eq!(later.header("content-type"), "text/html;charset=UTF-8");
    }
    ims.answer_next(MockAnswer::status(500));
    ims.reset();
    assert_eq!(JwtRequest::of(&ims).send(&ims).await.status, 200);

    let recorded: Vec<_> = ims.requests().iter().map(|r| (r.status(), r.code().map(str::to_owned))).collect();
    let code = |text: &str| Some(text.to_owned());
    let refused = [(429, code("rate_limit")), (400, code("invalid_scope"))];
    assert_eq!(recorded[0], (503, None));
    assert_eq!(recorded[1..3], refused);
    assert_eq!(recorded[3..], [(502, None), (502, None), (200, None)]);
}

#[tokio::test]
async fn a_token_response_is_changed_as_scripted() {
    let (ims, _) = mock().await;
    let hour = Duration::from_secs(3600);
    let grant = MockAnswer::grant;
    let cases = [
        (grant().expires_in(hour), json!(3_600_000), "3600000"),
        (grant().expires_in(hour).expires_in_seconds(), json!(3600), "3600000"),
        (grant().expires_in(hour).expires_in_text(), json!("3600000"), "3600000"),
        (grant().expires_in_text().expires_in_seconds(), json!("86399"), "86400000"),
        (grant().without_expires_in(), Value::Null, "86400000"),
        (grant().expires_in(Duration::MAX), json!(u64::MAX), "18446744073709551615"),
    ];
    for (answer, stated, claimed) in cases {
        ims.answer_next(answer.clone());
        let granted = JwtRequest::of(&ims).send(&ims).await;
        assert_eq!(granted.json()["expires_in"], stated, "{answer:?}");
        assert_eq!(decode(granted.token()).1["expires_in"], claimed, "{answer:?}");
    }

    for (answer, stated, claimed) in [
        (grant().expires_in(hour), json!(3600), "3600000"),
        (grant().expires_in(hour).expires_in_milliseconds(), json!(3_600_000), "3600000"),
        (grant().expires_in_seconds(), json!(86_399), "86400000"),
        (grant().expires_in_text(), json!("86399"), "86400000"),
    ] {
        ims.answer_next(answer.clone());
        let granted = FormRequest::client_credentials(&ims).send(&ims).await;
        assert_eq!(granted.json()["expires_in"], stated, "{answer:?}");
        assert_eq!(decode(granted.token()).1["expires_in"], claimed, "{answer:?}");
    }

    ims.answer_next(grant().opaque_token());
    assert!(!JwtRequest::of(&ims).send(&ims).await.token().contains('.'));
    ims.answer_next(grant().access_token("my-own"));
    assert_eq!(JwtRequest::of(&ims).send(&ims).await.token(), "my-own");
    ims.answer_next(grant().with_status(201).header("x-more", "a").header("X-More", "b").body("{\"token_type\":\"bea"));
    let cut = JwtRequest::of(&ims).send(&ims).await;
    assert_eq!((cut.status, cut.body.as_str()), (201, "{\"token_type\":\"bea"));
    assert_eq!(cut.headers.get_all("x-more").iter().count(), 2);
}

#[tokio::test]
async fn a_scripted_grant_lets_no_invalid_request_pass() {
    let (ims, _) = mock().await;
    ims.answer_always(MockAnswer::grant().with_status(201).access_token("my-own").header("x-more", "a"));
    let mut request = JwtRequest::of(&ims);
    request.form.field("client_secret", "x");
    let answer = request.send(&ims).await;
    assert_eq!((answer.status, answer.headers.get("x-more")), (400, None));
    assert_eq!(answer.json()["error"], "invalid_client");
    assert_eq!(JwtRequest::of(&ims).send(&ims).await.status, 201);
}

#[tokio::test]
async fn an_answer_that_http_cannot_carry_says_so() {
    let (ims, _) = mock().await;
    for answer in [
        MockAnswer::status(42),
        MockAnswer::status(103),
        MockAnswer::status(60_000),
        MockAnswer::status(503).header("not a name", "x"),
        MockAnswer::status(503).header("x-more", "a\r\nb: c"),
        MockAnswer::grant().header("Content-Length", "7"),
    ] {
        ims.answer_next(answer.clone());
        let answer_sent = JwtRequest::of(&ims).send(&ims).await;
        assert_eq!(
            (answer_sent.status, &answer_sent.json()["error"]),
            (400, &json!("unusable_mock_answer")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_slow_answer_holds_up_no_other() {
    let (ims, _) = mock().await;
    ims.answer_next(MockAnswer::grant().delay(Duration::from_secs(30)));
    let request = JwtRequest::of(&ims);
    let slow = request.send(&ims);
    let quick = async {
        while ims.request_count() == 0 {
            tokio::task::yield_now().await;
        }
        JwtRequest::of(&ims).send(&ims).await
    };
    tokio::select! {
        biased;
        _ = slow => panic!("the slow answer came first"),
        answer = quick => assert_eq!(answer.status, 200),
    }
}

#[tokio::test]
async fn an_answer_for_one_endpoint_waits_for_a_request_to_it() {
    let (ims, _) = mock().await;
    let jwt = async || JwtRequest::of(&ims).send(&ims).await.status;
    let oauth = async || FormRequest::client_credentials(&ims).send(&ims).await.status;

    ims.answer_next(MockAnswer::status(501).on(MockEndpoint::Token));
    ims.answer_next(MockAnswer::status(502));
    assert_eq!([jwt().await, jwt().await, oauth().await, oauth().await], [502, 200, 501, 200]);

    ims.answer_always(MockAnswer::status(503));
    ims.answer_always(MockAnswer::status(504).on(MockEndpoint::Token));
    assert_eq!([jwt().await, oauth().await, oauth().await], [503, 504, 504]);
    ims.answer_always(MockAnswer::grant().on(MockEndpoint::Token));
    assert_eq!([jwt().await, oauth().await], [503, 200]);
    ims.reset();
    assert_eq!([jwt().await, oauth().await], [200, 200]);
}
