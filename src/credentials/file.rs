//! The bytes of a credentials file: bounded, and decoded into text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Cause, CredentialsError, Error};
use crate::redact::is_showable;

/// Why a file could not be read.
pub(super) enum Unreadable {
    /// An argument that cannot be shown, described: `from_file` is called with the text of a file,
    /// or with the secret itself, where a path was meant.
    NotAPath(&'static str),
    Io(io::Error),
}

/// Reads a credentials file and what is in it. An error names the file.
pub(super) fn with<T>(path: &Path, read_it: impl FnOnce(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
    read_it(&read(path)?).map_err(|error| in_file(path, error))
}

/// Reads the bytes of a credentials file.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let bytes = bounded(path, MAX_FILE).map_err(|unreadable| match unreadable {
        Unreadable::NotAPath(found) => CredentialsError::NotAPath { found }.into(),
        Unreadable::Io(error) => Error::caused(CredentialsError::Unreadable, Cause::from_chain(Some(&error))),
    });
    bytes.map_err(|error| in_file(path, error))
}

/// Names the file in an error about it, if its name can be shown.
pub(crate) fn in_file(path: &Path, error: Error) -> Error {
    match shown(path) {
        Some(name) => error.in_source(name),
        None => error,
    }
}

/// The path, if a message may repeat it.
pub(crate) fn shown(path: &Path) -> Option<&str> {
    path.to_str().filter(|name| is_showable(name))
}

/// Reads a file up to the limit and one byte more, which shows that it is larger.
pub(super) fn bounded(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
    let read = || {
        // The buffer never grows, so no copy is left behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(limit.saturating_add(64)));
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|error| match not_a_path(path) {
        Some(found) => Unreadable::NotAPath(found),
        None => Unreadable::Io(error),
    })
}

/// What was given where a path was expected; `None` for what may be shown.
fn not_a_path(path: &Path) -> Option<&'static str> {
    let Some(text) = path.to_str() else { return Some("not Unicode") };
    let start = text.trim_start();
    Some(match text {
        _ if is_showable(text) => return None,
        _ if start.is_empty() => "empty",
        _ if start.starts_with(['{', '[', '"']) => "the text of a credentials file",
        _ if text.contains("-----BEGIN") => "the text of a key or certificate (PEM)",
        _ if text.contains(char::is_control) => "a text with line breaks or control characters",
        _ => "a text that is not shown because it may be a secret",
    })
}

/// Checks length and encoding.
pub(super) fn text(bytes: &[u8]) -> Result<&str, CredentialsError> {
    if bytes.len() > MAX_FILE {
        return Err(CredentialsError::TooLarge { limit: MAX_FILE });
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.iter().take(4).any(|b| *b == 0) {
        return Err(CredentialsError::Encoding { found: "UTF-16 or binary" });
    }
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| CredentialsError::Encoding { found: "binary or another encoding" })?;
    match text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() {
        true => Err(CredentialsError::Empty),
        false => Ok(text),
    }
}

/// AEM's file has about 5 KB.
const MAX_FILE: usize = 64 * 1024;
