//! Foreign text as it may appear in an error or a log: printable, bounded, without our secrets.

use base64ct::{Base64, Base64Url, Encoding};
use zeroize::Zeroizing;

/// One line without control or escape characters (RUSTSEC-2025-0055) or invisible ones, bounded.
pub(crate) fn printable(text: &str, max: usize) -> String {
    text.chars()
        .map(|c| if c.is_ascii_whitespace() { ' ' } else { c })
        .filter(|c| c.is_ascii_graphic() || *c == ' ' || is_visible_letter(*c))
        .take(max)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Unicode calls some characters letters that show nothing.
fn is_visible_letter(c: char) -> bool {
    const INVISIBLE: [char; 6] = ['\u{115f}', '\u{1160}', '\u{17b4}', '\u{17b5}', '\u{3164}', '\u{ffa0}'];
    !c.is_ascii() && c.is_alphanumeric() && !INVISIBLE.contains(&c)
}

/// Whether an argument of the caller may be repeated in a message: a short printable name that is
/// not a credential.
pub(crate) fn is_showable(name: &str) -> bool {
    let is_printable = |c: char| c.is_ascii_graphic() || c == ' ' || is_visible_letter(c);
    let is_credential = |part: &str| looks_like_credential(part) || part.chars().count() > MAX_SHOWN_PART;
    !name.is_empty()
        && name.chars().count() <= MAX_SHOWN
        && name.chars().all(|c| is_printable(c) && !matches!(c, '"' | '{' | '}' | '`'))
        && name.contains(['/', '\\', '.'])
        && !name.split(['/', '\\', '.']).any(is_credential)
}

/// The prefixes of Adobe's client secrets, of every JWT, and of base64 of a PEM block.
pub(crate) fn looks_like_credential(text: &str) -> bool {
    ["s8e-", "p8e-", "p8-", "eyJ", "LS0t", "-----"].iter().any(|prefix| text.contains(prefix))
}

/// Secrets in all the forms in which an honest intermediary echoes them: as they are, as a form
/// field, in base64 at each of its three alignments, in hex, and percent-encoded byte by byte.
pub(crate) struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self(texts.into_iter().filter(|text| !text.is_empty()).flat_map(spellings).collect())
    }

    /// The text of another party as it may appear in an error; `None` if nothing is left of it.
    pub(crate) fn clean(&self, text: &str, max: usize) -> Option<String> {
        // Longer by a piece, so that a secret across the cut is still recognised.
        let text = self.redact(&printable(text, max.saturating_add(MAX_PIECE)));
        let text: String = text.chars().take(max).collect();
        (!text.is_empty()).then_some(text)
    }

    /// Replaces every run of characters that is also in a secret, however little of it was echoed
    /// and in which case.
    fn redact(&self, text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let lower: Vec<char> = chars.iter().map(char::to_ascii_lowercase).collect();
        let mut hidden = vec![false; chars.len()];
        for secret in &self.0 {
            let width = secret.chars().count().min(MIN_REDACTED);
            for (at, window) in lower.windows(width).enumerate() {
                if secret.contains(&window.iter().collect::<String>()) {
                    hidden.iter_mut().skip(at).take(width).for_each(|hidden| *hidden = true);
                }
            }
        }
        let mut out = String::with_capacity(text.len());
        let mut before = false;
        for (c, hidden) in chars.into_iter().zip(hidden) {
            match (hidden, before) {
                (false, _) => out.push(c),
                (true, false) => out.push_str("[redacted]"),
                (true, true) => {}
            }
            before = hidden;
        }
        out
    }
}

/// In lower case, as they are compared.
fn spellings(secret: &str) -> Vec<Zeroizing<String>> {
    let hex = |separator: &'static str| {
        secret.bytes().flat_map(move |byte| {
            let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
            separator.chars().chain([digit(byte >> 4), digit(byte & 15)])
        })
    };
    let form = form_urlencoded::byte_serialize(secret.as_bytes()).flat_map(str::chars);
    let size = secret.len().saturating_mul(3);
    let mut spellings =
        vec![wiped(size, secret.chars()), wiped(size, form), wiped(size, hex("")), wiped(size, hex("%"))];
    for skipped in 0..3 {
        // Base64 encodes three bytes at a time: where the secret begins decides what it looks like.
        let aligned = secret.as_bytes().get(skipped..).unwrap_or_default();
        let whole = aligned.len().saturating_sub(aligned.len() % 3);
        let aligned = aligned.get(..whole).unwrap_or_default();
        for encoded in [Base64::encode_string(aligned), Base64Url::encode_string(aligned)] {
            let encoded = Zeroizing::new(encoded);
            spellings.push(wiped(size, encoded.chars()));
        }
    }
    spellings.retain(|text| !text.is_empty());
    spellings.dedup();
    spellings
}

/// In lower case, in a buffer that never grows: one that does leaves a copy behind.
fn wiped(size: usize, chars: impl Iterator<Item = char>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(size));
    text.extend(chars.map(|c| c.to_ascii_lowercase()));
    text
}

/// The shortest piece of a secret that is redacted.
const MIN_REDACTED: usize = 12;
/// As much of the longest spelling as `MIN_REDACTED` bytes take.
const MAX_PIECE: usize = 3 * MIN_REDACTED;
/// A path in a message.
const MAX_SHOWN: usize = 200;
/// One of its names.
const MAX_SHOWN_PART: usize = 100;

#[cfg(test)]
mod tests {
    use super::{Secrets, is_showable, printable};

    const SECRET: &str = "s8e-0123456789abcdef";

    /// A12
    #[test]
    fn a_secret_is_redacted_however_little_of_it_is_echoed() {
        let cases = [
            ("secret s8e-0123456789abcdef is wrong", "secret [redacted] is wrong"),
            ("ends 23456789abcd", "ends [redacted]"),
            ("456789abcdefs8e-01234567", "[redacted]"),
            ("s8e-0123456", "s8e-0123456"),
            ("S8E-0123456789ABC.example", "[redacted].example"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(Secrets::new([SECRET, ""]).redact(text), expected);
        }
        assert_eq!(Secrets::new(["1234"]).redact("pin is 1234"), "pin is [redacted]");
    }

    /// S19
    #[test]
    fn a_secret_is_redacted_in_the_encodings_of_honest_intermediaries() {
        let secrets = Secrets::new(["p8e-Zm9v_YmFy-QUJD0123456789xyz"]);
        // `client_secret=p8e-…` and the secret after one, two and three other bytes.
        let echoes = [
            "got Y2xpZW50X3NlY3JldD1wOGUtWm05dl9ZbUZ5LVFVSkQwMTIzNDU2Nzg5eHl6 end",
            "got eHA4ZS1abTl2X1ltRnktUVVKRDAxMjM0NTY3ODl4eXo= end",
            "got eHhwOGUtWm05dl9ZbUZ5LVFVSkQwMTIzNDU2Nzg5eHl6 end",
            "got 7038652d5a6d39765f596d46792d51554a443031323334353637383978797a end",
            "got 7038652D5A6D39765F596D46792D51554A443031323334353637383978797A end",
            "got %70%38%65%2d%5a%6d%39%76%5f%59%6d%46%79%2d%51%55%4a%44%30%31%32%33%34%35%36%37%38%39%78%79%7a end",
        ];
        for echo in echoes {
            let shown = secrets.clean(echo, 200).unwrap();
            let left: String = shown.replace("[redacted]", "");
            // What base64 mixes with the bytes next to the secret may stay: less than a piece of it.
            assert!(shown.contains("[redacted]") && left.len() <= "got  end".len() + 20, "{shown}");
        }
    }

    /// A15
    #[test]
    fn invisible_letters_are_removed() {
        for invisible in ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'] {
            assert_eq!(printable(&format!("a{invisible}b"), 10), "ab");
            assert_eq!(Secrets::new([]).clean(&invisible.to_string().repeat(5), 10), None);
        }
        assert_eq!(printable("Zugriff für 한국 \u{1b}[31m\u{202e}x", 40), "Zugriff für 한국 [31mx");
    }

    /// S17
    #[test]
    fn only_a_short_printable_name_that_is_no_credential_is_shown() {
        for name in ["service_token.json", "/run/secrets/ims", "C:\\keys\\ims.json", "./token", "ключи/файл.json"]
        {
            assert!(is_showable(name), "{name}");
        }
        let hidden = [
            "",
            "{\"integration\":{}}",
            "-----BEGIN PRIVATE KEY-----",
            "s8e-0123456789abcdef",
            "p8e-abc/def.json",
            "opaque0secret",
            "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.sig",
            "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0t/a",
            "a\nb.json",
            "\u{1b}[31m.json",
            &format!("{}.json", "a".repeat(101)),
            &"a/".repeat(101),
        ];
        for name in hidden {
            assert!(!is_showable(name), "{name}");
        }
    }
}
