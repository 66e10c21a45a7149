//! A server that was started for real, with all its processes.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::client::get;

const FIRST_PORT: u16 = 20_000;
/// Where Linux begins with the ports of clients.
const LAST_PORT: u16 = 32_768;

/// Only there so that a server that never answers is an error instead of a bench that hangs.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A server and its process group, which ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
    /// How it was started, for those who want to do the same.
    pub(crate) command: String,
}

impl Server {
    /// Starts what is to listen on `address`, and does not wait for it.
    pub(crate) fn spawn(mut command: Command, address: SocketAddr) -> Result<Self, String> {
        let words = [command.get_program()]
            .into_iter()
            .chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
        let line = words.join(" ");
        let process = command
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .map_err(|err| format!("cannot start {line}: {err}"))?;
        Ok(Self {
            process,
            address,
            command: line,
        })
    }

    /// Starts it, and returns once a GET of `/fast` is answered with 200.
    pub(crate) fn start(command: Command, address: SocketAddr) -> Result<Self, String> {
        let mut server = Self::spawn(command, address)?;
        server.ready()?;
        Ok(server)
    }

    pub(crate) fn ready(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while get(self.address, "/fast", Duration::from_secs(5)) != Ok(200) {
            if let Some(status) = self.ended() {
                return Err(format!("{} ended with {status}", self.command));
            }
            if start.elapsed() > START_LIMIT {
                return Err(format!("{} does not answer", self.command));
            }
            thread::sleep(Duration::from_micros(500));
        }
        Ok(())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process that was started; the others are its descendants.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // It may have ended already.
        let _ = kill_process(group_of(&self.process), signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when they have gone already.
        let _ = kill_process_group(group_of(&self.process), Signal::KILL);
        let _ = self.process.wait();
    }
}

fn group_of(process: &Child) -> Pid {
    Pid::from_child(process)
}

/// A free port of loopback, each time another one. It is below those that the kernel gives to clients:
/// of those, one that is free now may be taken by the next request of a load.
pub(crate) fn free_address() -> Result<SocketAddr, String> {
    static NEXT: AtomicU16 = AtomicU16::new(FIRST_PORT);
    for _ in FIRST_PORT..LAST_PORT {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if port >= LAST_PORT {
            NEXT.store(FIRST_PORT, Ordering::Relaxed);
            continue;
        }
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener.local_addr().map_err(|err| err.to_string());
        }
    }
    Err("no free port".to_owned())
}
