//! OAuth Server-to-Server credentials against the mock: what is sent, how many requests it takes, what a refusal says.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

use std::time::Duration;

use adobe_ims::testing::{ManualClock, MockAnswer, MockEndpoint, MockIms};
use adobe_ims::{ErrorKind, ImsClient, ImsClientBuilder, OAuthCredentials};

fn builder(mock: &MockIms) -> ImsClientBuilder {
    let credentials = OAuthCredentials::from_json(mock.oauth_credentials_json()).unwrap();
    ImsClient::builder(credentials).danger_endpoint(mock.endpoint())
}

/// The requests that the mock got, by the client secret they carried, in the order of the credential's secrets.
fn secrets(mock: &MockIms) -> Vec<Option<usize>> {
    mock.requests_of(MockEndpoint::Token).iter().map(|request| request.client_secret_index()).collect()
}

/// C40: one form with everything in it goes to `/ims/token/v3`; `expires_in` is in seconds.
#[tokio::test]
async fn a_token_costs_one_form_to_the_token_endpoint() {
    let mock = MockIms::builder().oauth_scopes(["openid", "AdobeID"]).start().await.unwrap();
    let ims = builder(&mock).build().unwrap();
    let token = ims.exchange().await.unwrap();
    let lifetime = token.remaining();
    assert!((Duration::from_secs(86_390)..=Duration::from_secs(86_400)).contains(&lifetime), "{lifetime:?}");

    let requests = mock.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path(), "/ims/token/v3");
    assert_eq!(requests[0].grant_type(), Some("client_credentials"));
    assert_eq!(requests[0].client_id(), Some(ims.client_id()));
    assert_eq!(requests[0].scopes(), ["openid", "AdobeID"]);
    assert_eq!(requests[0].field_names(), ["grant_type", "client_id", "client_secret", "scope"]);
    assert_eq!(ims.certificate().map(|certificate| certificate.not_after()), None);
}

/// C41: the organization is sent only if it is asked for, and kept for `x-gw-ims-org-id` all the same.
#[tokio::test]
async fn the_organization_is_sent_only_if_asked_for() {
    let mock = MockIms::builder().oauth_multi_org(true).start().await.unwrap();
    let ims = builder(&mock).build().unwrap();
    ims.exchange().await.unwrap();
    let sending = OAuthCredentials::builder()
        .client_id("other")
        .client_secret("p8e-0123456789")
        .org_id(ims.org_id().unwrap())
        .scopes(["openid"])
        .send_org_id(true)
        .build()
        .unwrap();
    let refused = ims.with_credentials(sending).unwrap().exchange().await.unwrap_err();
    assert_eq!(refused.code(), Some("invalid_client"));
    let organizations: Vec<_> = mock.requests().iter().map(|request| request.org_id().map(str::to_owned)).collect();
    assert_eq!(organizations, [None, ims.org_id().map(str::to_owned)]);
}

/// C42: any number of callers share one request, and the token is refreshed in its last hour, as with a JWT.
#[tokio::test]
async fn the_token_is_cached_like_any_other() {
    let mock = MockIms::start().await.unwrap();
    let clock = ManualClock::new();
    let ims = builder(&mock).clock(clock.clone()).build().unwrap();
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let ims = ims.clone();
            tokio::spawn(async move { ims.token().await.unwrap().expose_secret().to_owned() })
        })
        .collect();
    let mut tokens = Vec::new();
    for caller in callers {
        tokens.push(caller.await.unwrap());
    }
    tokens.dedup();
    assert_eq!((tokens.len(), mock.request_count()), (1, 1));

    mock.answer_always(MockAnswer::status(503));
    clock.advance(Duration::from_secs(23 * 3600 + 1800));
    assert_eq!(ims.token().await.unwrap().expose_secret(), tokens[0]);
}

/// C43, decision 8: of two client secrets the second is tried at once if the first is refused, and remembered if it works.
#[tokio::test]
async fn a_refused_client_secret_costs_one_more_request_once() {
    for unauthorized in [false, true] {
        let mock = MockIms::builder().wrong_secret_is_unauthorized(unauthorized).start().await.unwrap();
        mock.add_client_secret().unwrap();
        let ims = builder(&mock).max_attempts(1).build().unwrap();
        ims.exchange().await.unwrap();
        assert_eq!(secrets(&mock), [Some(0)]);

        mock.revoke_client_secret(0);
        ims.exchange().await.unwrap();
        ims.exchange().await.unwrap();
        ims.exchange().await.unwrap();
        assert_eq!(secrets(&mock), [Some(0), Some(0), Some(1), Some(1), Some(1)]);
    }
}

/// C43: an `invalid_client` without a description may be about the secret too.
#[tokio::test]
async fn an_invalid_client_without_a_description_tries_the_next_secret() {
    let mock = MockIms::start().await.unwrap();
    mock.add_client_secret().unwrap();
    mock.answer_next(MockAnswer::refuse("invalid_client", "").with_status(401));
    builder(&mock).build().unwrap().exchange().await.unwrap();
    assert_eq!(mock.request_count(), 2);
}

/// C43: an outage in between does not make it forget which secrets were refused, nor count as one of them.
#[tokio::test]
async fn a_retry_goes_on_with_the_secret_that_is_next() {
    let mock = MockIms::start().await.unwrap();
    mock.add_client_secret().unwrap();
    let ims = builder(&mock).build().unwrap();
    mock.answer_next(MockAnswer::refuse("invalid_client", "invalid client_secret parameter"));
    mock.answer_next(MockAnswer::status(503));
    ims.exchange().await.unwrap();
    assert_eq!(secrets(&mock), [Some(0), Some(1), Some(1)]);
}

/// C44: if all secrets are refused, the error says how many were tried, and there is one request for each.
#[tokio::test]
async fn the_error_says_how_many_client_secrets_were_refused() {
    let mock = MockIms::start().await.unwrap();
    mock.add_client_secret().unwrap();
    let ims = builder(&mock).build().unwrap();
    let one = OAuthCredentials::builder()
        .client_id(ims.client_id())
        .client_secret("p8e-gone-0123456789")
        .scopes(["openid"])
        .build()
        .unwrap();
    let one = ims.with_credentials(one).unwrap();
    mock.revoke_client_secret(0);
    mock.revoke_client_secret(1);

    let error = ims.exchange().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Rejected, Some("invalid_client")));
    assert!(error.hint().unwrap().starts_with("IMS refused all 2 client secrets"), "{:?}", error.hint());
    assert_eq!(mock.request_count(), 2);

    let error = one.exchange().await.unwrap_err();
    assert!(error.hint().unwrap().starts_with("IMS refused the client secret"), "{:?}", error.hint());
    assert_eq!(mock.request_count(), 3);
}

/// C45: a client id that IMS does not know is refused after one request: another secret would not help.
#[tokio::test]
async fn an_unknown_client_id_does_not_try_another_secret() {
    let mock = MockIms::start().await.unwrap();
    mock.add_client_secret().unwrap();
    let ims = builder(&mock).build().unwrap();
    mock.revoke_oauth_credentials();
    let error = ims.exchange().await.unwrap_err();
    assert_eq!((error.kind(), error.description()), (ErrorKind::Rejected, Some("invalid client_id parameter")));
    assert!(error.hint().unwrap().starts_with("IMS does not know this client id"), "{:?}", error.hint());
    assert_eq!(mock.request_count(), 1);
}

/// C46: what a refusal about scopes or the grant says to do, in the words of this kind of credential.
#[tokio::test]
async fn a_refusal_is_explained_in_the_words_of_oauth() {
    let mock = MockIms::builder().oauth_scopes(["openid", "AdobeID"]).start().await.unwrap();
    let ims = builder(&mock).build().unwrap();
    let cases = [
        ("invalid_scope", "requested: openid, AdobeID; at least one of these is not granted"),
        ("unauthorized_client", "this client may not use the client credentials grant"),
        ("unsupported_grant_type", "this endpoint does not support the client credentials grant"),
    ];
    for (code, hint) in cases {
        mock.answer_next(MockAnswer::refuse(code, "").on(MockEndpoint::Token));
        let error = ims.exchange().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.hint().unwrap().starts_with(hint), "{:?}", error.hint());
        assert!(!error.hint().unwrap().contains("assertion") && !error.hint().unwrap().contains("certificate"));
    }
    assert_eq!(mock.request_count(), 3);
}

/// C47, T15: a response in milliseconds from the endpoint of seconds is recognised by the token's own claims.
#[tokio::test]
async fn milliseconds_from_an_endpoint_of_seconds_are_recognised() {
    let mock = MockIms::start().await.unwrap();
    mock.answer_next(MockAnswer::grant().expires_in_milliseconds());
    let token = builder(&mock).build().unwrap().exchange().await.unwrap();
    let lifetime = token.remaining();
    assert!((Duration::from_secs(86_390)..=Duration::from_secs(86_400)).contains(&lifetime), "{lifetime:?}");
}
