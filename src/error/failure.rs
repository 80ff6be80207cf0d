//! Every sentence an error prints: lower case, no full stop, this level only, never a value.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::ErrorKind;

/// What failed. Private, so that it can grow.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    // The credentials.
    #[error("credentials file {} can't be read", .path.display())]
    FileUnreadable { path: PathBuf, source: io::Error },
    #[error("credentials are larger than {limit} bytes")]
    FileTooLarge { limit: usize },
    #[error("credentials are empty")]
    FileEmpty,
    #[error("credentials are not UTF-8 text but {found}")]
    FileEncoding { found: &'static str },
    #[error("credentials are {found}, not the JSON of AEM service credentials")]
    FileKind { found: &'static str },
    #[error("credentials are no usable JSON: {problem} at line {line}, column {column}")]
    FileJson { problem: &'static str, line: usize, column: usize },
    #[error("credentials lack {}", .names.join(", "))]
    FieldsMissing { names: Vec<String>, origin: Origin },
    #[error("credentials have an unusable value for {name}: {problem}")]
    FieldUnusable { name: String, problem: &'static str, origin: Origin },

    // The private key.
    #[error("private key is no PEM text")]
    KeyNotPem,
    #[error("private key is longer than {limit} bytes")]
    KeyTooLong { limit: usize },
    #[error("private key is truncated: {missing}")]
    KeyTruncated { missing: &'static str },
    #[error("private key is damaged: {problem}")]
    KeyDamaged { problem: &'static str },
    #[error("private key is encrypted with a passphrase")]
    KeyEncrypted,
    #[error("private key expected, but this is {found}")]
    KeyOther { found: &'static str },
    #[error("private key is an RSA key of {bits} bits, too short: IMS works with 2048")]
    KeyTooShort { bits: usize },
    #[error("private key is an RSA key of {bits} bits, too long: at most 8192 can sign")]
    KeyTooLarge { bits: usize },
    #[error("private key is no RSA key that can sign: its numbers do not fit together")]
    KeyInconsistent,
    #[error("private key failed to sign")]
    KeyCannotSign,

    // The client's settings.
    #[error("endpoint is unusable: {problem}")]
    Endpoint { problem: &'static str },
    #[error("setting {name} is unusable: {problem}")]
    Setting { name: &'static str, problem: &'static str },
    #[error("no TLS is compiled in")]
    NoTls,
    #[error("http client can't be built")]
    HttpClient { source: Cause },
    #[cfg(feature = "testing")]
    #[error("stand-in can't be started: {what}")]
    StandIn { what: String, source: Option<io::Error> },

    // The call.
    #[error("no tokio runtime: the call needs one with its I/O and time drivers on")]
    NoRuntime,
    #[error("time is before 1970 or out of range")]
    TimeOutOfRange,

    #[cfg(feature = "testing")]
    #[error("no header can carry this text as a token, or its life is out of range")]
    TestToken,

    // On the way.
    #[error("{what} {host}")]
    Connection { what: Interruption, host: String, source: Cause },
    #[error("{host} was not reached in time")]
    ConnectTimeout { host: String },
    #[error("{host} did not answer within {} ms", .limit.as_millis())]
    AttemptTimeout { host: String, limit: Duration },
    #[error("{host} gave no token within {} ms", .limit.as_millis())]
    CallTimeout { host: String, limit: Duration },

    // What was answered.
    #[error("ims refused the exchange: {answer}")]
    Refused { answer: String },
    #[error("ims asks to slow down: {answer}")]
    Throttled { answer: String },
    #[error("ims failed: {answer}")]
    Server { answer: String, transient: bool },
    #[error("a proxy answered in place of ims: {answer}")]
    Proxy { answer: String },
    #[error("answer is a redirect, which is never followed: {status} to {target}")]
    Redirect { status: u16, target: String },
    #[error("answer of ims is unusable: {problem}")]
    Unusable { problem: &'static str },
    #[error("ims handed out a token that has already ended")]
    HandedOutExpired,
    #[error("access token has expired")]
    Expired,
    #[cfg(feature = "testing")]
    #[error("failure by a test's script")]
    Scripted { kind: ErrorKind },
}

impl Failure {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::FileUnreadable { .. }
            | Self::FileTooLarge { .. }
            | Self::FileEmpty
            | Self::FileEncoding { .. }
            | Self::FileKind { .. }
            | Self::FileJson { .. }
            | Self::FieldsMissing { .. }
            | Self::FieldUnusable { .. } => ErrorKind::Credentials,
            Self::KeyNotPem
            | Self::KeyTooLong { .. }
            | Self::KeyTruncated { .. }
            | Self::KeyDamaged { .. }
            | Self::KeyEncrypted
            | Self::KeyOther { .. }
            | Self::KeyTooShort { .. }
            | Self::KeyTooLarge { .. }
            | Self::KeyInconsistent
            | Self::KeyCannotSign => ErrorKind::Key,
            Self::Endpoint { .. } | Self::Setting { .. } | Self::NoTls | Self::HttpClient { .. } => ErrorKind::Config,
            #[cfg(feature = "testing")]
            Self::StandIn { .. } => ErrorKind::Config,
            Self::NoRuntime | Self::TimeOutOfRange => ErrorKind::Usage,
            #[cfg(feature = "testing")]
            Self::TestToken => ErrorKind::Usage,
            Self::Connection { .. } | Self::Proxy { .. } => ErrorKind::Connect,
            Self::ConnectTimeout { .. } | Self::AttemptTimeout { .. } | Self::CallTimeout { .. } => ErrorKind::Timeout,
            Self::Refused { .. } => ErrorKind::Rejected,
            Self::Throttled { .. } => ErrorKind::Throttled,
            Self::Server { .. } => ErrorKind::Server,
            Self::Redirect { .. } | Self::Unusable { .. } => ErrorKind::Response,
            Self::HandedOutExpired | Self::Expired => ErrorKind::Expired,
            #[cfg(feature = "testing")]
            Self::Scripted { kind } => *kind,
        }
    }

    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Connection { what, .. } => what.is_transient(),
            Self::Server { transient, .. } => *transient,
            Self::ConnectTimeout { .. }
            | Self::AttemptTimeout { .. }
            | Self::CallTimeout { .. }
            | Self::Throttled { .. } => true,
            #[cfg(feature = "testing")]
            Self::Scripted { kind } => {
                matches!(kind, ErrorKind::Connect | ErrorKind::Server | ErrorKind::Throttled | ErrorKind::Timeout)
            }
            _ => false,
        }
    }
}

/// Who named a field: advice for a file does not help somebody who has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File,
    Builder,
}

/// Where the way to IMS ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    Name,
    Connect,
    ProxyLost,
    ProxyRefused,
    Tls,
    Cut,
}

impl Interruption {
    /// A name server or a network may recover by itself; a certificate or a proxy's refusal does not.
    fn is_transient(self) -> bool {
        match self {
            Self::Name | Self::Connect | Self::ProxyLost | Self::Cut => true,
            Self::ProxyRefused | Self::Tls => false,
        }
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "no address found for",
            Self::Connect => "no connection to",
            Self::ProxyLost => "no connection to the proxy on the way to",
            Self::ProxyRefused => "proxy gave no way to",
            Self::Tls => "no trusted TLS connection to",
            Self::Cut => "connection cut before a whole answer from",
        })
    }
}

/// What lower layers said, reduced to text: no URL, no foreign type, no level that repeats another.
pub(crate) struct Cause {
    text: String,
    source: Option<Box<Self>>,
}

impl Cause {
    /// A level that another one contains says nothing of its own and is left out.
    pub(crate) fn from_chain(chain: Option<&(dyn StdError + 'static)>) -> Self {
        let mut levels = Vec::new();
        let mut next = chain;
        while let Some(error) = next
            && levels.len() < MOST_LEVELS
        {
            let text = without_urls(&printable(&error.to_string(), LONGEST_LEVEL));
            if !text.is_empty() && !levels.iter().any(|above: &String| above.contains(&text)) {
                levels.retain(|above| !text.contains(above.as_str()));
                levels.push(text);
            }
            next = error.source();
        }
        levels
            .into_iter()
            .rev()
            .fold(None, |source, text| Some(Self { text, source: source.map(Box::new) }))
            .unwrap_or_else(|| Self::new("no reason given"))
    }

    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), source: None }
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// `"tcp connect error": "Connection refused"`
impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)?;
        match &self.source {
            Some(source) => write!(f, ": {source:?}"),
            None => Ok(()),
        }
    }
}

/// rustls, for one, points to its manual.
fn without_urls(text: &str) -> String {
    let words = text.split(' ').filter(|word| !word.contains("://")).collect::<Vec<_>>();
    words.join(" ").trim_end_matches(':').to_owned()
}

/// Text from elsewhere as it may stand in a log: one line, no control or escape characters
/// (RUSTSEC-2025-0055), no invisible ones, bounded.
pub(crate) fn printable(text: &str, most: usize) -> String {
    text.chars()
        .map(|c| if c.is_ascii_whitespace() { ' ' } else { c })
        .filter(|c| c.is_ascii_graphic() || *c == ' ' || (!c.is_ascii() && c.is_alphanumeric()))
        .take(most)
        .collect::<String>()
        .trim()
        .to_owned()
}

const MOST_LEVELS: usize = 8;
const LONGEST_LEVEL: usize = 200;

#[cfg(test)]
mod tests {
    use std::io;

    use super::Cause;

    /// A13: what a chain of foreign errors becomes: no control characters, no level that another one contains.
    #[test]
    fn a_chain_of_foreign_errors_becomes_printable_levels_that_do_not_repeat_each_other() {
        let inner = io::Error::other("peer \u{1b}[31msays no\r\n");
        let outer = io::Error::other(Outer(inner));
        let cause = Cause::from_chain(Some(&outer));
        assert_eq!(format!("{cause:?}"), "\"handshake failed\": \"peer [31msays no\"");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("handshake failed")]
    struct Outer(#[source] io::Error);
}
