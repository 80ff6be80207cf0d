//! Status, headers and body of a response to a token request, as text: the status, header lines, an empty line, the body.
#![no_main]

use adobe_ims::fuzzing;
use adobe_ims_fuzz::{SENT, assert_error, assert_token, line, planted, within_limit};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let response = planted(input);
    let mut rest = response.as_slice();
    let status = StatusCode::from_bytes(line(&mut rest)).unwrap_or(StatusCode::OK);
    let mut headers = HeaderMap::new();
    while let text @ [_, ..] = line(&mut rest) {
        let at = text.iter().position(|b| *b == b':').unwrap_or(text.len());
        let (name, value) = text.split_at(at);
        let value = value.strip_prefix(b":").unwrap_or_default();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii())) {
            // The HTTP layer refuses more headers than that.
            let _full = headers.try_append(name, value);
        }
    }
    within_limit(|| match fuzzing::response(status, headers.clone(), rest, &SENT.texts) {
        Ok(token) => assert_token(&token),
        Err(error) => assert_error(&error, &SENT),
    });
});
