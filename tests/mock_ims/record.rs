//! What the mock remembers of the requests.

use adobe_ims::testing::{MockAnswer, MockEndpoint};

use crate::support::*;

#[tokio::test]
async fn the_record_shows_the_request_and_no_secret() {
    let (ims, _) = mock().await;
    let jwt = JwtRequest::of(&ims);
    let granted = jwt.send(&ims).await;
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
    assert_eq!((request.endpoint(), request.path()), (MockEndpoint::JwtExchange, "/ims/exchange/jwt"));
    assert_eq!(request.field_names(), ["client_id", "client_secret", "jwt_token"]);
    assert_eq!((request.client_secret_index(), request.key_index()), (Some(0), Some(0)));
    assert_eq!((request.grant_type(), request.org_id(), request.scopes().len()), (None, None, 0));
    assert_eq!((request.status(), request.code()), (200, None));

    let printed = format!("{ims:?} {requests:?} {answer:?} {:?} {:#?}", builder().0, ims.credentials());
    let file = service_file(&ims);
    let key = file["integration"]["privateKey"].as_str().unwrap();
    let assertion = jwt.assertion();
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
    let (ims, _) = mock().await;
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
async fn the_record_of_a_client_credentials_request_shows_which_secret_it_carried() {
    let (ims, _) = mock().await;
    let mut form = FormRequest::client_credentials(&ims);
    form.field("org_id", "1111222233334444AAAA5555@AdobeOrg");
    form.headers.push(("x-ims-clientid", OAUTH_CLIENT_ID.to_owned()));
    form.send(&ims).await;
    form.field("client_secret", "x");
    form.send(&ims).await;
    form.drop_field("client_secret");
    form.send(&ims).await;

    let requests = ims.requests();
    assert_eq!(requests.iter().map(|request| request.client_secret_index()).collect::<Vec<_>>(), [Some(0), None, None]);
    let request = &requests[0];
    assert_eq!((request.endpoint(), request.path()), (MockEndpoint::Token, "/ims/token/v3"));
    assert_eq!(request.grant_type(), Some("client_credentials"));
    assert_eq!(request.client_id(), Some(OAUTH_CLIENT_ID));
    assert_eq!(request.ims_client_id(), Some(OAUTH_CLIENT_ID));
    assert_eq!(request.scopes(), ["openid", "AdobeID", "read_organizations"]);
    assert_eq!(request.org_id(), Some("1111222233334444AAAA5555@AdobeOrg"));
    assert_eq!(request.field_names(), ["grant_type", "client_id", "client_secret", "scope", "org_id"]);
    assert_eq!((request.issuer(), request.key_index(), request.metascopes().len()), (None, None, 0));

    let file = oauth_file(&ims);
    let secret = file["CLIENT_SECRETS"][0].as_str().unwrap();
    assert!(secret.starts_with("p8e-") && secret.len() == 36);
    for printed in [format!("{ims:?} {requests:?}"), format!("{ims:#?}")] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[tokio::test]
async fn each_endpoint_is_counted_for_itself() {
    let (ims, _) = mock().await;
    let token = JwtRequest::of(&ims).send(&ims).await.token().to_owned();
    FormRequest::client_credentials(&ims).send(&ims).await;
    FormRequest::client_credentials(&ims).send(&ims).await;
    for _ in 0..3 {
        let fields = [("type", "access_token"), ("client_id", CLIENT_ID), ("token", &*token)];
        FormRequest::new("/ims/validate_token/v1", &fields).send(&ims).await;
    }
    FormRequest::new("/ims/invalidate_token/v2", &[]).send(&ims).await;
    FormRequest::new("/ims/nothing", &[]).send(&ims).await;

    assert_eq!(ims.request_count(), 3);
    assert_eq!(ims.requests().len(), 3);
    for (endpoint, count) in [
        (MockEndpoint::JwtExchange, 1),
        (MockEndpoint::Token, 2),
        (MockEndpoint::ValidateToken, 3),
        (MockEndpoint::InvalidateToken, 1),
    ] {
        assert_eq!(ims.request_count_of(endpoint), count, "{endpoint:?}");
        let requests = ims.requests_of(endpoint);
        assert_eq!(requests.len() as u64, count, "{endpoint:?}");
        assert!(requests.iter().all(|request| request.endpoint() == endpoint));
    }
    let printed = format!("{:?}", ims.requests_of(MockEndpoint::ValidateToken));
    assert!(!printed.contains(&*token), "{printed}");
}
