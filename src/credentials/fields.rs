//! What one field may hold. What cannot be right is refused here, before anything is signed or
//! sent.

use super::json::{Node, Value};
use super::named::Texts;
use crate::secret::Secret;

/// `clientId`: goes into a URL (`aud`) and a form.
pub(super) fn client_id(value: &Secret) -> Result<String, &'static str> {
    let value = bounded(filled_in(value.expose())?)?;
    match value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        true => Ok(value.to_owned()),
        false => Err("only letters, digits, `-`, `_` and `.` are allowed"),
    }
}

/// The organization and the technical account: go into claims.
pub(super) fn account(value: &Secret) -> Result<String, &'static str> {
    let value = bounded(filled_in(value.expose())?)?;
    match value.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(value.to_owned()),
        false => Err("only printable ASCII characters without spaces are allowed"),
    }
}

/// `clientSecret`: goes into the form. Opaque, but never with the line break of a mounted file.
pub(super) fn client_secret(value: &Secret) -> Result<Secret, &'static str> {
    let text = filled_in(value.expose())?;
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() > MAX_SECRET {
        return Err("it is too long");
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("it contains a space, a line break or a character beyond ASCII");
    }
    match text.len() == value.expose().len() {
        true => Ok(value.clone()),
        false => Ok(Secret::from(text.to_owned())),
    }
}

/// All client secrets. Split at commas only where the source is text: in a list, each item is one.
pub(super) fn client_secrets(values: &Texts) -> Result<Vec<Secret>, &'static str> {
    let values = secret_texts(values.clone());
    let mut secrets: Vec<Secret> = Vec::new();
    for value in values.iter().filter(|value| !value.expose().trim().is_empty()) {
        let secret = client_secret(value)?;
        // Both are the caller's own: the time that this takes reveals nothing to others.
        if !secrets.iter().any(|known| known.expose() == secret.expose()) {
            secrets.push(secret);
        }
    }
    match secrets.len() {
        0 => Err("there is none"),
        1..=MAX_SECRETS => Ok(secrets),
        _ => Err("there are too many"),
    }
}

pub(super) fn secret_texts(values: Texts) -> Vec<Secret> {
    match values {
        Texts::List(values) => values,
        Texts::Text(text) => items(text.expose(), &[',']),
    }
}

/// What must be a private key: only that it is one, not yet which.
pub(super) fn private_key(value: &Secret) -> Result<Secret, &'static str> {
    filled_in(value.expose().trim())?;
    Ok(value.clone())
}

/// The passphrase of the private key, any text; an empty one is none. OpenSSL reads a line, so the
/// line break of a mounted file does not belong to it.
pub(super) fn passphrase(value: &Secret) -> Option<&str> {
    let text = value.expose().trim_end_matches(['\r', '\n']);
    Some(text).filter(|text| !text.is_empty())
}

/// `imsEndpoint`: the host that assertion and secret are meant for. A bare name under one of
/// Adobe's domains; `https://` in front, one slash behind and capitals are taken off.
pub(super) fn ims_host(value: &Secret) -> Result<String, &'static str> {
    let name = filled_in(value.expose())?.to_ascii_lowercase();
    let name = name.strip_prefix("https://").unwrap_or(&name);
    let name = name.strip_suffix('/').unwrap_or(name);
    if name.len() > MAX_HOST {
        return Err("it is too long");
    }
    if !name.split('.').all(is_label) {
        return Err("a bare host name is expected, such as ims-na1.adobelogin.com");
    }
    match ADOBE_DOMAINS.iter().any(|domain| name.strip_suffix(domain).is_some_and(|left| left.ends_with('.'))) {
        true => Ok(name.to_owned()),
        false => Err("it is not an Adobe host; to connect elsewhere, use `danger_endpoint`"),
    }
}

/// The host of an environment, as Adobe's tools name it.
pub(super) fn environment(value: &Secret) -> Result<String, &'static str> {
    match filled_in(value.expose())?.to_ascii_lowercase().as_str() {
        "prod" | "production" => Ok(PRODUCTION.to_owned()),
        "stage" => Ok(STAGE.to_owned()),
        _ => Err("`prod` or `stage` is expected"),
    }
}

/// RFC 1123. The exact suffix keeps out look-alikes in other alphabets. `xn--` is refused because
/// not everything behind it is a name (RFC 5891), and Adobe has no such host.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !label.starts_with("xn--")
}

/// Scopes in any form of a list, without repetition (RFC 6749 section 3.3, but for the comma, which
/// separates them at IMS).
pub(super) fn scopes(values: &Texts) -> Result<Vec<String>, &'static str> {
    let is_scope = |name: &str| name.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b','));
    names(values, |item| Some(item).filter(|name| is_scope(name)), "a scope is a name such as openid or AdobeID")
}

/// Metascopes in every spelling of Adobe's tools, as short names without repetition.
pub(super) fn metascopes(values: &Texts) -> Result<Vec<String>, &'static str> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
    names(
        values,
        |item| short_name(item).filter(|name| name.bytes().all(is_allowed)),
        "a metascope is a short name such as ent_aem_cloud_api, or a URL that ends in /s/ and one",
    )
}

fn names(
    values: &Texts,
    name: impl Fn(&str) -> Option<&str>,
    problem: &'static str,
) -> Result<Vec<String>, &'static str> {
    let texts = match values {
        Texts::Text(text) => std::slice::from_ref(text),
        Texts::List(texts) => texts,
    };
    let mut names: Vec<String> = Vec::new();
    for item in texts.iter().flat_map(|text| items(text.expose(), &[',', ' ', '\t', '\r', '\n'])) {
        let item = filled_in(item.expose())?;
        let name = name(item).filter(|name| (1..=MAX_SCOPE).contains(&name.len())).ok_or(problem)?;
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        if names.len() > MAX_SCOPES {
            return Err("there are too many");
        }
    }
    match names.is_empty() {
        true => Err("there is none"),
        false => Ok(names),
    }
}

/// `ent_x_sdk`, `/s/ent_x_sdk`, `s/ent_x_sdk`, `https://host/s/ent_x_sdk`: the short name.
fn short_name(item: &str) -> Option<&str> {
    match item.strip_prefix("https://") {
        Some(url) => url.split_once('/')?.1.strip_prefix("s/"),
        None => {
            let path = item.strip_prefix('/').unwrap_or(item);
            Some(path.strip_prefix("s/").unwrap_or(path))
        }
    }
}

/// The items of a list that came as text: JSON, or names with separators between them.
fn items(text: &str, separators: &[char]) -> Vec<Secret> {
    let text = unquoted(text.trim());
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    if let Some(inner) = inner {
        let list = Node::parse(text).ok().and_then(|list| Value::root(&list).texts().ok()?.value);
        return match list {
            Some(Texts::List(items)) => items,
            // As Python and YAML write lists.
            _ => split(inner, separators),
        };
    }
    split(text, separators)
}

fn split(text: &str, separators: &[char]) -> Vec<Secret> {
    let items = text.split(separators).map(|item| unquoted(item.trim()));
    items.filter(|item| !item.is_empty()).map(|item| Secret::from(item.to_owned())).collect()
}

/// The value without the quotes that a shell or an environment file left around it, if somebody has
/// filled it in.
pub(super) fn filled_in(text: &str) -> Result<&str, &'static str> {
    let text = unquoted(text);
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let encloses = |start, end| text.split_once(start).is_some_and(|(_, rest)| rest.contains(end));
    let is_wholly = |start, end| text.strip_prefix(start).is_some_and(|rest| rest.ends_with(end));
    if encloses("${", "}") || encloses("{{", "}}") || encloses("$(", ")") || encloses("#{", "}") {
        return Err("it is a placeholder that nothing has filled in");
    }
    if is_wholly("<", ">") || is_wholly("%", "%") || text.strip_prefix('$').is_some_and(is_name) {
        return Err("it is a placeholder that nothing has filled in");
    }
    match !text.is_empty() && text.chars().all(|c| matches!(c, '*' | '\u{2022}')) {
        true => Err("it is masked: copy the value itself"),
        false => Ok(text),
    }
}

/// Without one pair of quotes, and the backslashes that escaped them.
fn unquoted(text: &str) -> &str {
    const QUOTES: [(&str, &str); 5] =
        [("\\\"", "\\\""), ("\"", "\""), ("'", "'"), ("\u{201c}", "\u{201d}"), ("\u{2018}", "\u{2019}")];
    let inner = |(start, end): &(&str, &'static str)| Some((text.strip_prefix(start)?.strip_suffix(end)?, *end));
    // With a closing quote within, there are two values, each in its own quotes.
    let is_one = |inner: &str, end: &str| {
        let mut ends = inner.match_indices(end).map(|(at, _)| inner.get(..at).unwrap_or_default());
        ends.all(|before| end == "\"" && before.ends_with('\\'))
    };
    match QUOTES.iter().find_map(inner) {
        Some((inner, end)) if is_one(inner, end) => inner,
        _ => text,
    }
}

fn bounded(value: &str) -> Result<&str, &'static str> {
    match value.len() {
        0 => Err("it is empty"),
        1..=MAX_ID => Ok(value),
        _ => Err("it is too long"),
    }
}

/// "Production, all regions; the only production host in Adobe's own code and docs."
pub(super) const PRODUCTION: &str = "ims-na1.adobelogin.com";
const STAGE: &str = "ims-na1-stg1.adobelogin.com";
const ADOBE_DOMAINS: [&str; 2] = ["adobelogin.com", "adobe.com"];
const MAX_HOST: usize = 253;
const MAX_ID: usize = 256;
const MAX_SCOPE: usize = 128;
const MAX_SCOPES: usize = 64;
const MAX_SECRET: usize = 1024;
/// Adobe lets two live at a time; each one that is refused costs a request.
const MAX_SECRETS: usize = 8;
