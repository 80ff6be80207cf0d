//! A proxy for tests that keeps every byte it sees.
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

/// A proxy on a port of 127.0.0.1. It ends with its drop.
///
/// The connections take the conducts in their order; the last one serves all that come after it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Seen>>>,
    // Dropped, it ends the proxy and all its connections.
    _tasks: JoinSet<()>,
}

/// What a proxy does when it is asked for a way.
#[derive(Clone, Debug)]
pub enum Conduct {
    /// Opens a way to this port of 127.0.0.1, whatever host was asked for.
    Tunnel(u16),
    /// The same, but only for who brings this `user:password`; others are told to (407).
    Demand(&'static str, u16),
    /// Answers with these bytes and closes the connection.
    Answer(Vec<u8>),
    /// Says that the way is open, but answers the first words through it itself, with these bytes in the clear.
    Impersonate(Vec<u8>),
    /// Resets the connection.
    Reset,
}

/// What a proxy saw of one connection.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What the client asked the proxy itself.
    pub head: String,
    /// What it then sent through.
    pub sent: Vec<u8>,
    /// What came back.
    pub answered: Vec<u8>,
}

impl Proxy {
    pub async fn start<const N: usize>(conducts: [Conduct; N]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Vec::from(conducts), Arc::clone(&connections)));
        Self { address, connections, _tasks: tasks }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same, with a user and a password for it.
    pub fn url_with(&self, userinfo: &str) -> String {
        format!("http://{userinfo}@{}", self.address)
    }

    /// Each connection, in the order of their arrival.
    pub fn connections(&self) -> Vec<Seen> {
        lock(&self.connections).clone()
    }
}

impl Seen {
    /// Whether all that went through was TLS, record by record.
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
        !self.sent.is_empty() && is_whole(&self.sent) && is_whole(&self.answered)
    }

    /// The value of a header that the proxy itself was sent.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// `Basic …`, as a proxy is shown `user:password`.
pub fn basic(userinfo: &str) -> String {
    format!("Basic {}", STANDARD.encode(userinfo))
}

type Connections = Mutex<Vec<Seen>>;

fn lock(connections: &Connections) -> MutexGuard<'_, Vec<Seen>> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, conducts: Vec<Conduct>, shared: Arc<Connections>) {
    let mut tasks = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let number = lock(&shared).len();
        lock(&shared).push(Seen::default());
        let conduct = conducts.get(number).or(conducts.last()).unwrap().clone();
        let connection = Connection { number, shared: Arc::clone(&shared) };
        tasks.spawn(async move {
            // A client that has gone is often what is wanted.
            drop(connection.serve(client, conduct).await);
        });
    }
}

struct Connection {
    number: usize,
    shared: Arc<Connections>,
}

impl Connection {
    async fn serve(self, mut client: TcpStream, conduct: Conduct) -> io::Result<()> {
        while head_end(self.seen().head.as_bytes()).is_none() {
            // Byte by byte, so that nothing of what follows is taken for the head.
            let byte = client.read_u8().await?;
            lock(&self.shared)[self.number].head.push(char::from(byte));
        }
        let port = match conduct {
            Conduct::Tunnel(port) => port,
            Conduct::Demand(userinfo, port) => {
                if self.seen().header("proxy-authorization") != Some(&basic(userinfo)) {
                    client.write_all(DEMAND).await?;
                    return end(client).await;
                }
                port
            }
            Conduct::Answer(answer) => {
                client.write_all(&answer).await?;
                return end(client).await;
            }
            Conduct::Impersonate(answer) => {
                client.write_all(OPEN).await?;
                read_hello(&mut client).await?;
                client.write_all(&answer).await?;
                return end(client).await;
            }
            Conduct::Reset => return SockRef::from(&client).set_linger(Some(Duration::ZERO)),
        };
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        client.write_all(OPEN).await?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::try_join!(
            self.pass(from_client, to_server, |seen| &mut seen.sent),
            self.pass(from_server, to_client, |seen| &mut seen.answered),
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

const OPEN: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
const DEMAND: &[u8] = b"HTTP/1.1 407 Proxy Authentication Required\r\n\
    proxy-authenticate: Basic realm=\"company\"\r\ncontent-length: 0\r\n\r\n";
