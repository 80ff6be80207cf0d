//! Every tracing event and span of the crate, and with the feature `metrics` every metric. They
//! hold no secret and no user id: the client id and the host belong to a machine's credential. The
//! page for users is `guide/telemetry.md`.

#[cfg(feature = "metrics")]
mod metrics;

use std::error::Error as StdError;
use std::time::Duration;
#[cfg(feature = "metrics")]
use std::time::SystemTime;

use crate::error::Error;
use crate::token::Token;

/// The client of an exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) host: &'a str,
    pub(crate) client_id: &'a str,
    /// The client's label on metrics.
    #[cfg(feature = "metrics")]
    pub(crate) label: Option<&'a str>,
    /// When the certificate of the credentials in use expires.
    #[cfg(feature = "metrics")]
    pub(crate) certificate_not_after: Option<SystemTime>,
}

impl<'a> Identity<'a> {
    pub(crate) fn new(host: &'a str, client_id: &'a str) -> Self {
        Self {
            host,
            client_id,
            #[cfg(feature = "metrics")]
            label: None,
            #[cfg(feature = "metrics")]
            certificate_not_after: None,
        }
    }

    /// Address and port, as OpenTelemetry requires.
    fn server(self) -> (&'a str, Option<u16>) {
        let port = self.host.rsplit_once(':').and_then(|(address, port)| Some((address, port.parse().ok()?)));
        // An IPv6 address without a port ends in a bracket.
        port.map_or((self.host, None), |(address, port)| (address, Some(port)))
    }
}

/// Logs a warning about an error of this client, with all its details.
macro_rules! warn_of {
    ($identity:ident, $error:ident, $message:literal $(, $($more:tt)+)?) => {{
        let (address, port) = $identity.server();
        tracing::warn!(
            target: TARGET,
            client_id = $identity.client_id,
            "server.address" = address,
            "server.port" = port,
            "error.type" = %$error.kind(),
            "error.message" = %$error,
            "http.response.status_code" = $error.status().map(|status| status.as_u16()),
            code = $error.code(),
            description = $error.description(),
            debug_id = $error.debug_id(),
            hint = $error.hint(),
            $($($more)+,)?
            $message
        );
    }};
}

/// The span of one exchange and its attempts.
pub(crate) fn exchange_span(identity: Identity<'_>) -> tracing::Span {
    let (address, port) = identity.server();
    tracing::debug_span!(
        target: TARGET,
        "ims_exchange",
        client_id = identity.client_id,
        "server.address" = address,
        "server.port" = port
    )
}

/// An exchange has ended; `grant` is its grant type.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "only a metric"))]
pub(crate) fn exchange_ended(identity: Identity<'_>, grant: &'static str, elapsed: Duration, error: Option<&Error>) {
    #[cfg(feature = "metrics")]
    metrics::exchange_duration(identity, grant, elapsed, error);
}

pub(crate) fn attempt_succeeded(attempt: u32, elapsed: Duration) {
    tracing::debug!(target: TARGET, attempt, ?elapsed, "attempt succeeded");
}

pub(crate) fn attempt_failed(attempt: u32, elapsed: Duration, error: &Error, next_try: Option<Duration>) {
    tracing::debug!(
        target: TARGET,
        attempt,
        ?elapsed,
        "error.type" = %error.kind(),
        "http.response.status_code" = error.status().map(|status| status.as_u16()),
        code = error.code(),
        debug_id = error.debug_id(),
        ?next_try,
        "attempt failed"
    );
}

/// A token is in the cache: from IMS or from the store.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "only metrics"))]
pub(crate) fn token_cached(identity: Identity<'_>, token: &Token) {
    #[cfg(feature = "metrics")]
    {
        metrics::token_expires_at(identity, token.expires_at());
        metrics::certificate_not_after(identity);
    }
}

/// An exchange for the cache failed. `time_left` is how long the cached token is still valid;
/// without one, callers get the error.
pub(crate) fn exchange_failed(identity: Identity<'_>, error: &Error, time_left: Option<Duration>, next_try: Duration) {
    #[cfg(feature = "metrics")]
    {
        metrics::refresh_failed(identity, error);
        metrics::certificate_not_after(identity);
    }
    match time_left {
        Some(time_left) => {
            warn_of!(
                identity,
                error,
                "token refresh failed, the cached token is still valid",
                time_left = ?time_left,
                next_try = ?next_try
            );
        }
        None => warn_of!(identity, error, "token exchange failed, there is no valid token", next_try = ?next_try),
    }
}

/// The credentials file cannot be used: unreadable, incomplete, or another client's.
pub(crate) fn reload_failed(identity: Identity<'_>, error: &Error) {
    warn_of!(identity, error, "credentials file cannot be reloaded, the last good credentials are used");
}

/// IMS refused the credentials of a changed file.
pub(crate) fn reload_refused(identity: Identity<'_>, error: &Error) {
    warn_of!(identity, error, "IMS refused the reloaded credentials, the last good ones are used");
}

/// A request that the middleware leaves as it is.
#[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
pub(crate) fn request_passed(host: Option<&str>, reason: &str) {
    tracing::debug!(target: TARGET, reason, "server.address" = host, "request gets no token");
}

/// An API responded with 401.
#[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
pub(crate) fn token_refused() {
    tracing::debug!(target: TARGET, "the API refused the token");
}

/// The token store failed. One warning for an outage, however many calls it affects.
pub(crate) fn store_failed(error: &dyn StdError, is_first: bool, next_try: Duration) {
    #[cfg(feature = "metrics")]
    metrics::store_unreachable();
    macro_rules! event {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                target: TARGET,
                cause = error.source().map(tracing::field::display),
                ?next_try,
                "error.message" = %error,
                $message
            )
        };
    }
    match is_first {
        true => event!(warn, "token store failed, tokens are requested without it"),
        false => event!(debug, "token store failed again"),
    }
}

/// The first token was read from the store, or saved to it, since it failed.
pub(crate) fn store_works(down_for: Duration) {
    tracing::info!(target: TARGET, ?down_for, "token store works again");
}

/// The store has bytes that are not a token of this credential.
pub(crate) fn store_unreadable(identity: Identity<'_>) {
    let (address, port) = identity.server();
    tracing::warn!(
        target: TARGET,
        client_id = identity.client_id,
        "server.address" = address,
        "server.port" = port,
        "token in the store is damaged or not of this credential, it will be overwritten"
    );
}

const TARGET: &str = "adobe_ims";

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn a_host_is_split_into_address_and_port() {
        let cases = [
            ("ims-na1.adobelogin.com", ("ims-na1.adobelogin.com", None)),
            ("127.0.0.1:8080", ("127.0.0.1", Some(8080))),
            ("[::1]:8080", ("[::1]", Some(8080))),
            ("[::1]", ("[::1]", None)),
        ];
        for (host, expected) in cases {
            assert_eq!(Identity::new(host, "client").server(), expected);
        }
    }
}
