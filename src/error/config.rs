//! The client's settings, and what it needs of the machine.

use std::borrow::Cow;
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("endpoint cannot be used: {problem}")]
    Endpoint { problem: &'static str },
    /// A setting of the builder, or an environment variable.
    #[error("setting {name} cannot be used: {problem}")]
    Setting { name: &'static str, problem: &'static str, hint: &'static str },
    /// One of the hosts that get the token.
    #[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
    #[error("setting hosts cannot be used: {host} {problem}")]
    Host { host: String, problem: &'static str, hint: &'static str },
    #[error("environment variable {name} cannot be used: {problem}")]
    Variable { name: &'static str, problem: &'static str },
    /// The one that `reload_from` names.
    #[error("credentials file cannot be read within {} ms", .limit.as_millis())]
    SlowFile { limit: Duration },
    #[error("no TLS is compiled in")]
    NoTls,
    #[error("HTTP client cannot be built")]
    HttpClient,
}

impl ConfigError {
    pub(super) fn hint(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::Endpoint { .. } => {
                "`danger_endpoint` takes https://host or, for this machine only, http://127.0.0.1:port"
            }
            Self::Setting { hint, .. } => hint,
            #[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
            Self::Host { hint, .. } => hint,
            Self::Variable { name, .. } => {
                return Some(Cow::Owned(format!(
                    "set {name} to http://host:port, unset it, or override it with `proxy` or `no_proxy`"
                )));
            }
            Self::SlowFile { .. } => "check the file system that the file is on",
            Self::NoTls => "turn on the feature `rustls` or `native-tls` of adobe-ims",
            Self::HttpClient => {
                "without root certificates no server can be trusted: install the package ca-certificates, or add \
                 roots with `root_certificate`"
            }
        }))
    }
}
