//! A raw TCP server for tests: each connection follows a script, step by step, to the byte.
#![allow(dead_code, reason = "each test root uses a part")]

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use socket2::{Domain, SockRef, Socket, Type};

use super::child::Pid;

/// A server on loopback that runs one script per connection and counts.
///
/// Each connection takes the next script; the last one serves all that follow. Dropping the server stops
/// its threads; a panic in one of them then fails the test.
#[derive(Debug)]
pub struct RawServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl RawServer {
    /// Starts a server on a port of 127.0.0.1.
    pub fn start<const N: usize>(scripts: [Vec<Step>; N]) -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::serve(TcpListener::bind(any_port).unwrap(), Vec::from(scripts))
    }

    /// Starts a server on a port of `[::1]`; `None` on a machine without IPv6.
    pub fn start_v6<const N: usize>(scripts: [Vec<Step>; N]) -> Option<Self> {
        let any_port = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
        match TcpListener::bind(any_port) {
            Ok(listener) => Some(Self::serve(listener, Vec::from(scripts))),
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => None,
            Err(error) if error.kind() == ErrorKind::Unsupported => None,
            Err(error) => panic!("no port of [::1]: {error}"),
        }
    }

    fn serve(listener: TcpListener, scripts: Vec<Vec<Step>>) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &scripts, &shared)
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// The address as an endpoint: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port that the server listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The client's port of each connection, in the order of arrival.
    pub fn client_ports(&self) -> Vec<u16> {
        self.shared.state().client_ports.clone()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.shared.state().client_ports.len()
    }

    /// The whole requests that were read, in the order of arrival.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.state().requests.clone()
    }

    /// How many bytes were written on all connections together.
    pub fn sent(&self) -> usize {
        self.shared.state().sent
    }

    /// Waits until every connection so far is closed; whether that was within ten seconds.
    pub async fn is_idle(&self) -> bool {
        for _ in 0..1000 {
            if self.shared.state().open.is_empty() {
                return true;
            }
            // The client's side of a connection may run on this very thread: let it go on.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.stopped = true;
            for stream in state.open.values() {
                // It may be closed already.
                drop(stream.shutdown(Shutdown::Both));
            }
        }
        self.shared.stop.notify_all();
        // One last connection wakes the acceptor, which then stops.
        drop(TcpStream::connect(self.address));

        let mut ended = Vec::from_iter(self.acceptor.take().map(JoinHandle::join));
        let workers = std::mem::take(&mut self.shared.state().workers);
        ended.extend(workers.into_iter().map(JoinHandle::join));
        if let Some(cause) = ended.into_iter().find_map(Result::err)
            && !thread::panicking()
        {
            panic::resume_unwind(cause);
        }
    }
}

/// One step of a server on a connection. After the last one the connection is closed in order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Reads one whole request and records it; without one, the script ends here.
    Read,
    /// Writes these bytes.
    Write(Vec<u8>),
    /// Writes these bytes one by one, with this pause before each.
    Drip(Vec<u8>, Duration),
    /// Writes these bytes over and over, until the client disconnects or this many were written.
    Flood(Vec<u8>, usize),
    /// Waits this long.
    Pause(Duration),
    /// Waits until the client disconnects.
    Hold,
    /// Resets the connection at once.
    Reset,
    /// Stops this process, as a container freezer does.
    Freeze(Pid),
    /// Lets it run again.
    Thaw(Pid),
}

impl Step {
    /// Writes these bytes.
    pub fn write(bytes: impl AsRef<[u8]>) -> Self {
        Self::Write(bytes.as_ref().to_vec())
    }

    /// Writes a whole response with this status and body, of type JSON and with its length.
    pub fn response(status: &str, body: &str) -> Self {
        let length = body.len();
        Self::Write(
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
                .into_bytes(),
        )
    }
}

/// A request as it came over the wire.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received {
    /// The client's port of the connection that it came on.
    pub port: u16,
    /// When it had been read.
    pub at: SystemTime,
    /// Head and body.
    pub bytes: Vec<u8>,
}

impl Received {
    /// The request line and the header lines.
    pub fn head(&self) -> &str {
        let end = head_end(&self.bytes).unwrap();
        std::str::from_utf8(&self.bytes[..end]).unwrap()
    }

    /// The fields of the form in the body.
    pub fn form(&self) -> BTreeMap<String, String> {
        let end = head_end(&self.bytes).unwrap();
        form_urlencoded::parse(&self.bytes[end..]).into_owned().collect()
    }
}

/// A port of 127.0.0.1 that refuses every connection until `listen` is called.
///
/// It is bound all the while, so that no other process gets it.
#[derive(Debug)]
pub struct ClosedPort(Socket);

impl ClosedPort {
    /// Binds a port without listening on it.
    pub fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        Self(socket)
    }

    /// The address as an endpoint: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        let address = self.0.local_addr().unwrap().as_socket().unwrap();
        format!("http://{address}")
    }

    /// From now on connections are accepted.
    pub fn listen<const N: usize>(self, scripts: [Vec<Step>; N]) -> RawServer {
        self.0.listen(128).unwrap();
        RawServer::serve(self.0.into(), Vec::from(scripts))
    }
}

/// What the threads of one server share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Notified when the server stops.
    stop: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    client_ports: Vec<u16>,
    requests: Vec<Received>,
    sent: usize,
    open: BTreeMap<usize, Arc<TcpStream>>,
    workers: Vec<JoinHandle<()>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps, but no longer than the server lives; whether it still does.
    fn sleep(&self, duration: Duration) -> bool {
        let (state, _) = self
            .stop
            .wait_timeout_while(self.state(), duration, |state| !state.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        !state.stopped
    }
}

/// Gives each connection its script and a thread to run it.
fn accept(listener: &TcpListener, scripts: &[Vec<Step>], shared: &Arc<Shared>) {
    loop {
        let (stream, client) = listener.accept().unwrap();
        let mut state = shared.state();
        if state.stopped {
            return;
        }
        let number = state.client_ports.len();
        let script = scripts.get(number).or(scripts.last()).cloned().unwrap_or_default();
        let stream = Arc::new(stream);
        state.client_ports.push(client.port());
        state.open.insert(number, Arc::clone(&stream));
        let shared = Arc::clone(shared);
        state.workers.push(thread::spawn(move || {
            let end = Ending { shared: &shared, number };
            let mut connection = Connection { stream, client, shared: &shared, unread: Vec::new() };
            for step in script {
                if connection.run(step).is_none() {
                    break;
                }
            }
            drop(connection);
            drop(end);
        }));
    }
}

/// Takes a connection off the list of open ones when its script ends, also by a panic.
struct Ending<'a> {
    shared: &'a Shared,
    number: usize,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        // The list now holds the last handle: the socket is closed here.
        let stream = self.shared.state().open.remove(&self.number);
        drop(stream);
    }
}

/// One accepted connection while its script runs.
struct Connection<'a> {
    stream: Arc<TcpStream>,
    client: SocketAddr,
    shared: &'a Shared,
    unread: Vec<u8>,
}

impl Connection<'_> {
    /// Runs one step; `None` when nothing more can follow.
    fn run(&mut self, step: Step) -> Option<()> {
        match step {
            Step::Read => self.read_request(),
            Step::Write(bytes) => self.write(&bytes),
            Step::Drip(bytes, pause) => bytes.iter().try_for_each(|byte| {
                self.shared.sleep(pause).then_some(())?;
                self.write(&[*byte])
            }),
            Step::Flood(bytes, limit) => {
                // A small buffer, so that what was written is about what the client has read.
                SockRef::from(&*self.stream).set_send_buffer_size(bytes.len()).unwrap();
                (0..limit.div_ceil(bytes.len())).try_for_each(|_| self.write(&bytes))
            }
            Step::Pause(duration) => self.shared.sleep(duration).then_some(()),
            Step::Hold => {
                while self.read_some().is_some() {}
                None
            }
            Step::Reset => {
                SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO)).unwrap();
                None
            }
            Step::Freeze(pid) => {
                pid.freeze();
                Some(())
            }
            Step::Thaw(pid) => {
                pid.thaw();
                Some(())
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Option<()> {
        (&*self.stream).write_all(bytes).ok()?;
        let mut state = self.shared.state();
        state.sent = state.sent.saturating_add(bytes.len());
        Some(())
    }

    /// Adds what has come in to the unread bytes; `None` when the client has disconnected.
    fn read_some(&mut self) -> Option<()> {
        let mut piece = [0; 4096];
        let length = (&*self.stream).read(&mut piece).ok().filter(|length| *length > 0)?;
        self.unread.extend_from_slice(&piece[..length]);
        Some(())
    }

    fn read_request(&mut self) -> Option<()> {
        let end = loop {
            if let Some(head) = head_end(&self.unread) {
                let end = head + declared_length(&self.unread[..head]);
                if self.unread.len() >= end {
                    break end;
                }
            }
            self.read_some()?;
        };
        let rest = self.unread.split_off(end);
        let bytes = std::mem::replace(&mut self.unread, rest);
        let received = Received { port: self.client.port(), at: now(), bytes };
        self.shared.state().requests.push(received);
        Some(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a test may look at the clock")]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

/// Where the head of a request ends, the blank line included.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4)
}

/// The `content-length` of a head; 0 without one.
pub(super) fn declared_length(head: &[u8]) -> usize {
    let head = std::str::from_utf8(head).unwrap();
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.trim().parse().unwrap())
}
