//! Credentials that cannot be read or used, and a client that cannot be built.

use std::fs;
use std::time::Duration;

use adobe_ims::testing::{ManualClock, MockIms};
use adobe_ims::{
    Credentials, DevelopmentToken, Diagnosis, ErrorKind, ImsClient, ServiceCredentials, SigningError, SigningFuture,
    SigningInput, SigningKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{assert_report, clock, jwt, mock};

/// A file that is not there.
#[tokio::test]
async fn the_file_cannot_be_read() {
    let expected = "\
failed   source       no/such/service_token.json: credentials file cannot be read
                      caused by: No such file or directory (os error 2)
                      hint: check the path and that this process may read it
skipped  kind         source failed
skipped  fields       source failed
skipped  key          source failed
skipped  certificate  source failed
skipped  settings     source failed
skipped  clock        source failed
skipped  connection   source failed
skipped  response     source failed
skipped  claims       source failed
result: failed
";
    let diagnosis = Diagnosis::of_file("no/such/service_token.json").await;
    assert_report(&diagnosis, &[expected]);
    assert_eq!(diagnosis.checks().next().unwrap().error().unwrap().kind(), ErrorKind::Credentials);
}

/// Files of another kind: what they are instead.
#[tokio::test]
async fn the_file_is_of_another_kind() {
    let pem = "\
ok       source       FILE
failed   kind         FILE: credentials expected, but this is a PEM file
                      hint: a key is one part of the credentials: read the JSON file it came with,
                      and give a key that is kept apart with `Credentials::reader().private_key(..)`
";
    of_file(include_str!("../fixtures/rsa-2048.pkcs1.pem"), pem, "kind").await;
    let response = "\
ok       source       FILE
failed   kind         FILE: credentials expected, but this is a token response of IMS
                      hint: a token that was issued cannot get another one: use the credentials
";
    of_file(r#"{"access_token":"a.b.c","token_type":"bearer","expires_in":86399999}"#, response, "kind").await;
    let broken = "\
ok       source       FILE
failed   kind         FILE: credentials are not valid JSON: it ends too early at line 1, column 16
                      hint: check that the download or the secret mount is complete
";
    of_file(r#"{"integration": "#, broken, "kind").await;
}

/// Fields that are missing, all of them at once.
#[tokio::test]
async fn fields_are_missing() {
    let mut file = file().await;
    file["integration"].as_object_mut().unwrap().remove("org");
    file["integration"]["technicalAccount"].as_object_mut().unwrap().remove("clientId");
    let expected = "\
ok       source       FILE
ok       kind         the service credentials of AEM's Developer Console
failed   fields       FILE: credentials lack integration.org, integration.technicalAccount.clientId
                      hint: AEM's Developer Console writes all of them: download the file again, or
                      fill in what was left out
";
    of_file(&file.to_string(), expected, "fields").await;
}

/// A private key that was cut when it was copied.
#[tokio::test]
async fn the_private_key_is_cut() {
    let mut file = file().await;
    let key = file["integration"]["privateKey"].as_str().unwrap();
    file["integration"]["privateKey"] = key[..key.len() / 2].into();
    let expected = "\
ok       source       FILE
ok       kind         the service credentials of AEM's Developer Console
ok       fields       complete
failed   key          FILE: private key is truncated: its END line is missing
                      hint: use the `privateKey` of the downloaded file as it is, or download the
                      credentials again
";
    of_file(&file.to_string(), expected, "key").await;
}

/// A key that is kept elsewhere shows in the exchange whether it can sign.
#[tokio::test]
async fn a_key_is_kept_elsewhere() {
    let clock = clock();
    let mock = mock(&clock).await;
    let client = |key: Kms| {
        let credentials = mock.credentials();
        let credentials = ServiceCredentials::builder()
            .client_id(credentials.client_id())
            .client_secret("s8e-0123456789")
            .org_id(credentials.org_id())
            .technical_account_id(credentials.technical_account_id())
            .metascopes(credentials.metascopes())
            .signing_key(key)
            .build()
            .unwrap();
        jwt(&mock, &clock).with_credentials(credentials).unwrap()
    };
    let key = async |key: Kms| {
        let diagnosis = client(key).diagnose().await;
        super::assert_same_in_json(&diagnosis);
        diagnosis.checks().find(|check| check.id() == "key").unwrap().to_string()
    };
    // IMS does not know the key, but that is the decision of IMS.
    assert_eq!(key(Kms::Signs).await, "ok       key          kept elsewhere, and signed");
    let expected = "\
failed   key          the signing key did not sign
                      caused by: no permission
                      hint: see the cause: it is what the `SigningKey` of the application reported";
    assert_eq!(key(Kms::Refuses).await, expected);
    assert_eq!(mock.request_count(), 1);
}

enum Kms {
    Signs,
    Refuses,
}

impl SigningKey for Kms {
    fn sign<'a>(&'a self, _: &'a SigningInput<'a>) -> SigningFuture<'a> {
        Box::pin(async move {
            match self {
                Self::Signs => Ok(vec![1; 256]),
                Self::Refuses => Err(SigningError::permanent("no permission")),
            }
        })
    }
}

/// Settings that cannot be used: what the credentials are is known by then.
#[tokio::test]
async fn a_setting_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("service_token.json");
    fs::write(&path, file().await.to_string()).unwrap();
    let builder = Diagnosis::builder().client(|client| client.timeout(Duration::ZERO));
    let diagnosis = builder.of_file(&path).await;
    let settings = diagnosis.checks().find(|check| check.id() == "settings").unwrap();
    assert_eq!(
        settings.to_string(),
        "failed   settings     setting timeout cannot be used: it is zero\n                      hint: leave it out for \
         30 s"
    );
    let states: Vec<String> = diagnosis.checks().map(|check| check.state().to_string()).collect();
    let expected = ["ok", "ok", "ok", "ok", "ok", "failed", "skipped", "skipped", "skipped", "skipped"];
    assert_eq!(states, expected);
}

/// The same for an error that the application got when it built its client.
#[tokio::test]
async fn an_error_becomes_a_diagnosis() {
    let mock = MockIms::start().await.unwrap();
    let error = mock.client_builder().proxy("http://proxy.example").build().unwrap_err();
    let expected = "\
ok       source       given by the application
skipped  kind         not looked at
skipped  fields       not looked at
skipped  key          not looked at
skipped  certificate  not looked at
failed   settings     setting proxy cannot be used: a plain-http endpoint is never proxied
                      hint: leave `proxy` out for it
skipped  clock        settings failed
skipped  connection   settings failed
skipped  response     settings failed
skipped  claims       settings failed
result: failed
";
    assert_report(&Diagnosis::from(error), &[expected]);
}

/// Outside of a tokio runtime, nothing is asked and nothing panics.
#[test]
fn there_is_no_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clock = clock();
    let mock = runtime.block_on(mock(&clock));
    let ims = jwt(&mock, &clock);
    let mut diagnosing = std::pin::pin!(ims.diagnose());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(diagnosis) = diagnosing.as_mut().poll(&mut context) else { panic!("it waits") };
    let failed = diagnosis.checks().find(|check| check.state() == adobe_ims::CheckState::Failed).unwrap();
    assert_eq!((failed.id(), failed.seen()), ("connection", "no tokio runtime: the call needs one"));
    assert_eq!(mock.request_count(), 0);
}

/// A development token is not exchanged: what it says about itself is all there is.
#[tokio::test]
async fn a_development_token_is_looked_at_and_not_exchanged() {
    let clock = ManualClock::new();
    let mock = MockIms::builder().clock(clock.clone()).start().await.unwrap();
    let development = DevelopmentToken::from_json(mock.development_token_json()).unwrap();
    let date = httpdate::fmt_http_date(development.token().expires_at());
    let ims = ImsClient::builder(development).clock(clock.clone()).danger_endpoint(mock.endpoint()).build().unwrap();
    let beginning = "\
ok       source       given by the application
ok       kind         a local development token
ok       fields       a token of ims-na1.adobelogin.com
skipped  key          a development token is not exchanged
skipped  certificate  a development token is not exchanged
skipped  settings     a development token is not exchanged
skipped  clock        a development token is not exchanged
skipped  connection   a development token is not exchanged
skipped  response     a development token is not exchanged
";
    let claims = format!(
        "\
ok       claims       expires on {date}, client id
                      cm-p11111-e22222-integration, issued by ims-na1, scopes ent_aem_cloud_api
result: ok
"
    );
    assert_report(&ims.diagnose().await, &[beginning, &claims]);
    clock.advance(Duration::from_secs(86_400));
    let claims = format!(
        "\
failed   claims       development token expired on {date}
                      hint: get another one from AEM's Developer Console, valid for up to 24 hours;
                      a service needs service credentials or OAuth Server-to-Server credentials
                      instead
result: failed
"
    );
    assert_report(&ims.diagnose().await, &[beginning, &claims]);
    assert_eq!(mock.request_count(), 0);
}

/// A token that claims to live for thousands of years, and writes control characters, is shown in one line.
#[tokio::test]
async fn a_development_token_may_claim_anything() {
    let claims =
        r#"{"created_at":"1790000000000","expires_in":"9000000000000000","client_id":"a\u001b[31m\nb","scope":"x"}"#;
    let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.json");
    fs::write(&path, json!({ "accessToken": token }).to_string()).unwrap();
    let diagnosis = Diagnosis::of_file(&path).await;
    let claims = diagnosis.checks().last().unwrap();
    assert!(claims.seen().starts_with("expires on "), "{claims}");
    assert!(claims.seen().ends_with(" GMT, client id a[31m b, scopes x"), "{claims}");
    super::assert_same_in_json(&diagnosis);
}

/// The file of a development token that has expired.
#[tokio::test]
async fn the_file_of_a_development_token_has_expired() {
    let mock = MockIms::builder().clock(clock()).start().await.unwrap();
    let expected = "\
ok       source       FILE
ok       kind         a local development token of AEM's Developer Console
ok       fields       complete
skipped  key          a development token is not exchanged
skipped  certificate  a development token is not exchanged
skipped  settings     a development token is not exchanged
skipped  clock        a development token is not exchanged
skipped  connection   a development token is not exchanged
skipped  response     a development token is not exchanged
failed   claims       FILE: development token expired on Tue, 22 Sep 2026 14:13:20 GMT
                      hint: get another one from AEM's Developer Console, valid for up to 24 hours;
                      a service needs service credentials or OAuth Server-to-Server credentials
                      instead
";
    of_file(&mock.development_token_json(), expected, "claims").await;
}

/// Without network: what a file holds, and not one request.
#[tokio::test]
async fn a_file_is_looked_at_without_network() {
    let mock = MockIms::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("project.json");
    fs::write(&path, mock.project_json()).unwrap();
    let endpoint = mock.endpoint().to_owned();
    let builder = Diagnosis::builder()
        .reader(Credentials::reader().select("S2S credential"))
        .client(|client| client.danger_endpoint(endpoint))
        .offline();
    let text = builder.of_file(&path).await.to_string().replace(path.to_str().unwrap(), "FILE");
    let expected = "\
ok       source       FILE
ok       kind         a project download of the Adobe Developer Console
ok       fields       client id 0123456789abcdef0123456789abcdef, 1 client secret, organization
                      1111222233334444AAAA5555@AdobeOrg, IMS host ims-na1.adobelogin.com, scopes
                      openid, AdobeID, read_organizations
skipped  key          these credentials have none
skipped  certificate  these credentials have none, or none that can be read
skipped  settings     would use the network
skipped  clock        would use the network
skipped  connection   would use the network
skipped  response     would use the network
skipped  claims       would use the network
result: ok";
    assert_eq!(text, expected);
    assert_eq!(mock.request_count(), 0);
}

/// The whole report of a file with this text; what follows `failed` is skipped.
async fn of_file(text: &str, expected: &str, failed: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.json");
    fs::write(&path, text).unwrap();
    let diagnosis = Diagnosis::of_file(&path).await;
    let rest = super::IDS.into_iter().skip_while(|id| *id != failed).skip(1);
    let rest: String = rest.map(|id| format!("skipped  {id:<12} {failed} failed\n")).collect();
    let shown = diagnosis.to_string().replace(path.to_str().unwrap(), "FILE");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&shown), words(&format!("{expected}{rest}result: failed")), "\n{shown}");
    super::assert_same_in_json(&diagnosis);
}

async fn file() -> Value {
    let mock = MockIms::start().await.unwrap();
    let mut file: Value = serde_json::from_str(&mock.credentials_json()).unwrap();
    file["proxy"] = json!(null);
    file
}
