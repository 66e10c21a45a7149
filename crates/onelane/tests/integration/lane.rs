//! The service of drills, started.

use std::process::Command;
use std::time::{Duration, Instant};

pub use onelane_rig::{Answer, Lane, Mode, PATIENCE, SPARE_CHILDREN, send, signal, try_send};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// The command itself, without anything inherited that could be a setting.
pub fn onelane() -> Command {
    onelane_rig::command(crate::BINARY)
}

/// The same for a service that has a workload with state.
pub fn stateful() -> Command {
    let mut command = onelane();
    command.env("WITH_STATE", "1");
    command
}

/// Starts a server with more flags than the two addresses, and waits until it is ready.
pub fn start(flags: &[&str]) -> Lane {
    let mut command = onelane();
    command.args(flags);
    Lane::run(command)
}

/// One that computes a single request at a time, in this mode.
pub fn of(mode: Mode, flags: &[&str]) -> Lane {
    with_slots(mode, 1, flags)
}

/// One that computes up to `slots` requests at once.
pub fn with_slots(mode: Mode, slots: usize, flags: &[&str]) -> Lane {
    let (mode, slots) = (mode.to_string(), slots.to_string());
    start(&[&["--mode", &mode, "--slots", &slots], flags].concat())
}

/// A client that has begun to send a body and does not go on, once the server has noticed it.
pub async fn stall(lane: &Lane) -> TcpStream {
    let mut client = TcpStream::connect(&lane.listen).await.unwrap();
    let head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    client.write_all(head.as_bytes()).await.unwrap();
    let start = Instant::now();
    while lane.metric("http_requests_in_flight").await < 1.0 {
        assert!(start.elapsed() < PATIENCE, "the server does not read it");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    client
}
