//! K17: the crate works whichever backends of jsonwebtoken its host turns on, and leaves the choice among them, which
//! jsonwebtoken keeps for the whole process, to the host.

use std::process::Command;
use std::{env, panic};

use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::errors::Result;
use jsonwebtoken::{EncodingKey, Header};

use crate::exchange_works;

/// `provider` is the host's choice, `unchosen` whether jsonwebtoken works without one.
pub fn jwt(provider: &'static CryptoProvider, unchosen: bool) {
    // A process can choose once, so another one looks at what happens without a choice.
    if env::args().nth(1).as_deref() == Some("unchosen") {
        exchange_works();
        let outcome = panic::catch_unwind(encode);
        assert_eq!(outcome.is_ok_and(|encoded| encoded.is_ok()), unchosen, "the exchange made a choice");
        exchange_works();
        std::process::exit(0);
    }
    let child = Command::new(env::current_exe().unwrap()).arg("unchosen").output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));

    exchange_works();
    assert!(provider.install_default().is_ok(), "the exchange made the choice before its host did");
    exchange_works();
}

/// What a host does with jsonwebtoken for itself.
pub fn encode() -> Result<String> {
    jsonwebtoken::encode(&Header::default(), &["claims"], &EncodingKey::from_secret(b"of the host"))
}
