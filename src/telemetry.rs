//! Every tracing event and span of the crate. No secret, and no id of a person: the client id and the
//! host name a machine's credential.

use std::time::Duration;

use crate::error::Error;

/// Whose exchange it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) host: &'a str,
    pub(crate) client_id: &'a str,
}

/// One exchange with its attempts.
pub(crate) fn exchange_span(identity: Identity<'_>) -> tracing::Span {
    tracing::debug_span!(target: TARGET, "ims_exchange", host = identity.host, client_id = identity.client_id)
}

pub(crate) fn attempt_succeeded(attempt: u32, elapsed: Duration) {
    tracing::debug!(target: TARGET, attempt, ?elapsed, "attempt succeeded");
}

pub(crate) fn attempt_failed(attempt: u32, elapsed: Duration, error: &Error, next_try: Option<Duration>) {
    tracing::debug!(
        target: TARGET,
        attempt,
        ?elapsed,
        kind = %error.kind(),
        status = error.status().map(|status| status.as_u16()),
        code = error.code(),
        debug_id = error.debug_id(),
        ?next_try,
        "attempt failed"
    );
}

/// An exchange for the cache failed. `time_left` is how long the cached token is still valid; without
/// one, callers get the error.
pub(crate) fn exchange_failed(identity: Identity<'_>, error: &Error, time_left: Option<Duration>, next_try: Duration) {
    macro_rules! warn {
        ($message:literal $(, $field:ident)*) => {
            tracing::warn!(
                target: TARGET,
                host = identity.host,
                client_id = identity.client_id,
                kind = %error.kind(),
                error = %error,
                status = error.status().map(|status| status.as_u16()),
                code = error.code(),
                description = error.description(),
                debug_id = error.debug_id(),
                hint = error.hint(),
                $(?$field,)*
                ?next_try,
                $message
            )
        };
    }
    match time_left {
        Some(time_left) => warn!("token refresh failed, the cached token is still valid", time_left),
        None => warn!("token exchange failed, there is no valid token"),
    }
}

/// The credentials file cannot be used: unreadable, incomplete, or another client's.
pub(crate) fn reload_failed(identity: Identity<'_>, error: &Error) {
    reload(identity, error, "credentials file cannot be reloaded, the last good credentials are used");
}

/// IMS refused the credentials of a changed file.
pub(crate) fn reload_refused(identity: Identity<'_>, error: &Error) {
    reload(identity, error, "IMS refused the reloaded credentials, the last good ones are used");
}

fn reload(identity: Identity<'_>, error: &Error, message: &'static str) {
    tracing::warn!(
        target: TARGET,
        host = identity.host,
        client_id = identity.client_id,
        kind = %error.kind(),
        error = %error,
        code = error.code(),
        description = error.description(),
        debug_id = error.debug_id(),
        hint = error.hint(),
        "{message}"
    );
}

/// A request that the middleware leaves as it is.
#[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
pub(crate) fn request_passed(host: Option<&str>, reason: &str) {
    tracing::debug!(target: TARGET, host, reason, "request gets no token");
}

/// An API responded with 401.
#[cfg(any(feature = "reqwest-middleware", feature = "tower"))]
pub(crate) fn token_refused() {
    tracing::debug!(target: TARGET, "the API refused the token");
}

const TARGET: &str = "adobe_ims";
