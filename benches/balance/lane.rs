//! One real lane on a free port of loopback.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::Value;

pub(crate) struct Lane {
    process: Child,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Lane {
    /// Returns once the lane listens.
    pub(crate) fn start() -> Result<Self, String> {
        let mut process = Command::new(env!("CARGO_BIN_EXE_primes"))
            .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            // Plain nginx leaves all waiting to the lanes, in one lane more than ten at times.
            // Shedding would flatter it: the refused would be missing among the late.
            .args(["--queue-max", "100000", "--queue-timeout", "120s"])
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|err| format!("cannot start a lane: {err}"))?;
        let mut log = BufReader::new(process.stderr.take().expect("stderr is piped"));
        let mut first = String::new();
        log.read_line(&mut first)
            .map_err(|err| format!("cannot read the log of a lane: {err}"))?;
        let (address, admin) = listening(&first)
            .ok_or_else(|| format!("the first line of a lane is not `listening`: {first}"))?;
        // A lane must not stop because nobody reads its access log.
        thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Ok(Self {
            process,
            address,
            admin,
        })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Both fail only when the lane has gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn listening(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let event: Value = serde_json::from_str(line).ok()?;
    let address = |key| event.get(key)?.as_str()?.parse().ok();
    Some((address("listen")?, address("admin_listen")?))
}
