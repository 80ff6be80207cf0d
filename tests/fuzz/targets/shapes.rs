//! Any file with credentials: what is accepted connects to Adobe and shows no secret, whatever its kind.
#![no_main]

use adobe_ims::Credentials;
use adobe_ims_fuzz::{HELD, assert_credentials, assert_error, planted, within_limit};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let json = planted(input);
    within_limit(|| match Credentials::from_json(&json) {
        Ok(credentials) => assert_credentials(&credentials),
        Err(error) => assert_error(&error, &HELD),
    });
});
