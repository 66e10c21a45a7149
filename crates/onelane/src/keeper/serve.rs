//! The role `keep`: starts one program, and ends it with all that it has started.

use std::fs;
use std::io::{self, PipeReader, Read, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::exit;

use fork::Fork;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionbio, retry_on_intr};
use rustix::net::SendFlags;
use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, setpgid, wait};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use signal_hook::consts::SIGCHLD;
use signal_hook::low_level;

use super::descendants;
use super::order::{KeeperMessage, ProgramExit, ProgramLimits, ProgramOrder};
use crate::guard;
use crate::ipc::datagram::send;
use crate::needs::Needs;
use crate::reexec::Briefing;

/// What a shell exits with when there is no such program.
const NO_PROGRAM: i32 = 127;

/// Starts the program of the briefing, whose standard input is attached to it. Its output is this process's own.
/// Tells how the program has ended; ends it when the other end of the briefing's socket is closed.
pub fn run() -> io::Result<()> {
    let Briefing {
        socket,
        settings,
        attached,
    } = Briefing::read()?;
    let order: ProgramOrder = serde_json::from_str(&settings)?;
    guard::inherit_nothing();
    guard::leave_signals_to_the_server()?;
    // Without this, what the program leaves behind would get away.
    set_child_subreaper(Some(getpid())).needs("prctl")?;
    let (rung, hammer) = pipe().needs("pipe2")?;
    ioctl_fionbio(&rung, true)?;
    low_level::pipe::register(SIGCHLD, hammer).needs("rt_sigaction")?;

    let keeper = getpid();
    let pid = match fork::fork().needs("fork")? {
        Fork::Child => {
            let err = become_program(keeper, &order, attached);
            let why = KeeperMessage::NotStarted(err.to_string());
            send(socket.as_fd(), &why, &[], SendFlags::empty()).ok();
            exit(NO_PROGRAM);
        }
        Fork::Parent(pid) => pid,
    };
    // The ends of the program's pipes are the program's alone: when it closes one, that is to be noticed.
    let nothing = fs::File::open("/dev/null").needs("/dev/null")?;
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    dup2_stderr(&nothing)?;

    let ended = watch(&socket, &rung, pid)?;
    descendants::end_all();
    if let Some(ended) = ended {
        // The process that has asked may be gone.
        send(
            socket.as_fd(),
            &KeeperMessage::Ended(ended),
            &[],
            SendFlags::empty(),
        )
        .ok();
    }
    Ok(())
}

/// What happens between fork and exec. Returns only if there is no such program, or it cannot be run.
fn become_program(keeper: Pid, order: &ProgramOrder, attached: Vec<OwnedFd>) -> io::Error {
    let prepare = || {
        setpgid(None, None)?;
        guard::die_with(keeper.as_raw_pid())?;
        guard::go_before_the_server();
        limit(order.limits)?;
        let stdin = attached.into_iter().next();
        dup2_stdin(stdin.ok_or_else(|| io::Error::other("the order has no standard input"))?)?;
        Ok(())
    };
    match prepare() {
        Ok(()) => order.command().exec(),
        Err(err) => err,
    }
}

/// Limits this process for good, and what it starts.
fn limit(limits: ProgramLimits) -> io::Result<()> {
    lower(Resource::RLIMIT_CORE, Some(0))?;
    lower(Resource::RLIMIT_CPU, limits.cpu.map(guard::whole_seconds))?;
    lower(Resource::RLIMIT_DATA, limits.memory)?;
    lower(Resource::RLIMIT_FSIZE, limits.file)
}

fn lower(resource: Resource, to: Option<u64>) -> io::Result<()> {
    let Some(to) = to else { return Ok(()) };
    let (_, hard) = getrlimit(resource).needs("prlimit64")?;
    let to = to.min(hard);
    // At the soft limit of CPU time the program is told why it ends; at the hard one it is just killed.
    let hard = if resource == Resource::RLIMIT_CPU {
        hard.min(to + 1)
    } else {
        to
    };
    setrlimit(resource, to, hard).needs("prlimit64")
}

/// Waits for the end of the program. None if it is not wanted any more.
fn watch(socket: &OwnedFd, mut rung: &PipeReader, program: i32) -> io::Result<Option<ProgramExit>> {
    loop {
        let watched = [socket.as_fd(), rung.as_fd()];
        let mut watched = watched.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        retry_on_intr(|| poll(&mut watched, None))?;
        while rung.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid.as_raw_pid() == program => {
                    return Ok(Some(ProgramExit::of(
                        status.exit_status(),
                        status.terminating_signal(),
                    )));
                }
                // An orphan.
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) | Err(_) => break,
            }
        }
        // Nothing is ever sent: this is its end.
        if !watched[0].revents().is_empty() {
            return Ok(None);
        }
    }
}
