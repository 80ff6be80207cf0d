//! The HTTP server in front of the mock IMS. The only file that knows wiremock.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::ims::Ims;
use super::response::Response;

/// Listens until it is dropped.
pub(super) struct Server {
    endpoint: String,
    /// `Some` until it is dropped.
    server: Option<MockServer>,
}

impl Server {
    pub(super) async fn start(listener: TcpListener, ims: Arc<Ims>) -> Self {
        let server = MockServer::builder().listener(listener).disable_request_recording().start().await;
        Mock::given(any()).respond_with(Responder(ims)).mount(&server).await;
        Self { endpoint: server.uri(), server: Some(server) }
    }

    pub(super) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }
}

/// wiremock blocks on a future when it is dropped. In a task that has used up tokio's budget, that
/// future never becomes ready; a thread of its own has no budget.
impl Drop for Server {
    fn drop(&mut self) {
        let server = self.server.take();
        if let Ok(thread) = thread::Builder::new().spawn(move || drop(server)) {
            let _ = thread.join();
        }
    }
}

struct Responder(Arc<Ims>);

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let Request { url, method, headers, body, .. } = request;
        let response = self.0.respond(method, url.path(), url.query(), headers, body);
        let Response { status, headers, body, delay, code: _ } = response;
        let template = ResponseTemplate::new(status)
            .set_body_bytes(body)
            .append_headers(headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>());
        match delay {
            Some(delay) => template.set_delay(delay),
            None => template,
        }
    }
}
