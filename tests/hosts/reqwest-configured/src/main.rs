//! N19: a host that asks for everything that must not be, through `configure_http`.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::OnceLock;

use checks::{Heap, Wire};
use reqwest::{ClientBuilder, Proxy, redirect, retry};

#[global_allocator]
static HEAP: Heap = Heap;

/// Where a proxy listens that would be shown the form of a plain request.
static PROXY: OnceLock<String> = OnceLock::new();

fn main() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    PROXY.get_or_init(|| format!("http://{}", proxy.local_addr().unwrap()));

    checks::wire(&Wire {
        ims: |ims| {
            ims.configure_http(|client| {
                let proxy = Proxy::http(PROXY.get().unwrap()).unwrap();
                everything(client).http2_prior_knowledge().tls_backend_native().proxy(proxy)
            })
        },
        own: everything,
        repeats: true,
        http2: |client| client.http2_prior_knowledge(),
        native_tls: |client| client.tls_backend_native(),
    });

    proxy.set_nonblocking(true).unwrap();
    assert_eq!(proxy.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "the proxy was asked");
}

fn everything(client: ClientBuilder) -> ClientBuilder {
    let retry = retry::for_host("127.0.0.1").no_budget().max_retries_per_request(3);
    let retry = retry.classify_fn(|answer| match answer.status() {
        Some(status) if status.is_server_error() => answer.retryable(),
        _ => answer.success(),
    });
    let client = client.redirect(redirect::Policy::limited(10)).referer(true).retry(retry);
    client.gzip(true).brotli(true).deflate(true).zstd(true).https_only(false)
}
