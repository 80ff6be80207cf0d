//! P8: a host whose rustls has both crypto providers, and which installs neither for the process.

use std::io::Read;
use std::net::TcpListener;

use adobe_ims::store::{RedisStore, TokenStore};

fn main() {
    // What would panic here, as in a Redis client that takes the process's provider.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    assert!(std::panic::catch_unwind(|| drop(rustls::ClientConfig::builder())).is_err());
    std::panic::set_hook(print);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let mut hello = [0; 1];
        listener.accept().unwrap().0.read_exact(&mut hello).unwrap();
        hello
    });
    let store = RedisStore::new(format!("rediss://127.0.0.1:{port}")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(store.load(&"0".repeat(64))).unwrap_err();
    assert!(error.is_unreachable());
    // A TLS handshake began.
    assert_eq!(server.join().unwrap(), [0x16]);
}
