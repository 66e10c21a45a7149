//! Lines on their way to standard error. Every thread leaves its lines here and goes on; one thread writes. While
//! standard error takes nothing, because its reader is slow or the disk is full, so much is kept, and the rest is
//! dropped and counted. `tracing-appender` does half of this (it does not say so, and its queue is bounded in
//! lines, not in bytes) for more of the static program.

use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::stdio;
use signal_hook::consts::SIGXFSZ;
use signal_hook::flag;

use super::line::{LINE_MAX, fitting};

/// The most bytes that wait. As many may be on their way already.
const WAITING_MAX: usize = 512 << 10;

/// The most bytes written at once. To a pipe that others write to as well, no more go in one piece.
const PIECE_MAX: usize = LINE_MAX + 1;

/// The lines of this process. There is one standard error.
pub(super) static QUEUE: Queue = Queue {
    lines: Mutex::new(Lines {
        waiting: Vec::new(),
        untold: 0,
        flows: true,
        has_writer: false,
        is_writing: false,
    }),
    changed: Condvar::new(),
    dropped: AtomicU64::new(0),
};

pub(super) struct Queue {
    lines: Mutex<Lines>,
    changed: Condvar,
    dropped: AtomicU64,
}

struct Lines {
    waiting: Vec<u8>,
    /// Lines that were dropped, and the log does not say so yet.
    untold: u64,
    /// Whether standard error took what it was given last.
    flows: bool,
    has_writer: bool,
    is_writing: bool,
}

impl Lines {
    /// Whether there is something to write. If nothing flows, a line about what was dropped would be dropped, too, and
    /// have to be told in turn.
    fn has_more(&self) -> bool {
        !self.waiting.is_empty() || (self.untold > 0 && self.flows)
    }
}

impl Queue {
    /// Has a thread write what is left here, from now on.
    pub(super) fn start(&'static self) -> io::Result<()> {
        let mut lines = self.lines.lock();
        if !lines.has_writer {
            // Where a file may not grow any more, a write fails, and does not end the process.
            flag::register(SIGXFSZ, Arc::default())?;
            let thread = thread::Builder::new().name("log".to_owned());
            thread.spawn(|| {
                loop {
                    self.write_next();
                }
            })?;
            lines.has_writer = true;
        }
        Ok(())
    }

    /// Leaves a line here, with its end.
    pub(super) fn push(&self, line: &[u8]) {
        let line = fitting(line);
        let mut lines = self.lines.lock();
        if lines.waiting.len() + line.len() > WAITING_MAX {
            lines.untold += 1;
            self.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            lines.waiting.extend_from_slice(&line);
            self.changed.notify_all();
        }
    }

    /// Lines dropped so far.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all is written, or until `deadline`.
    pub(super) fn finish(&self, deadline: Instant) {
        let mut lines = self.lines.lock();
        let is_busy = |lines: &mut Lines| lines.is_writing || lines.has_more();
        let left = deadline.saturating_duration_since(Instant::now());
        self.changed.wait_while_for(&mut lines, is_busy, left);
    }

    fn write_next(&self) {
        let mut lines = self.lines.lock();
        self.changed
            .wait_while(&mut lines, |lines| !lines.has_more());
        let batch = mem::take(&mut lines.waiting);
        lines.is_writing = true;
        let untold = if lines.flows {
            mem::take(&mut lines.untold)
        } else {
            0
        };
        drop(lines);
        if untold > 0 {
            // Behind what waited while they were dropped, and before what comes now.
            tracing::warn!(lines = untold, "lines of the log were dropped");
        }
        let lost = pieces(&batch).filter(|piece| write(piece).is_err());
        let lost: u64 = lost.map(count).sum();
        self.dropped.fetch_add(lost, Ordering::Relaxed);
        let mut lines = self.lines.lock();
        lines.untold += lost;
        lines.flows = lost == 0;
        lines.is_writing = false;
        self.changed.notify_all();
    }
}

/// Whole lines, as many together as [`PIECE_MAX`] allows.
fn pieces(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let most = &lines[..lines.len().min(PIECE_MAX)];
        let last = most.iter().rposition(|byte| *byte == b'\n')?;
        let (piece, rest) = lines.split_at(last + 1);
        lines = rest;
        Some(piece)
    })
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// Writes to standard error, past the lock of the standard library: others who print there are not to wait
/// for this.
pub(super) fn write(mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(stdio::stderr(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            // Other processes with this terminal or pipe do not want to wait for it.
            Err(Errno::AGAIN) => {
                let room = PollFd::from_borrowed_fd(stdio::stderr(), PollFlags::OUT);
                poll(&mut [room], None).ok();
            }
            Err(err) => return Err(err),
        }
    }
    Ok(())
}
