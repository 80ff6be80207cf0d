//! A test that runs once more in a process of its own: with an environment of its own, or to be frozen.
#![allow(dead_code, reason = "each test root uses a part")]

use std::env;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// In the child, the argument of this name that its parent gave it; `None` in the parent.
#[expect(clippy::disallowed_methods, reason = "how a test passes arguments to its child")]
pub fn argument(name: &str) -> Option<String> {
    env::var(format!("{OURS}{name}")).ok()
}

/// Runs this one test of this test root in a child with these arguments and this environment. It has to pass there.
///
/// Variables of the parent that name a proxy do not reach the child.
pub async fn run(test: &'static str, arguments: &[(&str, &str)], environment: &[(&str, &str)]) {
    let mut child = command(test, arguments);
    child.envs(environment.iter().copied());
    // The servers that the child connects to may run on this very thread.
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    assert_passed(&output, &format!("{environment:?}"));
}

/// As [`run`], in a child that others may freeze meanwhile: the process of this id. What the child has reported.
pub async fn run_frozen(test: &'static str, arguments: &[(&str, &str)], pid: &Pid) -> Vec<String> {
    let child = command(test, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    pid.0.set(child.id()).unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_passed(&output, test);
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().filter_map(|line| Some(line.split_once(REPORT)?.1.to_owned())).collect()
}

/// In the child, sends this line to the parent.
pub fn report(line: &str) {
    std::io::stdout().write_all(format!("{REPORT}{line}\n").as_bytes()).unwrap();
}

/// The id of a child process, which may be handed out before the child runs.
#[derive(Clone, Debug, Default)]
pub struct Pid(Arc<OnceLock<u32>>);

impl Pid {
    /// Stops the process, wherever it is; it stands still when this returns.
    pub fn freeze(&self) {
        self.signal("STOP");
        std::thread::sleep(Duration::from_millis(100));
    }

    /// Lets the process run again.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.0.wait());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }
}

fn command(test: &'static str, arguments: &[(&str, &str)]) -> Command {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"] {
        child.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    child.envs(arguments.iter().map(|(name, value)| (format!("{OURS}{name}"), value)));
    child
}

#[track_caller]
fn assert_passed(output: &Output, case: &str) {
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case}: {}: {printed}{complaint}", output.status);
    assert!(printed.contains("1 passed"), "{case}: {printed}");
}

const OURS: &str = "ADOBE_IMS_TEST_";
const REPORT: &str = "REPORT: ";
