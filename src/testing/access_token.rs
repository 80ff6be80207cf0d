//! What an access token looks like. Nobody can check a real one's signature, so here it is random
//! bytes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;
use serde_json::{Map, Value};

use super::clients::Client;
use super::random::{debug_id, random_text};
use super::settings::ImsHost;

/// A token with the header and claims of a real one.
pub(super) fn access_token(
    ims_host: &ImsHost,
    client: Client<'_>,
    scopes: &[String],
    now: SystemTime,
    lifetime: Duration,
) -> String {
    let created_at = millis(now.duration_since(UNIX_EPOCH).unwrap_or_default());
    let claims = Claims {
        id: format!("{created_at}_{}_ue1", debug_id()),
        r#type: "access_token",
        client_id: client.id().as_str(),
        user_id: client.technical_account_id(),
        r#as: ims_host.first_label(),
        aa_id: client.technical_account_id(),
        ctp: 0,
        pac: "",
        moi: format!("{:08x}", fastrand::u32(..)),
        fg: random_text(26).to_uppercase(),
        c: "FAKE==",
        scope: scopes.join(","),
        created_at: created_at.to_string(),
        expires_in: millis(lifetime).to_string(),
    };
    let mut signature = [0; 256];
    fastrand::fill(&mut signature);
    // A struct of texts and numbers always becomes JSON.
    let claims = serde_json::to_vec(&claims).unwrap_or_default();
    [HEADER, &claims, &signature].map(Base64UrlUnpadded::encode_string).join(".")
}

/// The claims of a token, where it has any.
pub(super) fn claims_of(token: &str) -> Option<Map<String, Value>> {
    let claims = token.split('.').nth(1)?;
    serde_json::from_slice(&Base64UrlUnpadded::decode_vec(claims).ok()?).ok()
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// In the order of a real token.
#[derive(Serialize)]
struct Claims<'a> {
    id: String,
    r#type: &'a str,
    client_id: &'a str,
    user_id: &'a str,
    r#as: &'a str,
    aa_id: &'a str,
    ctp: u8,
    pac: &'a str,
    moi: String,
    fg: String,
    c: &'a str,
    scope: String,
    created_at: String,
    expires_in: String,
}

const HEADER: &[u8] = br#"{"alg":"RS256","x5u":"ims_na1-key-at-1.cer","kid":"ims_na1-key-at-1","itt":"at"}"#;
