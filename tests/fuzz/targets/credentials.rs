//! The bytes of a credentials file.
#![no_main]

use adobe_ims_fuzz::{HELD, planted, within_limit};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let json = planted(input);
    within_limit(|| adobe_ims::fuzzing::credentials(&json, &HELD));
});
