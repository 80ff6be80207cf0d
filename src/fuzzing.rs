//! Entry points for the fuzz targets (`tests/fuzz`) to what the public surface reaches only through
//! a socket or a TLS configuration. Compiled with `--cfg fuzzing` only.

use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, StatusCode};
use zeroize::Zeroizing;

use crate::clock::{Clock, Moment, SharedClock};
use crate::credentials::{Credentials, credentials_of};
use crate::error::Error;
use crate::exchange::read_token;
use crate::grant::{TokenRequest, Unit};
use crate::request::{ImsRequest, Value};
use crate::retry;
use crate::secret::Secret;
use crate::token::Token;
use crate::transport::{Body, Endpoint, Received};

/// What a response to a token request means, if the request held these secrets.
pub fn response(status: StatusCode, headers: HeaderMap, body: &[u8], secrets: &[&str]) -> Result<Token, Error> {
    let now = Moment::now(&Still::default());
    let clock = SharedClock::new(Still(now));
    let body = Body::Whole(Zeroizing::new(body.to_owned()));
    let received = Received { status, headers, body, sent: now, arrived: now };
    let fields = secrets.iter().map(|secret| ("secret", Value::Secret(Secret::from((*secret).to_owned()))));
    let ims = ImsRequest::new("/ims/exchange/jwt", fields.collect());
    let request = TokenRequest { ims, expires_in: Unit::Milliseconds };
    let endpoint = Endpoint::of_host("ims-na1.adobelogin.com")?;
    let token = read_token(&received, &request, &endpoint, &clock);
    token.map_err(|refusal| Error::from_response(refusal.failure, refusal.response, None))
}

/// What [`Credentials::from_env`] reads in an environment with these variables only.
pub fn environment(variables: Vec<(String, String)>) -> Result<Credentials, Error> {
    credentials_of(variables)
}

/// How long a call waits after an error before its second attempt; `None` for not at all.
pub fn pause(error: &Error) -> Option<Duration> {
    retry::pause(error, 1, 3, 1.0)
}

/// Where an address given to `danger_endpoint` leads: its `Debug`, and its host.
pub fn endpoint(address: &str) -> Result<(String, String), Error> {
    let endpoint = Endpoint::parse(address)?;
    Ok((format!("{endpoint:?}"), endpoint.host().to_owned()))
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
