//! What a response means: a token, or an error with everything that was said. Pure functions of
//! status, headers and a bounded body, which are all hostile.

use std::time::{Duration, SystemTime};

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::clock::{SharedClock, Skew};
use crate::error::{ErrorResponse, ResponseError};
use crate::grant::{TokenRequest, Unit};
use crate::lenient::{LenientText, LenientU64, Object};
use crate::request::ImsRequest;
use crate::secret::Secret;
use crate::token::{Token, TokenClaims};
use crate::transport::{Endpoint, Received};

/// No token: what failed, and what the response said.
pub(crate) struct Refusal {
    pub(crate) failure: ResponseError,
    pub(crate) response: ErrorResponse,
}

/// Reads the response to a token request.
///
/// The lifetime counts from before the request was sent: so a token never outlives what IMS meant,
/// however long the response took.
pub(crate) fn read_token(
    received: &Received,
    request: &TokenRequest,
    endpoint: &Endpoint,
    clock: &SharedClock,
) -> Result<Token, Box<Refusal>> {
    let reader = Reader { received, request: &request.ims };
    let body = reader.json::<TokenResponse>(endpoint, "its body is not the JSON of a token")?;
    if body.error.as_ref().is_some_and(|code| code.text() != Some("")) {
        let (error, error_description) = (body.error, body.error_description);
        return Err(reader.refused(ErrorBody {
            error,
            error_description,
            access_token: body.access_token,
            ..ErrorBody::default()
        }));
    }
    let granted = body.granted(request.expires_in).map_err(|problem| reader.unusable(problem))?;
    let token = Token::new(granted.text.expose(), granted.lifetime, received.sent, clock.clone());
    match token {
        Some(token) if token.is_expired() => Err(reader.refusal(ResponseError::ExpiredOnArrival)),
        Some(token) => Ok(token),
        None => Err(reader.unusable("its token expires out of the clock's range")),
    }
}

/// Reads a response of which only the status matters.
pub(super) fn read_nothing(received: &Received, request: &ImsRequest, endpoint: &Endpoint) -> Result<(), Box<Refusal>> {
    Reader { received, request }.success(endpoint)
}

/// Reads a response in JSON.
pub(super) fn read_json<T: DeserializeOwned>(
    received: &Received,
    request: &ImsRequest,
    endpoint: &Endpoint,
) -> Result<T, Box<Refusal>> {
    Reader { received, request }.json(endpoint, "its body is not the JSON that was expected")
}

/// A response that is not one of IMS's.
pub(super) fn unusable(received: &Received, request: &ImsRequest, problem: &'static str) -> Box<Refusal> {
    Reader { received, request }.unusable(problem)
}

struct Reader<'a> {
    received: &'a Received,
    request: &'a ImsRequest,
}

impl Reader<'_> {
    fn success(&self, endpoint: &Endpoint) -> Result<(), Box<Refusal>> {
        match self.received.status {
            StatusCode::OK => Ok(()),
            status if status.is_redirection() => Err(self.redirect(endpoint)),
            status if status.is_client_error() || status.is_server_error() => {
                let body = self.received.body.bytes().ok().and_then(parse::<ErrorBody>);
                Err(self.refused(body.unwrap_or_default()))
            }
            // Adobe's clients differ in whether another 2xx is a success; IMS sends 200.
            _ => Err(self.unusable("its status is not 200")),
        }
    }

    /// Typed, never by way of a `Value`, in which the last of two keys silently wins.
    fn json<T: DeserializeOwned>(&self, endpoint: &Endpoint, problem: &'static str) -> Result<T, Box<Refusal>> {
        self.success(endpoint)?;
        let body = self.received.body.bytes().map_err(|problem| self.unusable(problem))?;
        parse(body).ok_or_else(|| self.unusable(problem))
    }

    fn refused(&self, body: ErrorBody) -> Box<Refusal> {
        let response = self.error_response(body);
        let failure = match self.received.status {
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => ResponseError::Proxy,
            StatusCode::TOO_MANY_REQUESTS => ResponseError::Throttled,
            StatusCode::REQUEST_TIMEOUT => ResponseError::Server,
            status if status.is_server_error() => ResponseError::Server,
            _ if response.code.is_none() => ResponseError::NotIms,
            _ => ResponseError::Refused,
        };
        Box::new(Refusal { failure, response })
    }

    /// The host only: paths and queries may hold anything.
    fn redirect(&self, endpoint: &Endpoint) -> Box<Refusal> {
        let location = self.received.headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let host = location.filter(|text| !text.is_empty()).and_then(|location| endpoint.host_of(location));
        let target = host.and_then(|host| self.request.secrets(None).clean(&host, MAX_HOST));
        self.refusal(ResponseError::Redirect { target: target.unwrap_or_else(|| "nowhere".to_owned()) })
    }

    fn unusable(&self, problem: &'static str) -> Box<Refusal> {
        self.refusal(ResponseError::Unusable { problem })
    }

    fn refusal(&self, failure: ResponseError) -> Box<Refusal> {
        Box::new(Refusal { failure, response: self.error_response(ErrorBody::default()) })
    }

    fn error_response(&self, body: ErrorBody) -> ErrorResponse {
        let Received { status, headers, .. } = self.received;
        let ErrorBody { error, error_description, error_code, message, access_token } = body;
        let secrets = self.request.secrets(access_token.as_ref().map(Secret::expose));
        let clean = |first: Option<LenientText>, second: Option<LenientText>, max| {
            first.or(second).and_then(|text| secrets.clean(text.text()?, max))
        };
        let date = self.received.date();
        ErrorResponse {
            status: *status,
            code: clean(error, error_code, MAX_CODE),
            description: clean(error_description, message, MAX_DESCRIPTION),
            debug_id: headers.get(DEBUG_ID).and_then(|id| secrets.clean(id.to_str().ok()?, MAX_DEBUG_ID)),
            retry_after: retry_after(headers, date.unwrap_or(self.received.arrived.wall)),
            skew: skew(self.received),
        }
    }
}

/// A token and how long it lives.
struct Granted {
    text: Secret,
    lifetime: Duration,
}

/// The token response (RFC 6749 section 5.1). Adobe sends exactly these fields; others are ignored.
#[derive(Deserialize)]
struct TokenResponse {
    access_token: Option<Secret>,
    token_type: Option<String>,
    expires_in: Option<LenientU64>,
    error: Option<LenientText>,
    error_description: Option<LenientText>,
}

impl TokenResponse {
    fn granted(self, unit: Unit) -> Result<Granted, &'static str> {
        let Self { access_token, token_type, expires_in, error: _, error_description: _ } = self;
        let text = access_token.ok_or("it has no access token")?;
        if text.expose().is_empty() {
            return Err("its access token is empty");
        }
        if text.expose().len() > MAX_TOKEN || !text.expose().bytes().all(|b| b.is_ascii_graphic()) {
            return Err("its access token is too long or holds characters that a header cannot carry");
        }
        if token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err("its token type is not bearer");
        }
        let claimed = TokenClaims::decode(text.expose()).and_then(|claims| claims.lifetime());
        let lifetime = lifetime(expires_in, unit, claimed)?;
        Ok(Granted { text, lifetime })
    }
}

/// The lifetime of the token, by `expires_in` and by the token's own claims.
///
/// The unit of `expires_in` depends on the endpoint. The claim is always in milliseconds, so where
/// the *other* unit agrees with it, the claim is believed. Where neither does, the shorter counts:
/// expiring early costs a request, expiring late an outage.
fn lifetime(expires_in: Option<LenientU64>, unit: Unit, claimed: Option<Duration>) -> Result<Duration, &'static str> {
    let claimed = claimed.filter(|lifetime| !lifetime.is_zero());
    let lifetime = match (expires_in, claimed) {
        (None, None) => return Err("neither it nor its token says when the token expires"),
        (None, Some(claimed)) => claimed,
        (Some(LenientU64(0)), _) => return Err("its token has already expired"),
        (Some(LenientU64(count)), claimed) => {
            let (seconds, milliseconds) = (Duration::from_secs(count), Duration::from_millis(count));
            let (stated, other) = match unit {
                // So many seconds would be 116 days.
                Unit::Seconds if count >= MIN_NOT_SECONDS => (milliseconds, seconds),
                Unit::Seconds => (seconds, milliseconds),
                Unit::Milliseconds => (milliseconds, seconds),
            };
            if stated > MAX_PLAUSIBLE_LIFETIME {
                return Err("the lifetime of its token is implausibly long");
            }
            match claimed {
                Some(claimed) if other.abs_diff(claimed) <= AGREEMENT => claimed.min(other),
                Some(claimed) => claimed.min(stated),
                None => stated,
            }
        }
    };
    Ok(lifetime.min(MAX_LIFETIME))
}

/// An error in any of the shapes seen: IMS's own (RFC 6749 section 5.2), or that of Adobe's API
/// gateway.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    error: Option<LenientText>,
    error_description: Option<LenientText>,
    error_code: Option<LenientText>,
    message: Option<LenientText>,
    /// A token next to an error is not used, but must not be shown either.
    #[serde(deserialize_with = "text_or_nothing")]
    access_token: Option<Secret>,
}

fn text_or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(LenientText::deserialize(deserializer)?.into_text().map(Secret::from))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice::<Object<T>>(body).ok().map(|Object(value)| value)
}

/// How far the local clock is from the server's. `Date` is cut to whole seconds, so half of one is
/// its middle.
pub(super) fn skew(received: &Received) -> Option<Skew> {
    let date = received.date()?.checked_add(Duration::from_millis(500))?;
    Some(Skew::between(received.midpoint()?, date))
}

/// RFC 9110 section 10.2.3: seconds, or a date, which is compared with the server's clock. Invalid
/// values are ignored, and at most an hour counts; of several, the longest.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let waits = headers.get_all(RETRY_AFTER).iter().filter_map(|value| {
        let value = value.to_str().ok()?.trim();
        if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
            return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
        }
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    });
    waits.max().map(|wait| wait.min(MAX_RETRY_AFTER))
}

const DEBUG_ID: HeaderName = HeaderName::from_static("x-debug-id");
const MAX_CODE: usize = 64;
const MAX_DESCRIPTION: usize = 200;
const MAX_DEBUG_ID: usize = 128;
const MAX_HOST: usize = 253;
/// IMS's tokens have 1.1 to 1.6 KiB; servers accept headers of about 16.
const MAX_TOKEN: usize = 16 * 1024;
/// A `Retry-After` of 40 minutes was seen at Adobe.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);
/// Claim and response differ by milliseconds in practice.
const AGREEMENT: Duration = Duration::from_secs(5);
/// The protocol sheet's rule: a larger count from an endpoint of seconds is in milliseconds.
const MIN_NOT_SECONDS: u64 = 10_000_000;
/// Over a year is not a lifetime but a mistake.
const MAX_PLAUSIBLE_LIFETIME: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// Tokens live 24 hours at most (Adobe's documentation); nothing that a response says makes it
/// more.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop at the first surprise")]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::HeaderMap;
    use http::header::{HeaderValue, RETRY_AFTER};

    use super::{LenientU64, Unit, lifetime, retry_after};

    fn waits(values: &[&str]) -> Option<Duration> {
        // Sunday, 6 November 1994, 08:49:37 GMT: the example of RFC 9110.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RETRY_AFTER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        retry_after(&headers, now)
    }

    /// B5
    #[test]
    fn a_retry_after_date_is_compared_with_the_clock_of_the_other_side() {
        let cases = [
            ("Sun, 06 Nov 1994 08:49:39 GMT", 2),
            ("Sunday, 06-Nov-94 08:49:39 GMT", 2),
            ("Sun Nov  6 08:49:39 1994", 2),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        ];
        for (value, seconds) in cases {
            assert_eq!(waits(&[value]), Some(Duration::from_secs(seconds)), "{value}");
        }
    }

    /// B6
    #[test]
    fn retry_after_is_capped_and_nonsense_is_ignored() {
        let hour = Some(Duration::from_secs(3600));
        let cases: [(&[&str], Option<Duration>); 9] = [
            (&["999999"], hour),
            (&["18446744073709551615"], hour),
            (&["99999999999999999999999"], hour),
            (&["-1"], None),
            (&["1.5"], None),
            (&[""], None),
            (&["soon"], None),
            (&["3", "7"], Some(Duration::from_secs(7))),
            (&["Fri, 31 Dec 9999 23:59:59 GMT"], hour),
        ];
        for (values, expected) in cases {
            assert_eq!(waits(values), expected, "{values:?}");
        }
    }

    type Lifetime = Result<Duration, ()>;

    fn read(cases: &[(Option<u64>, Option<Duration>, Lifetime)], unit: Unit) {
        for (count, claimed, expected) in cases {
            let read = lifetime(count.map(LenientU64), unit, *claimed).map_err(|_| ());
            assert_eq!(read, *expected, "{count:?} {claimed:?}");
        }
    }

    /// T15
    #[test]
    fn the_unit_is_the_endpoint_s_unless_the_token_s_own_claim_agrees_with_the_other() {
        let seconds = Duration::from_secs;
        let day = Some(seconds(86_400));
        let cases = [
            (Some(86_399_999), None, Ok(Duration::from_millis(86_399_999))),
            (Some(86_399_999), day, Ok(Duration::from_millis(86_399_999))),
            (Some(86_399), day, Ok(seconds(86_399))),
            (Some(86_405), day, Ok(seconds(86_400))),
            (Some(86_395), day, Ok(seconds(86_395))),
            (Some(86_394), day, Ok(Duration::from_millis(86_394))),
            (Some(86_406), day, Ok(Duration::from_millis(86_406))),
            (Some(86_399), None, Ok(Duration::from_millis(86_399))),
            (Some(3_599), Some(seconds(3_600)), Ok(seconds(3_599))),
            (None, Some(seconds(3_600)), Ok(seconds(3_600))),
            (Some(86_399_999), Some(seconds(3_600)), Ok(seconds(3_600))),
            (Some(60_000), day, Ok(seconds(60))),
            (Some(864_000_000), None, Ok(seconds(86_400))),
            (Some(864_000_000), Some(seconds(864_000)), Ok(seconds(86_400))),
            (Some(366 * 86_400_000), None, Ok(seconds(86_400))),
            (Some(366 * 86_400_000 + 1), None, Err(())),
            (Some(u64::MAX), day, Err(())),
            (Some(0), day, Err(())),
            (None, Some(Duration::ZERO), Err(())),
            (None, None, Err(())),
        ];
        read(&cases, Unit::Milliseconds);
    }

    /// T15: the other way round, from an endpoint of seconds.
    #[test]
    fn an_endpoint_of_seconds_is_checked_in_the_same_way() {
        let seconds = Duration::from_secs;
        let day = Some(seconds(86_400));
        let cases = [
            (Some(86_399), None, Ok(seconds(86_399))),
            (Some(86_399), day, Ok(seconds(86_399))),
            (Some(3_599), day, Ok(seconds(3_599))),
            (Some(86_399_999), day, Ok(Duration::from_millis(86_399_999))),
            (Some(86_399_999), None, Ok(Duration::from_millis(86_399_999))),
            (Some(3_599_999), Some(seconds(3_600)), Ok(Duration::from_millis(3_599_999))),
            (Some(86_400), Some(seconds(3_600)), Ok(seconds(3_600))),
            (Some(9_999_999), None, Ok(seconds(86_400))),
            (Some(10_000_000), None, Ok(seconds(10_000))),
            (None, Some(seconds(3_600)), Ok(seconds(3_600))),
            (Some(u64::MAX), day, Err(())),
            (Some(0), day, Err(())),
            (None, None, Err(())),
        ];
        read(&cases, Unit::Seconds);
    }
}
