//! What an error of the HTTP library means: where the way to IMS failed.

use std::error::Error as StdError;
use std::io;

use crate::error::{ConnectFault, TlsFault};

/// By types where there are public ones: a verdict of rustls is an I/O error of invalid data, a
/// fault one of another kind. OpenSSL's verdicts are not I/O errors, nor is an end in
/// mid-handshake: there, and for what a proxy does, words are all there is.
pub(super) fn classify(error: &reqwest::Error) -> ConnectFault {
    if !error.is_connect() {
        return if says(error, &["invalid http version"]) { ConnectFault::NotHttp } else { ConnectFault::Closed };
    }
    let in_tunnel = causes(error).any(|cause| cause.to_string().starts_with("tunnel error"));
    let io = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last();
    let is_fault = match io.map(io::Error::kind) {
        Some(kind) => kind != io::ErrorKind::InvalidData,
        None => error.is_dns() || says(error, &["unexpected eof", "unexpected end of file"]),
    };
    match (in_tunnel, is_fault) {
        (true, true) => ConnectFault::ProxyConnect,
        (true, false) if says(error, &["failed to create underlying connection"]) => ConnectFault::ProxyTls(tls(error)),
        (true, false) if says(error, &["authorization required"]) => ConnectFault::ProxyAuth,
        (true, false) => ConnectFault::ProxyRefused,
        (false, true) if error.is_dns() => ConnectFault::Dns,
        (false, true) => ConnectFault::Connect,
        (false, false) => ConnectFault::Tls(tls(error)),
    }
}

/// Whether a pooled connection was dispatched to after its runtime had shut down.
pub(super) fn is_orphan(error: &reqwest::Error) -> bool {
    says(error, &["runtime dropped the dispatch task"])
}

/// Below the levels of the HTTP library that only say that there was an error, the first of which
/// names the URL.
pub(super) fn first_cause(error: &reqwest::Error) -> Option<&(dyn StdError + 'static)> {
    let source = error.source()?;
    match source.source() {
        Some(cause) if source.to_string().starts_with("client error (") => Some(cause),
        _ => Some(source),
    }
}

/// The words of rustls, then those of OpenSSL.
fn tls(error: &reqwest::Error) -> TlsFault {
    const WORDS: [(&[&str], TlsFault); 6] = [
        (&["causedasendentity"], TlsFault::CaAsServer),
        (&["unknownissuer", "unable to get local issuer", "self-signed", "self signed"], TlsFault::UnknownIssuer),
        (&["notvalidyet", "not valid yet", "not yet valid"], TlsFault::NotYetValid),
        (&["expired"], TlsFault::Expired),
        (&["notvalidforname", "not valid for name", "hostname mismatch", "ip address mismatch"], TlsFault::WrongName),
        (&["invalidcontenttype", "wrong version number", "packet length too long"], TlsFault::NotTls),
    ];
    let found = WORDS.iter().find(|(words, _)| says(error, words));
    found.map_or(TlsFault::Other, |(_, fault)| *fault)
}

/// Whether any cause holds one of these words, given in lower case.
fn says(error: &reqwest::Error, words: &[&str]) -> bool {
    causes(error).any(|cause| {
        let text = cause.to_string().to_ascii_lowercase();
        words.iter().any(|word| text.contains(word))
    })
}

/// `source` of an I/O error passes over what it wraps, which may be the telling one.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let error = next?;
        next = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|wrapped| wrapped as _),
            None => error.source(),
        };
        Some(error)
    })
}
