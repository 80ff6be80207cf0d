//! What happens to a file on its way to a service: the whole text encoded once more, or its line
//! breaks and quotes changed. Undone where the meaning is clear.

use zeroize::Zeroizing;

use super::fields;
use super::json::Node;
use crate::error::CredentialsError;
use crate::pem;

/// The JSON in a text, and the text it was read from, in which an error has its place.
pub(super) struct Document {
    pub(super) root: Node,
    pub(super) text: Zeroizing<String>,
}

impl Document {
    /// The text must already be bounded in length.
    pub(super) fn parse(text: &str) -> Result<Self, CredentialsError> {
        let mut text = Zeroizing::new(without_mark(text).to_owned());
        for _ in 0..MAX_WRAPPINGS {
            match unwrapped(&text, MAX_WRAPPINGS) {
                Some(inner) => text = Zeroizing::new(without_mark(&inner).to_owned()),
                None => break,
            }
        }
        if let Some((found, advice)) = not_json(&text) {
            return Err(CredentialsError::NotCredentials { found, advice });
        }
        // The error of the text as it was given has the right place.
        let error = match Node::parse(&text) {
            Ok(root) => return Ok(Self { root, text }),
            Err(error) => with_placeholder(error, &text),
        };
        let text = repaired(&text);
        match Node::parse(&text) {
            Ok(root) => Ok(Self { root, text }),
            Err(_) => Err(error),
        }
    }
}

/// Without a byte order mark and what precedes it. Other blank lines stay, so that lines are
/// counted as in the file.
fn without_mark(text: &str) -> &str {
    match text.trim_start().starts_with('\u{feff}') {
        true => text.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace()),
        false => text,
    }
}

/// Whether this is base64 of a file, as CI systems keep files.
pub(super) fn is_base64(text: &str) -> bool {
    decoded(text, MAX_WRAPPINGS).is_some()
}

/// One wrapping less; `None` if there is none, or none of the `depth` within holds a file.
fn unwrapped(text: &str, depth: usize) -> Option<Zeroizing<String>> {
    let text = text.trim();
    let between = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    if text.starts_with(['{', '\\']) {
        return escaped(text).or_else(|| only_value(text, depth));
    }
    if let Some(inner) = between('"') {
        // As JSON once more, or only in the quotes of a shell.
        return string(text).or_else(|| Some(Zeroizing::new(inner.to_owned())));
    }
    if let Some(inner) = between('\'') {
        return Some(Zeroizing::new(inner.to_owned()));
    }
    decoded(text, depth)
}

fn holds_file(text: &str, depth: usize) -> bool {
    let text = without_mark(text).trim_start();
    let within = || unwrapped(text, depth.checked_sub(1)?).filter(|inner| holds_file(inner, depth.saturating_sub(1)));
    text.starts_with('{') || text.contains("-----BEGIN") || within().is_some()
}

/// `{\"ok\":true}`: the inside of a JSON text.
fn escaped(text: &str) -> Option<Zeroizing<String>> {
    // No JSON begins like this.
    if !text.trim_start_matches('{').trim_start().starts_with('\\') {
        return None;
    }
    // A buffer that never grows leaves no copy behind.
    let mut quoted = Zeroizing::new(String::with_capacity(text.len().saturating_mul(2).saturating_add(2)));
    quoted.push('"');
    for (at, line) in text.split('\n').enumerate() {
        quoted.push_str(if at > 0 { "\\n" } else { "" });
        quoted.push_str(line);
    }
    quoted.push('"');
    string(&quoted)
}

/// `{"name":"{…}"}`: the value of a secret manager, under the name it has there.
fn only_value(text: &str, depth: usize) -> Option<Zeroizing<String>> {
    let Ok(Node::Object(fields)) = Node::parse(text) else { return None };
    match fields.values().collect::<Vec<_>>().as_slice() {
        [Node::Text(value)] if holds_file(value.expose(), depth) => Some(Zeroizing::new(value.expose().to_owned())),
        _ => None,
    }
}

fn string(text: &str) -> Option<Zeroizing<String>> {
    match Node::parse(text) {
        Ok(Node::Text(inner)) => Some(Zeroizing::new(inner.expose().to_owned())),
        _ => None,
    }
}

/// The text that this is base64 of, in either alphabet. Anything may be base64 of something, so
/// what comes out has to look like a file.
fn decoded(text: &str, depth: usize) -> Option<Zeroizing<String>> {
    let mut digits = Zeroizing::new(String::with_capacity(text.len()));
    for line in text.split("\\n").flat_map(|line| line.split("\\r")) {
        digits.extend(line.chars().map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        }));
    }
    let bytes = pem::base64(&digits)?;
    let inner = std::str::from_utf8(&bytes).ok()?;
    holds_file(inner, depth).then(|| Zeroizing::new(inner.to_owned()))
}

/// Line breaks inside a text, as a template leaves them, and the quotes and spaces of a program
/// that beautifies text.
fn repaired(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len().saturating_mul(2)));
    let (mut inside, mut after_backslash) = (false, false);
    for c in text.chars() {
        let c = if matches!(c, '\u{201c}' | '\u{201d}') { '"' } else { c };
        match c {
            '\n' if inside => out.push_str("\\n"),
            '\r' if inside => out.push_str("\\r"),
            '\t' if inside => out.push_str("\\t"),
            '\u{a0}' if !inside => out.push(' '),
            other => out.push(other),
        }
        inside ^= c == '"' && !after_backslash;
        after_backslash = c == '\\' && !after_backslash;
    }
    out
}

/// Text that is not JSON at all: what it is, and what to do.
fn not_json(text: &str) -> Option<(&'static str, &'static str)> {
    let text = text.trim();
    if text.starts_with(['{', '[', '"']) && !text.starts_with("{{") {
        return None;
    }
    let assigns = |line: &str| {
        let name = line.trim_start_matches("export ").split_once('=').map(|(name, _)| name.trim());
        name.is_some_and(|name| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        })
    };
    let is_line_of_yaml = |line: &str| line.split_once(':').is_some_and(|(key, _)| !key.contains(char::is_whitespace));
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next().unwrap_or_default();
    if text.contains("-----BEGIN") {
        Some(("a PEM file", KEY_ONLY))
    } else if text.starts_with("eyJ") && text.matches('.').count() == 2 {
        Some(("a token, without the JSON it came in", "use the file as downloaded"))
    } else if text.starts_with('<') && text.contains("</") {
        Some(("a page in HTML or XML", "a sign-in page was probably saved in place of the file: download it again"))
    } else if fields::filled_in(text).is_err() {
        Some(("a placeholder that nothing has filled in", "fill it in with the text of the credentials file"))
    } else if text.ends_with(".json") && lines.next().is_none() {
        Some(("the name of a file", "call `Credentials::from_file` with it"))
    } else if assigns(line) {
        Some(("a file with environment variables", "load it into the environment and use `Credentials::from_env`"))
    } else if is_line_of_yaml(line) || line == "---" {
        Some(("a file in YAML", "only JSON is read: convert it, or give its values to a builder"))
    } else {
        None
    }
}

/// A template that was not filled in is the likelier reason.
fn with_placeholder(error: CredentialsError, text: &str) -> CredentialsError {
    match error {
        CredentialsError::Json { problem: "syntax error", place } if text.contains("{{") || text.contains("${") => {
            CredentialsError::Json { problem: "a placeholder in it is not filled in", place }
        }
        other => other,
    }
}

const KEY_ONLY: &str = "a key is one part of the credentials: read the JSON file it came with, and give a key that is \
                        kept apart with `Credentials::reader().private_key(..)`";
/// A file in base64 as a JSON text in a secret manager: more has not been seen.
const MAX_WRAPPINGS: usize = 3;
