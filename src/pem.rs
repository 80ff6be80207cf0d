//! Turns PEM text in any spelling into labelled DER. Repairs what copying does to a text; what the
//! bytes mean is up to the callers.

use base64ct::{Base64Unpadded, Encoding};
use zeroize::Zeroizing;

/// One block from `BEGIN` to `END`.
pub(crate) struct Block {
    /// The words between `BEGIN` and the dashes, and what else stands there if the dashes do not
    /// close where they should; empty for bare DER or another binary format in base64.
    pub(crate) label: Zeroizing<String>,
    pub(crate) content: Content,
}

pub(crate) enum Content {
    Der(Zeroizing<Vec<u8>>),
    /// RFC 1421 header `Proc-Type: 4,ENCRYPTED`.
    Encrypted,
    /// No END line follows.
    Unfinished,
    /// Not base64 between the lines.
    Damaged,
}

/// Finds all blocks, repairing on the way: a byte order mark, quotes, indentation, any line end,
/// line breaks turned to spaces or to the two characters `\n`, dashes that a program made
/// typographic or that were lost in copying, base64 around the whole text, also more than once, or
/// no armour.
///
/// The text must already be bounded in length.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    blocks_within(text, MAX_WRAPPINGS)
}

fn blocks_within(text: &str, wrappings: usize) -> Vec<Block> {
    let text = unescaped(text);
    let found = armoured(&text);
    if !found.is_empty() {
        return found;
    }
    let Some(decoded) = base64(&text) else { return Vec::new() };
    if BINARY.iter().any(|start| decoded.starts_with(start)) {
        return vec![Block { label: Zeroizing::default(), content: Content::Der(decoded) }];
    }
    match (std::str::from_utf8(&decoded), wrappings.checked_sub(1)) {
        (Ok(inner), Some(wrappings)) => blocks_within(inner, wrappings),
        _ => Vec::new(),
    }
}

/// What never occurs in PEM itself becomes a space: backslash escapes, quotes, the punctuation of a
/// list of lines, byte order marks, the spaces of web pages. Line ends too: blocks are found
/// without them.
fn unescaped(text: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len().saturating_mul(3)));
    let mut after_backslash = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if is_dash(c) {
            let mut is_armour = c != '-';
            while chars.next_if(|c| is_dash(*c)).is_some() {
                is_armour = true;
            }
            out.push_str(if is_armour { DASHES } else { "-" });
            continue;
        }
        let escape = after_backslash && matches!(c, 'n' | 'r' | 't');
        after_backslash = c == '\\';
        let noise = escape
            || after_backslash
            || c.is_whitespace()
            || matches!(c, '"' | '\'' | '[' | ']' | ',' | '\u{feff}' | '\u{200b}' | '\u{201c}' | '\u{201d}');
        out.push(if noise { ' ' } else { c });
    }
    out
}

/// The hyphen, and what chat and mail programs make of several.
fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
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
/// Base64 of base64 of PEM has been seen.
const MAX_WRAPPINGS: usize = 3;
/// How bytes begin that are not text: every DER structure we look for, and the key stores of Java.
const BINARY: [&[u8]; 3] = [&[0x30], &[0xfe, 0xed, 0xfe, 0xed], &[0xce, 0xce, 0xce, 0xce]];

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
