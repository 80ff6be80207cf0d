//! Status, headers and body of a token endpoint's answer, as text: the status, header lines, an empty line, the body.
#![no_main]

use adobe_ims_fuzz::{SENT, planted, within_limit};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let answer = planted(input);
    within_limit(|| adobe_ims::fuzzing::answer(&answer, &SENT));
});
