//! The clients that IMS has on file: one technical account and one OAuth Server-to-Server
//! credential.

use http::StatusCode;

use super::account::{self, TechnicalAccount};
use super::oauth_client::{self, OAuthClient};
use super::secrets::ClientSecrets;
use super::settings::{ClientId, ImsHost};

#[derive(Debug)]
pub(super) struct Clients {
    pub(super) ims_host: ImsHost,
    pub(super) account: TechnicalAccount,
    pub(super) oauth: OAuthClient,
    pub(super) wrong_secret_status: StatusCode,
}

#[derive(Clone, Copy)]
pub(super) enum Client<'a> {
    Account(&'a TechnicalAccount),
    OAuth(&'a OAuthClient),
}

impl Clients {
    /// The client of this id, unless its credentials were revoked.
    pub(super) fn find(&self, client_id: &str) -> Option<Client<'_>> {
        self.registered(client_id).filter(|client| !client.is_revoked())
    }

    /// Also one whose credentials were revoked.
    pub(super) fn registered(&self, client_id: &str) -> Option<Client<'_>> {
        [Client::Account(&self.account), Client::OAuth(&self.oauth)]
            .into_iter()
            .find(|client| client.id().as_str() == client_id)
    }
}

impl<'a> Client<'a> {
    pub(super) fn id(self) -> &'a ClientId {
        match self {
            Self::Account(account) => &account.client_id,
            Self::OAuth(oauth) => &oauth.client_id,
        }
    }

    pub(super) fn secrets(self) -> &'a ClientSecrets {
        match self {
            Self::Account(account) => &account.secrets,
            Self::OAuth(oauth) => &oauth.secrets,
        }
    }

    pub(super) fn technical_account_id(self) -> &'static str {
        match self {
            Self::Account(_) => account::TECHNICAL_ACCOUNT_ID,
            Self::OAuth(_) => oauth_client::TECHNICAL_ACCOUNT_ID,
        }
    }

    fn is_revoked(self) -> bool {
        match self {
            Self::Account(account) => account.revoked,
            Self::OAuth(oauth) => oauth.revoked,
        }
    }
}
