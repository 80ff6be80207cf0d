//! The bytes of a credentials file: bounded, decoded, and told apart by their keys. Messages of the
//! JSON reader are never shown, because they print the value they tripped over.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use zeroize::Zeroizing;

use crate::error::{Cause, CredentialsError, Error};

/// The kinds of file that Adobe's tools write, by the keys at their top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// AEM Developer Console, as downloaded: an `integration` inside.
    Service,
    /// The inner part of it alone.
    ServiceUnwrapped,
    /// Anything else, in words.
    Other(&'static str),
}

/// Reads a file up to the limit and not a byte more.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let unreadable = |error: io::Error| {
        Error::caused(CredentialsError::Unreadable, Cause::from_chain(Some(&error)))
            .in_source(path.display().to_string())
    };
    // Room for one byte too many: the buffer never grows, so no copy is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_FILE.saturating_add(64)));
    let file = File::open(path).map_err(unreadable)?;
    let limit = u64::try_from(LONGEST_FILE).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Checks length and encoding; takes a byte order mark off.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Error> {
    if bytes.len() > LONGEST_FILE {
        return Err(CredentialsError::TooLarge { limit: LONGEST_FILE }.into());
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.iter().take(4).any(|b| *b == 0) {
        return Err(CredentialsError::Encoding { found: "UTF-16 or binary" }.into());
    }
    let text =
        std::str::from_utf8(bytes).map_err(|_| CredentialsError::Encoding { found: "binary or another encoding" })?;
    // Blank lines stay, so that lines are counted as in the file.
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(CredentialsError::Empty.into());
    }
    if text.trim_start().starts_with("-----BEGIN") {
        return Err(
            CredentialsError::Kind { found: "a PEM file", expected: "the JSON of AEM service credentials" }.into()
        );
    }
    Ok(text)
}

/// Which file is this? Looks at the keys alone: a `serde_json::Value` would hide duplicates.
pub(super) fn kind(text: &str) -> Result<Kind, Error> {
    if !text.trim_start().starts_with('{') {
        if text.trim_end().ends_with(".json") && !text.trim_end().contains(['\n', '"']) {
            return Ok(Kind::Other("the name of a file, which `from_file` reads"));
        }
        parse::<IgnoredAny>(text)?;
        return Ok(Kind::Other("JSON without an object"));
    }
    let keys: Keys = parse(text)?;
    Ok(if keys.ok == Some(false) || keys.status_code.is_some_and(|status| status != 200) {
        Kind::Other("an error answer of the Developer Console, saved as a file")
    } else if keys.integration.is_some() {
        Kind::Service
    } else if keys.access_token.is_some() {
        Kind::Other("a local development token of AEM's Developer Console")
    } else if [&keys.technical_account, &keys.ims_endpoint, &keys.private_key]
        .iter()
        .filter(|key| key.is_some())
        .count()
        > 1
    {
        Kind::ServiceUnwrapped
    } else if keys.project.is_some() {
        Kind::Other("a project download of the Adobe Developer Console")
    } else if keys.upper_client_id.is_some() || keys.upper_client_secrets.is_some() {
        Kind::Other("an OAuth Server-to-Server download of the Adobe Developer Console")
    } else if keys.jwt_payload.is_some() {
        Kind::Other("a JWT configuration of Adobe's aio command line")
    } else if keys.client_id.is_some() && (keys.snake_private_key.is_some() || keys.meta_scopes.is_some()) {
        Kind::Other("a JWT context of Adobe's aio-lib-ims")
    } else if keys.client_id.is_some() && (keys.client_secrets.is_some() || keys.scopes.is_some()) {
        Kind::Other("an OAuth Server-to-Server context of Adobe's aio-lib-ims")
    } else {
        Kind::Other("JSON of an unknown kind")
    })
}

pub(super) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| {
        // The first words of the reader's message are its own; what follows may be a value.
        let message = error.to_string();
        let problem = match error.classify() {
            Category::Eof => "it ends too early",
            Category::Data if message.starts_with("duplicate field") => "a key stands there twice",
            Category::Data => "a value has another type than it should",
            _ if message.starts_with("invalid escape") => {
                "a backslash is followed by a character that JSON does not know"
            }
            _ => "its syntax is wrong",
        };
        CredentialsError::Json { problem, line: error.line(), column: error.column() }.into()
    })
}

/// All keys by which the kinds differ.
#[derive(Deserialize)]
struct Keys {
    ok: Option<bool>,
    #[serde(rename = "statusCode")]
    status_code: Option<i64>,
    #[serde(rename = "accessToken")]
    access_token: Option<IgnoredAny>,
    integration: Option<IgnoredAny>,
    #[serde(rename = "imsEndpoint")]
    ims_endpoint: Option<IgnoredAny>,
    #[serde(rename = "technicalAccount")]
    technical_account: Option<IgnoredAny>,
    #[serde(rename = "privateKey")]
    private_key: Option<IgnoredAny>,
    project: Option<IgnoredAny>,
    #[serde(rename = "CLIENT_ID")]
    upper_client_id: Option<IgnoredAny>,
    #[serde(rename = "CLIENT_SECRETS")]
    upper_client_secrets: Option<IgnoredAny>,
    client_id: Option<IgnoredAny>,
    client_secrets: Option<IgnoredAny>,
    scopes: Option<IgnoredAny>,
    #[serde(rename = "private_key")]
    snake_private_key: Option<IgnoredAny>,
    meta_scopes: Option<IgnoredAny>,
    jwt_payload: Option<IgnoredAny>,
}

/// AEM's file has about 5 KB.
const LONGEST_FILE: usize = 64 * 1024;
