//! The fork server: a process with one thread and next to no memory. It forks children on demand, kills
//! them on demand, and reaps them. To fork a server with threads would be neither safe nor fast.

use std::collections::HashMap;
use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::process::exit;

use fork::Fork;
use nix::sys::signal::{SIGCHLD, SigSet};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::SendFlags;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, kill_process_group,
    set_child_subreaper, setpgid, wait, waitpid,
};

use super::protocol::{ForkOrder, ForkServerNews, ORDER_MAX_BYTES, TEXT_MAX_BYTES};
use super::{NeverReady, NotReady, ProcessExit};
use crate::guard::{self, usage::ReapedUsage};
use crate::ipc::datagram::{receive, send};
use crate::needs::Needs;

/// A child's ends of the two pipes to the server.
#[derive(Debug)]
pub struct ChildPipes {
    /// Where its jobs come from.
    pub jobs: OwnedFd,
    /// Where its answers go.
    pub answers: OwnedFd,
}

/// Obeys the orders that come over `control`, in a process that has no other thread. This returns in
/// every child, with the child's ends of its pipes, and no other descriptor left open. In the fork server
/// it returns none, when the other end of `control` is closed.
///
/// Before the first order one child is forked on trial, which only has to `limit` itself. What cannot be had
/// here is told over `control`.
pub fn serve(
    control: OwnedFd,
    limit: impl FnOnce() -> io::Result<()>,
) -> io::Result<Option<ChildPipes>> {
    // Orphans of the children come to this process, which reaps them. Otherwise they would go to the
    // first process of the container, which may never do so; it can serve all the same.
    set_child_subreaper(Some(getpid())).ok();
    let bell = match on_trial(&control, limit) {
        Ok(Some(bell)) => bell,
        Ok(None) => return Ok(None),
        Err(err) => {
            give_up(&control, &err.into());
            return Ok(None);
        }
    };
    send(
        control.as_fd(),
        &ForkServerNews::Loaded,
        &[],
        SendFlags::empty(),
    )?;
    let mut server = ForkServer {
        control,
        bell,
        children: HashMap::new(),
        used: ReapedUsage::from_now_on(),
    };
    loop {
        let (has_order, has_rung) = server.wait()?;
        if has_rung {
            // First: a slot may wait for it.
            server.reap()?;
        }
        if has_order {
            match server.obey()? {
                AfterOrder::Serve => {}
                AfterOrder::Compute(ends) => {
                    // To free this would copy pages that the child never looks at.
                    mem::forget(server.children);
                    return Ok(Some(ends));
                }
                AfterOrder::End => return Ok(None),
            }
        }
    }
}

/// Tells the server why it will never get a child from here.
pub fn give_up(control: &OwnedFd, why: &NotReady) {
    let cut = |text: &str| text[..text.floor_char_boundary(TEXT_MAX_BYTES)].to_owned();
    let news = match why {
        NotReady::Load(why) => ForkServerNews::NotLoaded(cut(&why.0)),
        NotReady::Lacks(what) | NotReady::Children(NeverReady(what)) => {
            ForkServerNews::Lacking(cut(what))
        }
    };
    // It may be gone.
    send(control.as_fd(), &news, &[], SendFlags::empty()).ok();
}

/// What the child on trial ends with if it cannot be one, after it has told why.
const UNFIT: i32 = 1;

/// Forks a child that does what every child does to itself, and ends. None if it cannot: it has told why.
fn on_trial(control: &OwnedFd, limit: impl FnOnce() -> io::Result<()>) -> io::Result<Option<Bell>> {
    let bell = Bell::new()?;
    let server = getpid();
    let pid = match fork::fork().needs("fork")? {
        Fork::Child => {
            let tried = become_child(server).and_then(|()| limit());
            let Err(err) = tried else { exit(0) };
            give_up(control, &err.into());
            exit(UNFIT);
        }
        Fork::Parent(pid) => Pid::from_raw(pid),
    };
    let ended = retry_on_intr(|| waitpid(pid, WaitOptions::empty())).needs("wait4")?;
    if !bell.has_rung().needs("ppoll")? {
        return Err(io::Error::other("SIGCHLD does not arrive"));
    }
    match ended.map(|(_, status)| ProcessExit::of(status)) {
        Some(ProcessExit::Code(0)) => Ok(Some(bell)),
        Some(ProcessExit::Code(UNFIT)) => Ok(None),
        Some(exit) => Err(io::Error::other(format!("a first child ended with {exit}"))),
        None => unreachable!("it was waited for"),
    }
}

/// What a child does first.
fn become_child(server: Pid) -> io::Result<()> {
    Bell::silence()?;
    setpgid(None, None).needs("setpgid")?;
    guard::die_with(server.as_raw_pid())
}

/// Becomes readable when a child has ended, or what a child has left behind. pidfds would do the same, where the
/// kernel has them.
struct Bell(SignalFd);

impl Bell {
    /// From now on SIGCHLD is read, and interrupts nothing.
    fn new() -> io::Result<Self> {
        Self::signal().thread_block().needs("rt_sigprocmask")?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let rung = SignalFd::with_flags(&Self::signal(), flags).needs("signalfd4")?;
        Ok(Self(rung))
    }

    fn signal() -> SigSet {
        SigSet::from(SIGCHLD)
    }

    /// Whether it was rung before now.
    fn has_rung(&self) -> rustix::io::Result<bool> {
        let mut rung = [PollFd::new(&self.0, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let ready = retry_on_intr(|| poll(&mut rung, Some(&now)))?;
        Ok(ready > 0)
    }

    /// Makes it ready to be rung again. Children that have ended are to be reaped after that.
    fn hear(&self) {
        // However many have ended: the kernel keeps one signal for all of them.
        self.0.read_signal().ok();
    }

    /// In a child, whose own children do not concern the fork server.
    fn silence() -> io::Result<()> {
        Ok(Self::signal().thread_unblock()?)
    }
}

/// What a process does after an order. One that forks goes on as two processes.
enum AfterOrder {
    /// The fork server waits for the next order.
    Serve,
    /// This is a new child.
    Compute(ChildPipes),
    /// The server is gone.
    End,
}

struct ForkServer {
    control: OwnedFd,
    bell: Bell,
    /// Their numbers.
    children: HashMap<Pid, u64>,
    used: ReapedUsage,
}

impl ForkServer {
    /// Waits for an order, for the end of a child, or for both. Tells which of them there is.
    fn wait(&self) -> io::Result<(bool, bool)> {
        let watched = [self.control.as_fd(), self.bell.0.as_fd()];
        let mut watched = watched.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        retry_on_intr(|| poll(&mut watched, None))?;
        let [has_order, has_rung] = watched.map(|fd| !fd.revents().is_empty());
        if has_rung {
            self.bell.hear();
        }
        Ok((has_order, has_rung))
    }

    fn obey(&mut self) -> io::Result<AfterOrder> {
        match receive(self.control.as_fd(), &mut [0; ORDER_MAX_BYTES])? {
            None => Ok(AfterOrder::End),
            Some((ForkOrder::Fork(id), pipes)) => self.fork(id, pipes),
            Some((ForkOrder::Kill(id), _)) => {
                // It may have ended already.
                if let Some((pid, _)) = self.children.iter().find(|(_, child)| **child == id) {
                    kill(*pid);
                }
                Ok(AfterOrder::Serve)
            }
        }
    }

    fn fork(&mut self, id: u64, pipes: Vec<OwnedFd>) -> io::Result<AfterOrder> {
        let Ok([jobs, answers]) = <[OwnedFd; 2]>::try_from(pipes) else {
            // The kernel drops descriptors for which this process has no room.
            let errno = Errno::MFILE.raw_os_error();
            return self.tell(&ForkServerNews::NotForked { id, errno });
        };
        let server = getpid();
        match fork::fork() {
            Ok(Fork::Child) => {
                become_child(server)?;
                Ok(AfterOrder::Compute(ChildPipes { jobs, answers }))
            }
            Ok(Fork::Parent(pid)) => {
                drop((jobs, answers));
                let pid = Pid::from_raw(pid).expect("fork gives a parent a process id");
                self.adopt(id, pid)
            }
            Err(err) => {
                let errno = err.raw_os_error().unwrap_or_default();
                self.tell(&ForkServerNews::NotForked { id, errno })
            }
        }
    }

    /// Takes note of a new child, and tells the server of it.
    fn adopt(&mut self, id: u64, pid: Pid) -> io::Result<AfterOrder> {
        self.children.insert(pid, id);
        let pid = pid.as_raw_pid().unsigned_abs();
        self.tell(&ForkServerNews::Forked { id, pid })
    }

    /// Reaps all that have ended.
    fn reap(&mut self) -> io::Result<()> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => self.bury(pid, status)?,
                Ok(None) | Err(Errno::CHILD) => return Ok(()),
                Err(err) => return Err(err.into()),
            }
        }
    }

    /// Tells the server that a child was reaped. Of an orphan it knows nothing.
    fn bury(&mut self, pid: Pid, status: WaitStatus) -> io::Result<()> {
        let used = self.used.next();
        let Some(id) = self.children.remove(&pid) else {
            return Ok(());
        };
        // What it started may still run. The group's number is not used again before all of it is gone.
        kill_process_group(pid, Signal::KILL).ok();
        let gone = ForkServerNews::Gone {
            id,
            exit: ProcessExit::of(status),
            cpu: used.cpu,
            max_rss_bytes: used.max_rss_bytes,
        };
        self.tell(&gone).map(|_| ())
    }

    fn tell(&self, news: &ForkServerNews) -> io::Result<AfterOrder> {
        send(self.control.as_fd(), news, &[], SendFlags::empty())?;
        Ok(AfterOrder::Serve)
    }
}

/// Ends a child with all that it has started.
fn kill(pid: Pid) {
    if kill_process_group(pid, Signal::KILL).is_err() {
        // It has not made its group yet, and so has started nothing.
        kill_process(pid, Signal::KILL).ok();
    }
}
