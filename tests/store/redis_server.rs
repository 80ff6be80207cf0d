//! A Redis of the test's own, on a free port: Debian's `redis-server`.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::fleet::signal_process;

pub struct RedisServer {
    child: Child,
    port: u16,
    options: Vec<String>,
    directory: TempDir,
}

impl RedisServer {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With more options of its command line.
    pub fn with(options: &[&str]) -> Self {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        let directory = TempDir::new().unwrap();
        // Another process may take the port before the server does.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(child) = spawn(port, &options, &directory) {
                return Self { child, port, options, directory };
            }
        }
        panic!("redis-server does not start");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// After `kill`: the same address, and nothing in it.
    pub fn start_again(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Some(child) = spawn(self.port, &self.options, &self.directory) {
                self.child = child;
                return;
            }
        }
        panic!("redis-server does not start again");
    }

    /// `STOP` or `CONT`.
    pub fn signal(&self, signal: &str) {
        signal_process(self.child.id(), signal);
    }

    /// Runs a command, and returns what `redis-cli` prints.
    pub fn command(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// How many connections others have to it.
    pub fn connections(&self) -> usize {
        let list = self.command(&["CLIENT", "LIST"]);
        list.lines().filter(|line| !line.contains("cmd=client")).count()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Also one that is stopped.
        self.kill();
    }
}

fn spawn(port: u16, options: &[String], directory: &TempDir) -> Option<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(directory.path()).args(options);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut child = child.unwrap_or_else(|error| {
        panic!("this test needs the program redis-server (Debian: apt-get install redis-server): {error}")
    });
    while child.try_wait().unwrap().is_none() {
        // Any response: it may want a password, or TLS.
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(child);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}
