//! Requests that are right until a test spoils them, and what comes back.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use adobe_ims::Clock;
use adobe_ims::testing::{MockIms, MockImsBuilder};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// A form to one of the endpoints.
#[derive(Clone)]
pub struct FormRequest {
    pub path: String,
    pub content_type: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub fields: Vec<(String, String)>,
}

impl FormRequest {
    pub fn new(path: &str, fields: &[(&str, &str)]) -> Self {
        Self {
            path: path.to_owned(),
            content_type: "application/x-www-form-urlencoded",
            headers: vec![("user-agent", "a test".to_owned())],
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    /// A client credentials request by the file of the OAuth credential, with its first secret.
    pub fn client_credentials(ims: &MockIms) -> Self {
        Self::client_credentials_by(&oauth_file(ims))
    }

    pub fn client_credentials_by(file: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let scopes: Vec<_> = file["SCOPES"].as_array().unwrap().iter().map(text).collect();
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &text(&file["CLIENT_ID"])),
            ("client_secret", &text(&file["CLIENT_SECRETS"][0])),
            ("scope", &scopes.join(",")),
        ];
        Self::new("/ims/token/v3", &fields)
    }

    pub fn field(&mut self, name: &str, value: &str) {
        self.drop_field(name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    pub fn drop_field(&mut self, name: &str) {
        self.fields.retain(|(known, _)| known != name);
    }

    pub async fn send(&self, ims: &MockIms) -> Answer {
        self.send_body(ims, form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()).await
    }

    pub async fn send_multipart(&self, ims: &MockIms) -> Answer {
        let form = Self { content_type: "multipart/form-data; boundary=limit", ..self.clone() };
        form.send_body(ims, self.multipart()).await
    }

    pub fn multipart(&self) -> String {
        let part = |(name, value): &(String, String)| {
            format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        self.fields.iter().map(part).collect::<String>() + "--limit--\r\n"
    }

    pub async fn send_body(&self, ims: &MockIms, body: String) -> Answer {
        let mut request = http_client().post(format!("{}{}", ims.endpoint(), self.path));
        request = request.header("content-type", self.content_type).body(body);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }
}

/// A JWT exchange.
pub struct JwtRequest {
    pub form: FormRequest,
    pub header: Value,
    pub claims: Map<String, Value>,
    pub key: Arc<RsaKeyPair>,
}

impl JwtRequest {
    pub fn of(ims: &MockIms) -> Self {
        Self::by(&service_file(ims))
    }

    /// By a credentials file, which may be older than the mock's own.
    pub fn by(file: &Value) -> Self {
        let file = &file["integration"];
        let account = &file["technicalAccount"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let host = text(&file["imsEndpoint"]);
        let client_id = text(&account["clientId"]);
        let claims = json!({
            "exp": NOW + 300,
            "iss": file["org"],
            "sub": file["id"],
            "aud": format!("https://{host}/c/{client_id}"),
            (format!("https://{host}/s/ent_aem_cloud_api")): true,
        });
        let fields =
            [("client_id", &*client_id), ("client_secret", &text(&account["clientSecret"])), ("jwt_token", "\0")];
        Self {
            form: FormRequest::new("/ims/exchange/jwt", &fields),
            header: json!({"alg": "RS256", "typ": "JWT"}),
            claims: claims.as_object().unwrap().clone(),
            key: Arc::new(RsaKeyPair::from_der(&unarmoured(file["privateKey"].as_str().unwrap())).unwrap()),
        }
    }

    pub fn claim(&mut self, name: &str, value: impl Into<Value>) {
        self.claims.insert(name.to_owned(), value.into());
    }

    pub fn drop_claim(&mut self, name: &str) {
        self.claims.remove(name).unwrap();
    }

    pub fn assertion(&self) -> String {
        let part = |value: &dyn Fn() -> Vec<u8>| URL_SAFE_NO_PAD.encode(value());
        let header = part(&|| serde_json::to_vec(&self.header).unwrap());
        let claims = part(&|| serde_json::to_vec(&self.claims).unwrap());
        let signed = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The form as sent: the assertion signed now, unless a test has put something else there.
    pub fn signed(&self) -> FormRequest {
        let mut form = self.form.clone();
        for (_, value) in form.fields.iter_mut().filter(|(_, value)| value == "\0") {
            *value = self.assertion();
        }
        form
    }

    pub async fn send(&self, ims: &MockIms) -> Answer {
        self.signed().send(ims).await
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} {:?}", self.status, self.body))
    }

    #[track_caller]
    pub fn token(&self) -> &str {
        let start = self.body.split("\"access_token\":\"").nth(1).unwrap_or_else(|| panic!("{}", self.body));
        start.split('"').next().unwrap()
    }

    /// Status, `error` and `error_description` of a refusal.
    #[track_caller]
    pub fn refusal(&self) -> (u16, String, String) {
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{}", self.body)).to_owned();
        (self.status, text("error"), text("error_description"))
    }
}

#[derive(Clone)]
pub struct HandClock(Arc<Mutex<SystemTime>>);

impl HandClock {
    pub fn set(&self, seconds: u64) {
        *self.0.lock().unwrap() = at(seconds);
    }
}

impl Clock for HandClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    fn monotonic(&self) -> Instant {
        panic!("the mock uses only the wall clock")
    }
}

pub fn builder() -> (MockImsBuilder, HandClock) {
    let clock = HandClock(Arc::new(Mutex::new(at(NOW))));
    (MockIms::builder().clock(clock.clone()), clock)
}

pub async fn mock() -> (MockIms, HandClock) {
    let (builder, clock) = builder();
    (builder.start().await.unwrap(), clock)
}

pub fn service_file(ims: &MockIms) -> Value {
    serde_json::from_str(&ims.credentials_json()).unwrap()
}

pub fn oauth_file(ims: &MockIms) -> Value {
    serde_json::from_str(&ims.oauth_credentials_json()).unwrap()
}

/// Whatever proxy the machine is set up with: these requests stay on it.
pub fn http_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub fn decode(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
    assert_eq!(parts.next().unwrap().len(), 256);
    (serde_json::from_slice(&header).unwrap(), serde_json::from_slice(&claims).unwrap())
}

pub fn unarmoured(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

/// 2026-09-21, 14:13:20 UTC.
pub const NOW: u64 = 1_790_000_000;

pub const CLIENT_ID: &str = "cm-p11111-e22222-integration";
pub const OAUTH_CLIENT_ID: &str = "0123456789abcdef0123456789abcdef";
pub const SCOPE: &str = "https://ims-na1.adobelogin.com/s/ent_aem_cloud_api";
pub const NO_BINDING: &str = "Could not match JWT signature to any of the bindings";
