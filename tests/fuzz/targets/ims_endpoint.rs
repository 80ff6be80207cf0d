//! `imsEndpoint` of a credentials file, and the address given to `danger_endpoint`.
#![no_main]

use adobe_ims::{ServiceCredentials, fuzzing};
use adobe_ims_fuzz::{KEY, Secrets, assert_error, assert_host, within_limit};

libfuzzer_sys::fuzz_target!(|text: &str| {
    within_limit(|| {
        let builder = ServiceCredentials::builder().client_id("id").client_secret("secret").org_id("org");
        let builder = builder.technical_account_id("account").metascopes(["ent"]).private_key(KEY);
        match builder.ims_host(text).build() {
            Ok(credentials) => {
                let host = credentials.ims_host();
                assert_host(host);
                let (shown, connected) = fuzzing::endpoint(&format!("https://{host}")).expect("a host is an endpoint");
                assert!(connected == host && shown.starts_with("https://"), "{host}");
            }
            Err(error) => assert_error(&error, &Secrets::default()),
        }
        match fuzzing::endpoint(text) {
            Ok((shown, host)) if shown.starts_with("http://") => {
                let loopback = ["127.", "[::1]", "localhost"].iter().any(|start| host.starts_with(start));
                assert!(loopback, "plain http to {host}");
            }
            Ok((shown, _)) => assert!(shown.starts_with("https://") && shown.len() <= 512, "{shown}"),
            Err(error) => assert_error(&error, &Secrets::default()),
        }
    });
});
