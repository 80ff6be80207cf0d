//! The stand-in itself, asked by a plain HTTP client that signs by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adobe_ims::Clock;
use adobe_ims::testing::{MockAnswer, MockIms, MockImsBuilder, MockRequest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use x509_cert::der::{Decode, Encode};

const MALFORMED: &str = "JWT token is incorrectly formatted, and can not be decoded.";
const NO_BINDING: &str = "Could not match JWT signature to any of the bindings";
const NO_SUBSET: &str = "The metascopes in the JWT are not a subset of the metascopes in the binding.";

#[tokio::test]
async fn a_right_request_is_granted_in_the_words_of_ims() {
    let (ims, _) = stand_in().await;
    let answer = Ask::of(&ims).send(&ims).await;

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

    let again = Ask::of(&ims).send(&ims).await;
    assert_ne!(again.token(), answer.token());
    assert_ne!(again.header("x-debug-id"), answer.header("x-debug-id"));
}

#[tokio::test]
async fn each_fault_is_refused_as_ims_refuses_it() {
    let (ims, _) = stand_in().await;
    #[rustfmt::skip]
    let cases: [(&str, Spoil, u16, &str, &str); 36] = [
        ("no jwt_token", |a| a.drop_field("jwt_token"), 400, "invalid_token", "missing"),
        ("an empty jwt_token", |a| a.field("jwt_token", ""), 400, "invalid_token", "missing"),
        ("no client id", |a| a.drop_field("client_id"), 400, "invalid_client", "invalid client_id parameter"),
        ("unknown client", |a| a.field("client_id", "x"), 400, "invalid_client", "invalid client_id parameter"),
        ("no secret", |a| a.drop_field("client_secret"), 400, "invalid_client", "invalid client_secret parameter"),
        ("wrong secret", |a| a.field("client_secret", "x"), 400, "invalid_client", "invalid client_secret parameter"),
        ("a field twice", |a| a.fields.push(("client_id".into(), "x".into())), 400, "invalid_request", "twice"),
        ("a body of JSON", |a| a.content_type = "application/json", 400, "invalid_request", "form"),
        ("a body too large", |a| a.field("more", &"x".repeat(70_000)), 413, "invalid_request", "large"),
        ("fields in the query", |a| a.path = "/ims/exchange/jwt?client_id=x", 500, "internal_error", "Please try again later"),
        ("no JWT", |a| a.field("jwt_token", "x"), 400, "invalid_token", MALFORMED),
        ("two parts", |a| a.field("jwt_token", "e30.e30"), 400, "invalid_token", MALFORMED),
        ("four parts", |a| a.field("jwt_token", "e30.e30.e30.e30"), 400, "invalid_token", MALFORMED),
        ("padding", |a| a.field("jwt_token", "e30=.e30=.e30="), 400, "invalid_token", MALFORMED),
        ("claims that are a list", |a| a.field("jwt_token", "e30.W10.e30"), 400, "invalid_token", MALFORMED),
        ("deep claims", |a| a.field("jwt_token", &deep()), 400, "invalid_token", MALFORMED),
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
        let mut ask = Ask::of(&ims);
        spoil(&mut ask);
        let answer = ask.send(&ims).await;
        let (error, text) = (&answer.json()["error"], &answer.json()["error_description"]);
        assert_eq!((answer.status, error.as_str().unwrap()), (*status, *code), "{name}: {text}");
        assert!(text.as_str().unwrap().contains(description), "{name}: {text}");
        assert!(!answer.header("x-debug-id").is_empty(), "{name}");
        let last = ims.requests().pop().unwrap();
        assert_eq!((last.status(), last.code()), (*status, Some(*code)), "{name}");
    }
    assert_eq!(ims.request_count(), cases.len() as u64);
    assert_eq!(Ask::of(&ims).send(&ims).await.status, 200);
}

#[tokio::test]
async fn oddities_that_ims_takes_are_taken() {
    let (ims, _) = stand_in().await;
    let cases: [(&str, Spoil); 6] = [
        ("exp at the end of the skew", |a| a.claim("exp", NOW - 30)),
        ("exp in milliseconds", |a| a.claim("exp", NOW * 1000)),
        ("exp beyond any calendar", |a| a.claim("exp", u64::MAX)),
        ("jti as a number, iat", |a| {
            a.claim("jti", 7);
            a.claim("iat", NOW);
        }),
        ("resource twice", |a| {
            a.fields.push(("resource".into(), "a".into()));
            a.fields.push(("resource".into(), "b".into()));
        }),
        ("a charset", |a| a.content_type = "application/x-www-form-urlencoded; charset=UTF-8"),
    ];
    for (name, change) in cases {
        let mut ask = Ask::of(&ims);
        change(&mut ask);
        assert_eq!(ask.send(&ims).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn the_three_paths_answer_alike_and_no_other_does() {
    let (ims, _) = stand_in().await;
    for (path, status) in [
        ("/ims/exchange/jwt", 200),
        ("/ims/exchange/jwt/", 200),
        ("/ims/exchange/v1/jwt", 200),
        ("/ims/exchange", 404),
        ("/ims/token/v3", 404),
        ("/", 404),
    ] {
        let mut ask = Ask::of(&ims);
        ask.path = path;
        let answer = ask.send(&ims).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.header("x-debug-id").is_empty(), "{path}");
    }
    let get = http_client().get(format!("{}/ims/exchange/jwt", ims.endpoint())).send().await.unwrap();
    assert_eq!(get.status(), 405);
    assert_eq!(get.headers()["allow"], "POST");

    let paths: Vec<_> = ims.requests().iter().map(|request| request.path().to_owned()).collect();
    assert_eq!(paths, ["/ims/exchange/jwt", "/ims/exchange/jwt/", "/ims/exchange/v1/jwt"]);
}

#[tokio::test]
async fn a_multipart_form_is_accepted() {
    let (ims, _) = stand_in().await;
    let mut body = String::new();
    for (name, value) in Ask::of(&ims).fields() {
        body += &format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += "--limit--\r\n";
    let post = |body| {
        let url = format!("{}/ims/exchange/jwt", ims.endpoint());
        let content_type = "multipart/form-data; boundary=limit";
        http_client().post(url).header("content-type", content_type).body(body).send()
    };
    assert_eq!(post(body.clone()).await.unwrap().status(), 200);
    body.truncate(body.len() - 8);
    assert_eq!(post(body).await.unwrap().status(), 400);
}

#[tokio::test]
async fn claims_of_its_own_address_are_accepted_on_request_alone() {
    let (strict, _) = stand_in().await;
    let lenient = builder().0.accept_own_address(true).start().await.unwrap();
    for (ims, status) in [(&strict, 400), (&lenient, 200)] {
        let address = ims.endpoint().strip_prefix("http://").unwrap();
        let port = address.rsplit(':').next().unwrap();
        for origin in [ims.endpoint().to_owned(), format!("https://{address}"), format!("http://localhost:{port}")] {
            let mut ask = Ask::of(ims);
            ask.drop_claim(SCOPE);
            ask.claim("aud", format!("{origin}/c/cm-p11111-e22222-integration"));
            ask.claims.insert(format!("{origin}/s/ent_aem_cloud_api"), json!(true));
            assert_eq!(ask.send(ims).await.status, status, "{origin}");
        }
        assert_eq!(Ask::of(ims).send(ims).await.status, 200);
        let file: Value = serde_json::from_str(&ims.credentials_json()).unwrap();
        assert_eq!(file["integration"]["imsEndpoint"], "ims-na1.adobelogin.com");
    }
}

#[tokio::test]
async fn some_of_the_bound_metascopes_may_be_asked_for() {
    let ims = builder().0.metascopes(["ent_user_sdk", "ent_aem_cloud_api"]).start().await.unwrap();
    let answer = Ask::of(&ims).send(&ims).await;
    assert_eq!(decode(answer.token()).1["scope"], "ent_aem_cloud_api");

    let mut ask = Ask::of(&ims);
    ask.claim("https://ims-na1.adobelogin.com/s/ent_user_sdk", true);
    assert_eq!(decode(ask.send(&ims).await.token()).1["scope"], "ent_aem_cloud_api,ent_user_sdk");
}

#[tokio::test]
async fn an_expired_certificate_matches_no_binding() {
    let (ims, clock) = stand_in().await;
    for (day, status) in [(365, 200), (366, 400)] {
        let now = NOW + day * 86_400;
        clock.set(now);
        let mut ask = Ask::of(&ims);
        ask.claim("exp", now + 300);
        let answer = ask.send(&ims).await;
        assert_eq!(answer.status, status, "{day}");
        if status == 400 {
            assert_eq!(answer.json()["error_description"], NO_BINDING);
        }
    }
}

#[tokio::test]
async fn scripted_answers_come_in_order_then_always_then_never() {
    let (ims, _) = stand_in().await;
    ims.answer_next(MockAnswer::status(503));
    ims.answer_next(MockAnswer::throttle(Duration::from_millis(1500)));
    ims.answer_next(MockAnswer::refuse("invalid_scope", "no"));
    ims.answer_always(MockAnswer::status(502).body("<html>Bad Gateway</html>"));

    let first = Ask::of(&ims).send(&ims).await;
    assert_eq!((first.status, first.body.as_str()), (503, ""));
    let second = Ask::of(&ims).send(&ims).await;
    assert_eq!((second.status, second.header("retry-after")), (429, "2"));
    assert_eq!(second.json()["error"], "rate_limit");
    let third = Ask::of(&ims).send(&ims).await;
    assert_eq!((third.status, &third.json()), (400, &json!({"error": "invalid_scope", "error_description": "no"})));
    for _ in 0..2 {
        let later = Ask::of(&ims).send(&ims).await;
        assert_eq!((later.status, later.body.as_str()), (502, "<html>Bad Gateway</html>"));
        assert_eq!(later.header("content-type"), "text/html;charset=UTF-8");
    }
    ims.answer_next(MockAnswer::status(500));
    ims.reset();
    assert_eq!(Ask::of(&ims).send(&ims).await.status, 200);

    let told: Vec<_> = ims.requests().iter().map(|r| (r.status(), r.code().map(str::to_owned))).collect();
    let code = |text: &str| Some(text.to_owned());
    let refused = [(429, code("rate_limit")), (400, code("invalid_scope"))];
    assert_eq!(told[0], (503, None));
    assert_eq!(told[1..3], refused);
    assert_eq!(told[3..], [(502, None), (502, None), (200, None)]);
}

#[tokio::test]
async fn a_grant_is_bent_as_scripted() {
    let (ims, _) = stand_in().await;
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
    for (answer, told, claimed) in cases {
        ims.answer_next(answer.clone());
        let granted = Ask::of(&ims).send(&ims).await;
        assert_eq!(granted.json()["expires_in"], told, "{answer:?}");
        assert_eq!(decode(granted.token()).1["expires_in"], claimed, "{answer:?}");
    }

    ims.answer_next(grant().opaque_token());
    assert!(!Ask::of(&ims).send(&ims).await.token().contains('.'));
    ims.answer_next(grant().access_token("my-own"));
    assert_eq!(Ask::of(&ims).send(&ims).await.token(), "my-own");
    ims.answer_next(grant().with_status(201).header("x-more", "a").header("X-More", "b").body("{\"token_type\":\"bea"));
    let cut = Ask::of(&ims).send(&ims).await;
    assert_eq!((cut.status, cut.body.as_str()), (201, "{\"token_type\":\"bea"));
    assert_eq!(cut.headers.get_all("x-more").iter().count(), 2);
}

#[tokio::test]
async fn a_scripted_grant_spares_no_wrong_request() {
    let (ims, _) = stand_in().await;
    ims.answer_always(MockAnswer::grant().with_status(201).access_token("my-own").header("x-more", "a"));
    let mut ask = Ask::of(&ims);
    ask.field("client_secret", "x");
    let answer = ask.send(&ims).await;
    assert_eq!((answer.status, answer.headers.get("x-more")), (400, None));
    assert_eq!(answer.json()["error"], "invalid_client");
    assert_eq!(Ask::of(&ims).send(&ims).await.status, 201);
}

#[tokio::test]
async fn an_answer_that_http_cannot_carry_says_so() {
    let (ims, _) = stand_in().await;
    for answer in [
        MockAnswer::status(42),
        MockAnswer::status(103),
        MockAnswer::status(60_000),
        MockAnswer::status(503).header("not a name", "x"),
        MockAnswer::status(503).header("x-more", "a\r\nb: c"),
        MockAnswer::grant().header("Content-Length", "7"),
    ] {
        ims.answer_next(answer.clone());
        let told = Ask::of(&ims).send(&ims).await;
        assert_eq!((told.status, &told.json()["error"]), (400, &json!("unusable_mock_answer")), "{answer:?}");
    }
}

#[tokio::test]
async fn a_slow_answer_holds_up_no_other() {
    let (ims, _) = stand_in().await;
    ims.answer_next(MockAnswer::grant().delay(Duration::from_secs(30)));
    let ask = Ask::of(&ims);
    let slow = ask.send(&ims);
    let quick = async {
        while ims.request_count() == 0 {
            tokio::task::yield_now().await;
        }
        Ask::of(&ims).send(&ims).await
    };
    tokio::select! {
        biased;
        _ = slow => panic!("the slow answer came first"),
        answer = quick => assert_eq!(answer.status, 200),
    }
}

#[tokio::test]
async fn the_record_tells_what_was_asked_and_no_secret() {
    let (ims, _) = stand_in().await;
    let ask = Ask::of(&ims);
    ims.answer_next(MockAnswer::grant());
    let granted = ask.send(&ims).await;
    let answer = MockAnswer::grant().access_token("granted-by-hand").body("body-by-hand");
    ims.answer_always(answer.clone());

    let requests = ims.requests();
    let [request] = requests.as_slice() else { panic!("one request") };
    assert_eq!(request.client_id(), Some("cm-p11111-e22222-integration"));
    assert_eq!(request.issuer(), Some("1111222233334444AAAA5555@AdobeOrg"));
    assert_eq!(request.subject(), Some("AAAABBBBCCCCDDDD0A49AAAA@techacct.adobe.com"));
    assert_eq!(request.audience(), Some("https://ims-na1.adobelogin.com/c/cm-p11111-e22222-integration"));
    assert_eq!(request.metascopes(), ["ent_aem_cloud_api"]);
    assert_eq!(request.expires_at(), Some(at(NOW + 300)));
    assert_eq!(request.user_agent(), Some("a test"));
    assert_eq!((request.status(), request.code()), (200, None));

    let printed = format!("{ims:?} {requests:?} {answer:?} {:?} {:#?}", builder().0, ims.credentials());
    let file: Value = serde_json::from_str(&ims.credentials_json()).unwrap();
    let key = file["integration"]["privateKey"].as_str().unwrap();
    let assertion = ask.assertion();
    let mut secrets = vec!["granted-by-hand", "body-by-hand", granted.token(), &assertion];
    secrets.push(file["integration"]["technicalAccount"]["clientSecret"].as_str().unwrap());
    secrets.extend(key.lines().filter(|line| !line.is_empty()));
    secrets.extend(assertion.split('.'));
    for secret in secrets {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[tokio::test]
async fn the_record_is_bounded_and_the_count_is_not() {
    let (ims, _) = stand_in().await;
    let client = http_client();
    let url = format!("{}/ims/exchange/jwt", ims.endpoint());
    for number in 0..1001 {
        let agent = format!("{number}{}", "x".repeat(2000));
        client.post(&url).header("user-agent", agent).send().await.unwrap();
    }
    assert_eq!(ims.request_count(), 1001);
    let requests = ims.requests();
    assert_eq!(requests.len(), 1000);
    assert!(requests[0].user_agent().unwrap().starts_with("1x"));
    assert!(requests.iter().all(|request| request.user_agent().unwrap().len() == 512));
}

#[tokio::test]
async fn the_date_header_follows_the_clock() {
    let (ims, clock) = stand_in().await;
    for (now, date) in [
        (NOW, "Mon, 21 Sep 2026 14:13:20 GMT"),
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        clock.set(now);
        let answer = Ask::of(&ims).send(&ims).await;
        let dates: Vec<_> = answer.headers.get_all("date").iter().collect();
        assert_eq!(dates, [date]);
    }
    ims.answer_next(MockAnswer::status(503).header("date", "Thu, 01 Jan 1970 00:00:09 GMT"));
    let answer = Ask::of(&ims).send(&ims).await;
    assert_eq!(answer.header("date"), "Thu, 01 Jan 1970 00:00:09 GMT");
}

#[tokio::test]
async fn it_listens_on_the_port_given_until_it_is_dropped() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ims = builder().0.port(free).start().await.unwrap();
    assert_eq!(ims.endpoint(), format!("http://127.0.0.1:{free}"));
    assert_eq!(Ask::of(&ims).send(&ims).await.status, 200);

    let taken = builder().0.port(free).start().await.unwrap_err();
    assert!(taken.to_string().contains(&free.to_string()), "{taken}");

    drop(ims);
    while std::net::TcpStream::connect(("127.0.0.1", free)).is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn settings_that_no_account_has_are_refused() {
    for builder in [
        builder().0.ims_host(""),
        builder().0.ims_host("https://ims-na1.adobelogin.com"),
        builder().0.client_id(""),
        builder().0.client_id("a b"),
        builder().0.org_id(""),
        builder().0.metascopes(Vec::<String>::new()),
        builder().0.metascopes(["a,b"]),
        builder().0.metascopes(["https://ims-na1.adobelogin.com/s/ent_aem_cloud_api"]),
    ] {
        let printed = format!("{builder:?}");
        assert!(builder.start().await.is_err(), "{printed}");
    }
}

#[tokio::test]
async fn another_account_has_its_own_file_and_is_judged_by_it() {
    let ims = builder()
        .0
        .client_id("cm-p3-e4-integration-1")
        .org_id("acme@AdobeOrg")
        .ims_host("ims-na1-stg1.adobelogin.com")
        .start()
        .await
        .unwrap();
    let answer = Ask::of(&ims).send(&ims).await;
    let (_, claims) = decode(answer.token());
    assert_eq!(claims["client_id"], "cm-p3-e4-integration-1");
    assert_eq!(claims["as"], "ims-na1-stg1");

    let (usual, _) = stand_in().await;
    assert_eq!(Ask::of(&ims).send(&usual).await.status, 400);
}

#[tokio::test]
async fn the_file_is_the_one_the_developer_console_hands_out() {
    let (ims, _) = stand_in().await;
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
async fn one_process_makes_one_key_and_every_stand_in_its_own_secret() {
    let (one, other) = (MockIms::start().await.unwrap(), MockIms::start().await.unwrap());
    let file = |ims: &MockIms| serde_json::from_str::<Value>(&ims.credentials_json()).unwrap()["integration"].clone();
    assert_eq!(file(&one)["privateKey"], file(&other)["privateKey"]);
    assert_ne!(file(&one)["technicalAccount"], file(&other)["technicalAccount"]);
    let mut ask = Ask::of(&one);
    ask.claim("exp", 4_102_444_800_u64);
    assert_eq!(ask.send(&one).await.status, 200);
    assert_eq!(ask.send(&other).await.status, 400);
}

#[test]
fn everything_may_cross_threads() {
    fn check<T: Send + Sync + 'static>() {}
    fn check_future(_: impl Future + Send + 'static) {}
    check::<MockIms>();
    check::<MockImsBuilder>();
    check::<MockAnswer>();
    check::<MockRequest>();
    check_future(MockIms::start());
}

type Spoil = fn(&mut Ask);

/// A token request, right until a test spoils it.
struct Ask {
    path: &'static str,
    content_type: &'static str,
    fields: Vec<(String, String)>,
    header: Value,
    claims: Map<String, Value>,
    key: Arc<RsaKeyPair>,
}

impl Ask {
    fn of(ims: &MockIms) -> Self {
        let file: Value = serde_json::from_str(&ims.credentials_json()).unwrap();
        let file = &file["integration"];
        let account = &file["technicalAccount"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let host = text(&file["imsEndpoint"]);
        let client_id = text(&account["clientId"]);
        let claims = json!({
            "exp": NOW + 300,
            "iss": file["org"],
            "sub": file["id"],
            "aud": format!("https://{host}/c/{client_id}"),
            (format!("https://{host}/s/ent_aem_cloud_api")): true,
        });
        Self {
            path: "/ims/exchange/jwt",
            content_type: "application/x-www-form-urlencoded",
            fields: vec![
                ("client_id".to_owned(), client_id),
                ("client_secret".to_owned(), text(&account["clientSecret"])),
                ("jwt_token".to_owned(), String::from("\0")),
            ],
            header: json!({"alg": "RS256", "typ": "JWT"}),
            claims: claims.as_object().unwrap().clone(),
            key: Arc::new(RsaKeyPair::from_der(&unarmoured(file["privateKey"].as_str().unwrap())).unwrap()),
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        self.drop_field(name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    fn drop_field(&mut self, name: &str) {
        self.fields.retain(|(known, _)| known != name);
    }

    fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claims.insert(name.to_owned(), value.into());
    }

    fn drop_claim(&mut self, name: &str) {
        self.claims.remove(name).unwrap();
    }

    fn assertion(&self) -> String {
        let part = |value: &dyn Fn() -> Vec<u8>| URL_SAFE_NO_PAD.encode(value());
        let header = part(&|| serde_json::to_vec(&self.header).unwrap());
        let claims = part(&|| serde_json::to_vec(&self.claims).unwrap());
        let signed = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The fields as sent: the assertion signed now, unless a test has put something else there.
    fn fields(&self) -> Vec<(String, String)> {
        let signed = |value: &str| {
            if value == "\0" { self.assertion() } else { value.to_owned() }
        };
        self.fields.iter().map(|(name, value)| (name.clone(), signed(value))).collect()
    }

    async fn send(&self, ims: &MockIms) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(self.fields()).finish();
        let response = http_client()
            .post(format!("{}{}", ims.endpoint(), self.path))
            .header("content-type", self.content_type)
            .header("user-agent", "a test")
            .body(body)
            .send()
            .await
            .unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} {:?}", self.status, self.body))
    }

    #[track_caller]
    fn token(&self) -> &str {
        let start = self.body.split("\"access_token\":\"").nth(1).unwrap_or_else(|| panic!("{}", self.body));
        start.split('"').next().unwrap()
    }
}

#[derive(Clone)]
struct HandClock(Arc<Mutex<SystemTime>>);

impl HandClock {
    fn set(&self, seconds: u64) {
        *self.0.lock().unwrap() = at(seconds);
    }
}

impl Clock for HandClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    fn monotonic(&self) -> Instant {
        panic!("a stand-in goes by the wall clock alone")
    }
}

fn builder() -> (MockImsBuilder, HandClock) {
    let clock = HandClock(Arc::new(Mutex::new(at(NOW))));
    (MockIms::builder().clock(clock.clone()), clock)
}

async fn stand_in() -> (MockIms, HandClock) {
    let (builder, clock) = builder();
    (builder.start().await.unwrap(), clock)
}

/// Whatever proxy the machine is set up with: these requests stay on it.
fn http_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn decode(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
    assert_eq!(parts.next().unwrap().len(), 256);
    (serde_json::from_slice(&header).unwrap(), serde_json::from_slice(&claims).unwrap())
}

fn unarmoured(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

fn deep() -> String {
    let claims = format!("{{\"a\":{}", "[".repeat(20_000));
    format!("e30.{}.e30", URL_SAFE_NO_PAD.encode(claims))
}

/// 2026-09-21, 14:13:20 UTC.
const NOW: u64 = 1_790_000_000;

const SCOPE: &str = "https://ims-na1.adobelogin.com/s/ent_aem_cloud_api";
