//! An HTTP proxy for tests that records every byte.
#![allow(dead_code, reason = "each test root uses a part")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::raw::head_end;
use super::tls::{end, read_hello};

/// A proxy on a port of 127.0.0.1, until it is dropped.
///
/// Each connection takes the next behaviour; the last one serves all that follow.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Seen>>>,
    // Dropped, it stops the proxy and all its connections.
    _tasks: JoinSet<()>,
}

/// What a proxy does with a `CONNECT`.
#[derive(Clone, Debug)]
pub enum Behavior {
    /// Opens a tunnel to this port of 127.0.0.1, whatever the host.
    Tunnel(u16),
    /// Opens a tunnel to this port, with a response in these two segments.
    Segments([&'static str; 2], u16),
    /// Opens a tunnel to this port if the client sends this `user:password`; responds with 407 otherwise.
    Authenticate(&'static str, u16),
    /// Responds with these bytes and closes the connection.
    Respond(Vec<u8>),
    /// Confirms the tunnel, but responds to the TLS handshake itself, with these bytes in the clear.
    Impersonate(Vec<u8>),
    /// Resets the connection.
    Reset,
}

/// What a proxy saw of one connection.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The request to the proxy itself.
    pub head: String,
    /// What the client sent through the tunnel.
    pub sent: Vec<u8>,
    /// What the server sent back.
    pub received: Vec<u8>,
}

impl Proxy {
    pub async fn start<const N: usize>(behaviors: [Behavior; N]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Vec::from(behaviors), Arc::clone(&connections)));
        Self { address, connections, _tasks: tasks }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same with `user:password` in it.
    pub fn url_with(&self, userinfo: &str) -> String {
        format!("http://{userinfo}@{}", self.address)
    }

    /// Each connection, in the order of their arrival.
    pub fn connections(&self) -> Vec<Seen> {
        lock(&self.connections).clone()
    }
}

impl Seen {
    /// Whether everything in the tunnel was TLS, record by record.
    pub fn is_tls(&self) -> bool {
        let is_whole = |mut bytes: &[u8]| {
            while let Some(([kind, 3, _, high, low], rest)) = bytes.split_first_chunk() {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                match rest.get(length..) {
                    Some(rest) if (20..=23).contains(kind) => bytes = rest,
                    _ => return false,
                }
            }
            bytes.is_empty()
        };
        !self.sent.is_empty() && is_whole(&self.sent) && is_whole(&self.received)
    }

    /// The value of a header of the request to the proxy itself.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// `Basic …`, as a client sends `user:password` to a proxy.
pub fn basic(userinfo: &str) -> String {
    format!("Basic {}", STANDARD.encode(userinfo))
}

type Connections = Mutex<Vec<Seen>>;

fn lock(connections: &Connections) -> MutexGuard<'_, Vec<Seen>> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, behaviors: Vec<Behavior>, shared: Arc<Connections>) {
    let mut tasks = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let number = lock(&shared).len();
        lock(&shared).push(Seen::default());
        let behavior = behaviors.get(number).or(behaviors.last()).unwrap().clone();
        let connection = Connection { number, shared: Arc::clone(&shared) };
        tasks.spawn(async move {
            // Clients that disconnect are part of many tests.
            drop(connection.serve(client, behavior).await);
        });
    }
}

struct Connection {
    number: usize,
    shared: Arc<Connections>,
}

impl Connection {
    async fn serve(self, mut client: TcpStream, behavior: Behavior) -> io::Result<()> {
        while head_end(self.seen().head.as_bytes()).is_none() {
            // Byte by byte, so that nothing that follows becomes part of the head.
            let byte = client.read_u8().await?;
            lock(&self.shared)[self.number].head.push(char::from(byte));
        }
        let (port, [first, second]) = match behavior {
            Behavior::Tunnel(port) => (port, [OPEN, ""]),
            Behavior::Segments(segments, port) => (port, segments),
            Behavior::Authenticate(userinfo, port) => {
                if self.seen().header("proxy-authorization") != Some(&basic(userinfo)) {
                    client.write_all(AUTHENTICATE).await?;
                    return end(client).await;
                }
                (port, [OPEN, ""])
            }
            Behavior::Respond(response) => {
                client.write_all(&response).await?;
                return end(client).await;
            }
            Behavior::Impersonate(response) => {
                client.write_all(OPEN.as_bytes()).await?;
                read_hello(&mut client).await?;
                client.write_all(&response).await?;
                return end(client).await;
            }
            Behavior::Reset => return SockRef::from(&client).set_linger(Some(Duration::ZERO)),
        };
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        client.write_all(first.as_bytes()).await?;
        if !second.is_empty() {
            // Long enough for the client to read the first segment by itself.
            tokio::time::sleep(Duration::from_millis(100)).await;
            client.write_all(second.as_bytes()).await?;
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::try_join!(
            self.pass(from_client, to_server, |seen| &mut seen.sent),
            self.pass(from_server, to_client, |seen| &mut seen.received),
        )?;
        Ok(())
    }

    fn seen(&self) -> Seen {
        lock(&self.shared)[self.number].clone()
    }

    async fn pass(
        &self,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        kept: fn(&mut Seen) -> &mut Vec<u8>,
    ) -> io::Result<()> {
        let mut piece = [0; 4096];
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 {
                return to.shutdown().await;
            }
            kept(&mut lock(&self.shared)[self.number]).extend_from_slice(&piece[..length]);
            to.write_all(&piece[..length]).await?;
        }
    }
}

const OPEN: &str = "HTTP/1.1 200 Connection established\r\n\r\n";
const AUTHENTICATE: &[u8] = b"HTTP/1.1 407 Proxy Authentication Required\r\n\
    proxy-authenticate: Basic realm=\"company\"\r\ncontent-length: 0\r\n\r\n";
