//! Seals (encrypts and authenticates) tokens for a store, and derives the key they are stored
//! under.

use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use zeroize::{Zeroize, Zeroizing};

use super::SealedToken;
use crate::clock::{Moment, SharedClock};
use crate::grant::Owner;
use crate::token::Token;

/// Seals and opens the tokens of one credential.
pub(crate) struct Vault {
    key: String,
    cipher: RandomizedNonceKey,
}

/// Damaged, or another credential's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Vault {
    /// `None` if the crypto library fails.
    pub(crate) fn new(mut owner: Owner<'_>) -> Option<Self> {
        let derived = Salt::new(HKDF_SHA256, CONTEXT).extract(owner.secret.expose().as_bytes());
        // While a secret is replaced, processes with the old one and with the new one use different keys,
        // and do not overwrite each other's tokens.
        let fingerprint = expand(&derived, b"name")?;
        owner.scopes.sort_unstable();
        owner.scopes.dedup();
        let fields = [owner.kind, owner.ims_host, owner.endpoint, owner.client_id, owner.org_id, owner.account];
        let mut hash = digest::Context::new(&SHA256);
        hash.update(CONTEXT);
        hash.update(&*fingerprint);
        for field in fields.iter().chain(&owner.scopes) {
            // With its length, so that different lists of fields have different hashes.
            hash.update(&u64::try_from(field.len()).ok()?.to_be_bytes());
            hash.update(field.as_bytes());
        }
        let key = hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, &*expand(&derived, b"seal")?).ok()?;
        Some(Self { key, cipher })
    }

    /// The key that the tokens are stored under. It reveals nothing without the credential.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Seals a token. The format is a version, a nonce, and the ciphertext of the lifetime in
    /// milliseconds and the text.
    pub(super) fn seal(&self, token: &Token, now: Moment) -> Option<SealedToken> {
        let (lifetime, remaining) = (token.lifetime(), token.remaining_at(now));
        let text = token.expose_secret().as_bytes();
        // Sealed in place, in a buffer that never grows: no copy of the token is left behind.
        let size = LIFETIME_LEN.checked_add(text.len())?;
        let mut sealed = Vec::with_capacity(size.checked_add(AES_256_GCM.tag_len())?);
        sealed.extend_from_slice(&u64::try_from(lifetime.as_millis()).ok()?.to_be_bytes());
        sealed.extend_from_slice(text);
        let nonce = self.cipher.seal_in_place_append_tag(Aad::from(self.key.as_bytes()), &mut sealed);
        let Ok(nonce) = nonce else {
            sealed.zeroize();
            return None;
        };
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(nonce.as_ref());
        bytes.extend_from_slice(&sealed);
        Some(SealedToken::new(bytes, remaining))
    }

    /// Opens a token, as of a moment before the store was asked. `Ok(None)` if it has expired.
    pub(super) fn open(
        &self,
        sealed: &SealedToken,
        asked: Moment,
        clock: &SharedClock,
    ) -> Result<Option<Token>, Unreadable> {
        let remaining = sealed.remaining();
        if remaining.is_zero() {
            return Ok(None);
        }
        let (lifetime, text) = self.unseal(sealed.bytes()).ok_or(Unreadable)?;
        // The store is wrong: its clock was set, or the value has been tampered with.
        if remaining > lifetime {
            return Err(Unreadable);
        }
        let token = Token::resumed(&text, lifetime, remaining, asked, clock.clone());
        token.map(Some).ok_or(Unreadable)
    }

    fn unseal(&self, bytes: &[u8]) -> Option<(Duration, Zeroizing<String>)> {
        let (&VERSION, rest) = bytes.split_first().filter(|_| bytes.len() <= MAX_SEALED)? else { return None };
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = self.cipher.open_in_place(nonce, Aad::from(self.key.as_bytes()), &mut sealed).ok()?;
        let (lifetime, text) = opened.split_at_checked(LIFETIME_LEN)?;
        let lifetime = Duration::from_millis(u64::from_be_bytes(lifetime.try_into().ok()?));
        Some((lifetime, Zeroizing::new(str::from_utf8(text).ok()?.to_owned())))
    }
}

fn expand(derived: &Prk, purpose: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    derived.expand(&[purpose], HKDF_SHA256).ok()?.fill(&mut *out).ok()?;
    Some(out)
}

/// Another format needs another context, so that versions neither read nor overwrite each other's
/// tokens.
const CONTEXT: &[u8] = b"adobe-ims token store 1";
const VERSION: u8 = 1;
const LIFETIME_LEN: usize = size_of::<u64>();
/// A token has 16 KiB at most.
const MAX_SEALED: usize = 17 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Owner, Unreadable, Vault};
    use crate::clock::{Moment, SharedClock};
    use crate::secret::Secret;
    use crate::store::SealedToken;
    use crate::token::Token;

    const HOUR: Duration = Duration::from_secs(3600);
    const LIFETIME: Duration = Duration::from_secs(7200);
    const LONGER: Duration = Duration::from_millis(7_200_001);

    fn owner(secret: &Secret) -> Owner<'_> {
        Owner {
            kind: "jwt",
            ims_host: "ims-na1.adobelogin.com",
            endpoint: "https://ims-na1.adobelogin.com/",
            client_id: "client",
            org_id: "org",
            account: "account",
            scopes: vec!["one", "two"],
            secret,
        }
    }

    fn secret(text: &str) -> Secret {
        Secret::from(text.to_owned())
    }

    fn vault() -> Vault {
        Vault::new(owner(&secret("secret"))).unwrap()
    }

    fn sealed(vault: &Vault) -> (SealedToken, SharedClock) {
        let clock = SharedClock::default();
        let now = Moment::now(&clock);
        let token = Token::new("the.token", LIFETIME, now, clock.clone()).unwrap();
        (vault.seal(&token, now).unwrap(), clock)
    }

    fn open(vault: &Vault, bytes: &[u8], remaining: Duration) -> Result<Option<Token>, Unreadable> {
        let clock = SharedClock::default();
        vault.open(&SealedToken::new(bytes, remaining), Moment::now(&clock), &clock)
    }

    #[test]
    fn a_sealed_token_is_opened_with_its_text_its_lifetime_and_the_life_that_the_store_says() {
        let vault = vault();
        let (sealed, clock) = sealed(&vault);
        let now = Moment::now(&clock);
        let token = vault.open(&SealedToken::new(sealed.bytes(), HOUR), now, &clock).unwrap().unwrap();
        assert_eq!(token.expose_secret(), "the.token");
        assert_eq!(token.lifetime(), LIFETIME);
        assert_eq!(token.remaining_at(now), HOUR);
    }

    #[test]
    fn what_is_sealed_shows_nothing_and_never_looks_the_same() {
        let vault = vault();
        let (one, other) = (sealed(&vault).0, sealed(&vault).0);
        assert_ne!(one.bytes(), other.bytes());
        let shows = |sealed: &SealedToken, text: &str| sealed.bytes().windows(text.len()).any(|w| w == text.as_bytes());
        assert!(!shows(&one, "the.token") && !shows(&one, "token") && !shows(&one, "client"));
        assert_eq!(format!("{one:?}"), "SealedToken { bytes: 46, remaining: 7200s }");
    }

    #[test]
    fn one_changed_byte_anywhere_makes_it_unreadable() {
        let vault = vault();
        let (sealed, _) = sealed(&vault);
        for at in 0..sealed.bytes().len() {
            for flip in [1, 0x80, 0xff] {
                let mut bytes = sealed.bytes().to_vec();
                bytes[at] ^= flip;
                assert!(open(&vault, &bytes, HOUR).is_err(), "byte {at}");
            }
        }
    }

    #[test]
    fn every_truncation_every_extension_and_nothing_at_all_are_unreadable() {
        let vault = vault();
        let (sealed, _) = sealed(&vault);
        for length in 0..sealed.bytes().len() {
            assert!(open(&vault, &sealed.bytes()[..length], HOUR).is_err(), "{length} bytes");
        }
        let mut longer = sealed.bytes().to_vec();
        longer.push(0);
        assert!(open(&vault, &longer, HOUR).is_err());
        assert!(open(&vault, &vec![1; 1 << 20], HOUR).is_err());
    }

    #[test]
    fn a_token_saved_under_another_key_or_with_another_secret_is_unreadable() {
        let (sealed, _) = sealed(&vault());
        let key = secret("secret");
        let mut others = vec![Vault::new(owner(&secret("other"))).unwrap()];
        others.extend(different(&key).into_iter().map(|owner| Vault::new(owner).unwrap()));
        for other in others {
            assert!(open(&other, sealed.bytes(), HOUR).is_err());
            assert_ne!(other.key(), vault().key());
        }
    }

    /// Each differs from `owner` in one field.
    fn different(key: &Secret) -> Vec<Owner<'_>> {
        vec![
            Owner { kind: "oauth", ..owner(key) },
            Owner { ims_host: "ims-na1-stg1.adobelogin.com", ..owner(key) },
            Owner { endpoint: "http://127.0.0.1:1/", ..owner(key) },
            Owner { client_id: "clien", ..owner(key) },
            Owner { org_id: "torg", ..owner(key) },
            Owner { account: "", ..owner(key) },
            Owner { scopes: vec!["one"], ..owner(key) },
            Owner { scopes: vec!["onet", "wo"], ..owner(key) },
        ]
    }

    #[test]
    fn the_order_of_scopes_and_the_bytes_of_the_key_are_no_secret_and_no_difference() {
        let key = secret("secret");
        let other = Owner { scopes: vec!["two", "one", "two"], ..owner(&key) };
        assert_eq!(Vault::new(other).unwrap().key(), vault().key());
        assert_eq!(vault().key().len(), 64);
        assert!(vault().key().bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn a_store_that_says_it_has_expired_is_believed_and_one_that_says_it_outlives_its_lifetime_is_not() {
        let vault = vault();
        let (sealed, _) = sealed(&vault);
        assert!(open(&vault, sealed.bytes(), Duration::ZERO).unwrap().is_none());
        assert!(open(&vault, sealed.bytes(), LIFETIME).unwrap().is_some());
        assert!(open(&vault, sealed.bytes(), LONGER).is_err());
        assert!(open(&vault, sealed.bytes(), Duration::MAX).is_err());
    }

    /// A change of the format is a change of the key. Computed by another HKDF and SHA-256, field
    /// by field.
    #[test]
    fn the_key_of_a_credential_stays_the_same_from_release_to_release() {
        assert_eq!(vault().key(), "58d0caea434a82c6a8d7fb6fb8302382c52afb5a7053cc39b67aa339a0e20f5b");
    }
}
