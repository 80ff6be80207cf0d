//! A server on loopback that gives every request the same answer, plain or by TLS, and remembers what it was asked.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub(crate) struct Server {
    pub(crate) port: u16,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) connections: usize,
    /// The heads of all requests.
    pub(crate) requests: Vec<String>,
    /// What TLS agreed to speak.
    pub(crate) protocols: Vec<Option<String>>,
}

impl Server {
    pub(crate) fn plain(answer: Vec<u8>) -> Self {
        Self::start(None, answer)
    }

    pub(crate) fn tls(config: &Arc<ServerConfig>, answer: Vec<u8>) -> Self {
        Self::start(Some(Arc::clone(config)), answer)
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen().requests.len()
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        // The certificate is made out to this name; the server listens on 127.0.0.1.
        let host = if scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{scheme}://{host}:{}", self.port)
    }

    fn start(tls: Option<Arc<ServerConfig>>, answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let server = Self { port, seen: Arc::clone(&seen) };
        // It ends with the program.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, tls, answer) = (Arc::clone(&seen), tls.clone(), answer.clone());
                seen.lock().unwrap().connections += 1;
                // A connection that breaks is the client's decision.
                thread::spawn(move || serve(stream?, tls, &answer, &seen));
            }
        });
        server
    }
}

fn serve(stream: TcpStream, tls: Option<Arc<ServerConfig>>, answer: &[u8], seen: &Mutex<Seen>) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let Some(config) = tls else { return converse(stream, answer, seen) };
    let mut stream = StreamOwned::new(ServerConnection::new(config).map_err(io::Error::other)?, stream);
    stream.conn.complete_io(&mut stream.sock)?;
    let protocol = stream.conn.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
    seen.lock().unwrap().protocols.push(protocol);
    converse(stream, answer, seen)
}

fn converse(mut stream: impl Read + Write, answer: &[u8], seen: &Mutex<Seen>) -> io::Result<()> {
    let mut unread = Vec::new();
    loop {
        let head = loop {
            if let Some(at) = unread.windows(4).position(|end| end == b"\r\n\r\n") {
                break String::from_utf8_lossy(&unread[..at]).into_owned();
            }
            read_some(&mut stream, &mut unread)?;
        };
        let length = |line: &str| line.to_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok();
        let end = head.len() + 4 + head.lines().find_map(length).unwrap_or(0);
        while unread.len() < end {
            read_some(&mut stream, &mut unread)?;
        }
        unread.drain(..end);
        seen.lock().unwrap().requests.push(head);
        stream.write_all(answer)?;
        stream.flush()?;
    }
}

fn read_some(stream: &mut impl Read, unread: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 4096];
    match stream.read(&mut piece)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        length => {
            unread.extend_from_slice(&piece[..length]);
            Ok(())
        }
    }
}
