//! The settings of a stand-in before it listens, checked when it starts.

use std::fmt;
use std::net::{Ipv4Addr, TcpListener};

use super::account::Account;
use super::mock_ims::MockIms;
use crate::clock::{Clock, SharedClock};
use crate::{Error, ServiceCredentials};

/// Settings of a [`MockIms`]; made by [`MockIms::builder`].
///
/// ```
/// # async fn example() -> Result<(), adobe_ims::Error> {
/// use adobe_ims::testing::MockIms;
///
/// let ims = MockIms::builder()
///     .port(8089)
///     .metascopes(["ent_aem_cloud_api", "ent_cloudmgr_sdk"])
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a stand-in listens once `start` is called"]
pub struct MockImsBuilder {
    port: u16,
    ims_host: String,
    client_id: String,
    org_id: String,
    metascopes: Vec<String>,
    accept_own_address: bool,
    clock: SharedClock,
}

impl MockImsBuilder {
    pub(super) fn new() -> Self {
        Self {
            port: 0,
            ims_host: "ims-na1.adobelogin.com".to_owned(),
            client_id: "cm-p11111-e22222-integration".to_owned(),
            org_id: "1111222233334444AAAA5555@AdobeOrg".to_owned(),
            metascopes: vec!["ent_aem_cloud_api".to_owned()],
            accept_own_address: false,
            clock: SharedClock::default(),
        }
    }

    /// The port to listen on at `127.0.0.1`. By default, or with 0, a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The host name that `aud` and the scope claims must be built from, and that the credentials file names. By default
    /// Adobe's production host; it must be one of Adobe's.
    pub fn ims_host(mut self, host: impl Into<String>) -> Self {
        self.ims_host = host.into();
        self
    }

    /// The client id of the account.
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// The organisation of the account, ending in `@AdobeOrg`.
    pub fn org_id(mut self, org_id: impl Into<String>) -> Self {
        self.org_id = org_id.into();
        self
    }

    /// The short names of the metascopes bound to the account, in place of `ent_aem_cloud_api`. A request may ask for all
    /// or for some of them.
    pub fn metascopes(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.metascopes = names.into_iter().map(Into::into).collect();
        self
    }

    /// Also accepts `aud` and scope claims built from the stand-in's own address: `127.0.0.1` or `localhost` with its port,
    /// after `http://` or `https://`.
    ///
    /// Adobe's own clients build these claims from the address they connect to. Real IMS would refuse them, so this is off
    /// by default.
    pub fn accept_own_address(mut self, accept: bool) -> Self {
        self.accept_own_address = accept;
        self
    }

    /// The clock that `exp`, the certificate, the token's claims and the `Date` header go by; by default the system's.
    ///
    /// The certificate of the account begins when the stand-in starts, by this clock, and lasts 365 days.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Begins to listen. Needs a Tokio runtime to be awaited on; the stand-in then serves from a thread of its own, so it
    /// answers while the test blocks.
    ///
    /// # Errors
    ///
    /// When the port is taken, and when a setting can't be that of an account.
    pub async fn start(self) -> Result<MockIms, Error> {
        self.check()?;
        let cannot_listen = |error| Error::mock(format!("can't listen on 127.0.0.1, port {}", self.port), Some(&error));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let account = Account::register(
            self.client_id,
            self.org_id,
            self.ims_host,
            self.metascopes,
            self.accept_own_address.then_some(address),
            self.clock.now(),
        )?;
        let credentials = ServiceCredentials::from_json(account.credentials_json())?;
        Ok(MockIms::serve(listener, account, credentials, self.clock).await)
    }

    fn check(&self) -> Result<(), Error> {
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let fault = if !is_plain(&self.ims_host) || self.ims_host.contains('/') {
            "the host of a stand-in is not a bare host name"
        } else if !is_plain(&self.client_id) {
            "the client id of a stand-in is empty or not plain ASCII"
        } else if !is_plain(&self.org_id) {
            "the organisation of a stand-in is empty or not plain ASCII"
        } else if self.metascopes.is_empty() || !self.metascopes.iter().all(|name| is_short_name(name)) {
            "the metascopes of a stand-in are not a list of short names"
        } else {
            return Ok(());
        };
        Err(Error::mock(fault, None))
    }
}

impl fmt::Debug for MockImsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, ims_host, client_id, org_id, metascopes, accept_own_address, clock: _ } = self;
        f.debug_struct("MockImsBuilder")
            .field("port", port)
            .field("ims_host", ims_host)
            .field("client_id", client_id)
            .field("org_id", org_id)
            .field("metascopes", metascopes)
            .field("accept_own_address", accept_own_address)
            .finish_non_exhaustive()
    }
}

/// Letters, digits and what joins them: neither the comma of a list nor the slash of a full claim.
fn is_short_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}
