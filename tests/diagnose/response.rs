//! IMS responds, or something in its place does.

use std::time::Duration;

use adobe_ims::testing::{ManualClock, MockAnswer};
use adobe_ims::{CheckState, ImsClient, OAuthCredentials, ServiceCredentials};
use serde_json::Value;

use super::{
    CERTIFICATE, CLAIMS, CLOCK, CONNECTION, JWT, NO_CLOCK, NO_KEY, OAUTH_KIND, RESPONSE, RESPONSE_FAILED, SETTINGS,
    assert_report, clock, jwt, mock, oauth,
};

/// Everything is well: one request, and neither the cache nor a cooldown is touched.
#[tokio::test]
async fn all_is_well() {
    let clock = clock();
    let mock = mock(&clock).await;
    let ims = jwt(&mock, &clock);
    let diagnosis = ims.diagnose().await;
    let end = "result: ok\n";
    assert_report(&diagnosis, &[JWT, CERTIFICATE, SETTINGS, CLOCK, CONNECTION, RESPONSE, CLAIMS, end]);
    assert_eq!((diagnosis.state(), diagnosis.exit_code()), (CheckState::Ok, 0));
    assert_eq!(mock.request_count(), 1);
    assert!(ims.cached_token().is_none());
    ims.token().await.unwrap();
    assert_eq!(mock.request_count(), 2);
}

/// The same with OAuth Server-to-Server credentials, which have neither a key nor a certificate.
#[tokio::test]
async fn all_is_well_with_oauth_server_to_server() {
    let clock = clock();
    let mock = mock(&clock).await;
    let rest = "\
ok       response     IMS issued a token for 23 h 59 min 59 s
ok       claims       as requested, client id 0123456789abcdef0123456789abcdef, issued by ims-na1,
                      scopes openid, AdobeID, read_organizations
result: ok
";
    let parts = [OAUTH_KIND, OAUTH_FIELDS, NO_KEY, SETTINGS, CLOCK, CONNECTION, rest];
    assert_report(&oauth(&mock, &clock).diagnose().await, &parts);
    assert_eq!(mock.request_count(), 1);
}

/// The key of another download: the certificate shows it, and IMS refuses it.
#[tokio::test]
async fn the_private_key_is_not_that_of_the_certificate() {
    let clock = clock();
    let mock = mock(&clock).await;
    let mut file: Value = serde_json::from_str(&mock.credentials_json()).unwrap();
    file["integration"]["privateKey"] = include_str!("../fixtures/rsa-2048.pkcs1.pem").into();
    let credentials = ServiceCredentials::from_json(file.to_string()).unwrap();
    let ims = jwt(&mock, &clock).with_credentials(credentials).unwrap();
    let certificate = "\
failed   certificate  does not belong to the private key
                      hint: this private key does not belong to the certificate in the same file:
                      take both from one download
";
    let parts = [JWT, certificate, SETTINGS, CLOCK, CONNECTION, NO_BINDING_SEE_CERTIFICATE, RESPONSE_FAILED];
    assert_report(&ims.diagnose().await, &parts);
    assert_eq!(mock.request_count(), 1);
}

/// A certificate that has expired, and one that soon will.
#[tokio::test]
async fn the_certificate_expires() {
    let clock = clock();
    let mock = mock(&clock).await;
    let ims = jwt(&mock, &clock);
    clock.advance(Duration::from_secs(350 * 86_400));
    let soon = "\
warning  certificate  expires on Tue, 21 Sep 2027 14:13:20 GMT, in 14 days
                      hint: create a new one in the Developer Console and download the credentials
                      again
";
    let end = "result: warning\n";
    let diagnosis = ims.diagnose().await;
    assert_report(&diagnosis, &[JWT, soon, SETTINGS, CLOCK, CONNECTION, RESPONSE, CLAIMS, end]);
    assert_eq!(diagnosis.exit_code(), 0);

    clock.advance(Duration::from_secs(50 * 86_400));
    let expired = "\
failed   certificate  expired on Tue, 21 Sep 2027 14:13:20 GMT
                      hint: this certificate expired on Tue, 21 Sep 2027 14:13:20 GMT: create a new
                      one in the Developer Console and download the credentials again
";
    let parts = [JWT, expired, SETTINGS, CLOCK, CONNECTION, NO_BINDING_SEE_CERTIFICATE, RESPONSE_FAILED];
    assert_report(&ims.diagnose().await, &parts);
}

/// A certificate that IMS accepts all the same is a warning: the file is not what IMS goes by.
#[tokio::test]
async fn a_wrong_certificate_that_ims_does_not_mind_is_a_warning() {
    let clock = clock();
    let mock = mock(&clock).await;
    let mut file: Value = serde_json::from_str(&mock.credentials_json()).unwrap();
    file["integration"]["publicKey"] = include_str!("../fixtures/other.certificate.pem").into();
    let credentials = ServiceCredentials::from_json(file.to_string()).unwrap();
    let diagnosis = jwt(&mock, &clock).with_credentials(credentials).unwrap().diagnose().await;
    let certificate = diagnosis.checks().find(|check| check.id() == "certificate").unwrap();
    assert_eq!((certificate.state(), certificate.seen()), (CheckState::Warning, "does not belong to the private key"));
    assert_eq!(diagnosis.state(), CheckState::Warning);
}

/// A revoked key: its certificate is in order, so this is what remains.
#[tokio::test]
async fn the_certificate_was_revoked() {
    let clock = clock();
    let mock = mock(&clock).await;
    mock.revoke_key(0);
    let response = "\
failed   response     IMS refused the request: 400 invalid_token: Could not match JWT signature to
                      any of the bindings
                      hint: this certificate belongs to the key and expires on Tue, 21 Sep 2027
                      14:13:20 GMT, so it was probably revoked, or `id` and `org` are of another
                      account: download the credentials again, with a new certificate if necessary
                      debug id for Adobe's support: DEBUG-ID
";
    let parts = [JWT, CERTIFICATE, SETTINGS, CLOCK, CONNECTION, response, RESPONSE_FAILED];
    assert_report(&jwt(&mock, &clock).diagnose().await, &parts);
}

/// T20: a clock that is ahead is no obstacle, one that is behind costs a second request; both are warnings.
#[tokio::test]
async fn the_clock_is_ten_minutes_off() {
    let ims_clock = clock();
    let mock = mock(&ims_clock).await;
    for (local, requests, seen) in [
        (ahead(&ims_clock), 1, "the local clock is 10 min ahead of IMS"),
        (behind(&ims_clock, 600), 2, "the local clock is 10 min behind IMS; signed once more with the time of IMS"),
    ] {
        let before = mock.request_count();
        let clock = format!("warning  clock        {seen}\n                      hint: set this machine's clock\n");
        let end = "result: warning\n";
        let parts = [JWT, CERTIFICATE, SETTINGS, &clock, CONNECTION, RESPONSE, CLAIMS, end];
        assert_report(&jwt(&mock, &local).diagnose().await, &parts);
        assert_eq!(mock.request_count() - before, requests);
    }
}

/// T20: a clock that is off by more than a day is not corrected, and is the reason.
#[tokio::test]
async fn the_clock_is_two_days_behind() {
    let ims_clock = clock();
    let mock = mock(&ims_clock).await;
    let rest = "\
failed   clock        the local clock is 48 h behind IMS
                      hint: set this machine's clock
ok       connection   IMS:PORT responded
failed   response     IMS refused the request: 400 invalid_token: the JWT has expired
                      hint: set this machine's clock: the local clock is 48 h behind IMS; otherwise:
                      IMS did not accept the assertion: a wrong local clock or an expired or revoked
                      certificate are the usual causes
                      debug id for Adobe's support: DEBUG-ID
";
    let diagnosis = jwt(&mock, &behind(&ims_clock, 2 * 86_400)).diagnose().await;
    assert_report(&diagnosis, &[JWT, CERTIFICATE, SETTINGS, rest, RESPONSE_FAILED]);
    assert_eq!(mock.request_count(), 1);
}

/// B1: a page to sign in, with the status of a success.
#[tokio::test]
async fn a_captive_portal_responds() {
    let rest = "\
failed   response     response cannot be used: its body is not the JSON of a token
                      hint: IMS does not respond like this: a proxy or a sign-in page may have
                      responded; if not, report it
                      debug id for Adobe's support: DEBUG-ID
";
    responds(MockAnswer::status(200).body("<html>Welcome to our guests</html>"), NO_CLOCK, rest).await;
}

/// The same by a redirect.
#[tokio::test]
async fn a_captive_portal_redirects() {
    let rest = "\
failed   response     redirect to portal.example not followed: 302
                      hint: IMS does not redirect: a proxy, a sign-in page or a wrong address
                      responded; the secret was not sent on
                      debug id for Adobe's support: DEBUG-ID
";
    responds(MockAnswer::status(302).header("location", "http://portal.example/welcome"), NO_CLOCK, rest).await;
}

/// IMS throttles: it is asked once, and the report says when to ask again.
#[tokio::test]
async fn ims_throttles() {
    let rest = "\
failed   response     IMS throttled the request: 429 rate_limit: too many requests
                      hint: too many token requests: keep one client and reuse its token, which
                      lives about 24 hours, and wait as long as `retry_after` says
                      debug id for Adobe's support: DEBUG-ID
                      a retry in 30 s may succeed
";
    responds(MockAnswer::throttle(Duration::from_secs(30)), CLOCK, rest).await;
}

/// IMS is down: it is asked once.
#[tokio::test]
async fn ims_is_down() {
    let rest = "\
failed   response     IMS failed: 503
                      hint: IMS, or a gateway in front of it, is down or overloaded: retry later
                      debug id for Adobe's support: DEBUG-ID
";
    responds(MockAnswer::status(503), CLOCK, rest).await;
}

/// The whole report, after one request.
async fn responds(answer: MockAnswer, clock_line: &str, response: &str) {
    let clock = clock();
    let mock = mock(&clock).await;
    mock.answer_always(answer);
    let parts = [JWT, CERTIFICATE, SETTINGS, clock_line, CONNECTION, response, RESPONSE_FAILED];
    assert_report(&jwt(&mock, &clock).diagnose().await, &parts);
    assert_eq!(mock.request_count(), 1);
}

/// A client secret that was deleted.
#[tokio::test]
async fn the_client_secret_was_revoked() {
    let clock = clock();
    let mock = mock(&clock).await;
    let ims = oauth(&mock, &clock);
    mock.add_client_secret().unwrap();
    mock.revoke_client_secret(0);
    let rest = "\
failed   response     IMS refused the request: 400 invalid_client: invalid client_secret parameter
                      hint: IMS refused the client secret: it was deleted or belongs to another
                      credential; copy the current one from the Adobe Developer Console: your
                      project > OAuth Server-to-Server > Retrieve client secret
                      debug id for Adobe's support: DEBUG-ID
";
    let parts = [OAUTH_KIND, OAUTH_FIELDS, NO_KEY, SETTINGS, CLOCK, CONNECTION, rest, RESPONSE_FAILED];
    assert_report(&ims.diagnose().await, &parts);
    assert_eq!(mock.request_count(), 1);
}

/// One of two client secrets was deleted: it works, and somebody should know.
#[tokio::test]
async fn one_of_two_client_secrets_was_revoked() {
    let clock = clock();
    let mock = mock(&clock).await;
    mock.add_client_secret().unwrap();
    let ims = oauth(&mock, &clock);
    mock.revoke_client_secret(0);
    let fields = OAUTH_FIELDS.replace("1 client secret", "2 client secrets");
    let rest = "\
warning  response     IMS issued a token for 23 h 59 min 59 s, but refused 1 of 2 client secrets
                      hint: copy the current one from the Adobe Developer Console: your project >
                      OAuth Server-to-Server > Retrieve client secret
ok       claims       as requested, client id 0123456789abcdef0123456789abcdef, issued by ims-na1,
                      scopes openid, AdobeID, read_organizations
result: warning
";
    assert_report(&ims.diagnose().await, &[OAUTH_KIND, &fields, NO_KEY, SETTINGS, CLOCK, CONNECTION, rest]);
    assert_eq!(mock.request_count(), 2);
}

/// A token that is not the one that was requested: another client's, or with fewer scopes. One that is not a JWT shows
/// nothing.
#[tokio::test]
async fn the_token_is_not_the_one_that_was_requested() {
    let clock = clock();
    let mock = mock(&clock).await;
    let ims = oauth(&mock, &clock);
    let other = jwt(&mock, &clock).exchange().await.unwrap();
    mock.answer_next(MockAnswer::grant().access_token(other.expose_secret()));
    let diagnosis = ims.diagnose().await;
    let claims = diagnosis.checks().last().unwrap();
    let expected = "\
warning  claims       issued to client id cm-p11111-e22222-integration, but
                      0123456789abcdef0123456789abcdef requested it
                      hint: check what responds in the place of IMS";
    assert_eq!((diagnosis.state(), claims.to_string().as_str()), (CheckState::Warning, expected));

    let fewer = OAuthCredentials::builder()
        .client_id(ims.client_id())
        .client_secret("p8e-0123456789")
        .scopes(["openid", "AdobeID", "read_organizations", "adobeio_api"])
        .build()
        .unwrap();
    let fewer = ims.with_credentials(fewer).unwrap();
    let token = ims.exchange().await.unwrap();
    // The mock would refuse the scope, so the whole response is scripted.
    let body = format!(r#"{{"access_token":"{}","token_type":"bearer","expires_in":86399}}"#, token.expose_secret());
    mock.answer_next(MockAnswer::status(200).body(body));
    let diagnosis = fewer.diagnose().await;
    let expected = "\
warning  claims       lacks scopes that were requested: adobeio_api
                      hint: use the scopes that the Adobe Developer Console lists for the
                      credential, or add the missing API to the project";
    assert_eq!(diagnosis.checks().last().unwrap().to_string(), expected);

    mock.answer_next(MockAnswer::grant().opaque_token());
    let diagnosis = ims.diagnose().await;
    assert_eq!(diagnosis.checks().last().unwrap().to_string(), "skipped  claims       the token is not a JWT");
    assert_eq!(diagnosis.state(), CheckState::Ok);
}

/// A failed exchange of the cache holds the diagnosis back as little as a cached token does.
#[tokio::test]
async fn neither_a_cached_token_nor_a_cooldown_stands_in_the_way() {
    let clock = clock();
    let mock = mock(&clock).await;
    let ims = jwt(&mock, &clock);
    mock.answer_next(MockAnswer::throttle(Duration::from_secs(3600)));
    ims.token().await.unwrap_err();
    assert!(ims.diagnose().await.is_ok());
    assert_eq!(mock.request_count(), 2);
    let token = jwt(&mock, &clock);
    token.token().await.unwrap();
    let cached = token.cached_token().unwrap();
    assert!(token.diagnose().await.is_ok());
    assert_eq!(mock.request_count(), 4);
    assert_eq!(token.cached_token().unwrap().expose_secret(), cached.expose_secret());
}

/// The future goes wherever a service needs it.
#[test]
fn the_future_is_send() {
    fn is_send<F: Future + Send>(_: F) {}
    let credentials = ServiceCredentials::from_json(
        serde_json::json!({ "integration": {
            "imsEndpoint": "ims-na1.adobelogin.com", "metascopes": "m", "org": "o@AdobeOrg", "id": "i@techacct.adobe.com",
            "technicalAccount": { "clientId": "c", "clientSecret": "s" },
            "privateKey": include_str!("../fixtures/rsa-2048.pkcs1.pem"),
        }})
        .to_string(),
    );
    let ims = ImsClient::builder(credentials.unwrap()).danger_endpoint("http://127.0.0.1:1").build().unwrap();
    is_send(ims.diagnose());
    is_send(adobe_ims::Diagnosis::of_file("x"));
    is_send(adobe_ims::Diagnosis::of_env());
}

fn ahead(clock: &ManualClock) -> ManualClock {
    let local = behind(clock, 0);
    local.advance(Duration::from_secs(600));
    local
}

fn behind(clock: &ManualClock, seconds: u64) -> ManualClock {
    ManualClock::at(adobe_ims::Clock::now(clock) - Duration::from_secs(seconds))
}

const OAUTH_FIELDS: &str = "\
ok       fields       client id 0123456789abcdef0123456789abcdef, 1 client secret, organization
                      1111222233334444AAAA5555@AdobeOrg, IMS host ims-na1.adobelogin.com, scopes
                      openid, AdobeID, read_organizations
";
const NO_BINDING_SEE_CERTIFICATE: &str = "\
failed   response     IMS refused the request: 400 invalid_token: Could not match JWT signature to
                      any of the bindings
                      hint: see certificate
                      debug id for Adobe's support: DEBUG-ID
";
