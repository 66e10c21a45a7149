//! Tests that need more than this machine has.

use std::env;
use std::io::Write;

use tokio::process::Command;

/// Says something that the test harness would hide from those who pass.
pub fn say(message: &str) {
    // A closed stderr is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// For a machine that lacks something; where everything should be there, that is a failure.
pub fn skip(why: &str) {
    assert!(
        env::var("CI").as_deref() != Ok("true"),
        "cannot test here: {why}"
    );
    say(&format!("SKIPPED a test: {why}"));
}

/// Otherwise the test is skipped.
pub async fn docker_is_there() -> bool {
    let engine = Command::new("docker").arg("info").output().await;
    let there = engine.is_ok_and(|output| output.status.success());
    if !there {
        skip("there is no Docker engine");
    }
    there
}
