//! The JWT grant of AEM's service credentials (`POST /ims/exchange/jwt`; Adobe's own variant of
//! RFC 7523): a signed assertion for a token.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::{Learned, TokenRequest, Unit, listed};
use crate::certificate::Certificate;
use crate::credentials::ServiceCredentials;
use crate::error::{Error, ErrorResponse, SET_CLOCK, clock_hint};
use crate::request::{ImsRequest, Value};
use crate::signer::JwtSigner;
use crate::signing_key::Key;

pub(crate) struct JwtGrant {
    signer: JwtSigner,
}

impl JwtGrant {
    pub(super) fn new(credentials: ServiceCredentials, assertion_lifetime: Duration) -> Result<Self, Error> {
        let signer = match credentials.key() {
            Key::Local(_) => JwtSigner::with_lifetime(&credentials, assertion_lifetime)?,
            Key::Elsewhere(_) => JwtSigner::untried(&credentials, assertion_lifetime)?,
        };
        Ok(Self { signer })
    }

    pub(super) fn credentials(&self) -> &ServiceCredentials {
        self.signer.credentials()
    }

    /// A newly signed assertion each time: an earlier one may have expired, or be good for one use
    /// only.
    pub(super) async fn request(
        &self,
        now: SystemTime,
        learned: &Learned,
        limit: Duration,
    ) -> Result<TokenRequest, Error> {
        let now = learned.skew.and_then(|skew| skew.correct(now)).unwrap_or(now);
        let (credentials, unsigned) = (self.credentials(), self.signer.unsigned(now)?);
        let signature = credentials.key().sign(unsigned.message(), credentials.certificate(), limit).await?;
        let assertion = unsigned.signed(&Zeroizing::new(signature));
        let fields = vec![
            ("client_id", Value::public(credentials.client_id())),
            ("client_secret", Value::Secret(credentials.client_secret().clone())),
            ("jwt_token", Value::Secret(assertion.into_secret())),
        ];
        Ok(TokenRequest { ims: ImsRequest::new(PATH, fields), expires_in: Unit::Milliseconds })
    }

    /// A wrong clock explains a refused assertion if it is off by as long as an assertion lives.
    /// The correction is limited: a server that lies about the time must not get an assertion that
    /// is valid for years.
    pub(super) fn learn(&self, refusal: &ErrorResponse, learned: &mut Learned) -> bool {
        let Some(skew) = refusal.skew.filter(|_| learned.skew.is_none()) else { return false };
        let explains = skew.size() >= self.signer.lifetime() && !skew.is_tolerated() && skew.size() <= MAX_CORRECTION;
        if explains && refusal.code.as_deref() == Some("invalid_token") {
            learned.skew = Some(skew);
            return true;
        }
        false
    }

    /// Documented codes of the exchange (`adobeio-auth: JWT/JWT.md`) and responses seen in real
    /// use.
    pub(super) fn hint(&self, refusal: &ErrorResponse, now: SystemTime) -> Option<Cow<'static, str>> {
        let description = refusal.description.as_deref().unwrap_or_default().to_ascii_lowercase();
        let says = |word: &str| description.contains(word);
        Some(Cow::Borrowed(match refusal.code.as_deref()? {
            "invalid_client" if says("client_secret") => {
                "the client secret does not belong to this client: it was replaced or is from another environment; \
                 download the credentials again"
            }
            "invalid_client" if says("client_id") => {
                "IMS does not know this client id: check `clientId`, and that production and stage are not mixed up in \
                 `imsEndpoint`"
            }
            "invalid_client" if refusal.status.as_u16() == 401 => {
                "client id and client secret do not match, or the client may not exchange JWTs because its credential \
                 was migrated to OAuth Server-to-Server; download the credentials again"
            }
            "invalid_client" => {
                "the client id is unknown to this IMS host, or its secret is wrong: check `clientId`, `clientSecret` \
                 and `imsEndpoint`, or download the credentials again"
            }
            "invalid_token" if says("signature") => return Some(self.signature_hint(now)),
            "invalid_token" if says("formatted") => {
                let advice = "IMS could not read the assertion: something on the way may have cut or re-encoded the \
                              request; if not, report it with the debug id";
                return Some(with_clock(refusal, advice));
            }
            "invalid_token" => {
                let advice = "IMS did not accept the assertion: a wrong local clock or an expired or revoked \
                              certificate are the usual causes";
                return Some(with_clock(refusal, advice));
            }
            "invalid_signature" => return Some(self.signature_hint(now)),
            "invalid_scope" => return Some(Cow::Owned(self.metascope_hint())),
            "bad_request" => {
                "IMS found a malformed claim: `org` must end in @AdobeOrg, and `id` must be the technical \
                 account's id that ends in @techacct.adobe.com, not its e-mail"
            }
            "unauthorized_client" => {
                "the client may not exchange JWTs: its credential was probably migrated to OAuth Server-to-Server; \
                 download new credentials"
            }
            "internal_error" => {
                "if this persists, the credential was probably migrated to OAuth Server-to-Server and can no longer \
                 exchange JWTs; retrying will not help"
            }
            _ => return None,
        }))
    }

    /// What the certificate says about a refused signature: only the most likely cause.
    fn signature_hint(&self, now: SystemTime) -> Cow<'static, str> {
        let Some(certificate) = self.credentials().certificate() else {
            return Cow::Borrowed(
                "IMS knows no valid certificate for this key: it expired (365 days after its creation), was revoked, \
                 or `id` and `org` are of another account; create a new certificate in the Developer Console and \
                 download the credentials again",
            );
        };
        Cow::Owned(certificate_hint(certificate, now))
    }

    fn metascope_hint(&self) -> String {
        let names = listed(self.credentials().metascopes());
        format!(
            "requested: {names}; at least one of these is not granted to the technical account: use `metascopes` of the \
             downloaded file as it is, or add the missing API or product profile"
        )
    }
}

/// What a certificate says about a refused signature, and what to do.
pub(crate) fn certificate_hint(certificate: &Certificate, now: SystemTime) -> String {
    if !certificate.matches_key() {
        return "this private key does not belong to the certificate in the same file: take both from one download"
            .to_owned();
    }
    let date = httpdate::fmt_http_date(certificate.not_after());
    if now > certificate.not_after() {
        return format!("this certificate expired on {date}: {CREATE_CERTIFICATE}");
    }
    format!(
        "this certificate belongs to the key and expires on {date}, so it was probably revoked, or `id` and `org` are \
         of another account: download the credentials again, with a new certificate if necessary"
    )
}

fn with_clock(refusal: &ErrorResponse, advice: &'static str) -> Cow<'static, str> {
    match refusal.skew.and_then(clock_hint) {
        Some(clock) => Cow::Owned(format!("{SET_CLOCK}: {clock}; otherwise: {advice}")),
        None => Cow::Borrowed(advice),
    }
}

/// Adobe's documentation; `/ims/exchange/v1/jwt` and a trailing slash respond alike.
const PATH: &str = "/ims/exchange/jwt";
/// The longest lifetime of an assertion that Adobe ever allowed; covers a clock in the wrong time
/// zone.
const MAX_CORRECTION: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const CREATE_CERTIFICATE: &str =
    "create a new one in the Developer Console and download the credentials again";
