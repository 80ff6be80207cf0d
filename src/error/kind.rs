//! The kinds of errors that a program can act on.

use std::fmt;

/// Who or what failed. `Display` is the name in lower case, as for a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting of the client, or what it needs of the machine (root certificates, proxy
    /// variables).
    Config,
    /// No complete response: DNS, connection, TLS, proxy, or a connection closed too early.
    Connect,
    /// The credentials: unreadable, incomplete, or of another kind.
    Credentials,
    /// A token that has expired: one that IMS issued, or one that was given to the application.
    Expired,
    /// The private key: it cannot sign for IMS.
    Key,
    /// IMS, or something in its place, refused the request (4xx). The same request will be refused
    /// again.
    Rejected,
    /// A response that does not come from IMS or cannot be used.
    Response,
    /// IMS failed (5xx, 408).
    Server,
    /// A token store that cannot be built. One that fails later is a warning, never an error.
    Store,
    /// IMS throttled the request (429).
    Throttled,
    /// A timeout of the client.
    Timeout,
    /// The call itself: no tokio runtime, or a time before 1970.
    Usage,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Config => "config",
            Self::Connect => "connect",
            Self::Credentials => "credentials",
            Self::Expired => "expired",
            Self::Key => "key",
            Self::Rejected => "rejected",
            Self::Response => "response",
            Self::Server => "server",
            Self::Store => "store",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::Usage => "usage",
        })
    }
}
