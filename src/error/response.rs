//! What IMS, or something in its place, responded instead of a token.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::ErrorKind;
use crate::clock::Skew;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ResponseError {
    #[error("IMS refused the request")]
    Refused,
    /// A 4xx without the JSON that IMS sends.
    #[error("request refused by something that is not IMS")]
    NotIms,
    #[error("IMS throttled the request")]
    Throttled,
    #[error("IMS failed")]
    Server,
    #[error("a proxy responded instead of IMS")]
    Proxy,
    #[error("redirect to {target} not followed")]
    Redirect { target: String },
    #[error("response cannot be used: {problem}")]
    Unusable { problem: &'static str },
    #[error("IMS issued a token that has already expired")]
    ExpiredOnArrival,
}

/// An error response (RFC 6749 section 5.2), or what could be read of one. Redacted: safe to print.
#[derive(Clone, Debug)]
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    pub(crate) code: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) debug_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    /// How far the local clock is from the one that responded.
    pub(crate) skew: Option<Skew>,
}

impl ResponseError {
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused | Self::NotIms => ErrorKind::Rejected,
            Self::Throttled => ErrorKind::Throttled,
            Self::Server => ErrorKind::Server,
            Self::Proxy => ErrorKind::Connect,
            Self::Redirect { .. } | Self::Unusable { .. } => ErrorKind::Response,
            Self::ExpiredOnArrival => ErrorKind::Expired,
        }
    }

    /// Overload passes; a status such as 501 says that the request will never succeed.
    pub(super) fn is_transient(&self, response: Option<&ErrorResponse>) -> bool {
        match self {
            Self::Throttled => true,
            Self::Server => response.is_none_or(|response| {
                matches!(
                    response.status,
                    StatusCode::REQUEST_TIMEOUT
                        | StatusCode::INTERNAL_SERVER_ERROR
                        | StatusCode::BAD_GATEWAY
                        | StatusCode::SERVICE_UNAVAILABLE
                        | StatusCode::GATEWAY_TIMEOUT
                )
            }),
            _ => false,
        }
    }

    /// Whether IMS itself is throttling or overloaded: 429, 503, or another failure in its own
    /// words.
    pub(super) fn is_overload(&self, response: &ErrorResponse) -> bool {
        match self {
            Self::Throttled => true,
            Self::Server => response.status == StatusCode::SERVICE_UNAVAILABLE || response.code.is_some(),
            _ => false,
        }
    }

    pub(super) fn hint(&self, response: Option<&ErrorResponse>) -> &'static str {
        let status = response.map(|response| response.status);
        match self {
            Self::Refused if status == Some(StatusCode::NOT_FOUND) => NO_ENDPOINT,
            Self::Refused => {
                "the code and the description are IMS's own; if they do not help, give the debug id to Adobe's support"
            }
            Self::NotIms if status == Some(StatusCode::NOT_FOUND) => NO_ENDPOINT,
            Self::NotIms => {
                "a proxy, a gateway or a sign-in page responded in the place of IMS: check HTTPS_PROXY, `imsEndpoint`, \
                 and what is between this machine and IMS"
            }
            Self::Throttled => {
                "too many token requests: keep one client and reuse its token, which lives about 24 hours, and wait as \
                 long as `retry_after` says"
            }
            Self::Server => "IMS, or a gateway in front of it, is down or overloaded: retry later",
            Self::Proxy => {
                "this response is from a proxy or gateway, not from IMS: check HTTPS_PROXY, or `proxy`, and the \
                 proxy's password"
            }
            Self::Redirect { .. } => {
                "IMS does not redirect: a proxy, a sign-in page or a wrong address responded; the secret was not sent on"
            }
            Self::Unusable { .. } => {
                "IMS does not respond like this: a proxy or a sign-in page may have responded; if not, report it"
            }
            Self::ExpiredOnArrival => {
                "IMS issues tokens for 24 hours: check this machine's clock, and what responds in the place of IMS"
            }
        }
    }

    /// The sentence with what the response says: `IMS refused the request: 400 invalid_token: …`.
    pub(super) fn fmt_with(&self, response: &ErrorResponse, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused | Self::NotIms | Self::Throttled | Self::Server | Self::Proxy => {
                write!(f, "{self}: {response}")
            }
            Self::Redirect { .. } => write!(f, "{self}: {}", response.status.as_str()),
            Self::Unusable { .. } | Self::ExpiredOnArrival => fmt::Display::fmt(self, f),
        }
    }
}

/// `400 invalid_token: Could not match …`, as far as it is there.
impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.as_str())?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(description) = &self.description {
            write!(f, ": {description}")?;
        }
        Ok(())
    }
}

pub(crate) const SET_CLOCK: &str = "set this machine's clock";

/// `the local clock is 7 min behind IMS`; `None` for what IMS tolerates.
pub(crate) fn clock_hint(skew: Skew) -> Option<String> {
    let direction = match skew {
        Skew::Ahead(_) => "ahead of",
        Skew::Behind(_) => "behind",
    };
    (!skew.is_tolerated()).then(|| format!("the local clock is {} {direction} IMS", human(skew.size())))
}

/// `45 s`, `7 min`, `3 h 20 min 5 s`, `400 days`.
pub(crate) fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 3 * 86_400 {
        return format!("{} days", seconds / 86_400);
    }
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}"));
    parts.collect::<Vec<_>>().join(" ")
}

const NO_ENDPOINT: &str =
    "there is no token endpoint at this address: check `imsEndpoint`, or the address given to `danger_endpoint`";
