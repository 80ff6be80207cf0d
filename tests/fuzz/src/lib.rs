//! What the targets share: planted secrets, what must hold of every outcome, and a time limit.

use std::collections::HashSet;
use std::error::Error as _;
use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use adobe_ims::{Credentials, Error, JwtSigner, Token, fuzzing};

/// What `$SECRET` in an input becomes.
const SECRET: &str = "s8e-MARKER-0123456789-abcdef";
/// What `$ASSERTION` in an input becomes.
const ASSERTION: &str = include_str!("../../fixtures/assertion.golden.jwt");
/// What `$KEY` in an input becomes, with its line ends as JSON writes them.
pub const KEY: &str = include_str!("../../fixtures/rsa-2048.pkcs8.pem");
const OTHER_KEY: &str = include_str!("../../fixtures/rsa-2048.pkcs1.pem");

/// The secrets of a credentials file.
pub static HELD: LazyLock<Secrets> = LazyLock::new(|| {
    let lines = KEY.lines().chain(OTHER_KEY.lines()).filter(|line| !line.starts_with('-'));
    Secrets::new(lines.chain([SECRET]).collect())
});

/// The secrets of a request, which a response may echo.
pub static SENT: LazyLock<Secrets> = LazyLock::new(|| Secrets::new(vec![SECRET, ASSERTION.trim_end()]));

/// Secrets, and all their pieces of 12 bytes.
#[derive(Debug, Default)]
pub struct Secrets {
    pub texts: Vec<&'static str>,
    pieces: HashSet<[u8; 12]>,
}

impl Secrets {
    /// A secret of fewer than 12 bytes has no piece.
    pub fn new(texts: Vec<&'static str>) -> Self {
        let pieces = texts.iter().flat_map(|text| pieces(text)).collect();
        Self { texts, pieces }
    }

    /// No piece of a secret is in this text, except for those that are also in `known`.
    #[track_caller]
    pub fn assert_not_in(&self, text: &str, known: &str) {
        let known: HashSet<_> = pieces(known).collect();
        let piece = pieces(text).find(|piece| self.pieces.contains(piece) && !known.contains(piece));
        let piece = piece.map(|piece| String::from_utf8_lossy(&piece).into_owned());
        assert_eq!(piece, None, "in {text:?}");
    }
}

fn pieces(text: &str) -> impl Iterator<Item = [u8; 12]> {
    text.as_bytes().windows(12).filter_map(|piece| piece.try_into().ok())
}

/// Everything that can be read of an error: on one line, bounded, and no secret in it. No wait is longer than an hour.
#[track_caller]
pub fn assert_error(error: &Error, secrets: &Secrets) {
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
        secrets.assert_not_in(text, "");
    }
    secrets.assert_not_in(&format!("{error:#?}{}", error.report()), "");
    let waits = [error.retry_after(), fuzzing::pause(error)];
    assert!(waits.iter().flatten().all(|wait| *wait <= HOUR), "{waits:?}");
    let code = error.code().map_or(0, |code| code.chars().count());
    let description = error.description().map_or(0, |description| description.chars().count());
    assert!(code <= 64 && description <= 200, "{code} {description}");
}

/// A token fits into a header, is valid for a day at most, and is not shown.
#[track_caller]
pub fn assert_token(token: &Token) {
    let text = token.expose_secret();
    assert!((1..=16 * 1024).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()), "{text:?}");
    assert!(token.authorization().is_sensitive() && token.authorization().len() == text.len() + 7);
    let left = token.remaining();
    assert!(!left.is_zero() && left <= DAY, "{left:?}");
    let own = Secrets { texts: Vec::new(), pieces: pieces(text).collect() };
    own.assert_not_in(&printed(token), "");
    let _claims = token.claims().map(|claims| (claims.created_at(), claims.lifetime(), claims.scopes().count()));
}

/// Credentials of any kind: for Adobe, and without a secret in what they show.
#[track_caller]
pub fn assert_credentials(credentials: &Credentials) {
    // A secret that is also in a public part is not one.
    let public = match credentials {
        Credentials::Service(service) => {
            assert_host(service.ims_host());
            assert!(JwtSigner::new(service).is_ok(), "an accepted key does not sign");
            let metascopes = service.metascopes().collect::<Vec<_>>();
            assert!(!metascopes.is_empty());
            [service.client_id(), service.org_id(), service.technical_account_id(), &metascopes.join("\n")].join("\n")
        }
        Credentials::OAuth(oauth) => {
            assert_host(oauth.ims_host());
            let scopes = oauth.scopes().collect::<Vec<_>>();
            assert!(!scopes.is_empty() && scopes.iter().all(|scope| !scope.is_empty() && !scope.contains(',')));
            [oauth.client_id(), oauth.org_id().unwrap_or_default(), &scopes.join("\n")].join("\n")
        }
        Credentials::Development(development) => {
            assert!(!development.token().expose_secret().is_empty());
            String::new()
        }
        other => panic!("{other:?}"),
    };
    HELD.assert_not_in(&printed(credentials), &public);
}

/// A host of credentials is one of Adobe's.
#[track_caller]
pub fn assert_host(host: &str) {
    assert!(host.ends_with(".adobelogin.com") || host.ends_with(".adobe.com"), "{host}");
    assert!(host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.')), "{host}");
}

pub fn printed(value: &impl Debug) -> String {
    format!("{value:?}{value:#?}")
}

/// Takes the first line off, without its end.
pub fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let at = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    let (line, after) = rest.split_at(at);
    *rest = after.strip_prefix(b"\n").unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Fills in what is planted, so that a mutation of the input need not keep a key whole.
pub fn planted(input: &[u8]) -> Vec<u8> {
    let key = KEY.replace('\n', "\\n");
    let names: [(&[u8], &[u8]); 3] =
        [(b"$KEY", key.as_bytes()), (b"$SECRET", SECRET.as_bytes()), (b"$ASSERTION", ASSERTION.trim_end().as_bytes())];
    let mut out = Vec::with_capacity(input.len());
    let mut rest = input;
    while let [first, after @ ..] = rest {
        match names.iter().find_map(|(name, value)| Some((rest.strip_prefix(*name)?, value))) {
            // A bound, or an input of 64 KiB becomes one of 30 MiB.
            Some((left, value)) if out.len() < 128 * 1024 => {
                out.extend_from_slice(value);
                rest = left;
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// Panics if the work takes longer than 100 ms.
///
/// libFuzzer's own limit counts whole seconds. A busy machine only ever adds to a time, so the shortest of five counts
/// where the first is over the limit.
#[expect(clippy::disallowed_methods, reason = "the limit is one of real time")]
pub fn within_limit(work: impl Fn()) {
    let time = || {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    if time() > LIMIT {
        let shortest = (0..5).map(|_| time()).min().unwrap_or_default();
        assert!(shortest <= LIMIT, "took {shortest:?}");
    }
}

const LIMIT: Duration = Duration::from_millis(100);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
