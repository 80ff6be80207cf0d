//! A test that runs once more in a process of its own, because it needs an environment of its own.
#![allow(dead_code, reason = "each test root uses a part")]

use std::env;
use std::process::Command;

/// In the child, what its parent told it under this name; `None` in the parent.
#[expect(clippy::disallowed_methods, reason = "how a test talks to its child")]
pub fn told(name: &str) -> Option<String> {
    env::var(format!("{OURS}{name}")).ok()
}

/// Runs this one test of this test root in a child, which is told some things and has an environment of its own, and
/// in which the test has to pass.
///
/// Nothing of the parent's environment that names a proxy reaches the child.
pub async fn run(test: &'static str, told: &[(&str, &str)], environment: &[(&str, &str)]) {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        child.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    child.envs(told.iter().map(|(name, value)| (format!("{OURS}{name}"), value)));
    child.envs(environment.iter().copied());
    // The servers that the child talks to may live on this very thread.
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();

    let printed = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{environment:?}: {}: {printed}{complaint}", output.status);
    assert!(printed.contains("1 passed"), "{environment:?}: {printed}");
}

const OURS: &str = "ADOBE_IMS_TEST_";
