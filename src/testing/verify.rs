//! What IMS would say to a token request: the checks and their order, as pure functions of the request, the account and
//! a time. Descriptions that IMS is known to give are given word for word; the others are our own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

use super::account::Account;
use super::form::{Form, FormFault};

/// A token request, taken apart but not yet believed.
pub(super) struct TokenRequest {
    pub(super) form: Form,
    pub(super) assertion: Option<ReceivedAssertion>,
    parameters_in_query: bool,
}

impl TokenRequest {
    pub(super) fn read(query: Option<&str>, content_type: Option<&str>, body: &[u8]) -> Self {
        let form = Form::read(content_type, body);
        Self {
            assertion: form.get("jwt_token").and_then(ReceivedAssertion::decode),
            parameters_in_query: form_urlencoded::parse(query.unwrap_or_default().as_bytes())
                .any(|(name, _)| ["client_id", "client_secret", "jwt_token"].contains(&&*name)),
            form,
        }
    }
}

/// The signed JWT, decoded; its signature is looked at by [`verify`] alone.
pub(super) struct ReceivedAssertion {
    algorithm: Option<String>,
    claims: Map<String, Value>,
    signed: String,
    signature: Vec<u8>,
}

impl ReceivedAssertion {
    fn decode(text: &str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Map<String, Value> = serde_json::from_slice(&Base64UrlUnpadded::decode_vec(header).ok()?).ok()?;
        Some(Self {
            algorithm: header.get("alg").and_then(Value::as_str).map(str::to_owned),
            claims: serde_json::from_slice(&Base64UrlUnpadded::decode_vec(claims).ok()?).ok()?,
            signed: signed.to_owned(),
            signature: Base64UrlUnpadded::decode_vec(signature).ok()?,
        })
    }

    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.claims.get("exp")?.as_u64()?))
    }

    /// The scope claims: what stands before `/s/`, the short name, the value.
    pub(super) fn scope_claims(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.claims.iter().filter_map(|(claim, value)| {
            let (origin, name) = claim.rsplit_once("/s/")?;
            origin.starts_with("http").then_some((origin, name, value))
        })
    }

    fn is_integer(&self, claim: &str) -> Option<bool> {
        self.claims.get(claim).map(|value| value.is_i64() || value.is_u64())
    }
}

/// How IMS says no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) description: String,
}

impl Refusal {
    fn new(code: &'static str, description: impl Into<String>) -> Self {
        Self { status: 400, code, description: description.into() }
    }
}

/// The metascopes granted, or the first thing that is wrong.
pub(super) fn verify(account: &Account, request: &TokenRequest, now: SystemTime) -> Result<Vec<String>, Refusal> {
    form(request)?;
    client(account, &request.form)?;
    let assertion = well_formed(request.assertion.as_ref())?;
    audience(account, assertion)?;
    signature(account, assertion, now)?;
    expiry(assertion, now)?;
    parties(account, assertion)?;
    metascopes(account, assertion)
}

fn form(request: &TokenRequest) -> Result<(), Refusal> {
    if request.parameters_in_query {
        return Err(Refusal { status: 500, ..Refusal::new("internal_error", "Please try again later") });
    }
    match request.form.fault() {
        None => Ok(()),
        Some(FormFault::TooLarge) => {
            Err(Refusal { status: 413, ..Refusal::new("invalid_request", "the request is too large") })
        }
        Some(FormFault::NotAForm) => {
            Err(Refusal::new("invalid_request", "the body is neither an urlencoded nor a multipart form"))
        }
        Some(FormFault::RepeatedField) => Err(Refusal::new("invalid_request", "a form field is given twice")),
    }
}

fn client(account: &Account, form: &Form) -> Result<(), Refusal> {
    if form.get("jwt_token").is_none() {
        return Err(Refusal::new("invalid_token", "the jwt_token parameter is missing"));
    }
    if form.get("client_id") != Some(&account.client_id) {
        return Err(Refusal::new("invalid_client", "invalid client_id parameter"));
    }
    if form.get("client_secret") != Some(&account.client_secret) {
        return Err(Refusal::new("invalid_client", "invalid client_secret parameter"));
    }
    Ok(())
}

fn well_formed(assertion: Option<&ReceivedAssertion>) -> Result<&ReceivedAssertion, Refusal> {
    assertion
        .filter(|assertion| assertion.is_integer("exp") == Some(true) && assertion.is_integer("jti") != Some(false))
        .ok_or_else(|| Refusal::new("invalid_token", "JWT token is incorrectly formatted, and can not be decoded."))
}

fn audience(account: &Account, assertion: &ReceivedAssertion) -> Result<(), Refusal> {
    let matches = assertion.text("aud").and_then(|aud| aud.split_once("/c/")).is_some_and(|(origin, client_id)| {
        account.origins.iter().any(|known| known == origin) && client_id == account.client_id
    });
    if matches {
        return Ok(());
    }
    let (host, client_id) = (&account.ims_host, &account.client_id);
    Err(Refusal::new("invalid_client", format!("the audience of the JWT is not https://{host}/c/{client_id}")))
}

/// A binding is found by organisation, account and key; which of them does not fit, IMS does not tell.
fn signature(account: &Account, assertion: &ReceivedAssertion, now: SystemTime) -> Result<(), Refusal> {
    if assertion.algorithm.as_deref() != Some("RS256") {
        return Err(Refusal::new("invalid_signature", "the JWT is not signed with RS256"));
    }
    let stranger = |claim: &str, own: &str, domain: &str| {
        assertion.text(claim).is_some_and(|value| value != own && is_adobe_id(value, domain))
    };
    let verified = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, account.public_key())
        .verify(assertion.signed.as_bytes(), &assertion.signature)
        .is_ok();
    if verified
        && now <= account.certificate_not_after
        && !stranger("iss", &account.org_id, ORG_DOMAIN)
        && !stranger("sub", &account.technical_account_id, ACCOUNT_DOMAIN)
    {
        return Ok(());
    }
    Err(Refusal::new("invalid_token", "Could not match JWT signature to any of the bindings"))
}

fn expiry(assertion: &ReceivedAssertion, now: SystemTime) -> Result<(), Refusal> {
    // A time that can't be told is one that exp in milliseconds gives on some platforms: far ahead. A negative one is past.
    let is_negative = assertion.claims.get("exp").is_some_and(|exp| !exp.is_u64());
    let end = assertion.expires_at().and_then(|exp| exp.checked_add(SKEW));
    if is_negative || end.is_some_and(|end| end < now) {
        return Err(Refusal::new("invalid_token", "the JWT has expired"));
    }
    Ok(())
}

/// What is left after [`signature`] is either the account's own or of no known shape.
fn parties(account: &Account, assertion: &ReceivedAssertion) -> Result<(), Refusal> {
    if assertion.text("iss") != Some(&account.org_id) {
        return Err(Refusal::new("bad_request", "the iss claim is not the id of an organisation"));
    }
    if assertion.text("sub") != Some(&account.technical_account_id) {
        return Err(Refusal::new("bad_request", "the sub claim is not the id of a technical account"));
    }
    Ok(())
}

fn metascopes(account: &Account, assertion: &ReceivedAssertion) -> Result<Vec<String>, Refusal> {
    let mut granted = Vec::new();
    for (origin, name, value) in assertion.scope_claims() {
        let is_bound = account.metascopes.iter().any(|bound| bound == name);
        if !is_bound || *value != Value::Bool(true) || !account.origins.iter().any(|known| known == origin) {
            granted.clear();
            break;
        }
        granted.push(name.to_owned());
    }
    if granted.is_empty() {
        return Err(Refusal::new(
            "invalid_scope",
            "The metascopes in the JWT are not a subset of the metascopes in the binding.",
        ));
    }
    granted.sort_unstable();
    granted.dedup();
    Ok(granted)
}

/// `<24 hex>@domain`; the e-mail form of a technical account is none.
fn is_adobe_id(value: &str, domain: &str) -> bool {
    value
        .split_once('@')
        .is_some_and(|(name, at)| at == domain && name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What IMS allows between its clock and the signer's.
const SKEW: Duration = Duration::from_secs(30);

const ORG_DOMAIN: &str = "AdobeOrg";
const ACCOUNT_DOMAIN: &str = "techacct.adobe.com";
