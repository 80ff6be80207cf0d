//! A connection on demand, closed when idle.

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisConnectionInfo, RedisError};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;

use super::stream::{Allowance, Bounded, Stream};
use crate::store::StoreError;

/// A server, or the cluster node that it redirected to.
pub(super) struct Server {
    address: Address,
    tls: Option<Arc<rustls::ClientConfig>>,
    login: RedisConnectionInfo,
    state: Mutex<State>,
    /// Held by the task that connects; the others wait for its connection.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp(String, u16),
    #[cfg(unix)]
    Unix(PathBuf),
}

#[derive(Default)]
struct State {
    kept: Option<Connection>,
    /// The node of a cluster that has the keys.
    node: Option<Address>,
    /// How many connections there have been.
    made: u64,
}

#[derive(Clone)]
struct Connection {
    number: u64,
    redis: MultiplexedConnection,
    life: Arc<Life>,
}

/// What a connection and the task that drives it share.
#[derive(Default)]
struct Life {
    used: AtomicBool,
    over: AtomicBool,
    allowance: Allowance,
}

/// Why a command failed.
pub(super) enum QueryError {
    Connect(std::io::Error),
    Redis(RedisError),
}

impl Server {
    pub(super) fn new(address: Address, tls: Option<Arc<rustls::ClientConfig>>, login: RedisConnectionInfo) -> Self {
        Self { address, tls, login, state: Mutex::default(), connecting: tokio::sync::Mutex::default() }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a command. Dropping the future closes the connection, since a late response may still
    /// arrive on it.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, QueryError> {
        for _ in 1..MAX_TRIES {
            let (connection, is_new) = self.connection().await?;
            match self.query_on(connection, command).await {
                Err(QueryError::Redis(error)) => match error.redirect_node().map(|(node, _)| Address::parse(node)) {
                    Some(Some(node)) => self.state().node = Some(node),
                    // The server, or a proxy, had closed the connection.
                    _ if !is_new && error.is_io_error() => {}
                    _ => return Err(QueryError::Redis(error)),
                },
                result => return result,
            }
        }
        let (connection, _) = self.connection().await?;
        self.query_on(connection, command).await
    }

    async fn query_on<T: FromRedisValue>(&self, connection: Connection, command: &Cmd) -> Result<T, QueryError> {
        let mut using = Using { server: self, number: connection.number, is_good: false };
        let _allowed = connection.life.allowance.grant();
        let mut redis = connection.redis;
        let result = command.query_async(&mut redis).await.map_err(QueryError::Redis);
        using.is_good = result.is_ok();
        result
    }

    /// Returns the connection that is kept, or a new one, and whether it is new.
    async fn connection(&self) -> Result<(Connection, bool), QueryError> {
        if let Some(kept) = self.kept() {
            return Ok((kept, false));
        }
        let _connecting = self.connecting.lock().await;
        if let Some(kept) = self.kept() {
            return Ok((kept, false));
        }
        let node = self.state().node.clone();
        let connected = self.connect(node.as_ref().unwrap_or(&self.address)).await;
        if connected.is_err() {
            // The node may be gone: the server knows where the keys are.
            self.state().node = None;
        }
        let connection = connected?;
        self.state().kept = Some(connection.clone());
        Ok((connection, true))
    }

    fn kept(&self) -> Option<Connection> {
        let state = self.state();
        let kept = state.kept.as_ref().filter(|kept| !kept.life.over.load(Ordering::Acquire))?;
        kept.life.used.store(true, Ordering::Release);
        Some(kept.clone())
    }

    async fn connect(&self, address: &Address) -> Result<Connection, QueryError> {
        let stream = self.stream(address).await.map_err(QueryError::Connect)?;
        let life = Arc::new(Life::default());
        let stream = Bounded::new(stream, life.allowance.clone());
        let _allowed = life.allowance.grant();
        // Timeouts are set by the caller.
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let connected = MultiplexedConnection::new_with_config(&self.login, stream, config).await;
        let (redis, driver) = connected.map_err(QueryError::Redis)?;
        tokio::spawn(drive(driver, Arc::clone(&life)));
        let mut state = self.state();
        state.made = state.made.saturating_add(1);
        Ok(Connection { number: state.made, redis, life })
    }

    async fn stream(&self, address: &Address) -> std::io::Result<Box<dyn Stream>> {
        let (host, port) = match address {
            Address::Tcp(host, port) => (host.as_str(), *port),
            #[cfg(unix)]
            Address::Unix(path) => return Ok(Box::new(UnixStream::connect(path).await?)),
        };
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        let Some(config) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
        Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, tcp).await?))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drives a connection until it is idle: a process that has a token holds no connection.
async fn drive(driver: impl Future<Output = ()>, life: Arc<Life>) {
    let _over = Over(&life);
    let mut driver = pin!(driver);
    loop {
        let is_closed = tokio::time::timeout(IDLE, driver.as_mut()).await.is_ok();
        if is_closed || !life.used.swap(false, Ordering::AcqRel) {
            return;
        }
    }
}

/// Marks a connection as over when dropped, also if the runtime shuts down.
struct Over<'a>(&'a Life);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
    }
}

/// Ensures that a connection is not used again if a command on it failed or was cancelled.
struct Using<'a> {
    server: &'a Server,
    number: u64,
    is_good: bool,
}

impl Drop for Using<'_> {
    fn drop(&mut self) {
        if !self.is_good {
            self.server.state().kept.take_if(|kept| kept.number == self.number);
        }
    }
}

impl Address {
    /// Reads `host:port`, as in a redirect of a cluster.
    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Some(Self::Tcp(host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?)).filter(|_| !host.is_empty())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            #[cfg(unix)]
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

impl QueryError {
    pub(super) fn is_wrong_type(&self) -> bool {
        matches!(self, Self::Redis(error) if error.code() == Some("WRONGTYPE"))
    }
}

impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Connect(error) => Self::unreachable(error),
            QueryError::Redis(error) if error.is_io_error() => Self::unreachable(error),
            QueryError::Redis(error) => Self::failed(error),
        }
    }
}

/// How long an idle connection is kept: enough for the requests around one exchange.
const IDLE: Duration = Duration::from_secs(5);
/// The first try, one after a redirect, and one after the connection had been closed.
const MAX_TRIES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_redirect_names_a_host_and_a_port() {
        let parse = |text| Address::parse(text).map(|address| format!("{address:?}"));
        assert_eq!(parse("10.0.0.1:6379").as_deref(), Some("10.0.0.1:6379"));
        assert_eq!(parse("[2001:db8::1]:6379").as_deref(), Some("2001:db8::1:6379"));
        assert_eq!(parse("redis-1.example:1").as_deref(), Some("redis-1.example:1"));
        for text in ["", ":6379", "host", "host:", "host:99999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
