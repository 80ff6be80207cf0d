//! The one technical account the stand-in knows: its throw-away key, its certificate and its credentials file.
//! It decides nothing; `judge` does.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, PKCS_RSA_SHA256, SanType,
    date_time_ymd,
};
use serde::Serialize;
use x509_cert::der::asn1::{AnyRef, OctetStringRef};
use x509_cert::der::{Reader, SliceReader};

use crate::Error;

/// What IMS has on file, and the one thing it has not: the private key, for the credentials file.
pub(super) struct Account {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) org_id: String,
    pub(super) technical_account_id: String,
    pub(super) ims_host: String,
    pub(super) metascopes: Vec<String>,
    /// What `aud` and the scope claims may start with: the IMS host, and the stand-in's own address where it is accepted.
    pub(super) origins: Vec<String>,
    pub(super) certificate_not_after: SystemTime,
    certificate_pem: String,
    key: Arc<Key>,
}

impl Account {
    /// Registers the account: a fresh secret, and a certificate of this process's key from `now` on.
    pub(super) fn register(
        client_id: String,
        org_id: String,
        ims_host: String,
        metascopes: Vec<String>,
        own_address: Option<SocketAddr>,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let key = Key::of_this_process().ok_or_else(|| Error::mock("can't make a throw-away key", None))?;
        let certificate =
            certificate(&key.pair, &client_id, now).ok_or_else(|| Error::mock("can't make a certificate", None))?;
        let mut origins = vec![format!("https://{ims_host}")];
        if let Some(address) = own_address {
            for host in [address.to_string(), format!("localhost:{}", address.port())] {
                origins.push(format!("http://{host}"));
                origins.push(format!("https://{host}"));
            }
        }
        Ok(Self {
            client_id,
            client_secret: format!("s8e-{}", random_text(32)),
            org_id,
            technical_account_id: TECHNICAL_ACCOUNT_ID.to_owned(),
            ims_host,
            metascopes,
            origins,
            certificate_not_after: certificate.not_after,
            certificate_pem: certificate.pem,
            key,
        })
    }

    /// The PKCS#1 public key that a signature is checked with.
    pub(super) fn public_key(&self) -> &[u8] {
        self.key.pair.public_key_raw()
    }

    /// The file AEM's Developer Console would hand out.
    pub(super) fn credentials_json(&self) -> String {
        let file = CredentialsFile {
            ok: true,
            integration: Integration {
                ims_endpoint: &self.ims_host,
                metascopes: self.metascopes.join(","),
                technical_account: TechnicalAccount { client_id: &self.client_id, client_secret: &self.client_secret },
                email: TECHNICAL_ACCOUNT_EMAIL,
                id: &self.technical_account_id,
                org: &self.org_id,
                private_key: &self.key.pkcs1_pem,
                public_key: &self.certificate_pem,
            },
            status_code: 200,
        };
        // A struct of texts and numbers always becomes JSON.
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("client_id", &self.client_id)
            .field("org_id", &self.org_id)
            .field("ims_host", &self.ims_host)
            .field("metascopes", &self.metascopes)
            .finish_non_exhaustive()
    }
}

/// In the order of the Developer Console.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CredentialsFile<'a> {
    ok: bool,
    integration: Integration<'a>,
    status_code: u16,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Integration<'a> {
    ims_endpoint: &'a str,
    metascopes: String,
    technical_account: TechnicalAccount<'a>,
    email: &'a str,
    id: &'a str,
    org: &'a str,
    private_key: &'a str,
    public_key: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TechnicalAccount<'a> {
    client_id: &'a str,
    client_secret: &'a str,
}

struct Key {
    pair: KeyPair,
    pkcs1_pem: String,
}

impl Key {
    /// Made on first use; a failure is not kept, so that the next stand-in tries again.
    fn of_this_process() -> Option<Arc<Self>> {
        static KEY: Mutex<Option<Arc<Key>>> = Mutex::new(None);
        let mut kept = KEY.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = &*kept {
            return Some(Arc::clone(key));
        }
        let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).ok()?;
        let pkcs1_pem = pem("RSA PRIVATE KEY", pkcs1(pair.serialized_der())?);
        let key = Arc::new(Self { pair, pkcs1_pem });
        *kept = Some(Arc::clone(&key));
        Some(key)
    }
}

struct SelfSigned {
    pem: String,
    not_after: SystemTime,
}

/// What the Developer Console signs for itself, odd extensions included: whoever reads the file meets them there too.
fn certificate(key: &KeyPair, client_id: &str, now: SystemTime) -> Option<SelfSigned> {
    let not_before = Duration::from_secs(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    let not_after = not_before.checked_add(CERTIFICATE_LIFE)?;
    let epoch = date_time_ymd(1970, 1, 1);

    let mut params = CertificateParams::default();
    params.not_before = epoch.checked_add(not_before.try_into().ok()?)?;
    params.not_after = epoch.checked_add(not_after.try_into().ok()?)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, client_id);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.subject_alt_names = vec![SanType::URI("http://example.org/webid#me".try_into().ok()?)];
    let certificate = params.self_signed(key).ok()?;
    Some(SelfSigned { pem: pem("CERTIFICATE", certificate.der()), not_after: UNIX_EPOCH.checked_add(not_after)? })
}

/// The PKCS#1 key inside a PKCS#8 one: SEQUENCE { version, algorithm, OCTET STRING { key }, … }.
fn pkcs1(pkcs8: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(pkcs8).ok()?;
    reader
        .sequence(|reader| {
            let _version: u8 = reader.decode()?;
            let _algorithm: AnyRef<'_> = reader.decode()?;
            let key: &OctetStringRef = reader.decode()?;
            while !reader.is_finished() {
                let _attributes: AnyRef<'_> = reader.decode()?;
            }
            Ok::<_, x509_cert::der::Error>(key.as_bytes())
        })
        .ok()
}

/// PEM with CRLF on every platform, as the file has it; rcgen's own line ends follow the platform.
fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\r\n");
    for (place, symbol) in Base64::encode_string(der).chars().enumerate() {
        if place > 0 && place.is_multiple_of(64) {
            text.push_str("\r\n");
        }
        text.push(symbol);
    }
    text.push_str(&format!("\r\n-----END {label}-----\r\n"));
    text
}

/// Letters and digits; not from a source fit for real secrets, since nothing here is one.
pub(super) fn random_text(length: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric).take(length).collect()
}

/// As the Developer Console hands them out.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const TECHNICAL_ACCOUNT_ID: &str = "AAAABBBBCCCCDDDD0A49AAAA@techacct.adobe.com";
const TECHNICAL_ACCOUNT_EMAIL: &str = "0a1b2c3d-0000-4000-8000-00000000abcd@techacct.adobe.com";
