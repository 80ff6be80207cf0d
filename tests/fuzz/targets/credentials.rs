//! The bytes of a credentials file: what is accepted can sign, connects to Adobe, and shows no secret.
#![no_main]

use adobe_ims::{JwtSigner, ServiceCredentials};
use adobe_ims_fuzz::{HELD, assert_error, assert_host, planted, printed, within_limit};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let json = planted(input);
    within_limit(|| match ServiceCredentials::from_json(&json) {
        Ok(credentials) => {
            assert_host(credentials.ims_host());
            let (id, org, account) =
                (credentials.client_id(), credentials.org_id(), credentials.technical_account_id());
            let names = credentials.metascopes().collect::<Vec<_>>().join("\n");
            // A secret that is also in a public part is not one.
            let public = [id, org, account, credentials.ims_host(), &names].join("\n");
            HELD.assert_not_in(&printed(&credentials), &public);
            assert!(JwtSigner::new(&credentials).is_ok(), "an accepted key does not sign");
        }
        Err(error) => assert_error(&error, &HELD),
    });
});
