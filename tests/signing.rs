//! What the signer signs: the header, the claims, the times and the signature.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::time::{Duration, SystemTime};

use adobe_ims::{ErrorKind, JwtSigner, ServiceCredentials};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fastrand::Rng;
use serde_json::{Map, Value, json};
use support::material::{
    CLIENT_ID, CredentialsFile, IMS_HOST, ORG_ID, RSA_2048_PKCS8, RSA_2048_PUBLIC_PKCS1, RSA_3072_PKCS8,
    RSA_3072_PUBLIC_PKCS1, RSA_4096_PKCS8, RSA_4096_PUBLIC_PKCS1, TECHNICAL_ACCOUNT_ID, assertion, der, unix,
};

/// T22: an assertion expires after five minutes, within a second, at whatever part of a second it is signed.
#[test]
fn an_assertion_expires_after_five_minutes() {
    let signer = JwtSigner::new(&credentials()).unwrap();

    for milliseconds in [0, 1, 999, 1_000, 1_790_000_000_000, 1_790_000_000_001, 1_790_000_000_999, 4_102_444_800_500] {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        let assertion = signer.sign(now).unwrap();
        let claims = claims(assertion.expose_secret());

        let lifetime = claims["exp"].as_f64().unwrap() - milliseconds as f64 / 1000.0;
        assert!((299.0..=301.0).contains(&lifetime), "{lifetime} s at {milliseconds}");
    }
}

/// T22: `expires_at` of an assertion is the `exp` that is signed.
#[test]
fn an_assertion_has_the_expiry_that_is_signed() {
    let signer = JwtSigner::new(&credentials()).unwrap();

    for now in [now(), now() + Duration::from_millis(1), now() + Duration::from_millis(999)] {
        let assertion = signer.sign(now).unwrap();
        let exp = claims(assertion.expose_secret())["exp"].as_u64().unwrap();
        assert_eq!(assertion.expires_at(), unix(exp));
    }
}

/// T14: a clock before 1970 is an error, not a panic and not an assertion from another century.
#[test]
fn a_clock_before_1970_is_an_error() {
    let signer = JwtSigner::new(&credentials()).unwrap();

    for before in [Duration::from_nanos(1), Duration::from_secs(1), Duration::from_secs(3_155_760_000)] {
        let error = signer.sign(SystemTime::UNIX_EPOCH - before).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{before:?}");
    }
}

/// T14: a clock at the end of its range is an error, not a panic.
#[cfg(unix)]
#[test]
fn a_clock_at_the_end_of_time_is_an_error() {
    let signer = JwtSigner::new(&credentials()).unwrap();
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(i64::MAX.unsigned_abs());

    let error = signer.sign(last).unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Usage);
}

/// K16: the header says RS256 and JWT, and nothing else.
#[test]
fn the_header_is_exactly_rs256_and_jwt() {
    let assertion = assertion(&credentials(), now());

    assert_eq!(part(&assertion, 0), json!({ "alg": "RS256", "typ": "JWT" }));
}

/// K16: the claims are the five of the protocol, the time an integer, the scope `true`, and nothing else.
#[test]
fn the_claims_are_exactly_those_of_the_protocol() {
    let assertion = assertion(&credentials(), now());

    let expected = json!({
        "exp": 1_790_000_300,
        "iss": ORG_ID,
        "sub": TECHNICAL_ACCOUNT_ID,
        "aud": "https://ims-na1.adobelogin.com/c/cm-p11111-e22222-integration",
        "https://ims-na1.adobelogin.com/s/ent_aem_cloud_api": true,
    });
    assert_eq!(part(&assertion, 1), expected);
}

/// K16: each metascope becomes a claim of its own.
#[test]
fn two_metascopes_become_two_claims() {
    let credentials = CredentialsFile::new().metascopes("ent_aem_cloud_sdk,ent_cloudmgr_sdk").read().unwrap();

    let claims = claims(&assertion(&credentials, now()));

    assert_eq!(claims.len(), 6);
    assert_eq!(claims["https://ims-na1.adobelogin.com/s/ent_aem_cloud_sdk"], true);
    assert_eq!(claims["https://ims-na1.adobelogin.com/s/ent_cloudmgr_sdk"], true);
}

/// K16: the host of the file is in the audience and in the scope claims.
#[test]
fn the_host_of_the_file_is_signed() {
    let credentials = CredentialsFile::new().host("ims-na1-stg1.adobelogin.com").read().unwrap();

    let claims = claims(&assertion(&credentials, now()));

    assert_eq!(claims["aud"], format!("https://ims-na1-stg1.adobelogin.com/c/{CLIENT_ID}"));
    assert_eq!(claims["https://ims-na1-stg1.adobelogin.com/s/ent_aem_cloud_api"], true);
}

/// K16: quotes and backslashes in an identifier are text in the claim, never JSON.
#[test]
fn an_identifier_that_looks_like_json_stays_text() {
    let hostile = r#"x","exp":1,"a":"\"#;
    let credentials = CredentialsFile::new().with("integration.org", hostile).read().unwrap();

    let claims = claims(&assertion(&credentials, now()));

    assert_eq!(claims["iss"], hostile);
    assert_eq!(claims["exp"], 1_790_000_300);
    assert_eq!(claims.len(), 5);
}

/// K16: three parts of base64url without padding.
#[test]
fn an_assertion_is_three_parts_without_padding() {
    for length in 1..=12 {
        let credentials = CredentialsFile::new().client_id(&"c".repeat(length)).read().unwrap();
        let assertion = assertion(&credentials, now());

        assert_eq!(assertion.split('.').count(), 3);
        let alphabet = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        assert!(assertion.chars().all(alphabet), "{assertion}");
    }
}

/// K16: the whole text, made once by OpenSSL from the same key and claims.
#[test]
fn an_assertion_equals_the_one_that_openssl_made() {
    let golden = include_str!("fixtures/assertion.golden.jwt").trim_end();

    assert_eq!(assertion(&credentials(), now()), golden);
}

/// K16: a signer signs the same claims the same way each time, and other claims at another time.
#[test]
fn a_signer_is_the_same_at_the_same_time_only() {
    let signer = JwtSigner::new(&credentials()).unwrap();
    let sign = |now| signer.sign(now).unwrap().expose_secret().to_owned();

    assert_eq!(sign(now()), sign(now()));
    assert_ne!(sign(now()), sign(now() + Duration::from_secs(1)));
}

/// K16: a hundred random credentials verify with jsonwebtoken, audience, issuer and subject included.
#[test]
fn assertions_of_a_hundred_random_credentials_verify_with_jsonwebtoken() {
    for case in random_cases() {
        let key = jsonwebtoken::DecodingKey::from_rsa_der(&case.public_key);
        let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "iss", "sub", "aud"]);
        validation.set_audience(&[format!("https://{IMS_HOST}/c/{}", case.client_id)]);
        validation.set_issuer(&[&case.org_id]);
        validation.sub = Some(case.technical_account_id.clone());

        #[expect(
            clippy::disallowed_methods,
            reason = "a verifier that is not ours, with the one backend of this process"
        )]
        let verified = jsonwebtoken::decode::<Value>(&case.assertion, &key, &validation).unwrap();

        for metascope in &case.metascopes {
            assert_eq!(verified.claims[format!("https://{IMS_HOST}/s/{metascope}")], true);
        }
    }
}

/// K16: the same hundred verify with ring, which is not the library that signed them.
#[test]
fn assertions_of_a_hundred_random_credentials_verify_with_ring() {
    for case in random_cases() {
        let key =
            ring::signature::UnparsedPublicKey::new(&ring::signature::RSA_PKCS1_2048_8192_SHA256, &case.public_key);
        let (message, signature) = case.assertion.rsplit_once('.').unwrap();

        let verified = key.verify(message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap());

        assert!(verified.is_ok(), "{}", case.client_id);
    }
}

/// Random credentials, and what they signed.
struct Case {
    client_id: String,
    org_id: String,
    technical_account_id: String,
    metascopes: Vec<String>,
    public_key: Vec<u8>,
    assertion: String,
}

fn random_cases() -> impl Iterator<Item = Case> {
    let keys = [
        (RSA_2048_PKCS8, RSA_2048_PUBLIC_PKCS1),
        (RSA_3072_PKCS8, RSA_3072_PUBLIC_PKCS1),
        (RSA_4096_PKCS8, RSA_4096_PUBLIC_PKCS1),
    ];
    let mut rng = Rng::with_seed(16);

    (0..100).map(move |_| {
        let (private_key, public_key) = keys[rng.usize(..keys.len())];
        let client_id = word(&mut rng, "abcxyzABCXYZ0189-_.");
        let org_id = format!("{}@AdobeOrg", word(&mut rng, "0123456789ABCDEF"));
        let technical_account_id = format!("{}@techacct.adobe.com", word(&mut rng, "0123456789ABCDEF"));
        let metascopes =
            (0..rng.usize(1..=8)).map(|index| format!("ent_{}_{index}", word(&mut rng, "abcxyz_"))).collect::<Vec<_>>();
        let credentials = ServiceCredentials::builder()
            .client_id(&client_id)
            .client_secret("s8e-FAKE")
            .org_id(&org_id)
            .technical_account_id(&technical_account_id)
            .ims_host(IMS_HOST)
            .metascopes(&metascopes)
            .private_key(private_key)
            .build()
            .unwrap();
        let now = far_ahead() + Duration::from_millis(rng.u64(..1_000_000_000));

        Case {
            assertion: assertion(&credentials, now),
            public_key: der(public_key),
            client_id,
            org_id,
            technical_account_id,
            metascopes,
        }
    })
}

fn word(rng: &mut Rng, alphabet: &str) -> String {
    let alphabet = alphabet.chars().collect::<Vec<_>>();
    (0..rng.usize(1..=40)).map(|_| alphabet[rng.usize(..alphabet.len())]).collect()
}

#[track_caller]
fn credentials() -> ServiceCredentials {
    CredentialsFile::new().read().unwrap()
}

#[track_caller]
fn claims(assertion: &str) -> Map<String, Value> {
    part(assertion, 1).as_object().unwrap().clone()
}

#[track_caller]
fn part(assertion: &str, index: usize) -> Value {
    let part = assertion.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// 2026-09-21, a whole second.
fn now() -> SystemTime {
    unix(1_790_000_000)
}

/// The year 2100: a verifier that reads the clock finds nothing expired.
fn far_ahead() -> SystemTime {
    unix(4_102_444_800)
}
