//! Keys, certificates and credentials files for the tests. The keys are throw-away; `fixtures/make-keys.sh` made them.
#![allow(dead_code, reason = "each test root uses a part")]

use std::time::{Duration, SystemTime};

use adobe_ims::{Error, JwtSigner, ServiceCredentials, ServiceCredentialsBuilder};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

pub const RSA_2048_PKCS1: &str = include_str!("../fixtures/rsa-2048.pkcs1.pem");
/// The key of [`RSA_2048_PKCS1`] in the other form.
pub const RSA_2048_PKCS8: &str = include_str!("../fixtures/rsa-2048.pkcs8.pem");
pub const RSA_2048_PUBLIC: &str = include_str!("../fixtures/rsa-2048.public.pem");
pub const RSA_2048_PUBLIC_PKCS1: &str = include_str!("../fixtures/rsa-2048.public.pkcs1.pem");
/// The certificate of [`RSA_2048_PKCS1`], good until [`CERTIFICATE_NOT_AFTER`].
pub const CERTIFICATE: &str = include_str!("../fixtures/rsa-2048.certificate.pem");
/// A certificate of the same key that ended at [`ENDED_CERTIFICATE_NOT_AFTER`].
pub const ENDED_CERTIFICATE: &str = include_str!("../fixtures/rsa-2048.certificate-ended.pem");
/// A good certificate of another key.
pub const OTHER_CERTIFICATE: &str = include_str!("../fixtures/other.certificate.pem");

/// A key store with [`RSA_2048_PKCS1`] and [`CERTIFICATE`].
pub const PKCS12: &[u8] = include_bytes!("../fixtures/rsa-2048.p12");

pub const RSA_3072_PKCS8: &str = include_str!("../fixtures/rsa-3072.pkcs8.pem");
pub const RSA_3072_PUBLIC_PKCS1: &str = include_str!("../fixtures/rsa-3072.public.pkcs1.pem");
pub const RSA_4096_PKCS8: &str = include_str!("../fixtures/rsa-4096.pkcs8.pem");
pub const RSA_4096_PUBLIC_PKCS1: &str = include_str!("../fixtures/rsa-4096.public.pkcs1.pem");

pub const RSA_1024: &str = include_str!("../fixtures/rsa-1024.pkcs1.pem");
pub const RSA_16384: &str = include_str!("../fixtures/rsa-16384.pkcs1.pem");
pub const RSA_PSS: &str = include_str!("../fixtures/rsa-pss.pkcs8.pem");
pub const EC_SEC1: &str = include_str!("../fixtures/ec-p256.sec1.pem");
pub const EC_PKCS8: &str = include_str!("../fixtures/ec-p256.pkcs8.pem");
pub const ED25519: &str = include_str!("../fixtures/ed25519.pkcs8.pem");
pub const ENCRYPTED_PKCS1: &str = include_str!("../fixtures/rsa-2048.encrypted.pkcs1.pem");
pub const ENCRYPTED_PKCS8: &str = include_str!("../fixtures/rsa-2048.encrypted.pkcs8.pem");

pub const CLIENT_ID: &str = "cm-p11111-e22222-integration";
pub const CLIENT_SECRET: &str = "s8e-MARKER-0123456789-abcdef";
pub const ORG_ID: &str = "1111222233334444AAAA5555@AdobeOrg";
pub const TECHNICAL_ACCOUNT_ID: &str = "AAAABBBBCCCCDDDD0A49AAAA@techacct.adobe.com";
pub const IMS_HOST: &str = "ims-na1.adobelogin.com";
pub const METASCOPE: &str = "ent_aem_cloud_api";

pub const OAUTH_CLIENT_ID: &str = "0123456789abcdef0123456789abcdef";
pub const OAUTH_SECRET: &str = "p8e-MARKER-fedcba-9876543210";
pub const OTHER_OAUTH_SECRET: &str = "p8e-MARKER-other-5647382910";
pub const SCOPES: [&str; 3] = ["openid", "AdobeID", "read_organizations"];

/// 2125-01-01 00:00:00 UTC.
pub const CERTIFICATE_NOT_AFTER: u64 = 4_891_363_200;
/// 2024-01-01 00:00:00 UTC.
pub const ENDED_CERTIFICATE_NOT_AFTER: u64 = 1_704_067_200;

/// The key as the file has it when it is downloaded: PKCS#1, and CRLF at the end of each line.
pub fn pkcs1_crlf() -> String {
    RSA_2048_PKCS1.replace('\n', "\r\n")
}

/// What stands between the armour lines.
#[track_caller]
pub fn der(pem: &str) -> Vec<u8> {
    let body = pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    STANDARD.decode(body).unwrap()
}

/// The other way round: armour lines, and 64 characters to a line.
pub fn armour(label: &str, der: &[u8]) -> String {
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        pem.extend(line.iter().copied().map(char::from));
        pem.push('\n');
    }
    pem + &format!("-----END {label}-----\n")
}

pub fn unix(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The file of the AEM Developer Console, as downloaded until a part is changed. A part is named by its JSON path.
#[derive(Clone, Debug)]
pub struct CredentialsFile(Value);

impl CredentialsFile {
    pub fn new() -> Self {
        Self(json!({
            "ok": true,
            "integration": {
                "imsEndpoint": IMS_HOST,
                "metascopes": METASCOPE,
                "technicalAccount": { "clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET },
                "email": "0a1b2c3d-0000-4000-8000-00000000abcd@techacct.adobe.com",
                "id": TECHNICAL_ACCOUNT_ID,
                "org": ORG_ID,
                "privateKey": pkcs1_crlf(),
                "publicKey": CERTIFICATE.replace('\n', "\r\n"),
            },
            "statusCode": 200,
        }))
    }

    /// The inner part alone, without the wrapper; paths then start there.
    pub fn unwrapped(self) -> Self {
        Self(self.0["integration"].clone())
    }

    pub fn key(self, pem: &str) -> Self {
        self.with("integration.privateKey", pem)
    }

    pub fn certificate(self, pem: &str) -> Self {
        self.with("integration.publicKey", pem)
    }

    pub fn host(self, host: &str) -> Self {
        self.with("integration.imsEndpoint", host)
    }

    pub fn metascopes(self, metascopes: impl Into<Value>) -> Self {
        self.with("integration.metascopes", metascopes)
    }

    pub fn client_id(self, id: &str) -> Self {
        self.with("integration.technicalAccount.clientId", id)
    }

    #[track_caller]
    pub fn with(mut self, path: &str, value: impl Into<Value>) -> Self {
        let (parent, name) = self.locate(path);
        parent[name] = value.into();
        self
    }

    #[track_caller]
    pub fn without(mut self, path: &str) -> Self {
        let (parent, name) = self.locate(path);
        let removed = parent.as_object_mut().and_then(|parent| parent.remove(name));
        assert!(removed.is_some(), "the file has no {path}");
        self
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap()
    }

    pub fn read(&self) -> Result<ServiceCredentials, Error> {
        ServiceCredentials::from_json(self.to_json())
    }

    #[track_caller]
    fn locate<'a>(&mut self, path: &'a str) -> (&mut Value, &'a str) {
        let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
        let parent =
            parent.split('.').filter(|name| !name.is_empty()).fold(&mut self.0, |value, name| &mut value[name]);
        (parent, name)
    }
}

/// The same credentials, field by field.
pub fn parts() -> ServiceCredentialsBuilder {
    ServiceCredentials::builder()
        .client_id(CLIENT_ID)
        .client_secret(CLIENT_SECRET)
        .org_id(ORG_ID)
        .technical_account_id(TECHNICAL_ACCOUNT_ID)
        .metascopes([METASCOPE])
        .private_key(RSA_2048_PKCS1)
}

/// The credentials are those of the file as downloaded.
#[track_caller]
pub fn assert_parts(credentials: &ServiceCredentials) {
    assert_eq!(credentials.client_id(), CLIENT_ID);
    assert_eq!(credentials.org_id(), ORG_ID);
    assert_eq!(credentials.technical_account_id(), TECHNICAL_ACCOUNT_ID);
    assert_eq!(credentials.ims_host(), IMS_HOST);
    assert_eq!(credentials.metascopes().collect::<Vec<_>>(), [METASCOPE]);
}

/// A local development token as AEM's Developer Console hands it out, by what it says of itself.
pub fn development_token(created_at_ms: u64, expires_in_ms: u64) -> String {
    let claims = json!({
        "type": "access_token",
        "client_id": "aem-dev-console",
        "created_at": created_at_ms.to_string(),
        "expires_in": expires_in_ms.to_string(),
        "scope": "openid,AdobeID",
    });
    unsigned(&claims)
}

/// A JWT of these claims, with a signature that nobody checks.
pub fn unsigned(claims: &Value) -> String {
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let header = json!({ "alg": "RS256", "x5u": "ims_na1-key-at-1.cer", "kid": "ims_na1-key-at-1", "itt": "at" });
    [part(header.to_string()), part(claims.to_string()), part("MARKER-signature-0123456789".to_owned())].join(".")
}

/// The text that these credentials sign at `now`. RS256 is deterministic: the same key and claims, the same text.
#[track_caller]
pub fn assertion(credentials: &ServiceCredentials, now: SystemTime) -> String {
    let signer = JwtSigner::new(credentials).unwrap();
    signer.sign(now).unwrap().expose_secret().to_owned()
}

/// What a person is told: each level of the error, and the hint.
pub fn told(error: &Error) -> String {
    let mut told = levels(error).join(": ");
    if let Some(hint) = error.hint() {
        told.push_str("; ");
        told.push_str(hint);
    }
    told
}

/// Everything that can be printed of an error, in every form.
pub fn printed(error: &Error) -> String {
    let mut printed = format!("{}\n{error:?}\n{error:#?}\n{error:#}", told(error));
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        printed.push_str(&format!("\n{cause:?}\n{cause:#?}"));
        source = cause.source();
    }
    printed
}

/// The error and each of its causes, one text each.
pub fn levels(error: &Error) -> Vec<String> {
    let mut levels = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        levels.push(cause.to_string());
        source = cause.source();
    }
    levels
}

/// Nothing that the error prints has twelve characters of the key's base64, or a list of numbers that could be its bytes.
#[track_caller]
pub fn assert_no_key_text(error: &Error, pem: &str) {
    let printed = printed(error);
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    for run in pem.split(|c| !is_base64(c)) {
        for start in 0..run.len().saturating_sub(11) {
            assert!(!printed.contains(&run[start..start + 12]), "key text in {printed:?}");
        }
    }
    let is_list = |c: char| c.is_ascii_digit() || matches!(c, ',' | ' ' | '\n');
    for list in printed.split(|c| !is_list(c)) {
        assert!(list.matches(',').count() < 5, "bytes in {printed:?}");
    }
}
