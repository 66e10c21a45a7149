//! The fork server: a process with one thread and next to no memory. It forks children on demand, kills
//! them on demand, and reaps them. To fork a server with threads would be neither safe nor fast.

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

use super::protocol::{News, Order, TEXT_MAX_BYTES, receive, send};
use super::usage::ReapedUsage;
use super::{Exit, guard};
use crate::workload::LoadError;

/// A child's ends of the two pipes to the server.
#[derive(Debug)]
pub struct Ends {
    /// Where its jobs come from.
    pub jobs: OwnedFd,
    /// Where its answers go.
    pub answers: OwnedFd,
}

/// How often to look for orphans that have ended. Nothing wakes this process when they do.
const LOOK_FOR_ORPHANS: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Obeys the orders that come over `control`, in a process that has no other thread. This returns in
/// every child, with the child's ends of its pipes, and no other descriptor left open. In the fork server
/// it returns none, when the other end of `control` is closed.
pub fn serve(control: OwnedFd) -> io::Result<Option<Ends>> {
    send(control.as_fd(), &News::Loaded, &[], SendFlags::empty())?;
    // Orphans of the children come to this process, which reaps them. Otherwise they would go to the
    // first process of the container, which may never do so.
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

/// Tells the server why it will never get a child from here.
pub fn give_up(control: &OwnedFd, why: &LoadError) -> io::Result<()> {
    let mut why = why.to_string();
    why.truncate(why.floor_char_boundary(TEXT_MAX_BYTES));
    let news = News::NotLoaded(why);
    send(control.as_fd(), &news, &[], SendFlags::empty())
}

/// What a process does after an order. One that forks goes on as two processes.
enum Next {
    /// The fork server waits for the next order.
    Serve,
    /// This is a new child.
    Compute(Ends),
    /// The server is gone.
    End,
}

struct ForkServer {
    control: OwnedFd,
    children: HashMap<Pid, ForkedChild>,
    used: ReapedUsage,
    /// Whether there are children at all, orphans included.
    has_any: bool,
}

struct ForkedChild {
    id: u64,
    /// A pidfd: becomes readable when the child ends.
    ended: OwnedFd,
}

impl ForkServer {
    /// Waits for an order or for the end of a child. True means an order.
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
                // It may have ended already.
                if let Some((pid, _)) = self.children.iter().find(|(_, child)| child.id == id) {
                    kill_process_group(*pid, Signal::KILL).ok();
                }
                Ok(Next::Serve)
            }
        }
    }

    fn fork(&mut self, id: u64, pipes: Vec<OwnedFd>) -> io::Result<Next> {
        let Ok([jobs, answers]) = <[OwnedFd; 2]>::try_from(pipes) else {
            // The kernel drops descriptors for which this process has no room.
            let errno = rustix::io::Errno::MFILE.raw_os_error();
            return self.tell(&News::NotForked { id, errno });
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
                self.tell(&News::NotForked { id, errno })
            }
        }
    }

    /// Takes note of a new child, and tells the server of it.
    fn adopt(&mut self, id: u64, pid: Pid) -> io::Result<Next> {
        // The child does the same. Either may come first, and then there is a group to kill.
        setpgid(Some(pid), Some(pid)).ok();
        self.has_any = true;
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(ended) => {
                self.children.insert(pid, ForkedChild { id, ended });
                let pid = pid.as_raw_pid().unsigned_abs();
                self.tell(&News::Forked { id, pid })
            }
            // Without a pidfd its end would go unnoticed.
            Err(err) => {
                kill_process_group(pid, Signal::KILL).ok();
                let errno = err.raw_os_error();
                self.tell(&News::NotForked { id, errno })
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

    /// Tells the server that a child was reaped. Of an orphan it knows nothing.
    fn bury(&mut self, pid: Pid, status: WaitStatus) -> io::Result<()> {
        let used = self.used.next();
        let Some(ForkedChild { id, ended }) = self.children.remove(&pid) else {
            return Ok(());
        };
        drop(ended);
        // What it started may still run. The group's number is not used again before all of it is gone.
        kill_process_group(pid, Signal::KILL).ok();
        let gone = News::Gone {
            id,
            exit: Exit::of(status),
            cpu: used.cpu,
            max_rss_bytes: used.max_rss_bytes,
        };
        self.tell(&gone).map(|_| ())
    }

    fn tell(&self, news: &News) -> io::Result<Next> {
        send(self.control.as_fd(), news, &[], SendFlags::empty())?;
        Ok(Next::Serve)
    }
}
