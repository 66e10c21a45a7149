//! A server that was started for real, with all its processes.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use onelane_stack::free_port;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::client::get;

/// Only there so that a server that never answers is an error instead of a bench that hangs.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A server and its process group, which ends with this value.
#[derive(Debug)]
pub struct Server {
    process: Child,
    address: SocketAddr,
    /// How it was started, for those who want to do the same.
    pub command: String,
}

impl Server {
    /// Starts what is to listen on `address`, and does not wait for it.
    pub fn spawn(mut command: Command, address: SocketAddr) -> Result<Self, String> {
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
    pub fn start(command: Command, address: SocketAddr) -> Result<Self, String> {
        let mut server = Self::spawn(command, address)?;
        server.ready()?;
        Ok(server)
    }

    /// Returns once a GET of `/fast` is answered with 200.
    pub fn ready(&mut self) -> Result<(), String> {
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process that was started; the others are its descendants.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// To the process that was started.
    pub fn signal(&self, signal: Signal) {
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

/// A free port of loopback, each time another one.
pub fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port()).into()
}
