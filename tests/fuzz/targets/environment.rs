//! Credentials in the environment: each line is a variable.
#![no_main]

use adobe_ims::fuzzing;
use adobe_ims_fuzz::{HELD, assert_credentials, assert_error, planted, within_limit};

libfuzzer_sys::fuzz_target!(|input: &str| {
    let text = String::from_utf8(planted(input.as_bytes())).expect("what is planted is text");
    let variables = text.lines().filter_map(|line| line.split_once('='));
    // A path in the input would lead to a file of this machine.
    let is_path = |value: &str| value.contains(['/', '\\']) || std::path::Path::new(value.trim()).exists();
    let harmless = |(name, value): &(&str, &str)| {
        !matches!(*name, "ADOBE_IMS_CREDENTIALS" | "IMS_PRIVATEKEY") || value.trim().starts_with('{') || !is_path(value)
    };
    let variables: Vec<_> =
        variables.filter(harmless).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    within_limit(|| match fuzzing::environment(variables.clone()) {
        Ok(credentials) => assert_credentials(&credentials),
        Err(error) => assert_error(&error, &HELD),
    });
});
