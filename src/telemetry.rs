//! Every tracing event and span of the crate. No secret, and no id of a person: the client id and the
//! host name a machine's credential.

use std::error::Error as _;
use std::time::Duration;

use crate::error::Error;
use crate::store::StoreError;

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

/// The token store failed. One warning for an outage, however many calls meet it.
pub(crate) fn store_failed(error: &StoreError, is_first: bool, next_try: Duration) {
    macro_rules! event {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                target: TARGET,
                error = %error,
                cause = error.source().map(tracing::field::display),
                ?next_try,
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
    tracing::warn!(
        target: TARGET,
        host = identity.host,
        client_id = identity.client_id,
        "token in the store is damaged or not of this credential, it will be overwritten"
    );
}

const TARGET: &str = "adobe_ims";
