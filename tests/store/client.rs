//! The client with a store, in one process.

use std::time::{Duration, Instant, SystemTime};

use adobe_ims::testing::{ManualClock, MemoryStore, MockAnswer, MockEndpoint, MockIms, StoreFault};
use adobe_ims::{Credentials, DevelopmentToken, ErrorKind, ImsClient, OAuthCredentials};
use serde_json::Value;

const DAY: Duration = Duration::from_secs(86_400);

fn client(mock: &MockIms, store: &MemoryStore) -> ImsClient {
    mock.client_builder().store(store.clone()).build().unwrap()
}

/// P12: the second client reads the token that the first one requested.
#[tokio::test]
async fn two_clients_with_one_store_make_one_request() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    let first = client(&mock, &store).token().await.unwrap();
    let second = client(&mock, &store).token().await.unwrap();
    assert_eq!(first.expose_secret(), second.expose_secret());
    // By the store's count, which is never longer.
    let shorter = first.expires_at().duration_since(second.expires_at()).unwrap();
    assert!(shorter <= Duration::from_secs(2), "{shorter:?}");
    assert_eq!(mock.request_count(), 1);
}

/// `exchange` always asks IMS, and leaves the store as it is.
#[tokio::test]
async fn an_exchange_neither_reads_nor_fills_the_store() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    let ims = client(&mock, &store);
    ims.exchange().await.unwrap();
    ims.exchange().await.unwrap();
    assert_eq!((mock.request_count(), store.load_count(), store.save_count(), store.lease_count()), (2, 0, 0, 0));
}

/// Clients for other credentials share the store, and no token.
#[tokio::test]
async fn clients_for_other_credentials_share_no_token() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    let jwt = client(&mock, &store);
    let oauth = OAuthCredentials::from_json(mock.oauth_credentials_json()).unwrap();
    let oauth = jwt.with_credentials(oauth).unwrap();
    let (one, other) = (jwt.token().await.unwrap(), oauth.token().await.unwrap());
    assert_ne!(one.expose_secret(), other.expose_secret());
    let again = client(&mock, &store).token().await.unwrap();
    assert_eq!(one.expose_secret(), again.expose_secret());
    assert_eq!((mock.request_count(), store.save_count()), (2, 2));
}

/// A client id is of one organization and one environment of IMS: if either differs, so does the token.
#[tokio::test]
async fn clients_for_another_organization_or_host_share_no_token() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    let own: Value = serde_json::from_str(&mock.oauth_credentials_json()).unwrap();
    let client = |org_id: &str, ims_host: &str| {
        let credentials = OAuthCredentials::builder()
            .client_id(own["CLIENT_ID"].as_str().unwrap())
            .client_secret(own["CLIENT_SECRETS"][0].as_str().unwrap())
            .scopes(own["SCOPES"].as_array().unwrap().iter().map(|scope| scope.as_str().unwrap()))
            .org_id(org_id)
            .ims_host(ims_host)
            .build()
            .unwrap();
        ImsClient::builder(credentials).danger_endpoint(mock.endpoint()).store(store.clone()).build().unwrap()
    };
    for _ in 0..2 {
        client("ONE@AdobeOrg", "ims-na1.adobelogin.com").token().await.unwrap();
        client("OTHER@AdobeOrg", "ims-na1.adobelogin.com").token().await.unwrap();
        client("ONE@AdobeOrg", "ims-na1-stg1.adobelogin.com").token().await.unwrap();
    }
    assert_eq!((mock.request_count(), store.save_count()), (3, 3));
}

/// A request that names its organization may get another token than one that does not.
#[tokio::test]
async fn clients_that_send_their_organization_share_no_token_with_others() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    let client = |sends| {
        let credentials = Credentials::reader().send_org_id(sends).from_json(mock.oauth_credentials_json()).unwrap();
        ImsClient::builder(credentials).danger_endpoint(mock.endpoint()).store(store.clone()).build().unwrap()
    };
    for sends in [false, true, true, false] {
        client(sends).token().await.unwrap();
    }
    assert_eq!((mock.request_count(), store.save_count()), (2, 2));
}

/// P11: a token that came with replaced credentials is for those who have them too; the others keep theirs.
#[tokio::test]
async fn a_token_of_replaced_credentials_is_shared() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    let ims = client(&mock, &store);
    let old = ims.token().await.unwrap();
    let new = mock.rotate_key().unwrap();
    ims.replace(new.clone()).await.unwrap();
    let token = ims.token().await.unwrap();
    assert_ne!(old.expose_secret(), token.expose_secret());
    let other = ImsClient::builder(new).danger_endpoint(mock.endpoint()).store(store.clone()).build().unwrap();
    assert_eq!(other.token().await.unwrap().expose_secret(), token.expose_secret());
    assert_eq!(mock.request_count(), 2);
}

/// A revoked token is in no store any more.
#[tokio::test]
async fn a_revoked_token_is_removed_from_the_store() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    let ims = client(&mock, &store);
    let token = ims.token().await.unwrap();
    ims.revoke(&token).await.unwrap();
    assert_eq!(store.remove_count(), 1);
    let next = client(&mock, &store).token().await.unwrap();
    assert_ne!(token.expose_secret(), next.expose_secret());
    assert_eq!(mock.request_count_of(MockEndpoint::JwtExchange), 2);
}

/// After a 401: the next token is another one, for this client and for all that start later.
#[tokio::test]
async fn a_forgotten_token_is_not_read_back() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    client(&mock, &store).token().await.unwrap();
    let ims = client(&mock, &store);
    let token = ims.token().await.unwrap();
    ims.forget(&token);
    let next = ims.token().await.unwrap();
    assert_ne!(token.expose_secret(), next.expose_secret());
    assert_eq!(client(&mock, &store).token().await.unwrap().expose_secret(), next.expose_secret());
    assert_eq!(mock.request_count(), 2);
}

/// P5: a call with a store that hangs and an IMS that hangs ends within its timeout, with IMS's fault in its error.
#[tokio::test]
async fn a_call_ends_in_time_although_store_and_ims_hang() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    store.fail(StoreFault::Hanging);
    mock.answer_always(MockAnswer::grant().delay(DAY));
    let limit = Duration::from_secs(2);
    let ims = mock.client_builder().timeout(limit).store(store).build().unwrap();
    let start = Instant::now();
    let error = ims.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let took = start.elapsed();
    assert!(took > Duration::from_millis(1500) && took <= limit, "{took:?}");
}

/// The store's count is what a token expires by, on a machine whose clock is a day off as on any other.
#[tokio::test]
async fn a_client_whose_clock_is_a_day_off_keeps_a_shared_token_for_as_long_as_the_others() {
    let mock = MockIms::start().await.unwrap();
    for ahead in [true, false] {
        let (store, clock) = (MemoryStore::new(), ManualClock::new());
        client(&mock, &store).token().await.unwrap();
        let now = SystemTime::now();
        clock.set(if ahead { now + DAY } else { now - DAY });
        let before = mock.request_count();
        let ims = mock.client_builder().store(store.clone()).clock(clock.clone()).build().unwrap();
        let token = ims.token().await.unwrap();
        assert!(token.remaining() <= DAY && token.remaining() > DAY - Duration::from_secs(60));
        clock.advance(token.remaining());
        assert!(token.is_expired());
        assert_eq!(mock.request_count(), before);
    }
}

/// A development token has nothing to share.
#[tokio::test]
async fn a_development_token_asks_no_store() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    let credentials = DevelopmentToken::from_json(mock.development_token_json()).unwrap();
    let ims = ImsClient::builder(credentials).store(store.clone()).build().unwrap();
    ims.token().await.unwrap();
    assert_eq!((store.load_count(), store.save_count()), (0, 0));
}

/// S1: neither the builder nor the client shows what is in a store.
#[tokio::test]
async fn debug_shows_no_token() {
    let (mock, store) = (MockIms::start().await.unwrap(), MemoryStore::new());
    let ims = client(&mock, &store);
    let token = ims.token().await.unwrap();
    let builder = mock.client_builder().store(store.clone());
    let shown = format!("{ims:?} {builder:?} {store:?}");
    assert!(!shown.contains(token.expose_secret()));
}
