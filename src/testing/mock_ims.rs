//! [`MockIms`]: the mock as a test uses it.

use std::fmt;
use std::net::TcpListener;
use std::sync::Arc;

use super::answer::MockAnswer;
use super::builder::MockImsBuilder;
use super::endpoint::MockEndpoint;
use super::files;
use super::ims::Ims;
use super::key::ThrowAwayKey;
use super::request::MockRequest;
use super::server::Server;
use crate::{DevelopmentToken, Error, ImsClient, ImsClientBuilder, OAuthCredentials, ServiceCredentials};

/// A strict mock of Adobe IMS that listens on `127.0.0.1`; see the [module](super) for how to test
/// with it.
///
/// It serves the [endpoints](MockEndpoint) that issue, validate and invalidate access tokens, and
/// accepts urlencoded and multipart forms. Other paths get a 404, other methods than POST a 405.
/// Every response has a `Date` header, by the mock's clock, and an `x-debug-id` of its own.
///
/// It stops listening soon after it is dropped, and open connections are closed with it. Each mock
/// has its own secrets, tokens, script and record, so tests may run in parallel.
///
/// # Memory
///
/// The record is bounded; of an issued token a digest is kept. The HTTP server underneath, however,
/// keeps each request, secrets included, in memory until the mock is dropped: some ten kilobytes
/// each. In a soak test, start a new mock now and then.
pub struct MockIms {
    endpoint: String,
    ims: Arc<Ims>,
    _server: Server,
}

impl MockIms {
    /// Starts to listen on a free port. Must be awaited on a tokio runtime.
    ///
    /// The first mock in a process generates the disposable key, which takes a good part of a
    /// second on a slow machine.
    ///
    /// # Errors
    ///
    /// When no port is free.
    pub async fn start() -> Result<Self, Error> {
        Self::builder().start().await
    }

    /// Settings other than the usual ones: a fixed port, other scopes, another clock.
    pub fn builder() -> MockImsBuilder {
        MockImsBuilder::new()
    }

    /// Where it listens, as `http://127.0.0.1:PORT`, for
    /// [`ImsClientBuilder::danger_endpoint`](crate::ImsClientBuilder::danger_endpoint) or the
    /// settings of another client.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The service credentials of the technical account, with its current key.
    #[must_use]
    pub fn credentials(&self) -> ServiceCredentials {
        self.ims.state().credentials.clone()
    }

    /// The OAuth Server-to-Server credentials, with all live client secrets, oldest first. They
    /// send their organization if [no single one owns them](MockImsBuilder::oauth_multi_org).
    ///
    /// # Errors
    ///
    /// When no client secret is live.
    pub fn oauth_credentials(&self) -> Result<OAuthCredentials, Error> {
        let state = self.ims.state();
        state.clients.oauth.credentials(&state.clients.ims_host)
    }

    /// A local development token, valid for 24 hours by the mock's clock. Each call issues another
    /// one. Unlike Adobe's, it is issued to the technical account.
    ///
    /// # Errors
    ///
    /// When it has already expired by the machine's clock, because the mock's is a day behind.
    pub fn development_token(&self) -> Result<DevelopmentToken, Error> {
        DevelopmentToken::from_json(self.development_token_json())
    }

    /// A client with default settings that sends its requests to this mock, as the technical
    /// account. It uses the machine's clock. Keep the mock: it stops when it is dropped.
    ///
    /// # Errors
    ///
    /// As [`ImsClientBuilder::build`](crate::ImsClientBuilder::build).
    pub fn client(&self) -> Result<ImsClient, Error> {
        self.client_builder().build()
    }

    /// The same with settings of your own, such as a clock or `max_attempts(1)`.
    pub fn client_builder(&self) -> ImsClientBuilder {
        ImsClient::builder(self.credentials()).danger_endpoint(self.endpoint())
    }

    pub(super) async fn serve(listener: TcpListener, ims: Ims) -> Self {
        let ims = Arc::new(ims);
        let server = Server::start(listener, Arc::clone(&ims)).await;
        Self { endpoint: server.endpoint(), ims, _server: server }
    }
}

/// # Credentials files
///
/// Each method returns the text of a file, to write where a client looks for it. All but the
/// development token hold a disposable client secret, some a disposable private key. They name the
/// host of IMS and not the address of the mock: how to connect to it is up to the client.
impl MockIms {
    /// Of the technical account: the service credentials that AEM's Developer Console hands out.
    #[must_use]
    pub fn credentials_json(&self) -> String {
        files::service_credentials(&self.ims.state().clients)
    }

    /// Of the technical account: a JWT context of Adobe's `aio-lib-ims`.
    #[must_use]
    pub fn aio_jwt_context_json(&self) -> String {
        files::aio_jwt_context(&self.ims.state().clients.account)
    }

    /// A local development token as AEM's Developer Console hands it out. Each call issues another
    /// one; see [`development_token`](Self::development_token).
    #[must_use]
    pub fn development_token_json(&self) -> String {
        files::development_token(&self.ims.issue_development_token())
    }

    /// Of the OAuth Server-to-Server credential: the download of Adobe Developer Console, with all
    /// live client secrets, oldest first.
    #[must_use]
    pub fn oauth_credentials_json(&self) -> String {
        files::oauth_credentials(&self.ims.state().clients.oauth)
    }

    /// Of the OAuth Server-to-Server credential: the download of its project from Adobe Developer
    /// Console. The project also holds an API key, which gets no tokens.
    #[must_use]
    pub fn project_json(&self) -> String {
        files::project(&self.ims.state().clients.oauth)
    }

    /// Of the OAuth Server-to-Server credential: a context of Adobe's `aio-lib-ims`.
    #[must_use]
    pub fn aio_oauth_context_json(&self) -> String {
        files::aio_oauth_context(&self.ims.state().clients.oauth)
    }
}

/// # Rotation
///
/// What an administrator does in the console while a service runs. Tokens that were issued stay
/// valid.
impl MockIms {
    /// Creates a key with its certificate for the technical account and returns the credentials
    /// with it. From now on they are also in [`credentials`](Self::credentials) and the files. The
    /// older keys stay valid until they expire or are revoked.
    ///
    /// The first rotation in a process generates a second disposable key, and blocks meanwhile. The
    /// mocks of a process share their keys.
    ///
    /// # Errors
    ///
    /// When the mock's clock shows a time that no certificate can have.
    pub fn rotate_key(&self) -> Result<ServiceCredentials, Error> {
        loop {
            let index = self.ims.state().clients.account.key_count();
            // Slow, so not while the state is locked: requests get their responses meanwhile.
            let key = ThrowAwayKey::of_this_process(index)?;
            let mut state = self.ims.state();
            if state.clients.account.key_count() == index {
                state.clients.account.rotate(key, self.ims.now())?;
                state.credentials = ServiceCredentials::from_json(files::service_credentials(&state.clients))?;
                return Ok(state.credentials.clone());
            }
        }
    }

    /// Revokes one key of the technical account, counted from 0 in the order they were created. IMS
    /// then finds no binding for its signatures. Does nothing where there is no such key.
    pub fn revoke_key(&self, index: usize) {
        self.ims.state().clients.account.revoke_key(index);
    }

    /// Revokes all keys of the technical account but the current one.
    pub fn revoke_old_keys(&self) {
        self.ims.state().clients.account.revoke_old_keys();
    }

    /// Deletes the technical account: IMS no longer knows its client id.
    pub fn revoke_credentials(&self) {
        self.ims.state().clients.account.revoked = true;
    }

    /// Creates another client secret of the OAuth Server-to-Server credential and returns its
    /// index. The files have it from now on, last in their lists. The older one stays valid until
    /// it is revoked.
    ///
    /// # Errors
    ///
    /// When two secrets are live: Adobe allows no more.
    pub fn add_client_secret(&self) -> Result<usize, Error> {
        self.ims.state().clients.oauth.secrets.add()
    }

    /// Revokes one client secret of the OAuth Server-to-Server credential, counted from 0 in the
    /// order they were created. IMS then refuses it like a wrong one. Does nothing where there is
    /// no such secret.
    pub fn revoke_client_secret(&self, index: usize) {
        self.ims.state().clients.oauth.secrets.revoke(index);
    }

    /// Revokes all client secrets of the OAuth Server-to-Server credential but the newest.
    pub fn revoke_old_client_secrets(&self) {
        self.ims.state().clients.oauth.secrets.revoke_old();
    }

    /// Deletes the OAuth Server-to-Server credential: IMS no longer knows its client id.
    pub fn revoke_oauth_credentials(&self) {
        self.ims.state().clients.oauth.revoked = true;
    }
}

/// # Scripts
impl MockIms {
    /// Scripts the response to one request, after those already scripted. Without
    /// [`MockAnswer::on`] that is the next request to any endpoint.
    pub fn answer_next(&self, answer: MockAnswer) {
        self.ims.state().script.next(answer);
    }

    /// Scripts the response to all requests for which [`answer_next`](Self::answer_next) has none
    /// left, until [`reset`](Self::reset). A second call replaces the first, unless they are
    /// [for](MockAnswer::on) different endpoints. A response for one endpoint takes precedence over
    /// one for all.
    pub fn answer_always(&self, answer: MockAnswer) {
        self.ims.state().script.always(answer);
    }

    /// Ends the script: requests are verified again. The record is kept.
    pub fn reset(&self) {
        self.ims.state().script.clear();
    }
}

/// # Record
impl MockIms {
    /// How many token requests came in since the start, whatever the response: those to
    /// [`JwtExchange`](MockEndpoint::JwtExchange) and [`Token`](MockEndpoint::Token). A 404 or 405
    /// does not count.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.ims.state().record.count(MockEndpoint::issues_tokens)
    }

    /// How many requests to this endpoint came in since the start, whatever the response.
    #[must_use]
    pub fn request_count_of(&self, endpoint: MockEndpoint) -> u64 {
        self.ims.state().record.count(|known| known == endpoint)
    }

    /// The token requests that came in, oldest first. The last thousand requests, to all endpoints
    /// together, are kept.
    #[must_use]
    pub fn requests(&self) -> Vec<MockRequest> {
        self.ims.state().record.requests(MockEndpoint::issues_tokens)
    }

    /// The requests to this endpoint that came in, oldest first. The last thousand requests, to all
    /// endpoints together, are kept.
    #[must_use]
    pub fn requests_of(&self, endpoint: MockEndpoint) -> Vec<MockRequest> {
        self.ims.state().record.requests(|known| known == endpoint)
    }
}

impl fmt::Debug for MockIms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.ims.state();
        f.debug_struct("MockIms")
            .field("endpoint", &self.endpoint)
            .field("clients", &state.clients)
            .field("request_count", &state.record.count(MockEndpoint::issues_tokens))
            .finish_non_exhaustive()
    }
}
