//! Where the client connects. What is signed is another matter: that is always the host of the
//! credentials.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use super::JWT_EXCHANGE;
use crate::error::Failure;

/// The address of the exchange, `https://` but for this machine's own loopback.
#[derive(Clone)]
pub(crate) struct Endpoint {
    url: Url,
    host: String,
}

impl Endpoint {
    /// IMS itself.
    pub(crate) fn of_host(ims_host: &str) -> Result<Self, Failure> {
        Self::parse(&format!("https://{ims_host}"))
    }

    /// An address given by the caller: scheme, host, port, and a path to go in front.
    pub(crate) fn parse(address: &str) -> Result<Self, Failure> {
        let unusable = |problem| Failure::Endpoint { problem };
        let mut url = Url::parse(address).map_err(|_| unusable("it is no URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(unusable("it holds a user or a password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(unusable("it holds a query or a fragment"));
        }
        let name = url.host_str().ok_or(unusable("it has no host"))?;
        let host = match url.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(name) => {}
            "http" => return Err(unusable("plain http is possible for loopback alone: 127.0.0.0/8, [::1], localhost")),
            _ => return Err(unusable("its scheme is neither https nor http")),
        }
        let path = format!("{}{JWT_EXCHANGE}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self { url, host })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Host and, if it is not the usual one, port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Plain http, which is this machine's loopback.
    pub(crate) fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

/// A literal address, or the one name that RFC 6761 keeps for it.
fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

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
            ("ftp://127.0.0.1", None),
            ("file:///etc/passwd", None),
            ("ims.example", None),
            ("", None),
        ];
        for (address, expected) in cases {
            let url = Endpoint::parse(address).ok().map(|endpoint| endpoint.url().to_string());
            assert_eq!(url.as_deref(), expected, "{address}");
        }
    }
}
