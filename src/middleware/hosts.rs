//! Where a request must go to get the token: scheme, host and port.

use crate::error::ConfigError;
use crate::redact::{looks_like_credential, printable};
use crate::transport::is_loopback;

use http::uri::Authority;

/// Where a request goes, in the words of any HTTP library. An IPv6 address stands in brackets.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) scheme: &'a str,
    pub(super) host: &'a str,
    /// The default port of the scheme, if the URL names none.
    pub(super) port: Option<u16>,
}

/// The hosts that get the token: at least one.
#[derive(Clone, Debug)]
pub(super) struct Hosts(Vec<Pattern>);

/// `author.example.com`, `*.adobe.io` or `localhost:4502`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    name: String,
    /// Not `name` itself, but every host below it.
    is_below: bool,
    /// Any port, if there is none.
    port: Option<u16>,
}

impl Hosts {
    pub(super) fn parse(patterns: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, ConfigError> {
        let parse = |text: &str| {
            Pattern::parse(text).map_err(|problem| ConfigError::Host { host: shown(text), problem, hint: HINT })
        };
        let patterns = patterns.into_iter().map(|pattern| parse(pattern.as_ref()));
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        match patterns.is_empty() {
            true => Err(ConfigError::Setting { name: "hosts", problem: "the list is empty", hint: HINT }),
            false => Ok(Self(patterns)),
        }
    }

    /// Why the target must not get the token, if so.
    pub(super) fn check(&self, target: Target<'_>) -> Result<(), &'static str> {
        let Target { scheme, host, port: _ } = target;
        if !self.0.iter().any(|pattern| pattern.covers(target)) {
            return Err("the host is not listed");
        }
        let is_plain = scheme.eq_ignore_ascii_case("http");
        match scheme.eq_ignore_ascii_case("https") || (is_plain && is_loopback(host)) {
            true => Ok(()),
            false => Err("the request is not encrypted"),
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains(['/', '@', '?', '#']) {
            return Err("is a URL, not a host");
        }
        if !text.is_ascii() {
            return Err("is not in ASCII");
        }
        let authority: Authority = text.parse().map_err(|_| NOT_A_HOST)?;
        let (host, port) = (authority.host(), authority.port_u16());
        // A port that is not a number is none to `Authority`, and would become any port.
        if port.is_none() && host.len() != text.len() {
            return Err(NOT_A_HOST);
        }
        let below = host.strip_prefix("*.");
        let name = below.unwrap_or(host);
        if !is_name(name) && (below.is_some() || !is_ipv6(name)) {
            return Err(NOT_A_HOST);
        }
        if below.is_some() && !is_domain(name) {
            return Err("covers a whole top-level domain, or addresses");
        }
        Ok(Self { name: name.to_ascii_lowercase(), is_below: below.is_some(), port })
    }

    /// The scheme is another matter.
    fn covers(&self, Target { scheme: _, host, port }: Target<'_>) -> bool {
        let Some((above, name)) = host.len().checked_sub(self.name.len()).and_then(|at| host.split_at_checked(at))
        else {
            return false;
        };
        let is_there = match self.is_below {
            true => above.len() > 1 && above.ends_with('.'),
            false => above.is_empty(),
        };
        is_there && name.eq_ignore_ascii_case(&self.name) && self.port.is_none_or(|wanted| port == Some(wanted))
    }
}

/// Labels of a DNS name, or an IPv4 address.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.split('.').all(is_label)
}

fn is_ipv6(name: &str) -> bool {
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
}

/// More than a top-level domain, and not the end of an address.
fn is_domain(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, top)| !top.bytes().all(|byte| byte.is_ascii_digit()))
}

/// For a message: without what may be a secret in a URL, which is the user with its password, and
/// the query.
fn shown(text: &str) -> String {
    let address = text.split(['?', '#']).next().unwrap_or_default();
    let address = match (address.split_once("://"), address.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        (_, None) => address.to_owned(),
    };
    let address = printable(&address, MAX_SHOWN);
    match address.is_empty() || looks_like_credential(&address) {
        true => "one".to_owned(),
        false => format!("`{address}`"),
    }
}

const NOT_A_HOST: &str = "is not a host name";
const MAX_SHOWN: usize = 100;
const HINT: &str = "list the API's hosts, such as author-p1-e1.adobeaemcloud.com, or *.adobe.io for all hosts below \
                    adobe.io: without https:// and without a path";

#[cfg(test)]
mod tests {
    use super::{Hosts, Target};

    /// As the HTTP libraries take a URL apart.
    fn check(hosts: &[&str], url: &str) -> bool {
        let uri: http::Uri = url.parse().unwrap();
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let (scheme, host) = (uri.scheme_str().unwrap(), uri.host().unwrap());
        let port = Some(uri.port_u16().unwrap_or(default));
        Hosts::parse(hosts).unwrap().check(Target { scheme, host, port }).is_ok()
    }

    #[test]
    fn a_host_gets_the_token_if_it_is_listed() {
        let cases: [(&[&str], &str, bool); 21] = [
            (&["author.example.com"], "https://author.example.com/api", true),
            (&["Author.Example.com"], "https://AUTHOR.example.COM/api", true),
            (&["other.example", "author.example.com"], "https://author.example.com/", true),
            (&["author.example.com"], "https://author.example.com:8443/", true),
            (&["author.example.com:8443"], "https://author.example.com:8443/", true),
            (&["author.example.com:443"], "https://author.example.com/", true),
            (&["author.example.com:8443"], "https://author.example.com/", false),
            (&["author.example.com"], "https://www.author.example.com/", false),
            (&["author.example.com"], "https://author.example.com.evil.example/", false),
            (&["author.example.com"], "https://author.example.com@evil.example/", false),
            (&["author.example.com"], "https://author.example.com:x@evil.example/", false),
            (&["author.example.com"], "https://author.example.com./", false),
            (&["author.example.com"], "https://evil.example/author.example.com", false),
            (&["*.adobe.io"], "https://platform.adobe.io/", true),
            (&["*.adobe.io"], "https://a.b.Adobe.IO:8443/", true),
            (&["*.adobe.io:443"], "https://platform.adobe.io/", true),
            (&["*.adobe.io"], "https://adobe.io/", false),
            (&["*.adobe.io"], "https://notadobe.io/", false),
            (&["*.adobe.io"], "https://adobe.io.evil.example/", false),
            (&["*.adobe.io"], "https://-adobe.io/", false),
            (&["[::1]"], "https://[::1]:1/", true),
        ];
        for (hosts, url, expected) in cases {
            assert_eq!(check(hosts, url), expected, "{hosts:?} and {url}");
        }
    }

    #[test]
    fn plain_http_gets_the_token_on_loopback_only() {
        let cases = [
            ("127.0.0.1", "http://127.0.0.1:4502/", true),
            ("localhost:4502", "http://localhost:4502/", true),
            ("[::1]", "http://[::1]:4502/", true),
            ("author.example.com", "http://author.example.com/", false),
            ("author.example.com:443", "http://author.example.com:443/", false),
            ("*.adobe.io", "http://platform.adobe.io/", false),
            ("192.168.0.1", "http://192.168.0.1/", false),
            ("localhost.example", "http://localhost.example/", false),
            ("127.0.0.1", "ftp://127.0.0.1/", false),
        ];
        for (host, url, expected) in cases {
            assert_eq!(check(&[host], url), expected, "{host} and {url}");
        }
    }

    #[test]
    fn the_message_names_the_host_but_no_secret_in_it() {
        let cases = [
            ("https://author.example.com", "`https://author.example.com` is a URL, not a host"),
            ("https://me:MARKER@author.example.com/?key=MARKER", "`https://author.example.com/` is a URL, not a host"),
            ("me:MARKER@author.example.com", "`author.example.com` is a URL, not a host"),
            ("*.io", "`*.io` covers a whole top-level domain, or addresses"),
            ("author.*.io", "`author.*.io` is not a host name"),
            ("", "one is not a host name"),
            ("p8e-MARKER/", "one is a URL, not a host"),
        ];
        for (host, words) in cases {
            let error = crate::Error::from(Hosts::parse(["good.example", host]).unwrap_err());
            assert_eq!(error.to_string(), format!("setting hosts cannot be used: {words}"));
        }
    }

    #[test]
    fn a_list_that_cannot_be_meant_is_refused() {
        let lists: [&[&str]; 24] = [
            &[],
            &[""],
            &["*"],
            &["*."],
            &["*.io"],
            &["*.localhost"],
            &["*.0.0.1"],
            &["*.[::1]"],
            &["*adobe.io"],
            &["author.*.io"],
            &["**.adobe.io"],
            &[".adobe.io"],
            &["adobe.io."],
            &["adobe..io"],
            &["https://author.example.com"],
            &["author.example.com/"],
            &["user@author.example.com"],
            &["author.example.com:"],
            &["author.example.com:x"],
            &["author.example.com:65536"],
            &["::1"],
            &["[::1"],
            &["bücher.example"],
            &["author.example.com", "author example"],
        ];
        for list in lists {
            let error = crate::Error::from(Hosts::parse(list).expect_err(&format!("{list:?}")));
            assert_eq!(error.kind(), crate::ErrorKind::Config);
            assert!(error.to_string().starts_with("setting hosts cannot be used: "), "{error}");
            assert!(error.hint().unwrap().contains("*.adobe.io"), "{error:?}");
        }
    }
}
