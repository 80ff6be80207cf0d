//! What may stand between this machine and IMS: a proxy that requires a password, and one that inspects TLS.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rcgen::{CertificateParams, KeyPair};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection};

/// The address of a proxy that responds to everybody with 407.
pub fn demanding_proxy() -> String {
    serve(|mut stream| {
        read_head(&mut stream);
        let response = "HTTP/1.1 407 Proxy Authentication Required\r\n\
                        proxy-authenticate: Basic realm=\"company\"\r\ncontent-length: 0\r\n\r\n";
        drop(stream.write_all(response.as_bytes()));
    })
}

/// The address of a proxy that opens every tunnel and ends TLS itself, with a certificate of its own.
pub fn inspecting_proxy(host: &'static str) -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([host.to_owned()]).unwrap().self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap();
    let config = Arc::new(config);
    serve(move |mut stream| {
        read_head(&mut stream);
        drop(stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n"));
        let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
        // Ends with the client's alert: it does not trust the certificate.
        while tls.complete_io(&mut stream).is_ok() && tls.is_handshaking() {}
    })
}

/// One connection after the other, until the process ends.
fn serve(respond: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(|stream| respond(stream.unwrap())));
    format!("http://{address}")
}

fn read_head(stream: &mut TcpStream) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.extend(byte);
    }
}
