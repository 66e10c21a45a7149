//! A program with its keeper, as the process that has asked for it sees it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::Arc;

use rustix::net::{Shutdown, shutdown};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::order::{KeeperMessage, ProgramExit, ProgramOrder};
use crate::ipc::datagram::{DATAGRAM_MAX_BYTES, receive};
use crate::needs::Needs;
use crate::reexec::{brief, command};

/// Standard input, output and error of a program, as it gets them.
pub struct StandardStreams {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// A program that was asked for. When this is dropped, it ends with all that it has started, and this waits for
/// that.
#[derive(Debug)]
pub struct KeptProgram {
    /// The keeper; without one, the program.
    process: Child,
    end: ProgramHandle,
}

/// How to end a program, and to hear of its end.
#[derive(Debug, Clone)]
pub enum ProgramHandle {
    /// The socket to its keeper.
    Keeper(Arc<OwnedFd>),
    /// The process of a program without one.
    Group(Pid, Arc<OwnedFd>),
}

impl ProgramHandle {
    /// Becomes readable when there is an end to [`KeptProgram::hear`] of.
    pub fn watched(&self) -> BorrowedFd<'_> {
        match self {
            Self::Keeper(fd) | Self::Group(_, fd) => fd.as_fd(),
        }
    }

    /// Ends the program, with all that it has started, without waiting for it.
    pub fn order(&self) {
        match self {
            Self::Keeper(socket) => drop(shutdown(socket, Shutdown::Write)),
            Self::Group(group, _) => drop(kill_process_group(*group, Signal::KILL)),
        }
    }
}

impl KeptProgram {
    /// Starts a program. If there is no such program, [`Self::hear`] says so.
    pub fn start(order: &ProgramOrder, ends: StandardStreams) -> io::Result<Self> {
        let order = serde_json::to_string(order)?;
        let (socket, briefing) = brief(&order, &[ends.stdin.as_fd()])?;
        let process = command("keep", ends.stderr)
            .stdin(briefing)
            .stdout(ends.stdout)
            .spawn()
            .needs("/proc/self/exe")?;
        let end = ProgramHandle::Keeper(Arc::new(socket));
        Ok(Self { process, end })
    }

    /// The same without a keeper, for the unit tests of a service: their own program has no such role. What leaves
    /// the program's process group gets away.
    pub fn start_alone(order: &ProgramOrder, ends: StandardStreams) -> io::Result<Self> {
        let mut command = order.command();
        command.process_group(0).stdin(ends.stdin);
        let process = command
            .stdout(ends.stdout)
            .stderr(Stdio::from(ends.stderr))
            .spawn()?;
        let group = Pid::from_child(&process);
        let watched = pidfd_open(group, PidfdFlags::empty())?;
        let end = ProgramHandle::Group(group, Arc::new(watched));
        Ok(Self { process, end })
    }

    /// The process id of its keeper; without one, of the program.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The way to end it from elsewhere.
    pub fn end(&self) -> ProgramHandle {
        self.end.clone()
    }

    /// Becomes readable when there is an end to [`Self::hear`] of.
    pub fn watched(&self) -> BorrowedFd<'_> {
        self.end.watched()
    }

    /// Waits for the end of the program, and of all that it has started. None if it was ended from here, or its
    /// keeper was killed. The error says why there is no such program.
    pub fn hear(&mut self) -> io::Result<Option<ProgramExit>> {
        let ended = match &self.end {
            ProgramHandle::Keeper(socket) => {
                match receive(socket.as_fd(), &mut [0; DATAGRAM_MAX_BYTES])? {
                    Some((KeeperMessage::Ended(ended), _)) => Some(ended),
                    Some((KeeperMessage::NotStarted(why), _)) => return Err(io::Error::other(why)),
                    None => None,
                }
            }
            ProgramHandle::Group(..) => {
                let status = self.process.wait()?;
                self.end.order();
                Some(ProgramExit::of_status(status))
            }
        };
        self.process.wait()?;
        Ok(ended)
    }
}

impl Drop for KeptProgram {
    fn drop(&mut self) {
        // Its number is not used again before it is reaped.
        if matches!(self.process.try_wait(), Ok(None)) {
            self.end.order();
            self.process.wait().ok();
        }
    }
}
