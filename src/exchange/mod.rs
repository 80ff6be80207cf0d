//! One exchange: an assertion out as a form, a token or an error in. With its parts `endpoint` and
//! `answer` the only place that knows IMS's paths and units.

mod answer;
mod endpoint;
mod http;

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use zeroize::Zeroizing;

pub(crate) use self::endpoint::Endpoint;
pub(crate) use self::http::HttpSettings;

use self::answer::{Context, Verdict};
use self::http::{Body, Head, Http};
use crate::clock::{Clock, Moment, SharedClock, Skew};
use crate::error::{CertificateFacts, Circumstances, Error, TOLERATED_SKEW};
use crate::signer::JwtSigner;
use crate::token::Token;

/// Everything one attempt needs.
pub(crate) struct Exchange {
    http: Http,
    endpoint: Endpoint,
    signer: JwtSigner,
    clock: SharedClock,
}

impl Exchange {
    pub(crate) fn new(
        settings: HttpSettings,
        endpoint: Endpoint,
        signer: JwtSigner,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        Ok(Self { http: Http::new(settings, &endpoint)?, endpoint, signer, clock })
    }

    /// The same connections, for another credential.
    pub(crate) fn with_signer(&self, signer: JwtSigner, endpoint: Endpoint) -> Self {
        Self { http: self.http.clone(), endpoint, signer, clock: self.clock.clone() }
    }

    /// Who is asked, for messages.
    pub(crate) fn host(&self) -> &str {
        self.endpoint.host()
    }

    pub(crate) fn signer(&self) -> &JwtSigner {
        &self.signer
    }

    /// One attempt with a newly signed assertion: an earlier one may have ended, or be good for one
    /// use only.
    ///
    /// Where IMS refuses the assertion and its `Date` shows why, the assertion is signed once more by
    /// IMS's clock. `skew` remembers that for the attempts that follow.
    pub(crate) async fn attempt(&self, skew: &OnceLock<Skew>) -> Result<Token, Error> {
        let error = match self.post(skew.get()).await {
            Err(error) if skew.get().is_none() => error,
            done => return done,
        };
        match self.skew_that_explains(&error) {
            Some(found) => self.post(Some(skew.get_or_init(|| found))).await,
            None => Err(error),
        }
    }

    async fn post(&self, skew: Option<&Skew>) -> Result<Token, Error> {
        let local = self.clock.now();
        let assertion = self.signer.sign(skew.and_then(|skew| skew.correct(local)).unwrap_or(local))?;
        let credentials = self.signer.credentials();
        let secret = credentials.client_secret().expose();
        let form = form(&[
            ("client_id", credentials.client_id()),
            ("client_secret", secret),
            ("jwt_token", assertion.expose_secret()),
        ]);

        let sent = Moment::now(&self.clock);
        let response = self.http.post(&self.endpoint, form).await?;
        let arrival = Moment::now(&self.clock);
        let (head, body) = self.http.read(&self.endpoint, response).await?;

        let half = arrival.monotonic.saturating_duration_since(sent.monotonic).mul_f32(0.5);
        let mut encoded = Zeroizing::new(String::with_capacity(secret.len().saturating_mul(3)));
        encoded.extend(form_urlencoded::byte_serialize(secret.as_bytes()));
        let context = Context {
            url: self.endpoint.url(),
            midpoint: sent.wall.checked_add(half),
            secrets: &[secret, &encoded, assertion.expose_secret()],
        };
        understood(&head, &body, &context, (arrival, &self.clock), || self.circumstances())
    }

    /// The clock explains a refused assertion if it is off by as long as an assertion lives. Whoever
    /// answers must not get an assertion for years to come by lying about the time, so there is an end.
    fn skew_that_explains(&self, error: &Error) -> Option<Skew> {
        let skew = error.answer()?.skew?;
        let explains = (self.signer.lifetime().max(TOLERATED_SKEW)..=LARGEST_CORRECTION).contains(&skew.size());
        (explains && error.code() == Some("invalid_token")).then_some(skew)
    }

    fn circumstances(&self) -> Circumstances {
        let credentials = self.signer.credentials();
        Circumstances {
            now: self.clock.now(),
            certificate: credentials.certificate().map(|certificate| CertificateFacts {
                not_after: certificate.not_after(),
                matches_key: certificate.matches_key(),
            }),
            metascopes: match credentials.metascopes().count().saturating_sub(MOST_TOLD) {
                0 => credentials.metascopes().collect::<Vec<_>>().join(", "),
                more => {
                    let told = credentials.metascopes().take(MOST_TOLD).collect::<Vec<_>>().join(", ");
                    format!("{told} and {more} more")
                }
            },
        }
    }
}

/// The token of an answer, or what the answer says instead.
fn understood(
    head: &Head,
    body: &Body,
    context: &Context<'_>,
    (arrival, clock): (Moment, &SharedClock),
    circumstances: impl FnOnce() -> Circumstances,
) -> Result<Token, Error> {
    let (failure, answer) = match answer::judge(head, body.as_ref(), context) {
        Verdict::Granted(granted) => match Token::new(granted.text.expose(), granted.life, arrival, clock.clone()) {
            Some(token) => return Ok(token),
            None => answer::out_of_range(head, context),
        },
        Verdict::Failed(failure, answer) => (failure, answer),
    };
    Err(Error::answered(failure, answer, &circumstances()))
}

/// An answer at a given time, without the network that brings it.
#[cfg(fuzzing)]
pub(crate) fn understood_at(
    arrival: Moment,
    clock: &SharedClock,
    (status, headers, body): (::http::StatusCode, ::http::HeaderMap, &[u8]),
    secrets: &[&str],
) -> Result<Token, Error> {
    let head = Head { status, headers };
    let endpoint = Endpoint::of_host("ims-na1.adobelogin.com")?;
    let context = Context { url: endpoint.url(), midpoint: Some(arrival.wall), secrets };
    let certificate = CertificateFacts { not_after: arrival.wall, matches_key: true };
    let circumstances = || Circumstances {
        now: arrival.wall,
        certificate: Some(certificate),
        metascopes: "ent_aem_cloud_api".to_owned(),
    };
    understood(&head, &Body::Whole(Zeroizing::new(body.to_vec())), &context, (arrival, clock), circumstances)
}

/// `application/x-www-form-urlencoded`, written once into memory of exactly its size that is wiped
/// when HTTP lets go of it.
fn form(fields: &[(&str, &str)]) -> Bytes {
    let pieces = |at: usize, name, value| {
        let separator = if at == 0 { "" } else { "&" };
        [separator, name, "="].into_iter().chain(form_urlencoded::byte_serialize(str::as_bytes(value)))
    };
    let pieces = || fields.iter().enumerate().flat_map(|(at, (name, value))| pieces(at, *name, *value));
    let size = pieces().fold(0_usize, |size, piece| size.saturating_add(piece.len()));
    let mut form = Zeroizing::new(Vec::with_capacity(size));
    pieces().for_each(|piece| form.extend_from_slice(piece.as_bytes()));
    Bytes::from_owner(form)
}

/// Adobe's documentation; `/ims/exchange/v1/jwt` and a trailing slash answer alike.
const JWT_EXCHANGE: &str = "/ims/exchange/jwt";
/// Credentials live 24 hours at most (Adobe's documentation); nothing that an answer says makes it more.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// As long as Adobe ever let an assertion live; covers a clock in the wrong time zone.
const LARGEST_CORRECTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Metascopes in a hint.
const MOST_TOLD: usize = 6;

#[cfg(test)]
mod tests {
    use super::form;

    #[test]
    fn a_form_is_encoded() {
        let form = form(&[("a", "p8e-_.*"), ("b", "x y&=+%é"), ("c", "")]);
        assert_eq!(form, "a=p8e-_.*&b=x+y%26%3D%2B%25%C3%A9&c=");
    }
}
