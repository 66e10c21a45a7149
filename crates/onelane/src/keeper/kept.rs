//! A program with its keeper, as whoever has asked for it sees it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::Arc;

use rustix::net::{Shutdown, shutdown};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::order::{Ended, Order, Said};
use crate::ipc::datagram::receive;
use crate::needs::Needs;
use crate::reexec::{brief, command};

/// Standard input, output and error of a program, as it gets them.
pub struct Ends {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// A program that was asked for. When this is dropped, it ends with all that it has started, and this waits for
/// that.
#[derive(Debug)]
pub struct Kept {
    /// The keeper; without one, the program.
    process: Child,
    end: End,
}

/// How to end a program, and to hear of its end.
#[derive(Debug, Clone)]
pub enum End {
    /// The socket to its keeper.
    Keeper(Arc<OwnedFd>),
    /// The process of a program without one.
    Group(Pid, Arc<OwnedFd>),
}

impl End {
    /// Ends the program, with all that it has started, without waiting for it.
    pub fn order(&self) {
        match self {
            Self::Keeper(socket) => drop(shutdown(socket, Shutdown::Write)),
            Self::Group(group, _) => drop(kill_process_group(*group, Signal::KILL)),
        }
    }
}

impl Kept {
    /// Starts a program. That there is none is told later.
    pub fn start(order: &Order, ends: Ends) -> io::Result<Self> {
        let order = serde_json::to_string(order)?;
        let (socket, briefing) = brief(&order, &[ends.stdin.as_fd()])?;
        let process = command("keep", ends.stderr)
            .stdin(briefing)
            .stdout(ends.stdout)
            .spawn()
            .needs("/proc/self/exe")?;
        let end = End::Keeper(Arc::new(socket));
        Ok(Self { process, end })
    }

    /// The same without a keeper, for the unit tests of a service: their own program has no such role. What leaves
    /// the program's process group gets away.
    pub fn start_alone(order: &Order, ends: Ends) -> io::Result<Self> {
        let mut command = order.command();
        command.process_group(0).stdin(ends.stdin);
        let process = command
            .stdout(ends.stdout)
            .stderr(Stdio::from(ends.stderr))
            .spawn()?;
        let group = Pid::from_child(&process);
        let watched = pidfd_open(group, PidfdFlags::empty())?;
        let end = End::Group(group, Arc::new(watched));
        Ok(Self { process, end })
    }

    /// The way to end it from elsewhere.
    pub fn end(&self) -> End {
        self.end.clone()
    }

    /// Becomes readable when there is an end to [`Self::hear`] of.
    pub fn watched(&self) -> BorrowedFd<'_> {
        match &self.end {
            End::Keeper(fd) | End::Group(_, fd) => fd.as_fd(),
        }
    }

    /// Waits for the end of the program, and of all that it has started. None if it was ended from here, or its
    /// keeper was killed. The error says why there is no such program.
    pub fn hear(&mut self) -> io::Result<Option<Ended>> {
        let ended = match &self.end {
            End::Keeper(socket) => match receive(socket.as_fd())? {
                Some((Said::Ended(ended), _)) => Some(ended),
                Some((Said::NotStarted(why), _)) => return Err(io::Error::other(why)),
                None => None,
            },
            End::Group(..) => {
                let status = self.process.wait()?;
                self.end.order();
                Some(Ended::of_status(status))
            }
        };
        self.process.wait()?;
        Ok(ended)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Its number is not used again before it is reaped.
        if matches!(self.process.try_wait(), Ok(None)) {
            self.end.order();
            self.process.wait().ok();
        }
    }
}
