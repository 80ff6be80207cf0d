//! An API on loopback: writes down what it is sent, and responds as the test says.
#![allow(dead_code, reason = "each test root uses a part")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Stops when it is dropped.
pub struct Api {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Api {
    /// Responds with these, one after the other, and then with 200.
    pub async fn responding(responses: impl IntoIterator<Item = impl IntoResponse>) -> Self {
        let responses: VecDeque<_> = responses.into_iter().map(IntoResponse::into_response).collect();
        let responses = Arc::new(Mutex::new(responses));
        Self::start(move |_| {
            let response = responses.lock().unwrap().pop_front().unwrap_or_default();
            async move { response }
        })
        .await
    }

    /// Responds with these statuses, and then with 200.
    pub async fn with_statuses<const N: usize>(statuses: [u16; N]) -> Self {
        Self::responding(statuses.map(|status| StatusCode::from_u16(status).unwrap())).await
    }

    /// Responds with 200.
    pub async fn healthy() -> Self {
        Self::with_statuses([]).await
    }

    pub async fn start<F>(respond: impl Fn(Seen) -> F + Clone + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        let router = axum::Router::new().fallback(move |request: Request| {
            let (record, respond) = (Arc::clone(&record), respond.clone());
            async move {
                let request = read(request).await;
                record.lock().unwrap().push(request.clone());
                respond(request).await
            }
        });
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, seen, server }
    }

    /// By the address, `127.0.0.1`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// By the other name of this machine.
    pub fn url_of_localhost(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// One header of all requests, in their order; what is missing is empty.
    pub fn header(&self, name: &str) -> Vec<String> {
        self.seen().iter().map(|seen| seen.header(name)).collect()
    }

    pub fn tokens(&self) -> Vec<String> {
        self.header("authorization")
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Seen {
    pub fn header(&self, name: &str) -> String {
        let all: Vec<_> = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        all.join(" and ")
    }
}

/// A redirect to this place.
pub fn redirect(status: u16, location: &str) -> impl IntoResponse {
    (StatusCode::from_u16(status).unwrap(), [("location", location.to_owned())])
}

async fn read(request: Request) -> Seen {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    Seen { method: parts.method, path: parts.uri.path().to_owned(), headers: parts.headers, body }
}
