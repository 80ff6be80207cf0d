//! What a success says: the access token, its life, and the ways in which a test may have them bent.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Serialize;
use serde_json::{Value, json};

use super::account::{Account, random_text};

/// How a grant differs from the one IMS gives; by default not at all.
#[derive(Clone, Default)]
pub(super) struct TokenResponse {
    pub(super) life: Option<Duration>,
    pub(super) in_seconds: bool,
    pub(super) as_text: bool,
    pub(super) without_expiry: bool,
    pub(super) token: TokenShape,
}

#[derive(Clone, Default)]
pub(super) enum TokenShape {
    #[default]
    Jwt,
    Opaque,
    Given(String),
}

impl TokenResponse {
    /// The JSON body of the answer.
    pub(super) fn body(&self, account: &Account, metascopes: &[String], now: SystemTime) -> String {
        let (stated, claimed) = match self.life {
            Some(life) => (millis(life), millis(life)),
            // IMS counts the milliseconds it took to answer.
            None => (USUAL_LIFE.saturating_sub(fastrand::u64(1..=10)), USUAL_LIFE),
        };
        let access_token = match &self.token {
            TokenShape::Jwt => access_token(account, metascopes, now, claimed),
            TokenShape::Opaque => random_text(OPAQUE_LENGTH),
            TokenShape::Given(token) => token.clone(),
        };
        let mut body = json!({ "token_type": "bearer", "access_token": access_token });
        if let (Value::Object(fields), false) = (&mut body, self.without_expiry) {
            let number = if self.in_seconds { stated / 1000 } else { stated };
            let expires_in = if self.as_text { json!(number.to_string()) } else { json!(number) };
            fields.insert("expires_in".to_owned(), expires_in);
        }
        body.to_string()
    }
}

/// A token with the header and claims of a real one. Nobody can check a real one's signature, so this one's is noise.
fn access_token(account: &Account, metascopes: &[String], now: SystemTime, life: u64) -> String {
    let created_at = millis(now.duration_since(UNIX_EPOCH).unwrap_or_default());
    let issuer = account.ims_host.split('.').next().unwrap_or_default();
    let claims = Claims {
        id: format!("{created_at}_{}_ue1", debug_id()),
        r#type: "access_token",
        client_id: &account.client_id,
        user_id: &account.technical_account_id,
        r#as: issuer,
        aa_id: &account.technical_account_id,
        ctp: 0,
        pac: "",
        moi: format!("{:08x}", fastrand::u32(..)),
        fg: random_text(26).to_uppercase(),
        c: "FAKE==",
        scope: metascopes.join(","),
        created_at: created_at.to_string(),
        expires_in: life.to_string(),
    };
    let mut signature = [0; 256];
    fastrand::fill(&mut signature);
    // A struct of texts and numbers always becomes JSON.
    let claims = serde_json::to_vec(&claims).unwrap_or_default();
    [HEADER, &claims, &signature].map(Base64UrlUnpadded::encode_string).join(".")
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

/// An id as IMS tracks requests by.
pub(super) fn debug_id() -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        fastrand::u32(..),
        fastrand::u16(..),
        fastrand::u16(..0x1000),
        fastrand::u16(..0x1000),
        fastrand::u64(..0x1_0000_0000_0000),
    )
}

fn millis(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX)
}

/// 24 hours in milliseconds, as the token itself says it.
const USUAL_LIFE: u64 = 86_400_000;

const OPAQUE_LENGTH: usize = 64;

const HEADER: &[u8] = br#"{"alg":"RS256","x5u":"ims_na1-key-at-1.cer","kid":"ims_na1-key-at-1","itt":"at"}"#;
