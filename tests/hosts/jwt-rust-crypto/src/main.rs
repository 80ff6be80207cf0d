//! K17: a host whose jsonwebtoken has the backend `rust_crypto` alone.

use jsonwebtoken::crypto::rust_crypto;

fn main() {
    checks::jwt(&rust_crypto::DEFAULT_PROVIDER, true);
    assert!(checks::encode().is_ok());
}
