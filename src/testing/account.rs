//! The technical account of the JWT exchange: what IMS has on file, and the private keys for the
//! credentials file.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use super::binding::Binding;
use super::key::ThrowAwayKey;
use super::secrets::ClientSecrets;
use super::settings::{ClientId, ImsHost, OrgId, Scopes};
use crate::Error;

pub(super) struct TechnicalAccount {
    pub(super) client_id: ClientId,
    pub(super) org_id: OrgId,
    pub(super) metascopes: Scopes,
    pub(super) secrets: ClientSecrets,
    /// What `aud` and the scope claims may start with: the IMS host, and the mock's own address
    /// where it is accepted.
    pub(super) origins: Vec<String>,
    /// Oldest first, without the current one.
    older: Vec<Binding>,
    current: Binding,
    pub(super) revoked: bool,
}

impl TechnicalAccount {
    /// Registers the account with a client secret of its own and the first key of this process.
    pub(super) fn register(
        client_id: ClientId,
        org_id: OrgId,
        metascopes: Scopes,
        origins: Vec<String>,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let current = Binding::new(ThrowAwayKey::of_this_process(0)?, &client_id, now)?;
        let secrets = ClientSecrets::new("s8e-");
        Ok(Self { client_id, org_id, metascopes, secrets, origins, older: Vec::new(), current, revoked: false })
    }

    pub(super) fn current(&self) -> &Binding {
        &self.current
    }

    /// How many keys the account has had, and so the index of the next one.
    pub(super) fn key_count(&self) -> usize {
        self.older.len().saturating_add(1)
    }

    /// The new key becomes the current one; the older ones stay valid.
    pub(super) fn rotate(&mut self, key: Arc<ThrowAwayKey>, now: SystemTime) -> Result<(), Error> {
        let binding = Binding::new(key, &self.client_id, now)?;
        self.older.push(std::mem::replace(&mut self.current, binding));
        Ok(())
    }

    pub(super) fn revoke_key(&mut self, index: usize) {
        let mut bindings = self.older.iter_mut().chain([&mut self.current]);
        if let Some(binding) = bindings.nth(index) {
            binding.revoke();
        }
    }

    pub(super) fn revoke_old_keys(&mut self) {
        self.older.iter_mut().for_each(Binding::revoke);
    }

    /// The index of the key that made this signature, and its binding, valid or not.
    pub(super) fn signer_of(&self, message: &[u8], signature: &[u8]) -> Option<(usize, &Binding)> {
        self.older.iter().chain([&self.current]).enumerate().find(|(_, binding)| binding.verifies(message, signature))
    }
}

impl fmt::Debug for TechnicalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_id, org_id, metascopes, secrets, origins: _, older, current: _, revoked } = self;
        f.debug_struct("TechnicalAccount")
            .field("client_id", &client_id.as_str())
            .field("org_id", &org_id.as_str())
            .field("metascopes", &metascopes.names())
            .field("secrets", secrets)
            .field("older_keys", &older.len())
            .field("revoked", revoked)
            .finish_non_exhaustive()
    }
}

/// Where the claims of an assertion may say they are for.
pub(super) fn origins(host: &ImsHost, own_address: Option<SocketAddr>) -> Vec<String> {
    let mut origins = vec![format!("https://{}", host.as_str())];
    if let Some(address) = own_address {
        for host in [address.to_string(), format!("localhost:{}", address.port())] {
            origins.push(format!("http://{host}"));
            origins.push(format!("https://{host}"));
        }
    }
    origins
}

pub(super) const TECHNICAL_ACCOUNT_ID: &str = "AAAABBBBCCCCDDDD0A49AAAA@techacct.adobe.com";
pub(super) const TECHNICAL_ACCOUNT_EMAIL: &str = "0a1b2c3d-0000-4000-8000-00000000abcd@techacct.adobe.com";
