//! The crate's own client against the mock.

use adobe_ims::testing::{MockEndpoint, MockIms};

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
