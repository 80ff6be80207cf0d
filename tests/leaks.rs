//! Secrets are planted, everything is made to fail, and all output is searched: errors with their chains, logs and spans
//! at the lowest level, of this crate and of the layers below it, and panic messages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod support;

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adobe_ims::{Error, ErrorKind, ImsClient, ImsClientBuilder, ServiceCredentials};
use support::material::{
    CLIENT_SECRET, CredentialsFile, EC_PKCS8, EC_SEC1, ED25519, ENCRYPTED_PKCS1, ENCRYPTED_PKCS8, RSA_1024,
    RSA_2048_PKCS1, RSA_2048_PKCS8, RSA_2048_PUBLIC, RSA_PSS, der, parts, printed,
};
use support::raw::{ClosedPort, RawServer, Step};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.VG9rZW5NYXJrZXIwMTIzNDU2Nzg5.VG9rZW5TaWduYXR1cmVNYXJrZXI";
const PROXY_PASSWORD: &str = "PROXY-PASSWORD-MARKER";
const PASSPHRASE: &str = "PASSPHRASE-MARKER-0123456789";

/// S2, S3, S4: no error with its causes (of at least a hundred), no log and no panic shows twelve characters of a secret.
#[test]
fn no_error_log_or_panic_shows_a_piece_of_a_secret() {
    let logs = Logs::capture();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (errors, mut secrets) = runtime.block_on(async {
        let mut errors = errors_of_credentials();
        errors.extend(errors_of_settings());
        errors.extend(errors_of_connections().await);
        let (responses, assertions) = errors_of_responses().await;
        errors.extend(responses);
        (errors, assertions)
    });
    assert!(errors.len() >= 100, "only {} errors", errors.len());
    secrets.extend(key_in_every_form(RSA_2048_PKCS1));
    secrets.extend(key_in_every_form(RSA_2048_PKCS8));
    secrets.extend([CLIENT_SECRET, TOKEN, PROXY_PASSWORD, PASSPHRASE].map(str::to_owned));

    let logged = logs.text();
    // The search needs something to search: our spans and events, and records of the layers below.
    for expected in ["ims_exchange", "attempt failed", "attempt succeeded", "debug_id", "reqwest"] {
        assert!(logged.contains(expected), "no {expected} in the logs");
    }
    assert!(!logged.contains("panicked"), "something panicked: {logged}");
    let pieces: HashSet<&[u8]> = secrets.iter().flat_map(|secret| secret.as_bytes().windows(PIECE)).collect();
    let texts = errors.iter().map(printed).chain([logged]);
    for text in texts {
        if let Some(piece) = text.as_bytes().windows(PIECE).find(|piece| pieces.contains(piece)) {
            panic!("{:?} in {text}", String::from_utf8_lossy(piece));
        }
    }
    // Each kind that a call can end with was among them.
    let kinds: HashSet<ErrorKind> = errors.iter().map(Error::kind).collect();
    for kind in [
        ErrorKind::Config,
        ErrorKind::Connect,
        ErrorKind::Credentials,
        ErrorKind::Key,
        ErrorKind::Rejected,
        ErrorKind::Response,
        ErrorKind::Server,
        ErrorKind::Throttled,
        ErrorKind::Timeout,
    ] {
        assert!(kinds.contains(&kind), "no error of kind {kind:?}");
    }
}

const PIECE: usize = 12;

/// The file cut, mistyped and mixed up in many ways, always with the secrets in it.
fn errors_of_credentials() -> Vec<Error> {
    let file = CredentialsFile::new();
    let json = file.to_json();
    let mut texts: Vec<String> = (1..40).map(|part| json[..json.len() * part / 40].to_owned()).collect();
    texts.push(json.replace("\"clientSecret\": \"", "\"clientSecret\": [\""));
    texts.push(json.replace("\"clientSecret\"", "\"clientId\""));
    texts.push(json.replace("\"ok\": true", "\"ok\": false"));
    texts.push(json.replace("\"imsEndpoint\"", &format!("\"{CLIENT_SECRET}\"")));
    texts.push(json.replace('{', "["));
    texts.push(format!("{json}{CLIENT_SECRET}"));
    texts.push(CLIENT_SECRET.to_owned());
    texts.push(RSA_2048_PKCS1.to_owned());
    let long_secret = format!("{CLIENT_SECRET}\n{}", "x".repeat(2000));
    let mut files = vec![file.clone().with("integration.technicalAccount.clientSecret", long_secret.as_str())];
    let fields = ["imsEndpoint", "metascopes", "id", "org", "privateKey", "technicalAccount.clientId"];
    for field in fields.map(|field| format!("integration.{field}")) {
        files.push(file.clone().with(&field, 7));
        files.push(file.clone().with(&field, format!("{CLIENT_SECRET} \u{1b}[31m").as_str()));
        files.push(file.clone().with(&field, format!("{CLIENT_SECRET}{}", "x".repeat(20_000)).as_str()));
        files.push(file.clone().without(&field));
    }
    let keys = [EC_PKCS8, EC_SEC1, ED25519, ENCRYPTED_PKCS1, ENCRYPTED_PKCS8, RSA_1024, RSA_2048_PUBLIC, RSA_PSS];
    files.extend(keys.map(|key| file.clone().key(key)));
    for cut in [100, 400, 900, 1600] {
        files.push(file.clone().key(&RSA_2048_PKCS1[..cut]));
        files.push(file.clone().key(&RSA_2048_PKCS1.replacen("\nMII", "\n!MII", 1)[..cut]));
    }
    files.push(file.clone().key(&RSA_2048_PKCS1.replacen('/', "*", 3)));
    files.push(file.key(&RSA_2048_PKCS8.replace("-----", "")[..1000]));
    let encrypted = [ENCRYPTED_PKCS1, ENCRYPTED_PKCS8, include_str!("fixtures/encrypted.scrypt.pem")];
    let encrypted = encrypted.map(|key| parts().private_key(key).passphrase(PASSPHRASE).build().unwrap_err());
    let of_files = files.iter().filter_map(|file| file.read().err());
    let of_texts = texts.iter().filter_map(|text| ServiceCredentials::from_json(text).err());
    of_files.chain(of_texts).chain(encrypted).collect()
}

fn errors_of_settings() -> Vec<Error> {
    let builder = || ImsClient::builder(CredentialsFile::new().read().unwrap());
    let proxy = format!("http://user:{PROXY_PASSWORD}@127.0.0.1:1");
    [
        builder().danger_endpoint(format!("https://user:{CLIENT_SECRET}@ims.invalid")),
        builder().danger_endpoint(format!("https://ims.invalid/?secret={CLIENT_SECRET}")),
        builder().danger_endpoint(format!("http://{CLIENT_SECRET}")),
        builder().danger_endpoint(CLIENT_SECRET),
        builder().proxy(format!("{PROXY_PASSWORD}://")),
        builder().proxy(format!("http://{PROXY_PASSWORD}:{PROXY_PASSWORD}@")),
        builder().proxy(proxy.as_str()).danger_endpoint("http://127.0.0.1:1"),
        builder().proxy(proxy.as_str()).no_proxy(),
        builder().root_certificate(RSA_2048_PKCS1),
        builder().root_certificate(CLIENT_SECRET),
        builder().user_agent(format!("{CLIENT_SECRET}\n")),
        builder().timeout(Duration::ZERO),
    ]
    .map(|builder| builder.build().unwrap_err())
    .into()
}

/// Connections that are refused, cut, reset, silent, or through a proxy that does not exist.
async fn errors_of_connections() -> Vec<Error> {
    let proxy = format!("http://user:{PROXY_PASSWORD}@127.0.0.1:1");
    let mut builders = vec![
        quick().danger_endpoint(ClosedPort::reserve().endpoint()),
        quick().danger_endpoint(ClosedPort::reserve().endpoint().replace("http", "https")),
        quick().danger_endpoint("https://ims.invalid").proxy(proxy),
    ];
    let scripts = [
        vec![],
        vec![Step::Read],
        vec![Step::Read, Step::Reset],
        vec![Step::Read, Step::Hold],
        vec![Step::Read, Step::write("HTTP/1.1 200 OK\r\n")],
        vec![Step::Read, Step::write("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{")],
        vec![Step::Read, Step::write(format!("{CLIENT_SECRET}\r\n\r\n"))],
        vec![Step::Read, Step::write(format!("HTTP/1.1 200 {CLIENT_SECRET}\r\n{TOKEN}\r\n\r\n"))],
    ];
    let servers = scripts.map(|script| RawServer::start([script]));
    builders.extend(servers.iter().map(|server| quick().danger_endpoint(server.endpoint())));
    builders.extend(servers.iter().map(|server| quick().danger_endpoint(server.endpoint().replace("http", "https"))));
    let mut errors = Vec::new();
    for builder in builders {
        errors.push(builder.build().unwrap().exchange().await.unwrap_err());
    }
    errors
}

/// A server that echoes everything it received, and a token, in every part of its responses; the assertions it received.
async fn errors_of_responses() -> (Vec<Error>, Vec<String>) {
    let server = MockServer::start().await;
    let ims = quick().danger_endpoint(server.uri()).build().unwrap();
    let mut errors = Vec::new();
    let statuses = [200, 201, 302, 400, 401, 403, 404, 407, 408, 422, 429, 500, 502, 503];
    for status in statuses {
        for shape in 0..5 {
            server.reset().await;
            Mock::given(any()).respond_with(move |request: &Request| echo(status, shape, request)).mount(&server).await;
            errors.extend(ims.exchange().await.err());
        }
    }
    let received = server.received_requests().await.unwrap();
    let mut assertions: Vec<String> = received.iter().map(|request| form(request)["jwt_token"].clone()).collect();
    server.reset().await;
    let granted = format!(r#"{{"access_token":"{TOKEN}","token_type":"bearer","expires_in":86399999}}"#);
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(granted)).mount(&server).await;
    ims.exchange().await.unwrap();
    assertions.push(form(&server.received_requests().await.unwrap()[0])["jwt_token"].clone());
    (errors, assertions)
}

fn echo(status: u16, shape: u8, request: &Request) -> ResponseTemplate {
    let form = form(request);
    let (secret, assertion) = (&form["client_secret"], &form["jwt_token"]);
    let echoed = format!("{secret} {assertion} {TOKEN}");
    let error = |code: &str, description: &str| {
        serde_json::json!({ "error": code, "error_description": description }).to_string()
    };
    let half = &assertion[assertion.len() / 3..assertion.len() / 3 + 14];
    let body = match shape {
        0 => error("invalid_token", &format!("{secret}: {assertion}")),
        1 => error(&format!("{secret}{assertion}"), &format!("{half}\u{1b}[31m{secret}")),
        2 => format!("<html>{echoed}</html>"),
        3 => format!(r#"{{"access_token":"{TOKEN} {secret}","expires_in":1,"token_type":"{secret}"}}"#),
        _ => format!(r#"{{"access_token":["{TOKEN}"],"message":"{secret}","error_code":"{assertion}"}}"#),
    };
    ResponseTemplate::new(status)
        .insert_header("x-debug-id", format!("d {secret}").as_str())
        .insert_header("retry-after", secret.as_str())
        .insert_header("location", format!("https://{secret}.example/{assertion}").as_str())
        .set_body_string(body)
}

fn form(request: &Request) -> std::collections::HashMap<String, String> {
    form_urlencoded::parse(&request.body).into_owned().collect()
}

fn quick() -> ImsClientBuilder {
    ImsClient::builder(CredentialsFile::new().read().unwrap())
        .max_attempts(1)
        .timeout(Duration::from_millis(500))
        .root_certificate(support::material::CERTIFICATE)
}

/// As PEM lines, as bytes in decimal and in hexadecimal, as `Debug` and JSON would write them.
fn key_in_every_form(pem: &str) -> Vec<String> {
    let der = der(pem);
    let joined = |separator: &str| der.iter().map(u8::to_string).collect::<Vec<_>>().join(separator);
    let mut forms: Vec<String> = pem.lines().filter(|line| !line.starts_with('-')).map(str::to_owned).collect();
    forms.push(joined(", "));
    forms.push(joined(","));
    forms.push(der.iter().map(|byte| format!("{byte:02x}")).collect());
    forms.push(der.iter().map(|byte| format!("{byte:02X}")).collect());
    forms
}

/// All that is logged in this process, at the lowest level, and all panic messages.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    fn capture() -> Self {
        let logs = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(logs.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log::set_boxed_logger(Box::new(logs.clone())).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        let panics = logs.clone();
        std::panic::set_hook(Box::new(move |panic| {
            panics.0.lock().unwrap().extend(format!("panicked: {panic}\n").as_bytes());
        }));
        logs
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// reqwest and hyper log through `log`. The server of the test logs too, but it is not ours.
impl log::Log for Logs {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if !record.target().starts_with("wiremock") {
            let line = format!("{} {}\n", record.target(), record.args());
            self.0.lock().unwrap().extend(line.as_bytes());
        }
    }

    fn flush(&self) {}
}
