//! `Date` in the first line, one `Retry-After` in each that follows.
#![no_main]

use adobe_ims::fuzzing;
use adobe_ims_fuzz::{Secrets, assert_error, line, within_limit};
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let mut headers = HeaderMap::new();
    let date = line(&mut rest);
    headers.extend(HeaderValue::from_bytes(date).map(|date| (DATE, date)));
    while !rest.is_empty() {
        let value = line(&mut rest);
        headers.extend(HeaderValue::from_bytes(value).map(|value| (RETRY_AFTER, value)));
    }
    within_limit(|| {
        for status in [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_REQUEST] {
            let outcome = fuzzing::response(status, headers.clone(), b"", &[]);
            assert_error(&outcome.expect_err("a token from an empty body"), &Secrets::default());
        }
    });
});
