//! What an assertion costs beyond its RSA signature.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench measures time, prints, and may stop at the first surprise"
)]

mod support;

use adobe_ims::JwtSigner;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use support::material::{CredentialsFile, RSA_2048_PKCS1, der, unix};
use support::{Cost, compare, cost};

fn main() {
    let fresh = || JwtSigner::new(&CredentialsFile::new().read().unwrap()).unwrap();
    let signer = fresh();
    let now = unix(1_790_000_000);
    let assertion = signer.sign(now).unwrap();
    let (signed, _) = assertion.expose_secret().rsplit_once('.').unwrap();

    let key = KeyPair::from_der(&der(RSA_2048_PKCS1)).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    let mut floor = || sign(&key, signed.as_bytes(), &mut signature);

    compare("JwtSigner::sign, RSA 2048", "1.05", 2000, || cost(|| signer.sign(now)), &mut floor);
    compare("jsonwebtoken::encode, same key and claims", "none", 500, jsonwebtoken_encode(signed), &mut floor);
    // The trial at construction has paid what the first signature of a key costs.
    let first = || {
        let signer = fresh();
        cost(|| signer.sign(now))
    };
    compare("first after JwtSigner::new, beside a later one", "none", 500, first, || cost(|| signer.sign(now)));
    let mut unused = vec![0; key.public_modulus_len()];
    let first = || sign(&KeyPair::from_der(&der(RSA_2048_PKCS1)).unwrap(), signed.as_bytes(), &mut unused);
    compare("first of a fresh aws-lc-rs key, beside the floor", "none", 500, first, &mut floor);
}

/// The hand-written floor: the same bytes, a kept key, a kept buffer.
fn sign(key: &KeyPair, message: &[u8], signature: &mut [u8]) -> Cost {
    cost(|| key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, signature).unwrap())
}

#[allow(clippy::disallowed_types, reason = "what others pay, for comparison")]
fn jsonwebtoken_encode(signed: &str) -> impl FnMut() -> Cost {
    let (_, claims) = signed.split_once('.').unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    let key = jsonwebtoken::EncodingKey::from_rsa_der(&der(RSA_2048_PKCS1));
    move || cost(|| jsonwebtoken::encode(&header, &claims, &key).unwrap())
}
