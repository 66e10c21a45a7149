//! The kernel's queue of connections that no worker has taken yet: its length, and how long the oldest
//! connection has been in it.
//!
//! The kernel tells only the length. The rest follows from it: length and connections taken so far make
//! the number that has arrived. If 10 have been taken, the oldest one in the queue is the 11th, which came
//! when the number that has arrived became 11 or more.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::needs::Needs;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The queue of one listening socket.
#[derive(Debug)]
pub(super) struct AcceptQueue {
    inode: String,
    /// Kept open, because under load there may be no descriptor left to open it.
    table: File,
    /// How many connections had arrived at which time; one entry for each change that was seen.
    arrivals: VecDeque<(Instant, u64)>,
}

/// The queue at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Queued {
    pub(super) depth: usize,
    pub(super) oldest_wait: Option<Duration>,
}

impl AcceptQueue {
    pub(super) fn of(listener: &TcpListener) -> io::Result<Self> {
        let inode = rustix::fs::fstat(listener.as_fd())?.st_ino.to_string();
        let table = if listener.local_addr()?.is_ipv4() {
            "/proc/net/tcp"
        } else {
            "/proc/net/tcp6"
        };
        Ok(Self {
            inode,
            table: File::open(table).needs(table)?,
            arrivals: VecDeque::new(),
        })
    }

    /// Looks at the queue; `taken` connections have left it so far.
    pub(super) fn look(&mut self, taken: u64) -> io::Result<Queued> {
        let depth = self.depth()?;
        Ok(Queued {
            depth,
            oldest_wait: self.oldest_wait(depth, taken),
        })
    }

    /// Reads the kernel's table up to the line of this socket. Listening sockets come first in it, so
    /// that open connections, however many, need not be read.
    fn depth(&self) -> io::Result<usize> {
        let mut table = BufReader::new(&self.table);
        // The kernel makes the table anew for every read from its start.
        table.rewind()?;
        for line in table.lines().skip(1) {
            let line = line?;
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            // sl, local, remote, state, tx:rx queue, timer, retransmits, uid, timeout, inode.
            let [_, _, _, state, queues, _, _, _, _, inode, ..] = fields[..] else {
                continue;
            };
            if state != LISTEN {
                break;
            }
            if inode == self.inode {
                let length = queues.split(':').nth(1).unwrap_or_default();
                return usize::from_str_radix(length, 16).map_err(io::Error::other);
            }
        }
        Err(io::Error::other(
            "the listener is not in the kernel's table",
        ))
    }

    /// How long ago the first connection was seen that is not among the `taken` ones.
    fn oldest_wait(&mut self, depth: usize, taken: u64) -> Option<Duration> {
        if depth == 0 {
            // Workers report with a delay what they have taken. An empty queue is a clean start.
            self.arrivals.clear();
            return None;
        }
        let arrived = taken + depth as u64;
        if self.arrivals.back().is_none_or(|(_, seen)| *seen < arrived) {
            self.arrivals.push_back((Instant::now(), arrived));
        }
        while self
            .arrivals
            .front()
            .is_some_and(|(_, seen)| *seen <= taken)
        {
            self.arrivals.pop_front();
        }
        self.arrivals.front().map(|(since, _)| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn the_length_is_that_of_the_kernels_queue() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut queue = AcceptQueue::of(&listener).unwrap();
        let mut connections = Vec::new();
        for depth in 0..3 {
            assert_eq!(queue.look(0).unwrap().depth, depth);
            connections.push(TcpStream::connect(listener.local_addr().unwrap()).unwrap());
        }
        listener.accept().unwrap();
        assert_eq!(queue.look(1).unwrap().depth, 2);
    }

    #[test]
    fn the_oldest_is_the_first_that_was_not_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut queue = AcceptQueue::of(&listener).unwrap();
        let wait = Duration::from_millis(20);
        assert_eq!(queue.oldest_wait(0, 5), None);
        queue.oldest_wait(1, 5);
        std::thread::sleep(wait);
        assert!(queue.oldest_wait(2, 5).unwrap() >= wait);
        // One was taken: the other one came later.
        assert!(queue.oldest_wait(1, 6).unwrap() < wait);
    }
}
