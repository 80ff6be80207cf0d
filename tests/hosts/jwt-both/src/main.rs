//! K17: a host whose jsonwebtoken has both backends, as cargo may decide for it, and which chooses the one that this crate does
//! not use.

use jsonwebtoken::crypto::rust_crypto;

fn main() {
    checks::jwt(&rust_crypto::DEFAULT_PROVIDER, false);
    assert!(checks::encode().is_ok());
}
