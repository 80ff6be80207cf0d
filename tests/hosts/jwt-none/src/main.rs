//! K17: a host that uses jsonwebtoken without any of its backends, and brings one that refuses everything.

use jsonwebtoken::crypto::{CryptoProvider, KeyUtils};
use jsonwebtoken::errors::ErrorKind;

static REFUSING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    key_utils: KeyUtils::new_unimplemented(),
};

fn main() {
    checks::jwt(&REFUSING, false);
    assert_eq!(checks::encode().unwrap_err().kind(), &ErrorKind::InvalidAlgorithm);
}
