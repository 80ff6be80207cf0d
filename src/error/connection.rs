//! The connection to IMS: DNS, TLS, proxy, timeouts.

use std::fmt;
use std::time::Duration;

use super::ErrorKind;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("{fault} {host}")]
    Fault { fault: ConnectFault, host: String, is_local: bool },
    #[error("connecting to {host} timed out after {}", Limit(*.limit))]
    ConnectTimeout { host: String, limit: Duration },
    #[error("{host} did not respond within {}", Limit(*.limit))]
    AttemptTimeout { host: String, limit: Duration },
    #[error("no response from {host} within {}", Limit(*.limit))]
    CallTimeout { host: String, limit: Duration },
}

/// Which step of the connection to IMS failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectFault {
    Dns,
    Connect,
    /// The proxy cannot be reached, or closed the connection.
    ProxyConnect,
    /// The proxy requires a user and a password: 407.
    ProxyAuth,
    /// The proxy did not open the tunnel. The HTTP library hides every status but 407, so this is a
    /// 403 as well as a 503.
    ProxyRefused,
    /// TLS to the proxy itself.
    ProxyTls(TlsFault),
    Tls(TlsFault),
    /// The server speaks something other than HTTP.
    NotHttp,
    Closed,
}

/// Why TLS failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsFault {
    UnknownIssuer,
    CaAsServer,
    Expired,
    NotYetValid,
    WrongName,
    /// The server does not speak TLS.
    NotTls,
    Other,
}

impl ConnectionError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Fault { .. } => ErrorKind::Connect,
            Self::ConnectTimeout { .. } | Self::AttemptTimeout { .. } | Self::CallTimeout { .. } => ErrorKind::Timeout,
        }
    }

    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Fault { fault, .. } => fault.is_transient(),
            Self::ConnectTimeout { .. } | Self::AttemptTimeout { .. } | Self::CallTimeout { .. } => true,
        }
    }

    pub(super) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Fault { fault, is_local, .. } => fault.hint(*is_local),
            Self::ConnectTimeout { .. } => {
                "check that this machine may reach the host; behind a company proxy, set HTTPS_PROXY; or raise \
                 `connect_timeout`"
            }
            Self::AttemptTimeout { .. } | Self::CallTimeout { .. } => {
                "the network, a proxy or IMS is slow: retry later, or raise `timeout` and `attempt_timeout`"
            }
        })
    }
}

impl ConnectFault {
    /// A name server or a network may recover; a certificate or a proxy's refusal does not. A
    /// tunnel that was refused for an unknown reason may be a proxy that is restarting.
    fn is_transient(self) -> bool {
        match self {
            Self::Dns | Self::Connect | Self::ProxyConnect | Self::ProxyRefused | Self::Closed => true,
            Self::ProxyAuth | Self::ProxyTls(_) | Self::Tls(_) | Self::NotHttp => false,
        }
    }

    fn hint(self, is_local: bool) -> &'static str {
        match self {
            Self::Dns => "check the network and its name server; behind a company proxy, set HTTPS_PROXY",
            Self::Connect | Self::Closed if is_local => "check that something listens at this address and port",
            Self::Connect | Self::Closed => {
                "check that the host is up and that this machine may reach it; behind a company proxy, set HTTPS_PROXY"
            }
            Self::ProxyConnect => {
                "check the proxy's address (HTTPS_PROXY, or `proxy`), and that it is up and reachable from here"
            }
            Self::ProxyAuth => {
                "the proxy requires a user and a password: give them as http://user:password@host:port in HTTPS_PROXY or \
                 `proxy`"
            }
            Self::ProxyRefused => {
                "the proxy refused, not IMS: check the proxy's address (HTTPS_PROXY, or `proxy`), and whether it lets \
                 this machine connect to IMS"
            }
            Self::ProxyTls(TlsFault::NotTls) => {
                "the proxy does not speak TLS: write its address (HTTPS_PROXY, or `proxy`) with http:// in front"
            }
            Self::ProxyTls(_) => {
                "the proxy's certificate is not trusted: check the proxy's address (HTTPS_PROXY, or `proxy`), and add \
                 the root of its certificate with `root_certificate`"
            }
            Self::Tls(fault) => fault.hint(),
            Self::NotHttp => {
                "the server does not speak plain HTTP: if it expects TLS, use https:// in `danger_endpoint`"
            }
        }
    }
}

impl TlsFault {
    fn hint(self) -> &'static str {
        match self {
            Self::UnknownIssuer => {
                "the server's certificate comes from an issuer that is not trusted here: if a company proxy inspects \
                 TLS, add its root with `root_certificate`; if system roots are missing, install ca-certificates"
            }
            Self::CaAsServer => {
                "the server presents a CA certificate as its own, as `openssl req -x509` makes them: create it with \
                 `basicConstraints=CA:FALSE`"
            }
            Self::Expired => {
                "the server's certificate has expired, or this machine's clock is ahead: check the clock first"
            }
            Self::NotYetValid => "the server's certificate is not valid yet: this machine's clock is probably behind",
            Self::WrongName => {
                "the server's certificate is for another host name: check `imsEndpoint`, `danger_endpoint` and DNS"
            }
            Self::NotTls => "the server does not speak TLS: check scheme and port of `danger_endpoint` or of the proxy",
            Self::Other => {
                "TLS failed for the reason among the causes: check for a proxy that inspects TLS, and this machine's \
                 clock and root certificates"
            }
        }
    }
}

impl fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "cannot resolve",
            Self::Connect => "cannot connect to",
            Self::ProxyConnect => "cannot reach the proxy on the way to",
            Self::ProxyAuth => "proxy requires authentication (407) to connect to",
            Self::ProxyRefused => "proxy refused to connect to",
            Self::ProxyTls(TlsFault::NotTls) => "no TLS response from the proxy on the way to",
            Self::ProxyTls(_) => "TLS handshake failed with the proxy on the way to",
            Self::Tls(TlsFault::NotTls) => "no TLS response from",
            Self::Tls(_) => "TLS handshake failed with",
            Self::NotHttp => "no HTTP response from",
            Self::Closed => "connection closed before a complete response from",
        })
    }
}

/// `30 s`, `450 ms`: as the caller set it.
struct Limit(Duration);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 if self.0.as_secs() > 0 => write!(f, "{} s", self.0.as_secs()),
            _ => write!(f, "{} ms", self.0.as_millis()),
        }
    }
}
