//! The fork server: a process with one thread and next to no memory. It forks children on demand, kills
//! them on demand, and reaps them. To fork a server with threads would be neither safe nor fast.

use std::collections::HashMap;
use std::io::{self, PipeReader, Read, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::process::exit;

use fork::Fork;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionbio, retry_on_intr};
use rustix::net::SendFlags;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process_group, set_child_subreaper, setpgid,
    wait, waitpid,
};
use signal_hook::SigId;
use signal_hook::consts::SIGCHLD;
use signal_hook::low_level;

use super::protocol::{ForkOrder, ForkServerNews, TEXT_MAX_BYTES};
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
        if server.wait()? {
            match server.obey()? {
                AfterOrder::Serve => {}
                AfterOrder::Compute(ends) => return Ok(Some(ends)),
                AfterOrder::End => return Ok(None),
            }
        }
        server.reap()?;
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
            let tried = become_child(server, &bell).and_then(|()| limit());
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
fn become_child(server: Pid, bell: &Bell) -> io::Result<()> {
    bell.silence();
    setpgid(None, None).needs("setpgid")?;
    guard::die_with(server.as_raw_pid())
}

/// Becomes readable when a child has ended, or what a child has left behind. SIGCHLD rings it: pidfds would
/// do the same, where the kernel has them.
struct Bell {
    rung: PipeReader,
    handler: SigId,
}

impl Bell {
    fn new() -> io::Result<Self> {
        let (rung, hammer) = pipe().needs("pipe2")?;
        ioctl_fionbio(&rung, true).needs("ioctl")?;
        let handler = low_level::pipe::register(SIGCHLD, hammer).needs("rt_sigaction")?;
        Ok(Self { rung, handler })
    }

    /// Whether it was rung before now.
    fn has_rung(&self) -> rustix::io::Result<bool> {
        let mut rung = [PollFd::new(&self.rung, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let ready = retry_on_intr(|| poll(&mut rung, Some(&now)))?;
        Ok(ready > 0)
    }

    /// Makes it ready to be rung again. Children that have ended are to be reaped after that.
    fn hear(&self) {
        while (&self.rung).read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
    }

    /// In a child, whose own children do not concern the fork server.
    fn silence(&self) {
        low_level::unregister(self.handler);
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
    /// Waits for an order or for the end of a child. True means an order.
    fn wait(&self) -> io::Result<bool> {
        let watched = [self.control.as_fd(), self.bell.rung.as_fd()];
        let mut watched = watched.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
        match poll(&mut watched, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(false),
            Err(err) => return Err(err.into()),
        }
        self.bell.hear();
        Ok(!watched[0].revents().is_empty())
    }

    fn obey(&mut self) -> io::Result<AfterOrder> {
        match receive(self.control.as_fd())? {
            None => Ok(AfterOrder::End),
            Some((ForkOrder::Fork(id), pipes)) => self.fork(id, pipes),
            Some((ForkOrder::Kill(id), _)) => {
                // It may have ended already.
                if let Some((pid, _)) = self.children.iter().find(|(_, child)| **child == id) {
                    kill_process_group(*pid, Signal::KILL).ok();
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
                become_child(server, &self.bell)?;
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
        // The child does the same. Either may come first, and then there is a group to kill.
        setpgid(Some(pid), Some(pid)).ok();
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
