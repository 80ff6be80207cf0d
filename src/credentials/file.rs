//! The bytes of a credentials file: bounded, and decoded into text.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::{Cause, CredentialsError, Error};
use crate::redact::is_showable;

/// Reads a file up to the limit and not a byte more.
///
/// An argument that cannot be shown is described: `from_file` is called with the text of a file, or
/// with the secret itself, where a path was meant.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    read_bytes(path).map_err(|error| match not_a_path(path) {
        Some(found) => CredentialsError::NotAPath { found }.into(),
        None => {
            let error = Error::caused(CredentialsError::Unreadable, Cause::from_chain(Some(&error)));
            in_file(path, error)
        }
    })
}

/// Reads a file and what is in it. An error names the file.
pub(super) fn with<T>(path: &Path, read_it: impl FnOnce(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
    read_it(&read(path)?).map_err(|error| in_file(path, error))
}

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

fn read_bytes(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for one byte too many: the buffer never grows, so no copy is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE.saturating_add(64)));
    let file = File::open(path)?;
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What stands where a path was expected; `None` for what may be shown.
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

/// Checks length and encoding; takes a byte order mark off.
pub(super) fn text(bytes: &[u8]) -> Result<&str, CredentialsError> {
    if bytes.len() > MAX_FILE {
        return Err(CredentialsError::TooLarge { limit: MAX_FILE });
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.iter().take(4).any(|b| *b == 0) {
        return Err(CredentialsError::Encoding { found: "UTF-16 or binary" });
    }
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| CredentialsError::Encoding { found: "binary or another encoding" })?;
    // Blank lines stay, so that lines are counted as in the file.
    let text = text.trim_start_matches('\u{feff}');
    match text.trim().is_empty() {
        true => Err(CredentialsError::Empty),
        false => Ok(text),
    }
}

/// AEM's file has about 5 KB.
const MAX_FILE: usize = 64 * 1024;
