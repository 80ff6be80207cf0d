//! The settings of a mock before it listens, checked when it starts.

use std::fmt;
use std::net::{Ipv4Addr, TcpListener};

use http::StatusCode;

use super::account::{TechnicalAccount, origins};
use super::clients::Clients;
use super::error::{system, unusable};
use super::files;
use super::ims::Ims;
use super::mock_ims::MockIms;
use super::oauth_client::OAuthClient;
use super::settings::{ClientId, ImsHost, OrgId, Scopes};
use crate::clock::{Clock, SharedClock};
use crate::{Error, ServiceCredentials};

/// Settings of a [`MockIms`]; made by [`MockIms::builder`].
///
/// ```
/// # async fn example() -> Result<(), adobe_ims::Error> {
/// use adobe_ims::testing::MockIms;
///
/// let mock = MockIms::builder()
///     .port(8089)
///     .metascopes(["ent_aem_cloud_api", "ent_cloudmgr_sdk"])
///     .oauth_scopes(["openid", "AdobeID", "adobeio_api"])
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a mock listens once `start` is called"]
pub struct MockImsBuilder {
    port: u16,
    ims_host: String,
    client_id: String,
    org_id: String,
    metascopes: Vec<String>,
    accept_own_address: bool,
    oauth_client_id: String,
    oauth_org_id: Option<String>,
    oauth_scopes: Vec<String>,
    oauth_multi_org: bool,
    wrong_secret_status: StatusCode,
    clock: SharedClock,
}

impl MockImsBuilder {
    pub(super) fn new() -> Self {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            port: 0,
            ims_host: "ims-na1.adobelogin.com".to_owned(),
            client_id: "cm-p11111-e22222-integration".to_owned(),
            org_id: "1111222233334444AAAA5555@AdobeOrg".to_owned(),
            metascopes: list(&["ent_aem_cloud_api"]),
            accept_own_address: false,
            oauth_client_id: "0123456789abcdef0123456789abcdef".to_owned(),
            oauth_org_id: None,
            oauth_scopes: list(&["openid", "AdobeID", "read_organizations"]),
            oauth_multi_org: false,
            wrong_secret_status: StatusCode::BAD_REQUEST,
            clock: SharedClock::default(),
        }
    }

    /// The port to listen on at `127.0.0.1`. By default, or with 0, a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The host name that `aud` and the scope claims must be built from, and that the credentials
    /// file names. By default Adobe's production host. It must be one of Adobe's.
    pub fn ims_host(mut self, host: impl Into<String>) -> Self {
        self.ims_host = host.into();
        self
    }

    /// The client id of the technical account.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// The organization of both credentials, ending in `@AdobeOrg`.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = org_id.into();
        self
    }

    /// The short names of the metascopes bound to the technical account, in place of
    /// `ent_aem_cloud_api`. A request may ask for all or for some of them.
    pub fn metascopes(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.metascopes = names.into_iter().map(Into::into).collect();
        self
    }

    /// Also accepts `aud` and scope claims built from the mock's own address: `127.0.0.1` or
    /// `localhost` with its port, after `http://` or `https://`.
    ///
    /// Adobe's own clients build these claims from the address they connect to. Real IMS would
    /// refuse them, so this is off by default.
    pub fn accept_own_address(mut self, accept: bool) -> Self {
        self.accept_own_address = accept;
        self
    }

    /// The client id of the OAuth Server-to-Server credential.
    pub fn oauth_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.oauth_client_id = client_id.into();
        self
    }

    /// The organization of the OAuth Server-to-Server credential, where it is not that of the
    /// technical account.
    pub fn oauth_org_id(mut self, org_id: impl Into<String>) -> Self {
        self.oauth_org_id = Some(org_id.into());
        self
    }

    /// The scopes granted to the OAuth Server-to-Server credential, in place of `openid`, `AdobeID`
    /// and `read_organizations`. A request may ask for all or for some of them.
    pub fn oauth_scopes(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.oauth_scopes = names.into_iter().map(Into::into).collect();
        self
    }

    /// Makes the OAuth Server-to-Server credential one that no single organization owns. A request
    /// may then name any organization in `org_id`, and a token for it lives one hour. By default
    /// `org_id` is optional and must name the credential's own organization; its tokens live 24
    /// hours.
    pub fn oauth_multi_org(mut self, multi_org: bool) -> Self {
        self.oauth_multi_org = multi_org;
        self
    }

    /// Refuses a wrong client secret with the status 401, as Adobe documents it, instead of 400, as
    /// IMS is known to respond.
    pub fn wrong_secret_is_unauthorized(mut self, unauthorized: bool) -> Self {
        self.wrong_secret_status = if unauthorized { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
        self
    }

    /// The clock for `exp`, certificates, tokens and the `Date` header. By default the system's.
    ///
    /// The certificate of the technical account starts when the mock does, by this clock, and lasts
    /// 365 days.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Starts to listen. Must be awaited on a tokio runtime. The mock then serves from a thread of
    /// its own, so it responds while the test blocks.
    ///
    /// # Errors
    ///
    /// When the port is taken, and when a setting is not one that a credential can have.
    pub async fn start(self) -> Result<MockIms, Error> {
        let ims_host = ImsHost::parse(self.ims_host)?;
        let client_id = ClientId::parse(self.client_id)?;
        let org_id = OrgId::parse(self.org_id)?;
        let metascopes = Scopes::parse(self.metascopes)?;
        let oauth_org_id = self.oauth_org_id.map(OrgId::parse).transpose()?.unwrap_or_else(|| org_id.clone());
        let oauth_client_id = ClientId::parse(self.oauth_client_id)?;
        let oauth_scopes = Scopes::parse(self.oauth_scopes)?;
        if oauth_client_id == client_id {
            return Err(unusable("the two credentials have the same client id"));
        }

        let cannot_listen = |error| system(format!("cannot listen on 127.0.0.1, port {}", self.port), &error);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;

        let origins = origins(&ims_host, self.accept_own_address.then_some(address));
        let clients = Clients {
            account: TechnicalAccount::register(client_id, org_id, metascopes, origins, self.clock.now())?,
            oauth: OAuthClient::register(oauth_client_id, oauth_org_id, oauth_scopes, self.oauth_multi_org),
            ims_host,
            wrong_secret_status: self.wrong_secret_status,
        };
        let credentials = ServiceCredentials::from_json(files::service_credentials(&clients))?;
        Ok(MockIms::serve(listener, Ims::new(clients, credentials, self.clock)).await)
    }
}

impl fmt::Debug for MockImsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            port,
            ims_host,
            client_id,
            org_id,
            metascopes,
            accept_own_address,
            oauth_client_id,
            oauth_org_id,
            oauth_scopes,
            oauth_multi_org,
            wrong_secret_status,
            clock: _,
        } = self;
        f.debug_struct("MockImsBuilder")
            .field("port", port)
            .field("ims_host", ims_host)
            .field("client_id", client_id)
            .field("org_id", org_id)
            .field("metascopes", metascopes)
            .field("accept_own_address", accept_own_address)
            .field("oauth_client_id", oauth_client_id)
            .field("oauth_org_id", oauth_org_id)
            .field("oauth_scopes", oauth_scopes)
            .field("oauth_multi_org", oauth_multi_org)
            .field("wrong_secret_status", wrong_secret_status)
            .finish_non_exhaustive()
    }
}
