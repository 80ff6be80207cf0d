//! The text of a private key: what is accepted signs, and what is refused is not shown.
#![no_main]

use std::time::SystemTime;

use adobe_ims::{JwtSigner, ServiceCredentials};
use adobe_ims_fuzz::{HELD, assert_error, printed, within_limit};

libfuzzer_sys::fuzz_target!(|text: &str| {
    within_limit(|| {
        let builder = ServiceCredentials::builder().client_id("id").client_secret("secret").org_id("org");
        let builder = builder.technical_account_id("account").metascopes(["ent"]).private_key(text);
        match builder.build() {
            Ok(credentials) => {
                let assertion = JwtSigner::new(&credentials).and_then(|signer| signer.sign(SystemTime::UNIX_EPOCH));
                assert!(assertion.is_ok(), "an accepted key does not sign");
                HELD.assert_not_in(&printed(&credentials), "");
            }
            Err(error) => assert_error(&error, &HELD),
        }
    });
});
