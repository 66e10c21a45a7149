//! The fork server: a process with one thread and next to no memory that forks children on demand,
//! kills them on demand, and reaps them. Forking a server with threads would neither be safe nor fast.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use fork::Fork;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::SendFlags;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, getpid, kill_process_group, pidfd_open,
    set_child_subreaper, setpgid, wait,
};

use super::protocol::{News, Order, receive, send};
use super::usage::ReapedUsage;
use super::{Exit, guard};

/// What a child has of the pipes between it and the server.
#[derive(Debug)]
pub struct Ends {
    /// Where its jobs come from.
    pub jobs: OwnedFd,
    /// Where its answers go.
    pub answers: OwnedFd,
}

/// How often to look for processes that children have left behind: their end wakes nobody.
const LOOK_FOR_ORPHANS: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Forks as told over `control`, in a process that has no other thread. Returns once in every
/// child, with its ends of the pipes and nothing else open, and in the server itself, with none,
/// when the other end of `control` is closed.
pub fn serve(control: OwnedFd) -> io::Result<Option<Ends>> {
    // Whatever a child leaves behind is ours to reap, and not somebody's that never does.
    set_child_subreaper(Some(getpid()))?;
    let mut server = ForkServer {
        control,
        children: HashMap::new(),
        used: ReapedUsage::from_now_on(),
        has_any: false,
    };
    loop {
        if server.wait()? {
            match server.obey()? {
                Next::Serve => {}
                Next::Compute(ends) => return Ok(Some(ends)),
                Next::End => return Ok(None),
            }
        }
        server.reap()?;
    }
}

enum Next {
    Serve,
    Compute(Ends),
    End,
}

struct ForkServer {
    control: OwnedFd,
    children: HashMap<Pid, ForkedChild>,
    used: ReapedUsage,
    /// Whether there are children at all, left-behind ones of children included.
    has_any: bool,
}

struct ForkedChild {
    id: u64,
    /// Becomes readable when the child ends.
    ended: OwnedFd,
}

impl ForkServer {
    /// Waits for an order or the end of a child; true for an order.
    fn wait(&self) -> io::Result<bool> {
        let watched = self.children.values().map(|child| child.ended.as_fd());
        let mut watched: Vec<PollFd> = [self.control.as_fd()]
            .into_iter()
            .chain(watched)
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        let timeout = self.has_any.then_some(&LOOK_FOR_ORPHANS);
        match poll(&mut watched, timeout) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(!watched[0].revents().is_empty()),
            Err(err) => Err(err.into()),
        }
    }

    fn obey(&mut self) -> io::Result<Next> {
        match receive(self.control.as_fd())? {
            None => Ok(Next::End),
            Some((Order::Fork(id), pipes)) => self.fork(id, pipes),
            Some((Order::Kill(id), _)) => {
                // Gone already, as likely as not.
                if let Some((pid, _)) = self.children.iter().find(|(_, child)| child.id == id) {
                    kill_process_group(*pid, Signal::KILL).ok();
                }
                Ok(Next::Serve)
            }
        }
    }

    fn fork(&mut self, id: u64, pipes: Vec<OwnedFd>) -> io::Result<Next> {
        let Ok([jobs, answers]) = <[OwnedFd; 2]>::try_from(pipes) else {
            // Descriptors that we had no room for were dropped by the kernel.
            let errno = rustix::io::Errno::MFILE.raw_os_error();
            return self.tell(News::NotForked { id, errno });
        };
        let server = getpid();
        match fork::fork() {
            Ok(Fork::Child) => {
                setpgid(None, None)?;
                guard::die_with(server.as_raw_pid())?;
                Ok(Next::Compute(Ends { jobs, answers }))
            }
            Ok(Fork::Parent(pid)) => {
                drop((jobs, answers));
                let pid = Pid::from_raw(pid).expect("fork gives a parent a process id");
                self.adopt(id, pid)
            }
            Err(err) => {
                let errno = err.raw_os_error().unwrap_or_default();
                self.tell(News::NotForked { id, errno })
            }
        }
    }

    fn adopt(&mut self, id: u64, pid: Pid) -> io::Result<Next> {
        // The child does the same: whoever comes first, there is a group to kill.
        setpgid(Some(pid), Some(pid)).ok();
        self.has_any = true;
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(ended) => {
                self.children.insert(pid, ForkedChild { id, ended });
                let pid = pid.as_raw_pid().unsigned_abs();
                self.tell(News::Forked { id, pid })
            }
            // A child whose end we would not notice.
            Err(err) => {
                kill_process_group(pid, Signal::KILL).ok();
                let errno = err.raw_os_error();
                self.tell(News::NotForked { id, errno })
            }
        }
    }

    /// Reaps all that have ended.
    fn reap(&mut self) -> io::Result<()> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => self.bury(pid, status)?,
                Ok(None) => return Ok(()),
                Err(rustix::io::Errno::CHILD) => {
                    self.has_any = false;
                    return Ok(());
                }
                Err(err) => return Err(err.into()),
            }
        }
    }

    fn bury(&mut self, pid: Pid, status: WaitStatus) -> io::Result<()> {
        let used = self.used.next();
        let Some(ForkedChild { id, ended }) = self.children.remove(&pid) else {
            return Ok(());
        };
        drop(ended);
        // Its group is known by its number as long as anybody is left in it.
        kill_process_group(pid, Signal::KILL).ok();
        let gone = News::Gone {
            id,
            exit: Exit::of(status),
            cpu: used.cpu,
            max_rss_bytes: used.max_rss_bytes,
        };
        self.tell(gone).map(|_| ())
    }

    fn tell(&self, news: News) -> io::Result<Next> {
        send(self.control.as_fd(), &news, &[], SendFlags::empty())?;
        Ok(Next::Serve)
    }
}
