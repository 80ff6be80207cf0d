//! Where the client connects. What is signed does not depend on it: that is always the host of the
//! credentials.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use crate::error::ConfigError;
use crate::redact;

/// The base address of IMS: `https://`, or `http://` for this machine's loopback.
#[derive(Clone)]
pub(crate) struct Endpoint {
    /// Without a slash at the end of its path.
    base: Url,
    host: String,
}

impl Endpoint {
    /// IMS itself.
    pub(crate) fn of_host(ims_host: &str) -> Result<Self, ConfigError> {
        Self::parse(&format!("https://{ims_host}"))
    }

    /// An address given by the caller: scheme, host, port, and a path prefix. The path of one of
    /// IMS's token endpoints is taken off: other libraries expect it, so people paste it.
    pub(crate) fn parse(address: &str) -> Result<Self, ConfigError> {
        let error = |problem| ConfigError::Endpoint { problem };
        if !address.contains("://") {
            return Err(error("it lacks `https://` or `http://` in front"));
        }
        let mut base = Url::parse(address).map_err(|_| error("it is not a URL"))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(error("it holds a user or a password"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(error("it holds a query or a fragment"));
        }
        let name = base.host_str().ok_or(error("it has no host"))?;
        if name.len() > MAX_HOST {
            return Err(error("its host name is too long"));
        }
        let host = match base.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        match base.scheme() {
            "https" => {}
            "http" if is_loopback(name) => {}
            "http" => return Err(error("plain http is only allowed for loopback: 127.0.0.0/8, [::1], localhost")),
            _ => return Err(error("its scheme is neither https nor http")),
        }
        let path = base.path().trim_end_matches('/');
        let path = TOKEN_PATHS.iter().find_map(|known| path.strip_suffix(known)).unwrap_or(path).to_owned();
        base.set_path(&path);
        Ok(Self { base, host })
    }

    /// The address of one of IMS's endpoints, such as `/ims/exchange/jwt`.
    pub(crate) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Where a redirect from here would lead: its host.
    pub(crate) fn host_of(&self, location: &str) -> Option<String> {
        Some(self.base.join(location).ok()?.host_str()?.to_owned())
    }

    /// Host and, if it is not the usual one, port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// All of it, as an address.
    pub(crate) fn as_str(&self) -> &str {
        self.base.as_str()
    }

    /// This machine's loopback.
    pub(crate) fn is_local(&self) -> bool {
        self.base.host_str().is_some_and(is_loopback)
    }

    /// Plain http, which is this machine's loopback.
    pub(crate) fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }
}

/// A path may hold anything.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match redact::is_showable(self.base.as_str()) {
            true => f.write_str(self.base.as_str()),
            false => write!(f, "{}://{}/[redacted]", self.base.scheme(), self.host),
        }
    }
}

/// A literal address, or the one name that RFC 6761 keeps for it.
pub(crate) fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// RFC 1035 section 2.3.4, as text.
const MAX_HOST: usize = 253;
/// The paths under which IMS issues tokens, in all spellings that Adobe's clients use.
const TOKEN_PATHS: [&str; 6] =
    ["/ims/exchange/jwt", "/ims/exchange/v1/jwt", "/ims/token", "/ims/token/v2", "/ims/token/v3", "/ims/token/v4"];

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn addresses_are_taken_or_refused_by_what_they_would_do_with_a_secret() {
        let cases = [
            ("https://ims-na1.adobelogin.com", Some("https://ims-na1.adobelogin.com/ims/exchange/jwt")),
            ("https://proxy.example:8443/ims-na1/", Some("https://proxy.example:8443/ims-na1/ims/exchange/jwt")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080/ims/exchange/jwt")),
            ("http://127.9.9.9", Some("http://127.9.9.9/ims/exchange/jwt")),
            ("http://[::1]:1", Some("http://[::1]:1/ims/exchange/jwt")),
            ("http://localhost:1", Some("http://localhost:1/ims/exchange/jwt")),
            ("http://ims-na1.adobelogin.com", None),
            ("http://192.168.0.1", None),
            ("http://[::ffff:127.0.0.1]", None),
            ("http://localhost.example", None),
            ("http://127.0.0.1.example", None),
            ("https://user@ims.example", None),
            ("https://:pass@ims.example", None),
            ("https://ims.example/?a=b", None),
            ("https://ims.example/#a", None),
            ("https://ims.example/ims/exchange/jwt", Some("https://ims.example/ims/exchange/jwt")),
            ("https://ims.example/front/ims/exchange/v1/jwt/", Some("https://ims.example/front/ims/exchange/jwt")),
            ("http://127.0.0.1:1/ims/token/v3", Some("http://127.0.0.1:1/ims/exchange/jwt")),
            ("localhost:8089", None),
            ("ftp://127.0.0.1", None),
            ("file:///etc/passwd", None),
            (&format!("https://{}.example", "a".repeat(300)), None),
            ("ims.example", None),
            ("", None),
        ];
        for (address, expected) in cases {
            let url = Endpoint::parse(address).ok().map(|endpoint| endpoint.url("/ims/exchange/jwt").to_string());
            assert_eq!(url.as_deref(), expected, "{address}");
        }
    }
}
