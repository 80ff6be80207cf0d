//! The signed JWT of a request, decoded and not yet verified.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Map, Value};

pub(super) struct ReceivedAssertion {
    pub(super) algorithm: Option<String>,
    pub(super) claims: Map<String, Value>,
    /// Header and claims as they were signed.
    pub(super) message: String,
    pub(super) signature: Vec<u8>,
}

impl ReceivedAssertion {
    pub(super) fn decode(text: &str) -> Option<Self> {
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let header: Map<String, Value> = serde_json::from_slice(&Base64UrlUnpadded::decode_vec(header).ok()?).ok()?;
        Some(Self {
            algorithm: header.get("alg").and_then(Value::as_str).map(str::to_owned),
            claims: serde_json::from_slice(&Base64UrlUnpadded::decode_vec(claims).ok()?).ok()?,
            message: message.to_owned(),
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

    /// `None` where there is no such claim.
    pub(super) fn is_integer(&self, claim: &str) -> Option<bool> {
        self.claims.get(claim).map(|value| value.is_i64() || value.is_u64())
    }
}
