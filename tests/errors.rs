//! What an error says to a person: each hint by its exact text, and the chain of causes.
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

use adobe_ims::testing::{ManualClock, MockAnswer, MockIms};
use adobe_ims::{Error, ErrorKind, ImsClient, OAuthCredentials, ServiceCredentials, ServiceCredentialsBuilder};
use support::material::{
    CERTIFICATE, CredentialsFile, EC_SEC1, ENCRYPTED_PKCS8, ENDED_CERTIFICATE, OTHER_CERTIFICATE, RSA_1024,
    RSA_2048_PKCS8, levels,
};
use support::raw::{ClosedPort, RawServer, Step};
use support::server;

/// A14, P7: the error codes of IMS, their kinds and their hints: the rows of the protocol sheet, sections 9.2 and 9.3.
#[tokio::test]
async fn each_refusal_of_ims_has_its_kind_its_code_and_its_hint() {
    let mock = MockIms::start().await.unwrap();
    let credentials = CredentialsFile::new().certificate(CERTIFICATE).read().unwrap();

    for (status, code, description, kind, hint) in REFUSALS {
        let error = refused(&mock, credentials.clone(), status, code, description).await;
        assert_eq!(error.kind(), kind, "{status} {code}");
        assert_eq!(error.code(), Some(code));
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.description(), Some(description).filter(|text| !text.is_empty()));
        assert_eq!(error.hint(), hint, "{status} {code} {description}");
    }
}

const MISMATCH: &str = "Could not match JWT signature to any of the bindings";

const REFUSALS: [(u16, &str, &str, ErrorKind, Option<&str>); 19] = [
    (
        400,
        "invalid_client",
        "invalid client_id parameter",
        ErrorKind::Rejected,
        Some(
            "IMS does not know this client id: check `clientId`, and that production and stage are not mixed up in \
             `imsEndpoint`",
        ),
    ),
    (
        400,
        "invalid_client",
        "invalid client_secret parameter",
        ErrorKind::Rejected,
        Some(
            "the client secret does not belong to this client: it was replaced or is from another environment; download \
             the credentials again",
        ),
    ),
    (
        401,
        "invalid_client",
        "",
        ErrorKind::Rejected,
        Some(
            "client id and client secret do not match, or the client may not exchange JWTs because its credential was \
             migrated to OAuth Server-to-Server; download the credentials again",
        ),
    ),
    (
        400,
        "invalid_client",
        "",
        ErrorKind::Rejected,
        Some(
            "the client id is unknown to this IMS host, or its secret is wrong: check `clientId`, `clientSecret` and \
             `imsEndpoint`, or download the credentials again",
        ),
    ),
    (
        400,
        "invalid_token",
        MISMATCH,
        ErrorKind::Rejected,
        Some(
            "this certificate belongs to the key and expires on Mon, 01 Jan 2125 00:00:00 GMT, so it was probably \
             revoked, or `id` and `org` are of another account: download the credentials again, with a new certificate \
             if necessary",
        ),
    ),
    (
        400,
        "invalid_token",
        "JWT token is incorrectly formatted, and can not be decoded.",
        ErrorKind::Rejected,
        Some(
            "IMS could not read the assertion: something on the way may have cut or re-encoded the request; if not, \
             report it with the debug id",
        ),
    ),
    (
        400,
        "invalid_token",
        "",
        ErrorKind::Rejected,
        Some(
            "IMS did not accept the assertion: a wrong local clock or an expired or revoked certificate are the usual \
             causes",
        ),
    ),
    (
        400,
        "invalid_signature",
        "",
        ErrorKind::Rejected,
        Some(
            "this certificate belongs to the key and expires on Mon, 01 Jan 2125 00:00:00 GMT, so it was probably \
             revoked, or `id` and `org` are of another account: download the credentials again, with a new certificate \
             if necessary",
        ),
    ),
    (
        400,
        "invalid_scope",
        "The metascopes in the JWT are not a subset of the metascopes in the binding.",
        ErrorKind::Rejected,
        Some(
            "requested: ent_aem_cloud_api; at least one of these is not granted to the technical account: use \
             `metascopes` of the downloaded file as it is, or add the missing API or product profile",
        ),
    ),
    (
        400,
        "bad_request",
        "",
        ErrorKind::Rejected,
        Some(
            "IMS found a malformed claim: `org` must end in @AdobeOrg, and `id` must be the technical account's id \
             that ends in @techacct.adobe.com, not its e-mail",
        ),
    ),
    (
        400,
        "unauthorized_client",
        "",
        ErrorKind::Rejected,
        Some(
            "the client may not exchange JWTs: its credential was probably migrated to OAuth Server-to-Server; download \
             new credentials",
        ),
    ),
    (
        500,
        "internal_error",
        "Please try again later",
        ErrorKind::Server,
        Some(
            "if this persists, the credential was probably migrated to OAuth Server-to-Server and can no longer exchange \
             JWTs; retrying will not help",
        ),
    ),
    (
        429,
        "rate_limit",
        "",
        ErrorKind::Throttled,
        Some(
            "too many token requests: keep one client and reuse its token, which lives about 24 hours, and wait as long \
             as `retry_after` says",
        ),
    ),
    (503, "overloaded", "", ErrorKind::Server, Some(OVERLOAD)),
    (
        407,
        "proxy",
        "",
        ErrorKind::Connect,
        Some(
            "this response is from a proxy or gateway, not from IMS: check HTTPS_PROXY, or `proxy`, and the proxy's \
             password",
        ),
    ),
    (400, "invalid_grant", "", ErrorKind::Rejected, Some(UNKNOWN)),
    (400, "access_denied", "", ErrorKind::Rejected, Some(UNKNOWN)),
    (400, "invalid_request", "", ErrorKind::Rejected, Some(UNKNOWN)),
    (400, "a_code_of_tomorrow", "with words of its own", ErrorKind::Rejected, Some(UNKNOWN)),
];

const UNKNOWN: &str =
    "the code and the description are IMS's own; if they do not help, give the debug id to Adobe's support";

const OVERLOAD: &str = "IMS, or a gateway in front of it, is down or overloaded: retry later";

/// P7: "Could not match JWT signature to any of the bindings" costs people days: the hint says what the certificate shows.
#[tokio::test]
async fn a_refused_signature_is_explained_by_the_certificate() {
    let mock = MockIms::start().await.unwrap();
    let cases = [
        (
            Some(ENDED_CERTIFICATE),
            "this certificate expired on Mon, 01 Jan 2024 00:00:00 GMT: create a new one in the Developer Console and \
             download the credentials again",
        ),
        (
            Some(OTHER_CERTIFICATE),
            "this private key does not belong to the certificate in the same file: take both from one download",
        ),
        (
            None,
            "IMS knows no valid certificate for this key: it expired (365 days after its creation), was revoked, or `id` and \
             `org` are of another account; create a new certificate in the Developer Console and download the \
             credentials again",
        ),
    ];
    for (certificate, expected) in cases {
        let file = match certificate {
            Some(certificate) => CredentialsFile::new().certificate(certificate),
            None => CredentialsFile::new().without("integration.publicKey"),
        };
        for (code, description) in [("invalid_token", MISMATCH), ("invalid_signature", "")] {
            let error = refused(&mock, file.read().unwrap(), 400, code, description).await;
            assert_eq!(error.hint(), Some(expected));
        }
    }
}

/// P7: the hint names all metascopes that were requested.
#[tokio::test]
async fn a_refused_scope_names_what_was_requested() {
    let mock = MockIms::start().await.unwrap();
    let credentials = CredentialsFile::new().metascopes("ent_a_sdk, ent_b_sdk").read().unwrap();
    let error = refused(&mock, credentials, 400, "invalid_scope", "").await;
    assert!(error.hint().unwrap().starts_with("requested: ent_a_sdk, ent_b_sdk; "));
}

/// A11, P7: a response in another form than IMS's is reported as that of a proxy or gateway.
#[tokio::test]
async fn a_response_in_another_form_is_reported_as_a_proxys() {
    let mock = MockIms::start().await.unwrap();
    let elsewhere = "a proxy, a gateway or a sign-in page responded in the place of IMS: check HTTPS_PROXY, \
                     `imsEndpoint`, and what is between this machine and IMS";
    let no_endpoint = "there is no token endpoint at this address: check `imsEndpoint`, or the address given to \
                       `danger_endpoint`";
    for (status, hint) in [(403, elsewhere), (400, elsewhere), (404, no_endpoint), (502, OVERLOAD)] {
        mock.answer_always(MockAnswer::status(status).body("<html>Sign in to the network</html>"));
        let error = client(&mock, CredentialsFile::new().read().unwrap()).exchange().await.unwrap_err();
        assert_eq!(error.hint(), Some(hint), "{status}");
        assert!(!format!("{error} {error:?}").contains("Sign in"), "{error:?}");
    }
}

/// A13: `Display` is one line that says who, what and why.
#[tokio::test]
async fn a_refusal_is_one_sentence_and_debug_adds_the_hint() {
    let mock = MockIms::start().await.unwrap();
    let response = MockAnswer::refuse("invalid_scope", "metascopes are not a subset").header("x-debug-id", "d-1");
    mock.answer_always(response);
    let error = client(&mock, CredentialsFile::new().read().unwrap()).exchange().await.unwrap_err();
    assert_eq!(error.to_string(), "IMS refused the request: 400 invalid_scope: metascopes are not a subset");
    assert_eq!(error.debug_id(), Some("d-1"));
    let debug = format!("{error:?}");
    for part in ["Rejected", "invalid_scope", "d-1", "requested: ent_aem_cloud_api"] {
        assert!(debug.contains(part), "{debug}");
    }
}

/// A13: the chain of a connection fault: the sentence, the causes down to the system's words, the hint. No level repeats
/// another.
#[tokio::test]
async fn the_chain_of_a_connection_fault_has_sentence_causes_and_hint() {
    let port = ClosedPort::reserve();
    let error = ImsClient::builder(CredentialsFile::new().read().unwrap())
        .danger_endpoint(port.endpoint())
        .max_attempts(1)
        .build()
        .unwrap()
        .exchange()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    let levels = levels(&error);
    let [sentence, causes @ .., last, hint] = levels.as_slice() else { panic!("{levels:?}") };
    assert_eq!(*sentence, format!("cannot connect to {}", port.endpoint().replace("http://", "")));
    assert!(causes.iter().all(|cause| !cause.contains("client error")), "{levels:?}");
    assert!(last.starts_with("Connection refused"), "{levels:?}");
    assert_eq!(*hint, "hint: check that something listens at this address and port");
    for (at, level) in levels.iter().enumerate() {
        assert!(
            levels.iter().enumerate().all(|(other, text)| other == at || !text.contains(level.as_str())),
            "{levels:?}"
        );
    }
}

/// A13: each level of a chain is one sentence, and no fact comes twice.
#[tokio::test]
async fn a_chain_states_each_fact_once() {
    let closed = ClosedPort::reserve();
    let unreachable = server::with_endpoint(&closed.endpoint()).max_attempts(1).build().unwrap();
    let server = server::responding(server::ok("<html>")).await;
    let unusable = server::client(&server);
    for (client, depth) in [(unreachable, 3), (unusable, 2)] {
        let error = client.exchange().await.unwrap_err();

        let levels = levels(&error);
        assert!(levels.len() >= depth, "{levels:?}");
        for level in &levels {
            assert!(!level.contains('\n') && !level.ends_with('.'), "{levels:?}");
        }
        for pair in levels.windows(2) {
            assert!(!pair[0].contains(&pair[1]), "{levels:?}");
            assert!(!pair[1].contains(&pair[0]), "{levels:?}");
        }
    }
}

/// P7: the hint survives in the error of an application: `anyhow` with context, and an error of its own with `#[from]`,
/// `#[source]` or `#[error(transparent)]`. It comes once, and last.
#[test]
fn the_hint_is_shown_by_whatever_prints_a_chain() {
    #[derive(Debug, thiserror::Error)]
    enum AppError {
        #[error("no token from Adobe")]
        From(#[from] Error),
        #[error("no token from Adobe for {tenant}")]
        Source { tenant: &'static str, source: Error },
        #[error(transparent)]
        Transparent(Error),
    }

    let error = || CredentialsFile::new().key(ENCRYPTED_PKCS8).read().unwrap_err();
    let hint = error().hint().unwrap().to_owned();

    let report = anyhow::Error::from(error()).context("no token from Adobe");
    assert_eq!(format!("{report:#}"), format!("no token from Adobe: {}: hint: {hint}", error()));
    let lines = format!("{report:?}");
    assert!(lines.contains(&format!("1: hint: {hint}")), "{lines}");

    let own =
        [AppError::from(error()), AppError::Source { tenant: "a", source: error() }, AppError::Transparent(error())];
    for own in own {
        let chain: Vec<_> = anyhow::Error::from(own).chain().map(ToString::to_string).collect();
        assert_eq!(*chain.last().unwrap(), format!("hint: {hint}"), "{chain:?}");
        assert_eq!(chain.iter().filter(|level| level.contains(&hint)).count(), 1, "{chain:?}");
    }

    // `fn main() -> Result<(), Box<dyn Error>>` prints `Debug`.
    let main: Box<dyn std::error::Error> = error().into();
    assert_eq!(format!("{main:?}").matches(&hint).count(), 1, "{main:?}");
}

/// P7: what fails before anything is sent has a hint too.
#[test]
fn each_failure_of_the_credentials_and_settings_has_its_hint() {
    let good = CredentialsFile::new();
    let setting =
        |credentials: ServiceCredentials| ImsClient::builder(credentials).danger_endpoint("http://ims.example").build();
    let resend = "use the file as downloaded, without editing it";
    let fresh_key = "use the `privateKey` of the downloaded file as it is, or download the credentials again";
    let cases: [(&str, Error, &str); 18] = [
        (
            "no file",
            ServiceCredentials::from_file("/nowhere/service_token.json").unwrap_err(),
            "check the path and that this process may read it",
        ),
        (
            "long",
            ServiceCredentials::from_json(vec![b' '; 70_000]).unwrap_err(),
            "a credentials file has about 5 KB: this is probably another file",
        ),
        (
            "empty",
            ServiceCredentials::from_json("").unwrap_err(),
            "check that the download or the secret mount is complete",
        ),
        (
            "UTF-16",
            ServiceCredentials::from_json(b"\xff\xfe{\0}\0").unwrap_err(),
            "save the file as UTF-8, as it was downloaded",
        ),
        (
            "another kind",
            ServiceCredentials::from_json(r#"{"accessToken":"x"}"#).unwrap_err(),
            "read it with `DevelopmentToken`, or with `Credentials::from_file` or `Credentials::from_json`, which read \
             every kind that Adobe hands out; AEM's own file is in its Developer Console: your environment > Integrations \
             > Technical Accounts > download",
        ),
        (
            "service credentials",
            OAuthCredentials::from_json(good.clone().to_json()).unwrap_err(),
            "read it with `ServiceCredentials`, or with `Credentials::from_file` or `Credentials::from_json`, which read \
             every kind that Adobe hands out",
        ),
        (
            "cut off",
            ServiceCredentials::from_json("{").unwrap_err(),
            "check that the download or the secret mount is complete",
        ),
        ("no JSON", ServiceCredentials::from_json("{x").unwrap_err(), resend),
        (
            "missing",
            good.clone().without("integration.org").read().unwrap_err(),
            "AEM's Developer Console writes all of them: download the file again, or fill in what was left out",
        ),
        (
            "encrypted",
            good.clone().key(ENCRYPTED_PKCS8).read().unwrap_err(),
            match cfg!(feature = "encrypted-keys") {
                true => {
                    "give it with `passphrase` of the builder or of `Credentials::reader()`, or remove it with `openssl \
                     pkey -in encrypted.pem -out key.pem`"
                }
                false => {
                    "turn on the feature `encrypted-keys` of this crate and give the passphrase with `passphrase`, or \
                     remove it with `openssl pkey -in encrypted.pem -out key.pem`"
                }
            },
        ),
        (
            "another key",
            good.clone().key(EC_SEC1).read().unwrap_err(),
            "the private key is the block from `privateKey` of the downloaded file",
        ),
        (
            "missing part",
            ServiceCredentials::builder().build().unwrap_err(),
            "give all of them to the builder: they are in the file that Adobe's console hands out",
        ),
        (
            "no PEM",
            good.clone().key("no key at all").read().unwrap_err(),
            "the text must hold a block from -----BEGIN PRIVATE KEY----- (or RSA PRIVATE KEY) to its END line, or be \
             base64 of that",
        ),
        ("field", good.clone().with("integration.id", "two words").read().unwrap_err(), resend),
        (
            "part",
            good_parts().client_secret("secret\n").build().unwrap_err(),
            "take the value from the downloaded file as it is: secret managers and shells often add a line break, quotes \
             or spaces",
        ),
        (
            "setting",
            ImsClient::builder(good.read().unwrap()).max_attempts(0).build().unwrap_err(),
            "leave it out for 3; 1 is an attempt without retries",
        ),
        ("short", good.clone().key(RSA_1024).read().unwrap_err(), fresh_key),
        (
            "endpoint",
            setting(good.read().unwrap()).unwrap_err(),
            "`danger_endpoint` takes https://host or, for this machine only, http://127.0.0.1:port",
        ),
    ];
    for (name, error, hint) in cases {
        assert_eq!(error.hint(), Some(hint), "{name}");
    }
}

/// P7: a fault of the connection, and a response of something other than IMS, have a hint too.
#[tokio::test]
async fn each_connection_fault_and_unusable_response_has_its_hint() {
    let unreachable = "check that something listens at this address and port";
    let slow = "the network, a proxy or IMS is slow: retry later, or raise `timeout` and `attempt_timeout`";
    let unusable = "IMS does not respond like this: a proxy or a sign-in page may have responded; if not, report it";
    let quick = |endpoint: &str| {
        let builder = ImsClient::builder(CredentialsFile::new().read().unwrap()).danger_endpoint(endpoint);
        builder.max_attempts(1).attempt_timeout(Duration::from_millis(500))
    };
    let mock = MockIms::start().await.unwrap();
    let closed = ClosedPort::reserve();
    let cut = RawServer::start([vec![Step::Read]]);
    let silent = RawServer::start([vec![Step::Read, Step::Hold]]);
    let mute = RawServer::start([vec![Step::Hold]]);
    let https = |server: &RawServer| server.endpoint().replace("http", "https");
    for (case, builder, hint) in [
        ("refused", quick(&closed.endpoint()), unreachable),
        ("cut", quick(&cut.endpoint()), unreachable),
        (
            "no name",
            quick("https://ims.invalid").attempt_timeout(Duration::from_secs(20)),
            "check the network and its name server; behind a company proxy, set HTTPS_PROXY",
        ),
        ("silent", quick(&silent.endpoint()), slow),
        ("call", quick(&silent.endpoint()).timeout(Duration::from_millis(200)), slow),
        (
            "connect",
            quick(&https(&mute)).connect_timeout(Duration::from_millis(100)),
            "check that this machine may reach the host; behind a company proxy, set HTTPS_PROXY; or raise \
             `connect_timeout`",
        ),
    ] {
        let error = builder.build().unwrap().exchange().await.unwrap_err();
        assert_eq!(error.hint(), Some(hint), "{case}: {error:?}");
    }
    for (response, hint) in [
        (
            MockAnswer::status(302).header("location", "https://login.example"),
            "IMS does not redirect: a proxy, a sign-in page or a wrong address responded; the secret was not sent on",
        ),
        (MockAnswer::status(200).body("<html>"), unusable),
        (MockAnswer::status(204), unusable),
    ] {
        mock.answer_next(response);
        let error = quick(mock.endpoint()).build().unwrap().exchange().await.unwrap_err();
        assert_eq!(error.hint(), Some(hint), "{error:?}");
    }
    let early = ManualClock::new();
    early.set(SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    let error = quick(mock.endpoint()).clock(early).build().unwrap().exchange().await.unwrap_err();
    assert_eq!(error.hint(), Some("set this machine's clock"));
}

fn good_parts() -> ServiceCredentialsBuilder {
    ServiceCredentials::builder()
        .client_id("client")
        .client_secret("secret")
        .org_id("org")
        .technical_account_id("account")
        .metascopes(["ent_aem_cloud_api"])
        .private_key(RSA_2048_PKCS8)
}

/// P7: a report has everything, on lines of its own.
#[tokio::test]
async fn a_report_has_sentence_hint_and_debug_id() {
    let mock = MockIms::start().await.unwrap();
    let response = MockAnswer::refuse("invalid_scope", "no").header("x-debug-id", "d-1");
    mock.answer_always(response);
    let error = client(&mock, CredentialsFile::new().read().unwrap()).exchange().await.unwrap_err();
    let expected = format!(
        "IMS refused the request: 400 invalid_scope: no\n  hint: {}\n  debug id for Adobe's support: d-1",
        error.hint().unwrap()
    );
    assert_eq!(error.report().to_string(), expected);
}

async fn refused(mock: &MockIms, credentials: ServiceCredentials, status: u16, code: &str, description: &str) -> Error {
    let body = match description {
        "" => format!(r#"{{"error":"{code}"}}"#),
        _ => format!(r#"{{"error":"{code}","error_description":"{description}"}}"#),
    };
    mock.answer_always(MockAnswer::status(status).body(body));
    client(mock, credentials).exchange().await.unwrap_err()
}

fn client(mock: &MockIms, credentials: ServiceCredentials) -> ImsClient {
    ImsClient::builder(credentials).danger_endpoint(mock.endpoint()).max_attempts(1).build().unwrap()
}
