//! K17: a host whose jsonwebtoken has the backend `aws_lc_rs` alone.

use jsonwebtoken::crypto::aws_lc;

fn main() {
    checks::jwt(&aws_lc::DEFAULT_PROVIDER, true);
    assert!(checks::encode().is_ok());
}
