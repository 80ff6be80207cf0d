//! The HTTP client: everything a host's features could have turned on is switched off by call; what
//! comes back is bounded; what fails is reduced to where the way ended.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::{ClientBuilder, Response};
use x509_cert::der::Decode;
use zeroize::Zeroizing;

use super::endpoint::Endpoint;
use crate::error::{Cause, Error, Failure, Interruption};
use crate::pem::{self, Content};
use crate::secret::Secret;

#[cfg(feature = "configure-http")]
pub(crate) type Configure = Box<dyn FnOnce(ClientBuilder) -> ClientBuilder + Send>;

/// What the caller may say about connections.
pub(crate) struct HttpSettings {
    pub(crate) connect_timeout: Duration,
    pub(crate) user_agent: String,
    pub(crate) proxy: Option<Secret>,
    pub(crate) no_proxy: bool,
    pub(crate) root_certificates: Vec<Vec<u8>>,
    #[cfg(feature = "configure-http")]
    pub(crate) configure: Option<Configure>,
}

impl Default for HttpSettings {
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

/// The connections. Kept open between exchanges, but not for long.
#[derive(Clone)]
pub(super) struct Http(reqwest::Client);

/// Status and headers of an answer.
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// What could be had of a body.
pub(super) enum Body {
    Whole(Zeroizing<Vec<u8>>),
    /// Encoded in a way that was not asked for, such as gzip.
    Encoded,
    /// Longer than any answer of IMS.
    TooLong,
    /// The connection ended before its end.
    Cut,
}

impl Body {
    pub(super) fn as_ref(&self) -> Result<&[u8], &'static str> {
        match self {
            Self::Whole(bytes) => Ok(bytes),
            Self::Encoded => Err("it is compressed, which was not asked for"),
            Self::TooLong => Err("it is longer than 64 KiB"),
            Self::Cut => Err("it is cut short"),
        }
    }
}

impl Http {
    pub(super) fn new(settings: HttpSettings, endpoint: &Endpoint) -> Result<Self, Error> {
        let client = builder(settings, endpoint)?.build();
        let client = client.map_err(|error| Failure::HttpClient { source: Cause::from_chain(error.source()) })?;
        Ok(Self(client))
    }

    /// Sends the form and waits for the head of the answer.
    pub(super) async fn post(&self, endpoint: &Endpoint, form: Bytes) -> Result<Response, Error> {
        let request = self
            .0
            .post(endpoint.url().clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        request.send().await.map_err(|error| failed(endpoint, &error))
    }

    /// Reads the rest, but never more than the limit: an oversized answer costs its connection.
    pub(super) async fn read(&self, endpoint: &Endpoint, mut response: Response) -> Result<(Head, Body), Error> {
        let head = Head { status: response.status(), headers: std::mem::take(response.headers_mut()) };
        if head.status.is_redirection() {
            return Ok((head, Body::Whole(Zeroizing::default())));
        }
        if head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| !is_identity(encoding)) {
            return Ok((head, Body::Encoded));
        }
        let declared = response.content_length().map(usize::try_from);
        let capacity = match declared {
            Some(Ok(length)) if length <= LONGEST_ANSWER => length,
            Some(_) => return Ok((head, Body::TooLong)),
            None => USUAL_ANSWER,
        };
        let mut body = Zeroizing::new(Vec::with_capacity(capacity));
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok((head, Body::Whole(body))),
                Err(error) if head.status == StatusCode::OK => return Err(failed(endpoint, &error)),
                // The status says enough.
                Err(_) => return Ok((head, Body::Cut)),
            };
            let length = body.len().saturating_add(chunk.len());
            if length > LONGEST_ANSWER {
                return Ok((head, Body::TooLong));
            }
            if length > body.capacity() {
                // A vector that grows by itself leaves a copy of the token behind.
                let mut larger = Zeroizing::new(Vec::with_capacity(LONGEST_ANSWER));
                larger.extend_from_slice(&body);
                body = larger;
            }
            body.extend_from_slice(&chunk);
        }
    }
}

fn failed(endpoint: &Endpoint, error: &reqwest::Error) -> Error {
    let host = endpoint.host().to_owned();
    if error.is_timeout() {
        return Failure::ConnectTimeout { host }.into();
    }
    // reqwest's own level says nothing but "error sending request", and names the URL.
    Failure::Connection { what: interruption(error), host, source: Cause::from_chain(error.source()) }.into()
}

fn builder(settings: HttpSettings, endpoint: &Endpoint) -> Result<ClientBuilder, Error> {
    if !endpoint.is_plain() && cfg!(not(any(feature = "rustls", feature = "native-tls"))) {
        return Err(Failure::NoTls.into());
    }
    let user_agent = HeaderValue::from_str(&settings.user_agent).map_err(|_| Failure::Setting {
        name: "user_agent",
        problem: "it holds characters that no header can carry",
    })?;
    let mut builder = reqwest::Client::builder()
        .user_agent(user_agent)
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(IDLE_TIMEOUT);

    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(self::proxy(proxy.expose(), settings.no_proxy, endpoint)?);
    }
    let roots = roots(&settings.root_certificates)?;

    #[cfg(feature = "configure-http")]
    if let Some(configure) = settings.configure {
        builder = configure(builder);
    }

    // From here on nobody else has a say.
    if settings.no_proxy || endpoint.is_plain() {
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
    Ok(tls(builder, roots, endpoint))
}

fn proxy(url: &str, no_proxy: bool, endpoint: &Endpoint) -> Result<reqwest::Proxy, Failure> {
    let unusable = |problem| Failure::Setting { name: "proxy", problem };
    if endpoint.is_plain() {
        return Err(unusable("a plain-http endpoint is never proxied"));
    }
    if no_proxy {
        return Err(unusable("`no_proxy` was asked for as well"));
    }
    // reqwest takes any scheme, and silently goes without a proxy where it does not know it.
    let url = reqwest::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.and_then(|url| reqwest::Proxy::all(url).ok()).ok_or(unusable("it is no URL of the form http://host:port"))
}

fn is_identity(encoding: &HeaderValue) -> bool {
    let encoding = encoding.as_bytes().trim_ascii();
    encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")
}

/// rustls wins where both are compiled in. A plain endpoint reads no root certificates: it has no use
/// for them, and reading them is most of what building a client costs.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn tls(mut builder: ClientBuilder, roots: Vec<Root>, endpoint: &Endpoint) -> ClientBuilder {
    #[cfg(feature = "rustls")]
    {
        builder = builder.tls_backend_rustls();
    }
    #[cfg(not(feature = "rustls"))]
    {
        builder = builder.tls_backend_native();
    }
    builder = builder
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .tls_danger_accept_invalid_certs(false)
        .tls_danger_accept_invalid_hostnames(false);
    #[cfg(feature = "rustls")]
    {
        builder = builder.tls_sslkeylogfile(false);
    }
    match endpoint.is_plain() {
        true => builder.tls_certs_only([]),
        false => builder.tls_certs_merge(roots),
    }
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn tls(builder: ClientBuilder, _: Vec<Root>, _: &Endpoint) -> ClientBuilder {
    builder
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
use reqwest::Certificate as Root;

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn root(der: &[u8]) -> Option<Root> {
    Root::from_der(der).ok()
}

/// Without TLS there is nothing to trust, but garbage is still told.
#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[derive(Debug)]
struct Root;

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn root(_: &[u8]) -> Option<Root> {
    Some(Root)
}

/// Reads and counts the certificates here, because reqwest takes garbage without a word.
fn roots(pems: &[Vec<u8>]) -> Result<Vec<Root>, Error> {
    let unusable = |problem| Error::from(Failure::Setting { name: "root_certificate", problem });
    let mut roots = Vec::new();
    for pem in pems {
        if pem.len() > LONGEST_ROOTS {
            return Err(unusable("it is longer than a megabyte"));
        }
        let text = std::str::from_utf8(pem).map_err(|_| unusable("it is no PEM text"))?;
        let blocks = pem::blocks(text);
        if blocks.is_empty() {
            return Err(unusable("there is no certificate in it"));
        }
        for block in blocks {
            let Content::Der(der) = &block.content else {
                return Err(unusable("a certificate in it is damaged or cut"));
            };
            if block.label.as_str() != "CERTIFICATE" || x509_cert::Certificate::from_der(der).is_err() {
                return Err(unusable("it holds something else than certificates"));
            }
            roots.push(root(der).ok_or_else(|| unusable("a certificate in it can't be used"))?);
        }
    }
    Ok(roots)
}

/// Where the way ended, and whether by a fault of the line or by a verdict: of TLS about the other
/// side, or of a proxy about us. A verdict stays the same however often it is asked for.
///
/// Told by types where there are public ones: a verdict of rustls is an I/O error of invalid data, a
/// fault one of another kind. OpenSSL's verdicts are no I/O errors, nor is an end in mid-handshake:
/// there, and for what a proxy does, words are all there is.
fn interruption(error: &reqwest::Error) -> Interruption {
    if !error.is_connect() {
        return Interruption::Cut;
    }
    let in_tunnel = causes(error).any(|cause| cause.to_string().starts_with("tunnel error"));
    let has_ended = |text: &str| text.contains("unexpected eof") || text.contains("unexpected end of file");
    let io = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last();
    let is_fault = match io.map(io::Error::kind) {
        Some(kind) => kind != io::ErrorKind::InvalidData,
        None => error.is_dns() || causes(error).any(|cause| has_ended(&cause.to_string().to_ascii_lowercase())),
    };
    match (in_tunnel, is_fault) {
        (true, true) => Interruption::ProxyLost,
        (true, false) => Interruption::ProxyRefused,
        (false, true) if error.is_dns() => Interruption::Name,
        (false, true) => Interruption::Connect,
        (false, false) => Interruption::Tls,
    }
}

/// `source` of an I/O error passes over what it wraps, which may be the telling one.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let error = next?;
        next = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|wrapped| wrapped as _),
            None => error.source(),
        };
        Some(error)
    })
}

impl fmt::Debug for HttpSettings {
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
        f.debug_struct("HttpSettings")
            .field("connect_timeout", connect_timeout)
            .field("user_agent", user_agent)
            .field("proxy", proxy)
            .field("no_proxy", no_proxy)
            .field("root_certificates", &root_certificates.len())
            .finish_non_exhaustive()
    }
}

/// From there on a handshake rarely ends well.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Servers close idle connections after a minute or so, and one call a day gains nothing from more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// All roots that systems trust take a quarter of it.
const LONGEST_ROOTS: usize = 1024 * 1024;
/// An answer with a token of 16 KiB and much beside it; usual are 2 KiB.
const LONGEST_ANSWER: usize = 64 * 1024;
const USUAL_ANSWER: usize = 4 * 1024;
