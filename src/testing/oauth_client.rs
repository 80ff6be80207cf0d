//! The OAuth Server-to-Server credential: what IMS has on file of it.

use super::secrets::ClientSecrets;
use super::settings::{ClientId, ImsHost, OrgId, Scopes};
use crate::{Error, OAuthCredentials};

#[derive(Debug)]
pub(super) struct OAuthClient {
    pub(super) client_id: ClientId,
    pub(super) org_id: OrgId,
    pub(super) scopes: Scopes,
    /// Not owned by one organization: a request names the one it is for.
    pub(super) multi_org: bool,
    pub(super) secrets: ClientSecrets,
    pub(super) revoked: bool,
}

impl OAuthClient {
    /// Registers the credential with one client secret.
    pub(super) fn register(client_id: ClientId, org_id: OrgId, scopes: Scopes, multi_org: bool) -> Self {
        Self { client_id, org_id, scopes, multi_org, secrets: ClientSecrets::new("p8e-"), revoked: false }
    }

    /// What a client needs of it; an error where no secret is live.
    pub(super) fn credentials(&self, ims_host: &ImsHost) -> Result<OAuthCredentials, Error> {
        let mut builder = OAuthCredentials::builder()
            .client_id(self.client_id.as_str())
            .org_id(self.org_id.as_str())
            .scopes(self.scopes.names())
            .ims_host(ims_host.as_str())
            .send_org_id(self.multi_org);
        for secret in self.secrets.live() {
            builder = builder.client_secret(secret);
        }
        builder.build()
    }
}

pub(super) const TECHNICAL_ACCOUNT_ID: &str = "AAAABBBBCCCCDDDD0A49AAAB@techacct.adobe.com";
pub(super) const TECHNICAL_ACCOUNT_EMAIL: &str = "0a1b2c3d-0000-4000-8000-00000000abce@techacct.adobe.com";
