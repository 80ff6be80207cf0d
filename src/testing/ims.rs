//! The mock IMS itself, without a network: a request in, a response out, and what it remembers from
//! one to the next.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};

use super::access_token::access_token;
use super::clients::{Client, Clients};
use super::endpoint::MockEndpoint;
use super::received::ReceivedRequest;
use super::record::Record;
use super::request::MockRequest;
use super::response::Response;
use super::script::Script;
use super::tokens::IssuedTokens;
use super::verify::verify;
use crate::ServiceCredentials;
use crate::clock::{Clock, SharedClock};

pub(super) struct Ims {
    clock: SharedClock,
    state: Mutex<State>,
}

/// What changes while the mock runs.
pub(super) struct State {
    pub(super) clients: Clients,
    /// Those of the account's current key.
    pub(super) credentials: ServiceCredentials,
    pub(super) tokens: IssuedTokens,
    pub(super) script: Script,
    pub(super) record: Record,
}

impl Ims {
    pub(super) fn new(clients: Clients, credentials: ServiceCredentials, clock: SharedClock) -> Self {
        let (tokens, script, record) = (IssuedTokens::default(), Script::default(), Record::default());
        Self { clock, state: Mutex::new(State { clients, credentials, tokens, script, record }) }
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Without a request, as the Developer Console does it.
    pub(super) fn issue_development_token(&self) -> String {
        let now = self.now();
        let State { clients, tokens, .. } = &mut *self.state();
        let client = Client::Account(&clients.account);
        let token = access_token(&clients.ims_host, client, clients.account.metascopes.names(), now, DAY);
        tokens.add(&token, client.id().clone(), now.checked_add(DAY));
        token
    }

    pub(super) fn respond(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Response {
        let now = self.now();
        let response = match MockEndpoint::of(path) {
            None => Response::not_found(),
            Some(_) if method != Method::POST => Response::method_not_allowed(),
            Some(endpoint) => {
                let request = ReceivedRequest::read(endpoint, path, query, headers, body);
                self.state().respond(&request, now)
            }
        };
        response.with_ims_headers(now)
    }
}

impl State {
    fn respond(&mut self, request: &ReceivedRequest<'_>, now: SystemTime) -> Response {
        let verified = verify(&self.clients, &self.tokens, request, now);
        let response = self.script.take(request.endpoint).response(verified, &mut self.tokens, now);
        self.record.add(MockRequest::new(request, &self.clients, &response));
        response
    }
}

const DAY: Duration = Duration::from_secs(86_400);
