//! The text of a private key.
#![no_main]

use adobe_ims_fuzz::{HELD, within_limit};

libfuzzer_sys::fuzz_target!(|text: &str| {
    within_limit(|| adobe_ims::fuzzing::private_key(text, &HELD));
});
