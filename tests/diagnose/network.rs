//! The way to IMS.

use std::time::Duration;

use adobe_ims::testing::MockAnswer;
use adobe_ims::{Diagnosis, ImsClientBuilder};

use super::servers::{demanding_proxy, inspecting_proxy};
use super::{CERTIFICATE, CONNECTION_FAILED, JWT, NO_CLOCK, assert_report, clock, mock};

const HOST: &str = "ims.invalid";

/// A name that no name server knows. What the system says about it differs.
#[tokio::test]
async fn the_name_cannot_be_resolved() {
    let diagnosis = diagnose(|client| client.no_proxy()).await;
    let connection = diagnosis.checks().find(|check| check.id() == "connection").unwrap();
    assert_eq!(connection.seen(), "cannot resolve ims.invalid");
    let text = diagnosis.to_string();
    let (before, after) = (text.find("caused by:").unwrap(), text.find("hint:").unwrap());
    let text = format!("{}{}", &text[..before], &text[after..]);
    let rest = "\
failed   connection   cannot resolve ims.invalid
                      hint: check the network and its name server; behind a company proxy, set
                      HTTPS_PROXY
                      a retry later may succeed
";
    assert_eq!(text, [JWT, CERTIFICATE, SETTINGS, NO_CLOCK, rest, CONNECTION_FAILED].concat().trim_end());
    super::assert_same_in_json(&diagnosis);
}

/// A proxy that requires a password.
#[tokio::test]
async fn the_proxy_requires_a_password() {
    let rest = "\
failed   connection   proxy requires authentication (407) to connect to ims.invalid
                      caused by: tunnel error: proxy authorization required
                      hint: the proxy requires a user and a password: give them as
                      http://user:password@host:port in HTTPS_PROXY or `proxy`
";
    let diagnosis = diagnose(|client| client.proxy(demanding_proxy())).await;
    assert_report(&diagnosis, &[JWT, CERTIFICATE, SETTINGS, NO_CLOCK, rest, CONNECTION_FAILED]);
}

/// A company proxy that inspects TLS shows a certificate of an issuer that nobody here knows. In the words of rustls.
#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_proxy_inspects_tls() {
    let rest = "\
failed   connection   TLS handshake failed with ims.invalid
                      caused by: invalid peer certificate: UnknownIssuer
                      hint: the server's certificate comes from an issuer that is not trusted here:
                      if a company proxy inspects TLS, add its root with `root_certificate`; if
                      system roots are missing, install ca-certificates
";
    let diagnosis = diagnose(|client| client.proxy(inspecting_proxy(HOST))).await;
    assert_report(&diagnosis, &[JWT, CERTIFICATE, SETTINGS, NO_CLOCK, rest, CONNECTION_FAILED]);
}

/// A proxy in front of plain http, such as a gateway of one's own, responds in the place of IMS.
#[tokio::test]
async fn a_gateway_requires_a_password() {
    let clock = clock();
    let mock = mock(&clock).await;
    mock.answer_always(MockAnswer::status(407));
    let diagnosis = mock.client_builder().clock(clock).build().unwrap().diagnose().await;
    let rest = "\
failed   connection   a proxy responded instead of IMS: 407
                      hint: this response is from a proxy or gateway, not from IMS: check
                      HTTPS_PROXY, or `proxy`, and the proxy's password
                      debug id for Adobe's support: DEBUG-ID
";
    assert_report(&diagnosis, &[JWT, CERTIFICATE, super::SETTINGS, NO_CLOCK, rest, CONNECTION_FAILED]);
}

/// Nobody listens.
#[tokio::test]
async fn nobody_responds() {
    let clock = clock();
    let mock = mock(&clock).await;
    mock.answer_always(MockAnswer::grant().delay(Duration::from_secs(5)));
    let client = mock.client_builder().clock(clock).attempt_timeout(Duration::from_millis(200)).build().unwrap();
    let rest = "\
failed   connection   IMS:PORT did not respond within 200 ms
                      hint: the network, a proxy or IMS is slow: retry later, or raise `timeout` and
                      `attempt_timeout`
";
    let parts = [JWT, CERTIFICATE, super::SETTINGS, NO_CLOCK, rest, CONNECTION_FAILED];
    assert_report(&client.diagnose().await, &parts);
    assert_eq!(mock.request_count(), 1);
}

async fn diagnose(configure: impl FnOnce(ImsClientBuilder) -> ImsClientBuilder) -> Diagnosis {
    let clock = clock();
    let mock = mock(&clock).await;
    // The machine's resolver may take its time.
    let patience = Duration::from_secs(120);
    let client = adobe_ims::ImsClient::builder(mock.credentials())
        .clock(clock)
        .danger_endpoint(format!("https://{HOST}"))
        .connect_timeout(patience)
        .attempt_timeout(patience)
        .timeout(patience);
    configure(client).build().unwrap().diagnose().await
}

const SETTINGS: &str = "\
ok       settings     connects to ims.invalid in place of ims-na1.adobelogin.com
";
