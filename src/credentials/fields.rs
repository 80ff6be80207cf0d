//! What one field may hold. What can't be right is refused here, before anything is signed or sent.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// `clientId`: goes into a URL (`aud`) and a form.
pub(super) fn client_id(value: &str) -> Result<(), &'static str> {
    bounded(value)?;
    match value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        true => Ok(()),
        false => Err("only letters, digits, `-`, `_` and `.` are possible"),
    }
}

/// `org` and `id`: go into claims.
pub(super) fn account(value: &str) -> Result<(), &'static str> {
    bounded(value)?;
    match value.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(()),
        false => Err("only printable ASCII characters without blanks are possible"),
    }
}

/// `clientSecret`: goes into the form. Opaque, but never with the line break of a mounted file.
pub(super) fn client_secret(value: &str) -> Result<(), &'static str> {
    if value.len() > LONGEST_SECRET {
        return Err("it is too long");
    }
    match value.bytes().all(|b| b.is_ascii_graphic()) {
        true => Ok(()),
        false => Err("it holds a blank, a line break or a character beyond ASCII"),
    }
}

/// `imsEndpoint`: the host that assertion and secret are meant for. A bare name under one of Adobe's
/// domains; `https://` in front, one slash behind and capitals are taken off.
pub(super) fn ims_host(value: &str) -> Result<String, &'static str> {
    let name = value.to_ascii_lowercase();
    let name = name.strip_prefix("https://").unwrap_or(&name);
    let name = name.strip_suffix('/').unwrap_or(name);
    if name.len() > LONGEST_HOST {
        return Err("it is too long");
    }
    if !name.split('.').all(is_label) {
        return Err("a bare host name is expected, such as ims-na1.adobelogin.com");
    }
    match ADOBE_DOMAINS.iter().any(|domain| name.strip_suffix(domain).is_some_and(|left| left.ends_with('.'))) {
        true => Ok(name.to_owned()),
        false => Err("it is no host of Adobe; to connect elsewhere, use `danger_endpoint`"),
    }
}

/// RFC 1123. That look-alikes in other alphabets stay out is the exact suffix's doing; but not everything behind `xn--`
/// is a name (RFC 5891), and Adobe has none.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !label.starts_with("xn--")
}

/// Metascopes in every spelling of Adobe's tools, as short names without repetition.
pub(super) fn metascopes<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>, &'static str> {
    let mut names: Vec<String> = Vec::new();
    for item in values.into_iter().flat_map(|value| value.split(',')) {
        let item = item.trim();
        if item.is_empty() {
            continue;
        }
        let name = short_name(item).unwrap_or_default();
        if name.is_empty()
            || name.len() > LONGEST_METASCOPE
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'))
        {
            return Err("a metascope is a short name such as ent_aem_cloud_api, or a URL that ends in /s/ and one");
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        if names.len() > MOST_METASCOPES {
            return Err("there are too many");
        }
    }
    Ok(names)
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

fn bounded(value: &str) -> Result<(), &'static str> {
    match value.len() <= LONGEST_ID {
        true => Ok(()),
        false => Err("it is too long"),
    }
}

/// Text with commas, or an array of texts: AEM writes the first, Adobe's other tools the second.
#[derive(Clone, Debug, Default)]
pub(super) struct TextOrList(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for TextOrList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrListVisitor)
    }
}

struct TextOrListVisitor;

impl<'de> Visitor<'de> for TextOrListVisitor {
    type Value = TextOrList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a list of texts")
    }

    fn visit_str<E>(self, value: &str) -> Result<TextOrList, E> {
        Ok(TextOrList(vec![value.to_owned()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<TextOrList, A::Error> {
        let mut values = Vec::new();
        while let Some(item) = items.next_element()? {
            values.push(item);
        }
        Ok(TextOrList(values))
    }
}

const ADOBE_DOMAINS: [&str; 2] = ["adobelogin.com", "adobe.com"];
const LONGEST_HOST: usize = 253;
const LONGEST_ID: usize = 256;
const LONGEST_METASCOPE: usize = 128;
const LONGEST_SECRET: usize = 1024;
const MOST_METASCOPES: usize = 64;
