//! What lower layers said, reduced to text: no URL, no foreign type, no level that repeats another.

use std::error::Error as StdError;
use std::fmt;

use crate::redact::printable;

/// One level of the chain below an [`Error`](super::Error).
pub(crate) struct Cause {
    text: String,
    is_hint: bool,
    next: Option<Box<Self>>,
}

impl Cause {
    /// Leaves out a level that another one contains.
    pub(crate) fn from_chain(chain: Option<&(dyn StdError + 'static)>) -> Self {
        let mut levels = Vec::new();
        let mut next = chain;
        while let Some(error) = next
            && levels.len() < MAX_LEVELS
        {
            let text = without_urls(&printable(&error.to_string(), MAX_TEXT));
            if !text.is_empty() && !levels.iter().any(|above: &String| above.contains(&text)) {
                levels.retain(|above| !text.contains(above.as_str()));
                levels.push(text);
            }
            next = error.source();
        }
        let chain = levels
            .into_iter()
            .rev()
            .fold(None, |next, text| Some(Self { text, is_hint: false, next: next.map(Box::new) }));
        chain.unwrap_or_else(|| Self::new("no reason given"))
    }

    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), is_hint: false, next: None }
    }

    pub(super) fn hint(text: &str) -> Self {
        Self { text: format!("hint: {text}"), is_hint: true, next: None }
    }

    /// Appends `last` to the chain.
    pub(super) fn join(first: Option<Self>, last: Option<Self>) -> Option<Self> {
        let Some(mut first) = first else { return last };
        let next = Self::join(first.next.take().map(|next| *next), last);
        first.next = next.map(Box::new);
        Some(first)
    }

    pub(super) fn next(&self) -> Option<&Self> {
        self.next.as_deref()
    }

    pub(super) fn is_hint(&self) -> bool {
        self.is_hint
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.next.as_deref().map(|cause| cause as _)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// This level only: `Error` lists them.
impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// rustls, for one, points to its manual.
fn without_urls(text: &str) -> String {
    let words = text.split(' ').filter(|word| !word.contains("://")).collect::<Vec<_>>();
    words.join(" ").trim_end_matches(':').to_owned()
}

const MAX_LEVELS: usize = 8;
const MAX_TEXT: usize = 200;

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;

    use super::Cause;

    /// A13: a chain of foreign errors has no control characters and no level that another one
    /// contains.
    #[test]
    fn a_chain_of_foreign_errors_becomes_printable_levels_that_do_not_repeat_each_other() {
        let inner = io::Error::other("peer \u{1b}[31msays no\r\n");
        let outer = io::Error::other(Outer(inner));
        let cause = Cause::from_chain(Some(&outer));
        assert_eq!(cause.to_string(), "handshake failed");
        let next = cause.source().unwrap();
        assert_eq!(next.to_string(), "peer [31msays no");
        assert!(next.source().is_none());
    }

    #[test]
    fn joining_keeps_the_order() {
        let chain = Cause::join(Some(Cause::new("a")), Some(Cause::new("b"))).unwrap();
        let chain = Cause::join(Some(chain), Some(Cause::hint("c"))).unwrap();
        let texts: Vec<_> = std::iter::successors(Some(&chain), |cause| cause.next()).map(Cause::to_string).collect();
        assert_eq!(texts, ["a", "b", "hint: c"]);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("handshake failed")]
    struct Outer(#[source] io::Error);
}
