//! Keys and client secrets that are replaced and revoked while the mock runs.

use adobe_ims::testing::MockIms;
use serde_json::Value;

use crate::support::*;

#[tokio::test]
async fn a_rotated_key_is_in_the_files_and_the_older_one_stays_valid_until_it_is_revoked() {
    let (ims, _) = mock().await;
    let old = service_file(&ims);
    let credentials = ims.rotate_key().unwrap();
    let new = service_file(&ims);
    assert_ne!(old["integration"]["privateKey"], new["integration"]["privateKey"]);
    assert_ne!(old["integration"]["publicKey"], new["integration"]["publicKey"]);
    assert_eq!(old["integration"]["technicalAccount"], new["integration"]["technicalAccount"]);
    assert!(credentials.certificate().unwrap().matches_key());
    let context: Value = serde_json::from_str(&ims.aio_jwt_context_json()).unwrap();
    assert_eq!(context["private_key"], new["integration"]["privateKey"]);

    assert_eq!(exchange(&ims, &old).await, Ok(()));
    assert_eq!(exchange(&ims, &new).await, Ok(()));
    ims.revoke_old_keys();
    assert_eq!(exchange(&ims, &old).await, Err(NO_BINDING.to_owned()));
    assert_eq!(exchange(&ims, &new).await, Ok(()));

    let keys: Vec<_> = ims.requests().iter().map(|request| request.key_index()).collect();
    assert_eq!(keys, [Some(0), Some(1), Some(0), Some(1)]);
}

#[tokio::test]
async fn the_new_key_can_be_revoked_and_the_old_one_kept() {
    let (ims, _) = mock().await;
    let old = service_file(&ims);
    ims.rotate_key().unwrap();
    let new = service_file(&ims);
    ims.revoke_key(7);
    ims.revoke_key(1);
    assert_eq!(exchange(&ims, &new).await, Err(NO_BINDING.to_owned()));
    assert_eq!(exchange(&ims, &old).await, Ok(()));
}

#[tokio::test]
async fn a_revoked_key_stays_revoked_however_often_the_account_is_rotated() {
    let (ims, _) = mock().await;
    let mut files = vec![service_file(&ims)];
    for _ in 0..2 {
        ims.rotate_key().unwrap();
        ims.revoke_old_keys();
        files.push(service_file(&ims));
    }
    for file in &files[..2] {
        assert_eq!(exchange(&ims, file).await, Err(NO_BINDING.to_owned()));
    }
    assert_eq!(exchange(&ims, &files[2]).await, Ok(()));
}

#[tokio::test]
async fn the_certificate_of_a_rotated_key_starts_at_the_rotation() {
    let (ims, clock) = mock().await;
    let old = service_file(&ims);
    let later = NOW + 300 * 86_400;
    clock.set(later);
    let credentials = ims.rotate_key().unwrap();
    assert_eq!(credentials.certificate().unwrap().not_after(), at(later + 365 * 86_400));

    // The old one expires first.
    let now = NOW + 366 * 86_400;
    clock.set(now);
    for (file, status) in [(old, 400), (service_file(&ims), 200)] {
        let mut request = JwtRequest::by(&file);
        request.claim("exp", now + 300);
        assert_eq!(request.send(&ims).await.status, status);
    }
}

#[tokio::test]
async fn the_mocks_of_a_process_share_their_second_key_too() {
    let ((one, _), (other, _)) = (mock().await, mock().await);
    one.rotate_key().unwrap();
    other.rotate_key().unwrap();
    let key = |ims| service_file(ims)["integration"]["privateKey"].clone();
    assert_eq!(key(&one), key(&other));
}

#[tokio::test]
async fn threads_that_rotate_at_once_each_create_a_key() {
    let (ims, _) = mock().await;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| ims.rotate_key().unwrap());
        }
    });
    assert_eq!(exchange(&ims, &service_file(&ims)).await, Ok(()));
    assert_eq!(ims.requests()[0].key_index(), Some(2));
}

#[tokio::test]
async fn a_deleted_account_is_an_unknown_client() {
    let (ims, _) = mock().await;
    let oauth = FormRequest::client_credentials(&ims);
    ims.revoke_credentials();
    assert_eq!(exchange(&ims, &service_file(&ims)).await, Err("invalid client_id parameter".to_owned()));
    assert_eq!(ims.requests()[0].client_secret_index(), Some(0));
    assert_eq!(oauth.send(&ims).await.status, 200);

    ims.revoke_oauth_credentials();
    let refusal = (400, "invalid_client".to_owned(), "invalid client_id parameter".to_owned());
    assert_eq!(oauth.send(&ims).await.refusal(), refusal);
}

#[tokio::test]
async fn two_client_secrets_are_live_and_a_revoked_one_is_refused_like_a_wrong_one() {
    let (ims, _) = mock().await;
    let secrets = || oauth_file(&ims)["CLIENT_SECRETS"].as_array().unwrap().clone();
    let first = secrets()[0].clone();
    assert_eq!(ims.add_client_secret().unwrap(), 1);
    let [old, new] = secrets().try_into().unwrap();
    assert_eq!(old, first);
    assert_ne!(old, new);

    // Adobe allows no third one.
    let error = ims.add_client_secret().unwrap_err();
    assert!(error.to_string().contains("two live client secrets"), "{error}");
    assert!(!format!("{error:?}").contains(old.as_str().unwrap()));

    for (number, secret) in [&old, &new].into_iter().enumerate() {
        assert_eq!(token(&ims, secret).await.status, 200);
        assert_eq!(ims.requests().pop().unwrap().client_secret_index(), Some(number));
    }
    ims.revoke_client_secret(0);
    assert_eq!(secrets(), std::slice::from_ref(&new));
    let refusal = (400, "invalid_client".to_owned(), "invalid client_secret parameter".to_owned());
    assert_eq!(token(&ims, &old).await.refusal(), refusal);
    assert_eq!(ims.requests().pop().unwrap().client_secret_index(), Some(0));
    assert_eq!(token(&ims, &new).await.status, 200);

    // There is room for another.
    assert_eq!(ims.add_client_secret().unwrap(), 2);
    let [_, newest] = secrets().try_into().unwrap();
    ims.revoke_old_client_secrets();
    assert_eq!(secrets(), std::slice::from_ref(&newest));
    assert_eq!(token(&ims, &new).await.refusal(), refusal);
    assert_eq!(token(&ims, &newest).await.status, 200);
}

/// By a credentials file; the description of a refusal.
async fn exchange(ims: &MockIms, file: &Value) -> Result<(), String> {
    let answer = JwtRequest::by(file).send(ims).await;
    match answer.status {
        200 => Ok(()),
        _ => Err(answer.refusal().2),
    }
}

async fn token(ims: &MockIms, secret: &Value) -> Answer {
    let mut form = FormRequest::client_credentials(ims);
    form.field("client_secret", secret.as_str().unwrap());
    form.send(ims).await
}
