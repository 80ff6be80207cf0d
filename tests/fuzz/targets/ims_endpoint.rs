//! `imsEndpoint` of a credentials file, and the address given to `danger_endpoint`.
#![no_main]

use adobe_ims_fuzz::{KEY, within_limit};

libfuzzer_sys::fuzz_target!(|text: &str| {
    within_limit(|| adobe_ims::fuzzing::ims_endpoint(text, KEY));
});
