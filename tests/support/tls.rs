//! A TLS server for tests, with an authority and certificates made on the spot.
#![allow(dead_code, reason = "each test root uses a part")]

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::material::armour;
use super::raw::{Received, declared_length, head_end, now};

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = params(name, [], LONG);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// What to give to `root_certificate`.
    pub fn pem(&self) -> String {
        armour("CERTIFICATE", &self.certificate)
    }

    /// A server certificate for this machine and for [`NAME`].
    pub fn server(&self) -> Identity {
        self.certify(["127.0.0.1", "localhost", NAME], LONG)
    }

    /// A server that presents the authority's own certificate, as `openssl req -x509` makes them.
    pub fn as_server(&self) -> Identity {
        Identity::new(self.certificate.clone(), self.issuer.key())
    }

    /// A server certificate for these names, valid from the first day of the first year to that of the last.
    pub fn certify<const N: usize>(&self, names: [&str; N], years: RangeInclusive<i32>) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params("server", names, years).signed_by(&key, &self.issuer).unwrap();
        Identity::new(certificate.der().clone(), &key)
    }
}

fn params<const N: usize>(name: &str, names: [&str; N], years: RangeInclusive<i32>) -> CertificateParams {
    let mut params = CertificateParams::new(names.map(str::to_owned)).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(*years.start(), 1, 1);
    params.not_after = date_time_ymd(*years.end(), 1, 1);
    params.use_authority_key_identifier_extension = true;
    params
}

/// A name that no name server knows (RFC 6761), for clients that connect through a proxy.
pub const NAME: &str = "mock.invalid";
const LONG: RangeInclusive<i32> = 2020..=2120;

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity(Arc<ServerConfig>);

impl Identity {
    fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        Self(Arc::new(config))
    }
}

/// What a server does on a connection.
#[derive(Clone, Debug)]
pub enum Behavior {
    /// Responds to each request with these bytes, until the client disconnects.
    Respond(Vec<u8>),
    /// Responds to one request with these bytes and closes the connection without a `close_notify` of TLS.
    Unnotified(Vec<u8>),
    /// Responds to the client's hello with these bytes in the clear, and closes the connection.
    Clear(Vec<u8>),
    /// Resets the connection in mid-handshake.
    Reset,
}

/// A TLS server on a port of 127.0.0.1 that counts, until it is dropped.
///
/// Each connection takes the next behaviour; the last one serves all that follow.
#[derive(Debug)]
pub struct TlsServer {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    // Dropped, it stops the server and all its connections.
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    handshakes: usize,
    requests: Vec<Received>,
}

impl TlsServer {
    pub async fn start<const N: usize>(identity: &Identity, behaviors: [Behavior; N]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&identity.0), Vec::from(behaviors), Arc::clone(&seen)));
        Self { address, seen, _tasks: tasks }
    }

    /// `https://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        seen(&self.seen).connections
    }

    /// How many of them completed the handshake.
    pub fn handshakes(&self) -> usize {
        seen(&self.seen).handshakes
    }

    /// The requests inside TLS, in the order of arrival.
    pub fn requests(&self) -> Vec<Received> {
        seen(&self.seen).requests.clone()
    }
}

fn seen(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, config: Arc<ServerConfig>, behaviors: Vec<Behavior>, shared: Arc<Mutex<Seen>>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, client) = listener.accept().await.unwrap();
        let number = seen(&shared).connections;
        seen(&shared).connections += 1;
        let behavior = behaviors.get(number).or(behaviors.last()).unwrap().clone();
        let (acceptor, shared) = (TlsAcceptor::from(Arc::clone(&config)), Arc::clone(&shared));
        connections.spawn(async move {
            // Clients that disconnect are part of many tests.
            drop(serve(behavior, stream, client.port(), &acceptor, &shared).await);
        });
    }
}

async fn serve(
    behavior: Behavior,
    mut stream: TcpStream,
    port: u16,
    acceptor: &TlsAcceptor,
    shared: &Mutex<Seen>,
) -> std::io::Result<()> {
    let (response, notify) = match behavior {
        Behavior::Respond(response) => (response, true),
        Behavior::Unnotified(response) => (response, false),
        Behavior::Clear(response) => {
            read_hello(&mut stream).await?;
            stream.write_all(&response).await?;
            return end(stream).await;
        }
        Behavior::Reset => {
            read_hello(&mut stream).await?;
            return SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
    };
    let mut tls = acceptor.accept(stream).await?;
    seen(shared).handshakes += 1;
    while let Some(bytes) = read_request(&mut tls).await? {
        seen(shared).requests.push(Received { port, at: now(), bytes });
        tls.write_all(&response).await?;
        tls.flush().await?;
        if !notify {
            return end(tls.into_inner().0).await;
        }
    }
    tls.shutdown().await
}

/// Reads the first record, which is the client's hello.
pub async fn read_hello(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let mut rest = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut rest).await?;
    Ok(())
}

/// Closes in order: unread bytes would turn the close into a reset.
pub async fn end(mut stream: TcpStream) -> std::io::Result<()> {
    stream.shutdown().await?;
    while stream.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

/// Reads a whole request; `None` if the client disconnects before one.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(head) = head_end(&bytes)
            && bytes.len() >= head + declared_length(&bytes[..head])
        {
            return Ok(Some(bytes));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}
