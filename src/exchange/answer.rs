//! What an answer means: a token, or a failure with everything IMS said about it. Pure functions of
//! status, headers and a bounded body, which are all hostile.

use std::time::{Duration, SystemTime};

use http::header::{DATE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};
use reqwest::Url;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::LONGEST_LIFE;
use super::http::Head;
use crate::clock::Skew;
use crate::error::{Answer, Failure, printable};
use crate::loose::{Loose, Number};
use crate::secret::Secret;
use crate::token::TokenClaims;

/// What the judgement needs to know of the request.
pub(super) struct Context<'a> {
    pub(super) url: &'a Url,
    /// The local time halfway between request and answer; `None` if it can't be told.
    pub(super) midpoint: Option<SystemTime>,
    /// What must not come back in a message, should the other side echo it.
    pub(super) secrets: &'a [&'a str],
}

pub(super) enum Verdict {
    Granted(Granted),
    Failed(Failure, Answer),
}

pub(super) struct Granted {
    pub(super) text: Secret,
    /// From the moment the answer came.
    pub(super) life: Duration,
}

/// `body` is what could be read of it, or why it can't be used.
pub(super) fn judge(head: &Head, body: Result<&[u8], &'static str>, context: &Context<'_>) -> Verdict {
    match head.status {
        StatusCode::OK => granted(head, body, context),
        status if status.is_redirection() => {
            let failure = Failure::Redirect { status: status.as_u16(), target: target(head, context) };
            Verdict::Failed(failure, Said::default().answer(head, context))
        }
        status if status.is_client_error() || status.is_server_error() => {
            let said = body.ok().and_then(|body| serde_json::from_slice(body).ok());
            refused(head, said.unwrap_or_default(), context)
        }
        // Adobe's clients differ in whether another 2xx is a success; IMS answers 200.
        _ => unusable(head, context, "its status is not 200"),
    }
}

/// A token whose end is out of the clock's range.
pub(super) fn out_of_range(head: &Head, context: &Context<'_>) -> (Failure, Answer) {
    let problem = "the end of its token is out of range";
    (Failure::Unusable { problem }, Said::default().answer(head, context))
}

fn granted(head: &Head, body: Result<&[u8], &'static str>, context: &Context<'_>) -> Verdict {
    let body = match body {
        Ok(body) => body,
        Err(problem) => return unusable(head, context, problem),
    };
    // Typed, never by way of a `Value`, in which the last of two keys silently wins.
    let Ok(grant) = serde_json::from_slice::<Grant>(body) else {
        return unusable(head, context, "its body is not the JSON of a token");
    };
    if grant.error.as_ref().is_some_and(|code| code.text() != Some("")) {
        let said = Said { error: grant.error, error_description: grant.error_description, ..Said::default() };
        return refused(head, said, context);
    }
    match grant.check() {
        Ok(granted) => Verdict::Granted(granted),
        Err(problem) => unusable(head, context, problem),
    }
}

fn refused(head: &Head, said: Said, context: &Context<'_>) -> Verdict {
    let answer = said.answer(head, context);
    let text = answer.to_string();
    let failure = match head.status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Failure::Proxy { answer: text },
        StatusCode::TOO_MANY_REQUESTS => Failure::Throttled { answer: text },
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Failure::Server { answer: text, transient: true },
        status if status.is_server_error() => Failure::Server { answer: text, transient: false },
        _ => Failure::Refused { answer: text },
    };
    Verdict::Failed(failure, answer)
}

fn unusable(head: &Head, context: &Context<'_>, problem: &'static str) -> Verdict {
    Verdict::Failed(Failure::Unusable { problem }, Said::default().answer(head, context))
}

/// Where a redirect would have led: the host alone, since paths and queries may hold anything.
fn target(head: &Head, context: &Context<'_>) -> String {
    let location =
        head.headers.get(LOCATION).and_then(|location| location.to_str().ok()).filter(|text| !text.is_empty());
    let url = location.and_then(|location| context.url.join(location).ok());
    url.and_then(|url| clean(url.host_str()?, LONGEST_HOST, context)).unwrap_or_else(|| "nowhere".to_owned())
}

/// The answer to an exchange: exactly these fields, says Adobe; others are ignored.
#[derive(Deserialize)]
struct Grant {
    access_token: Option<Secret>,
    token_type: Option<String>,
    expires_in: Option<Number>,
    error: Option<Loose>,
    error_description: Option<Loose>,
}

impl Grant {
    fn check(self) -> Result<Granted, &'static str> {
        let Self { access_token, token_type, expires_in, error: _, error_description: _ } = self;
        let text = access_token.ok_or("it has no access token")?;
        if text.expose().is_empty() {
            return Err("its access token is empty");
        }
        if text.expose().len() > LONGEST_TOKEN || !text.expose().bytes().all(|b| b.is_ascii_graphic()) {
            return Err("its access token is too long or holds characters that no header can carry");
        }
        if token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err("its token is not of the type bearer");
        }
        let claimed = TokenClaims::of(text.expose()).and_then(|claims| claims.lifetime());
        let life = life(expires_in, claimed)?;
        Ok(Granted { text, life })
    }
}

/// How long the token lives, by what the answer says and what the token says of itself.
///
/// This endpoint counts `expires_in` in milliseconds (Adobe's documentation; others count in seconds).
/// The token's own claim is in milliseconds for certain, so where the other unit agrees with it, the
/// claim is believed. Where neither does, the shorter counts: too early an end costs a request, too
/// late a one an outage.
fn life(expires_in: Option<Number>, claimed: Option<Duration>) -> Result<Duration, &'static str> {
    let claimed = claimed.filter(|life| !life.is_zero());
    let life = match (expires_in, claimed) {
        (None, None) => return Err("neither it nor its token says when the token ends"),
        (None, Some(claimed)) => claimed,
        (Some(Number(0)), _) => return Err("its token has no life"),
        (Some(Number(count)), claimed) => {
            let told = Duration::from_millis(count);
            let as_seconds = Duration::from_secs(count);
            if told > LONGEST_PLAUSIBLE_LIFE {
                return Err("the life of its token is absurdly long");
            }
            match claimed {
                Some(claimed) if as_seconds.abs_diff(claimed) <= AGREEMENT => claimed.min(as_seconds),
                Some(claimed) => claimed.min(told),
                None => told,
            }
        }
    };
    Ok(life.min(LONGEST_LIFE))
}

/// An error in any of the shapes seen: IMS's own, or that of Adobe's API gateway.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    error: Option<Loose>,
    error_description: Option<Loose>,
    error_code: Option<Loose>,
    message: Option<Loose>,
}

impl Said {
    fn answer(self, head: &Head, context: &Context<'_>) -> Answer {
        let words = |first: Option<Loose>, second: Option<Loose>, most| {
            first.or(second).and_then(|words| clean(words.text()?, most, context))
        };
        let date = head.headers.get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
        let debug_id = head.headers.get(DEBUG_ID).and_then(|id| clean(id.to_str().ok()?, LONGEST_DEBUG_ID, context));
        Answer {
            status: head.status,
            code: words(self.error, self.error_code, LONGEST_CODE),
            description: words(self.error_description, self.message, LONGEST_DESCRIPTION),
            debug_id,
            retry_after: retry_after(&head.headers, date.or(context.midpoint)),
            skew: skew(context.midpoint, date),
        }
    }
}

/// `Date` is cut to whole seconds, so half of one is its middle.
fn skew(local: Option<SystemTime>, date: Option<SystemTime>) -> Option<Skew> {
    Some(Skew::between(local?, date?.checked_add(Duration::from_millis(500))?))
}

/// RFC 9110 section 10.2.3: seconds, or a date, which is measured against the other side's own clock.
/// Nonsense is ignored, and nobody is made to wait longer than an hour; of several the longest counts.
fn retry_after(headers: &HeaderMap, now: Option<SystemTime>) -> Option<Duration> {
    let told = headers.get_all(RETRY_AFTER).iter().filter_map(|value| {
        let value = value.to_str().ok()?.trim();
        if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
            return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
        }
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(now?).unwrap_or_default())
    });
    told.max().map(|told| told.min(LONGEST_TOLD_WAIT))
}

/// Text of the other side as it may stand in an error; `None` where nothing is left of it.
fn clean(text: &str, most: usize, context: &Context<'_>) -> Option<String> {
    // So much more that a secret across the end is still seen as one.
    let text = cut_out(&printable(text, most.saturating_add(TELLING)), context.secrets);
    let text: String = text.chars().take(most).collect();
    (!text.is_empty()).then_some(text)
}

/// Replaces every run of characters that also stands in a secret, however little of it was echoed and
/// in which case.
fn cut_out(text: &str, secrets: &[&str]) -> String {
    let chars: Vec<char> = text.chars().collect();
    let lower: Vec<char> = chars.iter().map(char::to_ascii_lowercase).collect();
    let mut hidden = vec![false; chars.len()];
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let secret = Zeroizing::new(secret.to_ascii_lowercase());
        let width = secret.chars().count().min(TELLING);
        for (at, window) in lower.windows(width).enumerate() {
            if secret.contains(&window.iter().collect::<String>()) {
                hidden.iter_mut().skip(at).take(width).for_each(|hidden| *hidden = true);
            }
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut before = false;
    for (c, hidden) in chars.into_iter().zip(hidden) {
        match (hidden, before) {
            (false, _) => out.push(c),
            (true, false) => out.push_str("[redacted]"),
            (true, true) => {}
        }
        before = hidden;
    }
    out
}

const DEBUG_ID: HeaderName = HeaderName::from_static("x-debug-id");
const LONGEST_CODE: usize = 64;
const LONGEST_DESCRIPTION: usize = 200;
const LONGEST_DEBUG_ID: usize = 128;
const LONGEST_HOST: usize = 253;
/// IMS's tokens have 1.1 to 1.6 KiB; servers take headers of about 16.
const LONGEST_TOKEN: usize = 16 * 1024;
/// So much of a secret is a secret.
const TELLING: usize = 12;
/// A `Retry-After` of 40 minutes was seen at Adobe.
const LONGEST_TOLD_WAIT: Duration = Duration::from_secs(60 * 60);
/// Claim and answer differ by milliseconds in practice.
const AGREEMENT: Duration = Duration::from_secs(5);
/// Over a year: that is no longer a life but a mistake.
const LONGEST_PLAUSIBLE_LIFE: Duration = Duration::from_secs(366 * 24 * 60 * 60);

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "a test may stop at the first surprise")]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::HeaderMap;
    use http::header::{HeaderValue, RETRY_AFTER};

    use super::{Number, cut_out, life, retry_after};

    fn told(values: &[&str]) -> Option<Duration> {
        // Sunday, 6 November 1994, 08:49:37 GMT: the example of RFC 9110.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RETRY_AFTER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        retry_after(&headers, Some(now))
    }

    /// B5
    #[test]
    fn a_wait_told_as_a_date_counts_by_the_clock_that_told_it() {
        let cases = [
            ("Sun, 06 Nov 1994 08:49:39 GMT", 2),
            ("Sunday, 06-Nov-94 08:49:39 GMT", 2),
            ("Sun Nov  6 08:49:39 1994", 2),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
            ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        ];
        for (value, seconds) in cases {
            assert_eq!(told(&[value]), Some(Duration::from_secs(seconds)), "{value}");
        }
    }

    /// B6
    #[test]
    fn a_told_wait_is_capped_and_nonsense_is_ignored() {
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
            assert_eq!(told(values), expected, "{values:?}");
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
            (Some(86_399), None, Ok(Duration::from_millis(86_399))),
            (Some(3_599), Some(seconds(3_600)), Ok(seconds(3_599))),
            (None, Some(seconds(3_600)), Ok(seconds(3_600))),
            (Some(86_399_999), Some(seconds(3_600)), Ok(seconds(3_600))),
            (Some(60_000), day, Ok(seconds(60))),
            (Some(864_000_000), None, Ok(seconds(86_400))),
            (Some(864_000_000), Some(seconds(864_000)), Ok(seconds(86_400))),
            (Some(u64::MAX), day, Err(())),
            (Some(0), day, Err(())),
            (None, Some(Duration::ZERO), Err(())),
            (None, None, Err(())),
        ];
        for (told, claimed, expected) in cases {
            assert_eq!(life(told.map(Number), claimed).map_err(|_| ()), expected, "{told:?} {claimed:?}");
        }
    }

    /// A12
    #[test]
    fn a_secret_is_cut_out_however_little_of_it_is_echoed() {
        let secret = "s8e-0123456789abcdef";
        let cases = [
            ("secret s8e-0123456789abcdef is wrong", "secret [redacted] is wrong"),
            ("ends 23456789abcd", "ends [redacted]"),
            ("456789abcdefs8e-01234567", "[redacted]"),
            ("s8e-0123456", "s8e-0123456"),
            ("S8E-0123456789ABC.example", "[redacted].example"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(cut_out(text, &[secret, ""]), expected);
        }
        assert_eq!(cut_out("pin is 1234", &["1234"]), "pin is [redacted]");
    }
}
