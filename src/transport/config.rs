//! How connections are made: TLS, proxies, timeouts. What the host program's features may have
//! enabled in the HTTP library is turned off explicitly.

use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use reqwest::ClientBuilder;
use x509_cert::der::Decode;

use super::endpoint::Endpoint;
use crate::error::{ConfigError, Error};
use crate::pem::{self, Content};
use crate::redact;
use crate::secret::Secret;

#[cfg(feature = "configure-http")]
pub(crate) type Configure = Box<dyn FnOnce(ClientBuilder) -> ClientBuilder + Send>;

/// What the caller may set.
pub(crate) struct HttpConfig {
    pub(crate) connect_timeout: Duration,
    pub(crate) user_agent: String,
    pub(crate) proxy: Option<Secret>,
    pub(crate) no_proxy: bool,
    pub(crate) root_certificates: Vec<Vec<u8>>,
    #[cfg(feature = "configure-http")]
    pub(crate) configure: Option<Configure>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            connect_timeout: CONNECT_TIMEOUT,
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxy: None,
            no_proxy: false,
            root_certificates: Vec::new(),
            #[cfg(feature = "configure-http")]
            configure: None,
        }
    }
}

impl HttpConfig {
    pub(super) fn client_builder(self, endpoint: &Endpoint) -> Result<ClientBuilder, Error> {
        if !endpoint.is_plain() && cfg!(not(any(feature = "rustls", feature = "native-tls"))) {
            return Err(ConfigError::NoTls.into());
        }
        let user_agent = HeaderValue::from_str(&self.user_agent).map_err(|_| ConfigError::Setting {
            name: "user_agent",
            problem: "it holds characters that a header cannot carry",
            hint: "leave it out, or use printable ASCII",
        })?;
        let mut builder = reqwest::Client::builder()
            .user_agent(user_agent)
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE_TIMEOUT);

        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(parse_proxy(proxy.expose(), self.no_proxy, endpoint)?);
        } else if !self.no_proxy && !endpoint.is_plain() {
            check_proxy_variables(variable)?;
        }
        let roots = roots(&self.root_certificates)?;

        #[cfg(feature = "configure-http")]
        if let Some(configure) = self.configure {
            builder = configure(builder);
        }

        // Settings below cannot be overridden.
        if self.no_proxy || endpoint.is_plain() {
            builder = builder.no_proxy();
        }
        builder = builder
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .connection_verbose(false)
            .https_only(!endpoint.is_plain());
        tls(builder, roots, endpoint)
    }
}

fn parse_proxy(url: &str, no_proxy: bool, endpoint: &Endpoint) -> Result<reqwest::Proxy, ConfigError> {
    let setting = |problem, hint| ConfigError::Setting { name: "proxy", problem, hint };
    if endpoint.is_plain() {
        return Err(setting("a plain-http endpoint is never proxied", "leave `proxy` out for it"));
    }
    if no_proxy {
        return Err(setting("`no_proxy` is set as well", "set one of the two"));
    }
    // The HTTP library takes any scheme, and silently goes without a proxy if it does not know it.
    check_proxy_url(url).map_err(|problem| setting(problem, PROXY_FORM))?;
    reqwest::Proxy::all(url).map_err(|_| setting(NOT_A_PROXY, PROXY_FORM))
}

/// What the HTTP library would silently ignore is an error here: a secret must not take another way
/// than the one that was set. Reads the variables in its order.
fn check_proxy_variables(read: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    // In a CGI program, `HTTP_PROXY` may come from a request header: proxies are off.
    if read("REQUEST_METHOD").is_some() {
        return Ok(());
    }
    for names in [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]] {
        let set = names.into_iter().find_map(|name| Some((name, read(name)?)));
        let Some((name, url)) = set.filter(|(_, url)| !url.is_empty()) else { continue };
        return check_proxy_url(&url).map_err(|problem| ConfigError::Variable { name, problem });
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the HTTP library reads these, and ignores what it cannot use")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn check_proxy_url(url: &str) -> Result<(), &'static str> {
    // Both parsers must accept it: the one that checks here, and the one that connects.
    let parsed = reqwest::Url::parse(url).map_err(|_| NOT_A_PROXY)?;
    match parsed.scheme() {
        "http" | "https" if url.parse::<http::Uri>().is_ok_and(|uri| uri.authority().is_some()) => Ok(()),
        scheme if scheme.starts_with("socks") => Err("SOCKS proxies are not supported"),
        _ => Err(NOT_A_PROXY),
    }
}

/// rustls is used where both are compiled in. A plain endpoint reads no root certificates: it does
/// not need them, and reading them is most of the cost of building a client.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn tls(mut builder: ClientBuilder, roots: Vec<Vec<u8>>, endpoint: &Endpoint) -> Result<ClientBuilder, Error> {
    #[cfg(feature = "rustls")]
    {
        builder = builder.tls_backend_rustls().tls_sslkeylogfile(false);
    }
    #[cfg(not(feature = "rustls"))]
    {
        builder = builder.tls_backend_native();
    }
    builder = builder
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .tls_danger_accept_invalid_certs(false)
        .tls_danger_accept_invalid_hostnames(false);
    if endpoint.is_plain() {
        return Ok(builder.tls_certs_only([]));
    }
    let roots = roots.iter().map(|der| reqwest::Certificate::from_der(der)).collect::<Result<Vec<_>, _>>();
    let roots = roots.map_err(|_| root_error("a certificate in it cannot be used"))?;
    Ok(builder.tls_certs_merge(roots))
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn tls(builder: ClientBuilder, _: Vec<Vec<u8>>, _: &Endpoint) -> Result<ClientBuilder, Error> {
    Ok(builder)
}

/// Reads and counts the certificates as DER, because the HTTP library accepts garbage silently.
fn roots(pems: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, ConfigError> {
    let mut roots = Vec::new();
    for pem in pems {
        if pem.len() > MAX_ROOTS {
            return Err(root_error("it is longer than a megabyte"));
        }
        let text = std::str::from_utf8(pem).map_err(|_| root_error("it is not PEM text"))?;
        let blocks = pem::blocks(text);
        if blocks.is_empty() {
            return Err(root_error("there is no certificate in it"));
        }
        for block in blocks {
            let Content::Der(der) = &block.content else {
                return Err(root_error("a certificate in it is damaged or truncated"));
            };
            if block.label.as_str() != "CERTIFICATE" || x509_cert::Certificate::from_der(der).is_err() {
                return Err(root_error("it holds something other than certificates"));
            }
            roots.push(der.to_vec());
        }
    }
    Ok(roots)
}

fn root_error(problem: &'static str) -> ConfigError {
    ConfigError::Setting {
        name: "root_certificate",
        problem,
        hint: "it takes PEM: one or more blocks from -----BEGIN CERTIFICATE----- to its END line",
    }
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connect_timeout,
            user_agent,
            proxy,
            no_proxy,
            root_certificates,
            #[cfg(feature = "configure-http")]
                configure: _,
        } = self;
        f.debug_struct("HttpConfig")
            .field("connect_timeout", connect_timeout)
            .field("user_agent", &if redact::is_showable(user_agent) { user_agent } else { "[redacted]" })
            .field("proxy", proxy)
            .field("no_proxy", no_proxy)
            .field("root_certificates", &root_certificates.len())
            .finish_non_exhaustive()
    }
}

/// Handshakes slower than this rarely succeed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Servers close idle connections after a minute or so, and one call a day gains nothing from more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// All roots that systems trust take a quarter of it.
const MAX_ROOTS: usize = 1024 * 1024;
const NOT_A_PROXY: &str = "it is not a URL of the form http://host:port";
const PROXY_FORM: &str = "use http://host:port or http://user:password@host:port";

#[cfg(test)]
mod tests {
    use super::check_proxy_variables;
    use crate::error::Error;

    fn check(variables: &[(&str, &str)]) -> Result<(), String> {
        let read = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        check_proxy_variables(read).map_err(|error| Error::from(error).to_string())
    }

    /// N20
    #[test]
    fn a_proxy_variable_that_cannot_be_used_is_refused_by_name() {
        let form = "it is not a URL of the form http://host:port";
        let socks = "SOCKS proxies are not supported";
        let cases = [
            (&[("HTTPS_PROXY", "proxy.example:3128")][..], Some(("HTTPS_PROXY", form))),
            (&[("https_proxy", "ftp://proxy.example")], Some(("https_proxy", form))),
            (&[("HTTPS_PROXY", "http://user:pass word@proxy.example")], Some(("HTTPS_PROXY", form))),
            (&[("HTTPS_PROXY", "not a url")], Some(("HTTPS_PROXY", form))),
            (&[("ALL_PROXY", "socks5://proxy.example:1080")], Some(("ALL_PROXY", socks))),
            (&[("HTTPS_PROXY", ""), ("all_proxy", "socks5h://proxy.example")], Some(("all_proxy", socks))),
            (&[("HTTPS_PROXY", "http://proxy.example:3128"), ("ALL_PROXY", "socks5://x")], None),
            (&[("HTTPS_PROXY", "http://user:p%20w@proxy.example:3128")], None),
            (&[("HTTP_PROXY", "not a url")], None),
            (&[("REQUEST_METHOD", "GET"), ("HTTPS_PROXY", "not a url")], None),
            (&[("HTTPS_PROXY", "")], None),
            (&[], None),
        ];
        for (variables, expected) in cases {
            let expected = match expected {
                Some((name, problem)) => Err(format!("environment variable {name} cannot be used: {problem}")),
                None => Ok(()),
            };
            assert_eq!(check(variables), expected, "{variables:?}");
        }
    }
}
