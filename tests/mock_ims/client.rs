//! The crate's own client against the mock.

use adobe_ims::testing::{MockAnswer, MockEndpoint, MockIms};
use adobe_ims::{Credentials, ErrorKind, ImsClient};

#[tokio::test]
async fn a_token_that_the_client_revokes_is_no_longer_valid() {
    let ims = MockIms::start().await.unwrap();
    let client = ims.client().unwrap();
    let token = client.token().await.unwrap();
    assert!(client.validate(&token).await.unwrap().is_valid());

    client.revoke(&token).await.unwrap();
    let validation = client.validate(&token).await.unwrap();
    assert_eq!((validation.is_valid(), validation.reason()), (false, Some("invalidated")));
    assert_eq!(ims.request_count(), 1);
    assert_eq!(ims.request_count_of(MockEndpoint::ValidateToken), 2);
    assert_eq!(ims.request_count_of(MockEndpoint::InvalidateToken), 1);

    // It needs no secret for that, and revokes nothing else.
    let request = &ims.requests_of(MockEndpoint::InvalidateToken)[0];
    assert_eq!(request.field_names(), ["token_type", "client_id", "token"]);
    assert_eq!(request.ims_client_id(), request.client_id());
}

/// Whatever is not a 200 is no success, and the token that may still be valid stays in the cache.
#[tokio::test]
async fn a_token_that_could_not_be_revoked_stays_in_the_cache() {
    let ims = MockIms::start().await.unwrap();
    let client = ims.client_builder().max_attempts(1).build().unwrap();
    let token = client.token().await.unwrap();
    let refused = MockAnswer::refuse("invalid_client", "invalid client_id parameter");
    let moved = MockAnswer::status(302).header("Location", "https://portal.example/");
    for (answer, kind) in [
        (refused, ErrorKind::Rejected),
        (MockAnswer::status(503), ErrorKind::Server),
        (moved, ErrorKind::Response),
        (MockAnswer::status(204), ErrorKind::Response),
    ] {
        ims.answer_next(answer.on(MockEndpoint::InvalidateToken));
        assert_eq!(client.revoke(&token).await.unwrap_err().kind(), kind);
        assert_eq!(client.cached_token().unwrap().expose_secret(), token.expose_secret());
    }
    assert!(client.validate(&token).await.unwrap().is_valid());
}

#[tokio::test]
async fn a_client_takes_a_rotated_key_and_works_when_the_old_one_is_revoked() {
    let ims = MockIms::start().await.unwrap();
    let client = ims.client().unwrap();
    client.exchange().await.unwrap();
    client.replace(ims.rotate_key().unwrap()).await.unwrap();
    ims.revoke_old_keys();
    client.exchange().await.unwrap();
    let keys: Vec<_> = ims.requests().iter().map(|request| request.key_index()).collect();
    assert_eq!(keys, [Some(0), Some(1), Some(1)]);
}

#[tokio::test]
async fn every_file_is_read_as_what_it_is_and_gets_a_token() {
    let ims = MockIms::start().await.unwrap();
    for (name, json, kind, endpoint) in [
        ("service credentials", ims.credentials_json(), "Service", Some(MockEndpoint::JwtExchange)),
        ("aio JWT context", ims.aio_jwt_context_json(), "Service", Some(MockEndpoint::JwtExchange)),
        ("OAuth download", ims.oauth_credentials_json(), "OAuth", Some(MockEndpoint::Token)),
        ("project", ims.project_json(), "OAuth", Some(MockEndpoint::Token)),
        ("aio OAuth context", ims.aio_oauth_context_json(), "OAuth", Some(MockEndpoint::Token)),
        ("development token", ims.development_token_json(), "Development", None),
    ] {
        let credentials = Credentials::from_json(json).unwrap();
        assert!(format!("{credentials:?}").starts_with(kind), "{name}");
        let client = ImsClient::builder(credentials).danger_endpoint(ims.endpoint()).build().unwrap();
        let count = ims.request_count();
        let token = client.token().await.unwrap();
        assert_eq!(ims.request_count() - count, u64::from(endpoint.is_some()), "{name}");
        assert_eq!(ims.requests().get(count as usize).map(|request| request.endpoint()), endpoint, "{name}");
        assert!(client.validate(&token).await.unwrap().is_valid(), "{name}");
    }
}

#[tokio::test]
async fn the_oauth_credentials_have_what_the_mock_was_built_with() {
    let ims = MockIms::builder()
        .ims_host("ims-na1-stg1.adobelogin.com")
        .oauth_client_id("fedcba9876543210")
        .oauth_org_id("9999222233334444AAAA5555@AdobeOrg")
        .oauth_scopes(["openid", "adobeio_api"])
        .oauth_multi_org(true)
        .start()
        .await
        .unwrap();
    ims.add_client_secret().unwrap();
    ims.revoke_client_secret(0);
    let credentials = ims.oauth_credentials().unwrap();
    assert_eq!(credentials.client_id(), "fedcba9876543210");
    assert_eq!(credentials.ims_host(), "ims-na1-stg1.adobelogin.com");
    assert_eq!(credentials.scopes().collect::<Vec<_>>(), ["openid", "adobeio_api"]);

    let client = ImsClient::builder(credentials).danger_endpoint(ims.endpoint()).build().unwrap();
    let token = client.token().await.unwrap();
    assert!((3590..=3600).contains(&token.remaining().as_secs()), "{:?}", token.remaining());
    let request = &ims.requests()[0];
    assert_eq!(request.org_id(), Some("9999222233334444AAAA5555@AdobeOrg"));
    assert_eq!(request.client_secret_index(), Some(1));

    ims.revoke_client_secret(1);
    assert_eq!(ims.oauth_credentials().unwrap_err().kind(), ErrorKind::Credentials);
}

#[tokio::test]
async fn each_development_token_is_another_one_and_costs_no_request() {
    let ims = MockIms::start().await.unwrap();
    ims.answer_always(MockAnswer::status(503));
    let (one, other) = (ims.development_token().unwrap().token(), ims.development_token().unwrap().token());
    assert_ne!(one.expose_secret(), other.expose_secret());
    assert_eq!(ims.request_count(), 0);
}
