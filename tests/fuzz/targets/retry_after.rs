//! `Date` in the first line, one `Retry-After` in each that follows.
#![no_main]

use adobe_ims_fuzz::within_limit;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    within_limit(|| adobe_ims::fuzzing::retry_after(input));
});
