//! PEM text in any spelling becomes labelled DER. It repairs what copying does to a text; what the
//! bytes mean is for others.

use base64ct::{Base64Unpadded, Encoding};
use zeroize::Zeroizing;

/// One block from `BEGIN` to `END`.
pub(crate) struct Block {
    /// The words between `BEGIN` and the dashes, and what else stands there if the dashes do not close where they should;
    /// empty for bare DER in base64.
    pub(crate) label: Zeroizing<String>,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Der(Zeroizing<Vec<u8>>),
    /// RFC 1421 header `Proc-Type: 4,ENCRYPTED`.
    Encrypted,
    /// No END line follows.
    Unfinished,
    /// Between the lines stands what is not base64.
    Damaged,
}

/// Finds all blocks, repairing on the way: a byte order mark, quotes, indentation, any line end, line
/// breaks turned to blanks or to the two characters `\n`, base64 around the whole text, or no armour.
///
/// The text must already be bounded in length.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let text = unescaped(text);
    let found = armoured(&text);
    if !found.is_empty() {
        return found;
    }
    let Some(decoded) = base64(&text) else { return Vec::new() };
    if decoded.first() == Some(&DER_SEQUENCE) {
        return vec![Block { label: Zeroizing::default(), content: Content::Der(decoded) }];
    }
    match std::str::from_utf8(&decoded) {
        Ok(inner) => armoured(&unescaped(inner)),
        Err(_) => Vec::new(),
    }
}

/// What never occurs in PEM itself becomes a blank: backslash escapes, quotes, the punctuation of a list
/// of lines, byte order marks, the blanks of web pages. Line ends too: blocks are found without them.
fn unescaped(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    let mut after_backslash = false;
    for c in text.chars() {
        let escape = after_backslash && matches!(c, 'n' | 'r' | 't');
        after_backslash = c == '\\';
        let noise = escape
            || after_backslash
            || c.is_whitespace()
            || matches!(c, '"' | '\'' | '[' | ']' | ',' | '\u{feff}' | '\u{200b}');
        out.push(if noise { ' ' } else { c });
    }
    out
}

fn armoured(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let Some((label, body)) = after.split_once(DASHES) else {
            blocks.push(Block { label: Zeroizing::default(), content: Content::Unfinished });
            break;
        };
        // A block ends where its END line stands; another BEGIN before that means it was cut.
        let (body, next) = match body.split_once(END) {
            Some((body, next)) if !body.contains(BEGIN) => (Some(body), next),
            _ => (None, body),
        };
        let label = Zeroizing::new(label.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
        blocks.push(Block { label, content: body.map_or(Content::Unfinished, content) });
        rest = next;
    }
    blocks
}

fn content(body: &str) -> Content {
    if body.contains("Proc-Type:") && body.contains("ENCRYPTED") {
        return Content::Encrypted;
    }
    base64(body).map_or(Content::Damaged, Content::Der)
}

/// Base64 with any white space between, padded or not, decoded in constant time into memory that is
/// wiped.
pub(crate) fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut digits = Zeroizing::new(String::with_capacity(text.len()));
    text.split_ascii_whitespace().for_each(|part| digits.push_str(part));
    let digits = digits.trim_end_matches('=');
    let mut der = Zeroizing::new(vec![0; digits.len()]);
    let length = Base64Unpadded::decode(digits, &mut der).ok()?.len();
    der.truncate(length);
    (length > 0).then_some(der)
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// The first byte of every DER structure we look for.
const DER_SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::{Content, blocks};

    #[test]
    fn a_block_cut_before_its_end_is_unfinished_and_the_next_one_is_still_found() {
        let found = blocks("-----BEGIN A-----\nMAA=\n-----BEGIN B-----\nMAA=\n-----END B-----\n");
        let labels: Vec<_> = found.iter().map(|block| block.label.as_str()).collect();
        assert_eq!(labels, ["A", "B"]);
        assert!(matches!(found.first().map(|b| &b.content), Some(Content::Unfinished)));
        assert!(matches!(found.last().map(|b| &b.content), Some(Content::Der(der)) if der.as_slice() == [0x30, 0x00]));
    }

    #[test]
    fn text_without_a_block_gives_none() {
        assert!(blocks("").is_empty());
        assert!(blocks("not a key at all").is_empty());
        assert_eq!(blocks("-----BEGIN ").len(), 1);
    }
}
