//! What the targets share: planted secrets, and a limit of time.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use adobe_ims::fuzzing::Secrets;

/// What `$SECRET` in an input becomes.
const SECRET: &str = "s8e-MARKER-0123456789-abcdef";
/// What `$ASSERTION` in an input becomes.
const ASSERTION: &str = include_str!("../../fixtures/assertion.golden.jwt");
/// What `$KEY` in an input becomes, with its line ends as JSON writes them.
pub const KEY: &str = include_str!("../../fixtures/rsa-2048.pkcs8.pem");
const OTHER_KEY: &str = include_str!("../../fixtures/rsa-2048.pkcs1.pem");

/// What a credentials file holds: no piece of it may come out.
pub static HELD: LazyLock<Secrets> = LazyLock::new(|| {
    let lines = KEY.lines().chain(OTHER_KEY.lines()).filter(|line| !line.starts_with('-'));
    Secrets::new(lines.chain([SECRET]).collect())
});

/// What a request holds, which an answer may echo.
pub static SENT: LazyLock<Secrets> = LazyLock::new(|| Secrets::new(vec![SECRET, ASSERTION.trim_end()]));

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

/// Panics if the judgement takes longer than 100 ms.
///
/// libFuzzer's own limit counts whole seconds. A busy machine only ever adds to a time, so the shortest of five is
/// looked at where the first is over the limit.
#[expect(clippy::disallowed_methods, reason = "the limit is one of real time")]
pub fn within_limit(judge: impl Fn()) {
    let time = || {
        let start = Instant::now();
        judge();
        start.elapsed()
    };
    if time() > LIMIT {
        let shortest = (0..5).map(|_| time()).min().unwrap_or_default();
        assert!(shortest <= LIMIT, "took {shortest:?}");
    }
}

const LIMIT: Duration = Duration::from_millis(100);
