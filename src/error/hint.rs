//! What to do about it: one table for what IMS answers, one for what fails here. Facts about IMS are
//! Adobe's documentation (`adobeio-auth: JWT/JWT.md`) and answers seen in real use.

use std::time::{Duration, SystemTime};

use super::Answer;
use super::failure::{Failure, Interruption, Origin};
use crate::clock::Skew;

/// What is known on this side when IMS refuses, to make the advice specific.
#[derive(Debug)]
pub(crate) struct Circumstances {
    pub(crate) now: SystemTime,
    pub(crate) certificate: Option<CertificateFacts>,
    pub(crate) metascopes: String,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct CertificateFacts {
    pub(crate) not_after: SystemTime,
    pub(crate) matches_key: bool,
}

/// One row: what IMS said, and what helps. The first row that fits is taken.
struct Row {
    status: Option<u16>,
    /// The whole `error`; empty where there must be none, `None` for any.
    code: Option<&'static str>,
    /// A tell-tale word of `error_description` in lower case; empty for any.
    word: &'static str,
    fact: Fact,
    advice: &'static str,
}

/// Which circumstance explains an answer: it goes in front of the advice, or in its place.
#[derive(Clone, Copy)]
enum Fact {
    None,
    Certificate,
    Clock,
    Metascopes,
}

pub(super) fn of_answer(failure: &Failure, answer: &Answer, circumstances: &Circumstances) -> Option<String> {
    if let Some(hint) = of_failure(failure) {
        return Some(hint.to_owned());
    }
    let code = answer.code.as_deref().unwrap_or_default();
    let description = answer.description.as_deref().unwrap_or_default().to_ascii_lowercase();
    let row = ROWS.iter().find(|row| {
        row.status.is_none_or(|status| status == answer.status.as_u16())
            && row.code.is_none_or(|known| known == code)
            && (row.word.is_empty() || description.contains(row.word))
    })?;
    let fact = match row.fact {
        Fact::None => None,
        Fact::Certificate => return Some(certificate_advice(circumstances).unwrap_or_else(|| row.advice.to_owned())),
        Fact::Clock => answer.skew.and_then(clock_fact),
        Fact::Metascopes => Some(format!("asked for: {}", circumstances.metascopes)),
    };
    Some(match fact {
        Some(fact) => format!("{fact}; {}", row.advice),
        None => row.advice.to_owned(),
    })
}

/// What a certificate that is known here makes of a refused signature, the most likely cause alone.
fn certificate_advice(circumstances: &Circumstances) -> Option<String> {
    let certificate = circumstances.certificate?;
    if !certificate.matches_key {
        return Some(
            "this private key does not belong to the certificate beside it: take both from the same download"
                .to_owned(),
        );
    }
    let date = httpdate::fmt_http_date(certificate.not_after);
    Some(if circumstances.now > certificate.not_after {
        format!(
            "this certificate ended on {date}: create a new one in the Developer Console and download the credentials \
             again"
        )
    } else {
        format!(
            "this certificate fits the key and ends on {date}, so it was probably revoked, or `id` and `org` are of \
             another account: download the credentials again, with a new certificate if need be"
        )
    })
}

/// What IMS tolerates is not worth a word.
fn clock_fact(skew: Skew) -> Option<String> {
    let direction = match skew {
        Skew::Ahead(_) => "ahead of",
        Skew::Behind(_) => "behind",
    };
    (skew.size() > TOLERATED_SKEW)
        .then(|| format!("the local clock is {} {direction} that of IMS", spoken(skew.size())))
}

/// `45 s`, `7 min`, `3 h 20 min 5 s`, `400 days`: as a person says it.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 3 * 86_400 {
        return format!("{} days", seconds / 86_400);
    }
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}"));
    parts.collect::<Vec<_>>().join(" ")
}

/// Advice for what was answered: documented rows first, each code from specific to general.
const ROWS: &[Row] = &[
    Row {
        status: None,
        code: Some("invalid_client"),
        word: "client_secret",
        fact: Fact::None,
        advice: "the client secret is not this client's: it was replaced or belongs to another environment; \
                 download the credentials again",
    },
    Row {
        status: None,
        code: Some("invalid_client"),
        word: "client_id",
        fact: Fact::None,
        advice: "IMS does not know this client id: check `clientId`, and that production and stage are not mixed up \
                 in `imsEndpoint`",
    },
    Row {
        status: Some(401),
        code: Some("invalid_client"),
        word: "",
        fact: Fact::None,
        advice: "client id and client secret do not fit together, or the client may not exchange JWTs because its \
                 credential was migrated to OAuth Server-to-Server; download the credentials again",
    },
    Row {
        status: None,
        code: Some("invalid_client"),
        word: "",
        fact: Fact::None,
        advice: "the client id is unknown to this IMS host, or its secret is wrong: check `clientId`, `clientSecret` \
                 and `imsEndpoint`, or download the credentials again",
    },
    Row { status: None, code: Some("invalid_token"), word: "signature", fact: Fact::Certificate, advice: UNKNOWN_KEY },
    Row {
        status: None,
        code: Some("invalid_token"),
        word: "formatted",
        fact: Fact::Clock,
        advice: "IMS could not read the assertion: something on the way may have cut or re-encoded the request; if \
                 not, report it with the debug id",
    },
    Row {
        status: None,
        code: Some("invalid_token"),
        word: "",
        fact: Fact::Clock,
        advice: "IMS did not accept the assertion: a wrong local clock or an ended or revoked certificate are the \
                 usual causes",
    },
    Row { status: None, code: Some("invalid_signature"), word: "", fact: Fact::Certificate, advice: UNKNOWN_KEY },
    Row {
        status: None,
        code: Some("invalid_scope"),
        word: "",
        fact: Fact::Metascopes,
        advice: "at least one of these is not granted to the technical account: take `metascopes` from the \
                 downloaded file as it is, or add the missing API or product profile",
    },
    Row {
        status: None,
        code: Some("bad_request"),
        word: "",
        fact: Fact::None,
        advice: "IMS found a claim in a wrong form: `org` must end in @AdobeOrg, and `id` must be the technical \
                 account's id that ends in @techacct.adobe.com, not its e-mail",
    },
    Row {
        status: None,
        code: Some("unauthorized_client"),
        word: "",
        fact: Fact::None,
        advice: "the client may not exchange JWTs: its credential was probably migrated to OAuth Server-to-Server; \
                 download new credentials",
    },
    Row {
        status: None,
        code: Some("internal_error"),
        word: "",
        fact: Fact::None,
        advice: "if this persists, the credential was probably migrated to OAuth Server-to-Server and can no longer \
                 exchange JWTs; trying again will not cure that",
    },
    Row {
        status: Some(429),
        code: None,
        word: "",
        fact: Fact::None,
        advice: "too many token requests: keep one client and reuse its token, which lives about 24 hours, and wait \
                 as long as `retry_after` says",
    },
    Row {
        status: Some(404),
        code: None,
        word: "",
        fact: Fact::None,
        advice: "there is no token endpoint at this address: check `imsEndpoint`, or the address given to \
                 `danger_endpoint`",
    },
    Row { status: Some(500), code: None, word: "", fact: Fact::None, advice: OVERLOAD },
    Row { status: Some(502), code: None, word: "", fact: Fact::None, advice: OVERLOAD },
    Row { status: Some(503), code: None, word: "", fact: Fact::None, advice: OVERLOAD },
    Row { status: Some(504), code: None, word: "", fact: Fact::None, advice: OVERLOAD },
    Row {
        status: None,
        code: Some(""),
        word: "",
        fact: Fact::None,
        advice: "the answer has not the form of IMS's: a proxy, a gateway or a log-in page answered in its place; check \
                 HTTPS_PROXY and what lies between this machine and IMS",
    },
];

const UNKNOWN_KEY: &str = "IMS knows no valid certificate for this key: it ended (365 days after its creation), was revoked, \
                           or `id` and `org` are of another account; create a new certificate in the Developer Console \
                           and download the credentials again";
const OVERLOAD: &str = "IMS, or a gateway in front of it, is down or overloaded: try again later";
const RESEND_FILE: &str = "use the JSON file as downloaded from the Developer Console, without editing it";
const RESEND_PARTS: &str = "take the value from the downloaded file as it is: secret managers and shells often add a line \
                            break, quotes or blanks";
const FRESH_KEY: &str = "use the `privateKey` of the downloaded file as it is, or download the credentials again";
/// A comment in Adobe's own client.
pub(crate) const TOLERATED_SKEW: Duration = Duration::from_secs(30);

/// Advice for what fails before, or instead of, an answer of IMS.
pub(super) fn of_failure(failure: &Failure) -> Option<&'static str> {
    Some(match failure {
        Failure::FileUnreadable { .. } => "check the path and that this process may read it",
        Failure::FileTooLarge { .. } => "a credentials file has about 5 KB: this is probably another file",
        Failure::FileEmpty => "was the download or the secret mount finished?",
        Failure::FileEncoding { .. } => "save the file as UTF-8, as it was downloaded",
        Failure::FileKind { .. } => {
            "this version takes AEM service credentials alone: AEM Developer Console, environment, Integrations, technical \
             account"
        }
        Failure::FileJson { .. } => RESEND_FILE,
        Failure::FieldsMissing { origin: Origin::Builder, .. } => {
            "give all of them to the builder: they stand in the file that AEM's Developer Console hands out"
        }
        Failure::FieldsMissing { .. } => {
            "AEM's Developer Console writes all of them: download the file again, or fill in what was left out"
        }
        Failure::FieldUnusable { origin: Origin::Builder, .. } => RESEND_PARTS,
        Failure::FieldUnusable { .. } => RESEND_FILE,
        Failure::KeyNotPem => {
            "the text must hold a block from -----BEGIN PRIVATE KEY----- (or RSA PRIVATE KEY) to its END line, or be \
             base64 of that"
        }
        Failure::KeyEncrypted => {
            "AEM's keys have no passphrase; take it off with `openssl pkey -in encrypted.pem -out key.pem`"
        }
        Failure::KeyOther { .. } => "the private key is the block from `privateKey` of the downloaded file",
        Failure::KeyTooLong { .. }
        | Failure::KeyTruncated { .. }
        | Failure::KeyDamaged { .. }
        | Failure::KeyTooShort { .. }
        | Failure::KeyTooLarge { .. }
        | Failure::KeyInconsistent
        | Failure::KeyCannotSign => FRESH_KEY,
        Failure::Endpoint { .. } => {
            "`danger_endpoint` takes https://host or, for this machine alone, http://127.0.0.1:port"
        }
        Failure::NoTls => "turn on the feature `rustls` or `native-tls` of adobe-ims",
        Failure::HttpClient { .. } => {
            "without system root certificates nothing can be trusted: install the package ca-certificates, or give the \
             roots with `root_certificate`"
        }
        Failure::NoRuntime => "call it from within a tokio runtime made with `enable_all`, such as `#[tokio::main]`",
        Failure::TimeOutOfRange => "set the machine's clock",
        Failure::Connection { what, .. } => match what {
            Interruption::Name => "check the network and its name server; behind a company proxy, set HTTPS_PROXY",
            Interruption::Connect | Interruption::Cut => {
                "check that something listens there and that this machine may reach it; behind a company proxy, set \
                 HTTPS_PROXY"
            }
            Interruption::ProxyLost => {
                "check the proxy's address (HTTPS_PROXY, or `proxy`), and that it is up and can be reached from here"
            }
            Interruption::ProxyRefused => {
                "this is the proxy's refusal, not IMS's: check the proxy's address, user and password (HTTPS_PROXY, or \
                 `proxy`), and whether it lets this machine through to IMS"
            }
            Interruption::Tls => {
                "the other side can't be trusted, for the reason among the causes: if a company proxy opens TLS, add \
                 its root with `root_certificate`; if roots are missing, install ca-certificates; if it is the dates, \
                 check the machine's clock; if none of these, the other side is not who it says it is"
            }
        },
        Failure::ConnectTimeout { .. } => {
            "check that this machine may reach the host; behind a company proxy, set HTTPS_PROXY; or give more time with \
             `connect_timeout`"
        }
        Failure::AttemptTimeout { .. } | Failure::CallTimeout { .. } => {
            "the network, a proxy or IMS is slow: try again later, or give more time with `timeout` and \
             `attempt_timeout`"
        }
        Failure::Proxy { .. } => {
            "this answer is a proxy's or gateway's, not IMS's: check HTTPS_PROXY, or `proxy`, and the proxy's password"
        }
        Failure::Redirect { .. } => {
            "IMS does not redirect: a proxy, a log-in page or a wrong address answered; the secret was not sent on"
        }
        Failure::Unusable { .. } => {
            "this is no answer that IMS gives: a proxy or a log-in page may have answered; if not, report it"
        }
        Failure::Expired => "a token that was given cannot be renewed: get another one",
        Failure::HandedOutExpired => {
            "IMS gives tokens of 24 hours: check the local clock, and what answers in place of IMS"
        }
        #[cfg(feature = "testing")]
        Failure::StandIn { .. } | Failure::Scripted { .. } | Failure::TestToken => return None,
        Failure::Setting { .. } => "the function of this name in `ImsClientBuilder` says what it takes",
        Failure::Refused { .. } | Failure::Throttled { .. } | Failure::Server { .. } => {
            return None;
        }
    })
}
