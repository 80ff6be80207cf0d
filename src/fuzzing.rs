//! What the fuzz targets call (`tests/fuzz`): each function takes hostile bytes through one door of the crate and
//! asserts what must hold of whatever comes out. Compiled with `--cfg fuzzing` alone.
//!
//! Secrets are planted in the bytes by the caller; no 12 characters of one may be printed.

use std::collections::HashSet;
use std::error::Error as _;
use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::clock::{Clock, Moment, SharedClock};
use crate::credentials::ServiceCredentials;
use crate::error::Error;
use crate::exchange::{Endpoint, understood_at};
use crate::key::RsaKey;
use crate::retry;
use crate::signer::JwtSigner;
use crate::token::Token;

/// Secrets, and all their pieces of 12 bytes.
#[derive(Debug, Default)]
pub struct Secrets {
    texts: Vec<&'static str>,
    pieces: HashSet<[u8; 12]>,
}

impl Secrets {
    /// A secret of fewer than 12 bytes has no piece.
    pub fn new(texts: Vec<&'static str>) -> Self {
        let pieces = texts.iter().flat_map(|text| pieces(text)).collect();
        Self { texts, pieces }
    }

    fn of(text: &str) -> Self {
        Self { texts: Vec::new(), pieces: pieces(text).collect() }
    }

    fn pieces_in(&self, text: &str) -> impl Iterator<Item = [u8; 12]> {
        pieces(text).filter(|piece| self.pieces.contains(piece))
    }
}

fn pieces(text: &str) -> impl Iterator<Item = [u8; 12]> {
    text.as_bytes().windows(12).filter_map(|piece| piece.try_into().ok())
}

/// A credentials file: what is accepted can sign, connects to Adobe, and prints no secret.
pub fn credentials(json: &[u8], secrets: &Secrets) {
    match ServiceCredentials::from_json(json) {
        Ok(credentials) => {
            host_is_adobes(credentials.ims_host());
            let (id, org, account) =
                (credentials.client_id(), credentials.org_id(), credentials.technical_account_id());
            let names = credentials.metascopes().collect::<Vec<_>>().join("\n");
            let public = [id, org, account, credentials.ims_host(), &names].join("\n");
            // What stands in a public part as well is no secret.
            let own = Secrets::of(credentials.client_secret().expose());
            let known = Secrets::of(&public);
            for secrets in [secrets, &own] {
                let piece = secrets.pieces_in(&printed(&credentials)).find(|piece| !known.pieces.contains(piece));
                assert_eq!(piece, None, "in {credentials:?}");
            }
            assert!(JwtSigner::new(&credentials).is_ok(), "an accepted key does not sign");
        }
        Err(error) => nothing_hostile_is_in(&error, secrets),
    }
}

/// A private key: what is accepted signs, and what is refused is not shown.
pub fn private_key(text: &str, secrets: &Secrets) {
    match RsaKey::from_text(text) {
        Ok(key) => {
            let signature = key.sign(b"message").map(|signature| signature.len());
            assert!(signature.is_ok_and(|length| (256..=1024).contains(&length)), "an accepted key does not sign");
            assert_eq!(printed(&key), "[redacted][redacted]");
        }
        Err(error) => nothing_hostile_is_in(&error, secrets),
    }
}

/// A token endpoint's answer, written as status, header lines, an empty line and the body.
pub fn answer(bytes: &[u8], secrets: &Secrets) {
    let mut rest = bytes;
    let status = StatusCode::from_bytes(line(&mut rest)).unwrap_or(StatusCode::OK);
    let mut headers = HeaderMap::new();
    while let text @ [_, ..] = line(&mut rest) {
        let at = text.iter().position(|b| *b == b':').unwrap_or(text.len());
        let (name, value) = text.split_at(at);
        let value = value.strip_prefix(b":").unwrap_or_default();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
            // More than a server may send is the HTTP layer's to refuse.
            let _full = headers.try_append(name, value);
        }
    }
    judged(status, headers, rest, secrets);
}

/// The lines of one or more `Retry-After`, with the other side's clock in the first line.
pub fn retry_after(bytes: &[u8]) {
    let mut rest = bytes;
    let mut headers = HeaderMap::new();
    let date = line(&mut rest);
    headers.extend(HeaderValue::from_bytes(date).map(|date| (DATE, date)));
    while !rest.is_empty() {
        let value = line(&mut rest);
        headers.extend(HeaderValue::from_bytes(value).map(|value| (RETRY_AFTER, value)));
    }
    for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_REQUEST] {
        judged(status, headers.clone(), b"", &Secrets::default());
    }
}

/// `imsEndpoint`, and the address that the caller may give instead.
pub fn ims_endpoint(text: &str, key: &str) {
    let builder = ServiceCredentials::builder().client_id("id").client_secret("secret").org_id("org");
    let builder = builder.technical_account_id("account").metascopes(["ent"]).private_key(key);
    match builder.ims_host(text).build() {
        Ok(credentials) => {
            let host = credentials.ims_host();
            host_is_adobes(host);
            let endpoint = Endpoint::of_host(host);
            assert!(endpoint.is_ok_and(|endpoint| endpoint.host() == host && !endpoint.is_plain()), "{host}");
        }
        Err(error) => nothing_hostile_is_in(&error, &Secrets::default()),
    }
    match Endpoint::parse(text) {
        Ok(endpoint) if endpoint.is_plain() => {
            let loopback = ["127.", "[::1]", "localhost"].iter().any(|start| endpoint.host().starts_with(start));
            assert!(loopback, "plain http to {}", endpoint.host());
        }
        Ok(endpoint) => assert!(format!("{endpoint:?}").starts_with("https://"), "{endpoint:?}"),
        Err(failure) => nothing_hostile_is_in(&failure.into(), &Secrets::default()),
    }
}

fn judged(status: StatusCode, headers: HeaderMap, body: &[u8], secrets: &Secrets) {
    let arrival = Moment::now(&Still::default());
    match understood_at(arrival, &SharedClock::new(Still(arrival)), (status, headers, body), &secrets.texts) {
        Ok(token) => token_is_usable(&token),
        Err(error) => {
            nothing_hostile_is_in(&error, secrets);
            let waits = [error.retry_after(), retry::pause(&error, 1, 3, 1.0)];
            assert!(waits.iter().flatten().all(|wait| *wait <= HOUR), "{waits:?}");
            let code = error.code().map_or(0, |code| code.chars().count());
            let description = error.description().map_or(0, |description| description.chars().count());
            assert!(code <= 64 && description <= 200, "{code} {description}");
        }
    }
}

fn token_is_usable(token: &Token) {
    let text = token.expose_secret();
    assert!((1..=16 * 1024).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()), "{text:?}");
    assert!(token.authorization().is_sensitive() && token.authorization().len() == text.len().saturating_add(7));
    let life = token.remaining();
    assert!(!life.is_zero() && life <= DAY, "{life:?}");
    no_piece_is_in(&printed(token), &Secrets::of(text));
    // Whatever a token says of itself can be asked for.
    let _claims = token.claims().map(|claims| (claims.created_at(), claims.lifetime(), claims.scopes().count()));
}

fn host_is_adobes(host: &str) {
    assert!(host.ends_with(".adobelogin.com") || host.ends_with(".adobe.com"), "{host}");
    assert!(host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.')), "{host}");
}

/// Everything that can be read of an error: on one line, bounded, and no secret in it.
fn nothing_hostile_is_in(error: &Error, secrets: &Secrets) {
    let hint = error.hint().map(str::to_owned);
    let words = [error.code(), error.description(), error.debug_id()].map(|words| words.map(str::to_owned));
    let mut texts = vec![error.to_string(), format!("{error:?}")];
    texts.extend(words.into_iter().chain([hint]).flatten());
    let mut next = error.source();
    while let Some(cause) = next {
        texts.extend([cause.to_string(), format!("{cause:?}")]);
        next = cause.source();
    }
    for text in &texts {
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(text.chars().count() <= 2048, "{text:?}");
        no_piece_is_in(text, secrets);
    }
    no_piece_is_in(&format!("{error:#?}"), secrets);
}

fn no_piece_is_in(text: &str, secrets: &Secrets) {
    let piece = secrets.pieces_in(text).next().map(|piece| String::from_utf8_lossy(&piece).into_owned());
    assert_eq!(piece, None, "in {text:?}");
}

fn printed(value: &impl Debug) -> String {
    format!("{value:?}{value:#?}")
}

/// Takes the first line off, without its end.
fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let at = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    let (line, after) = rest.split_at(at);
    *rest = after.strip_prefix(b"\n").unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A clock that stands still, so that the same bytes always do the same.
struct Still(Moment);

#[expect(clippy::disallowed_methods, reason = "a monotonic clock has no other beginning")]
impl Default for Still {
    fn default() -> Self {
        let wall = SystemTime::UNIX_EPOCH.checked_add(NOW).unwrap_or(SystemTime::UNIX_EPOCH);
        Self(Moment { wall, monotonic: Instant::now() })
    }
}

impl Clock for Still {
    fn now(&self) -> SystemTime {
        self.0.wall
    }

    fn monotonic(&self) -> Instant {
        self.0.monotonic
    }
}

/// Sunday, 6 November 1994, 08:49:37 GMT: the example of RFC 9110.
const NOW: Duration = Duration::from_secs(784_111_777);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
