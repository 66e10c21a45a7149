//! What is said to a program and what it says, both at once, so that neither waits for the other.

use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use bytes::{Buf, Bytes};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{ioctl_fionbio, retry_on_intr};

use super::kept::{KeptProgram, ProgramHandle, StandardStreams};
use super::order::{ProgramExit, ProgramOrder};

/// How much is read at once: as much as a pipe holds.
const CHUNK_BYTES: usize = 64 * 1024;

/// The end of what a program says to its standard error: so much is kept, in bytes.
const EXCERPT_BYTES: usize = 2048;

/// Where a program's standard input comes from.
pub enum ProgramInput {
    /// What is said to it.
    Pipe,
    /// A file.
    File(OwnedFd),
}

/// Where what a program says goes.
pub enum ProgramOutput {
    /// To this process. Of standard error the end is kept, for [`ProgramTalk::excerpt`].
    Here,
    /// Elsewhere.
    To(OwnedFd),
}

/// Whether a program has a keeper. There is none in the unit tests of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    ByKeeper,
    Alone,
}

/// A program that runs, and the pipes to it.
#[derive(Debug)]
pub struct ProgramTalk {
    kept: KeptProgram,
    stdin: Option<PipeWriter>,
    stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
    /// What was not written yet.
    outgoing: Bytes,
    /// Whether there is more to come.
    is_closing: bool,
    excerpt: Vec<u8>,
    deadline: Option<Instant>,
    chunk: Box<[u8]>,
}

/// What a program did.
pub enum Heard<'a> {
    /// It said this to its standard output.
    Output(&'a [u8]),
    /// It has ended. None if it was ended, or its keeper was.
    Ended(Option<ProgramExit>),
}

impl ProgramTalk {
    /// Starts a program.
    pub fn start(
        order: &ProgramOrder,
        input: ProgramInput,
        (stdout, stderr): (ProgramOutput, ProgramOutput),
        keeping: Keeping,
    ) -> io::Result<Self> {
        let (stdin_there, stdin) = match input {
            ProgramInput::Pipe => {
                let (there, here) = pipe()?;
                ioctl_fionbio(&here, true)?;
                (there.into(), Some(here))
            }
            ProgramInput::File(file) => (file, None),
        };
        let (stdout, stdout_there) = stdout.open()?;
        let (stderr, stderr_there) = stderr.open()?;
        let ends = StandardStreams {
            stdin: stdin_there,
            stdout: stdout_there,
            stderr: stderr_there,
        };
        let kept = match keeping {
            Keeping::ByKeeper => KeptProgram::start(order, ends),
            Keeping::Alone => KeptProgram::start_alone(order, ends),
        };
        Ok(Self {
            kept: kept?,
            stdin,
            stdout,
            stderr,
            outgoing: Bytes::new(),
            is_closing: false,
            excerpt: Vec::new(),
            deadline: None,
            chunk: vec![0; CHUNK_BYTES].into(),
        })
    }

    /// The way to end it from elsewhere.
    pub fn end(&self) -> ProgramHandle {
        self.kept.end()
    }

    /// Says something to its standard input, as fast as it reads, while this is listening. What was said before is
    /// to be written by then.
    pub fn say(&mut self, bytes: Bytes) {
        self.outgoing = bytes;
    }

    /// Has its standard input end after what was said.
    pub fn close(&mut self) {
        self.is_closing = true;
        self.close_if_done();
    }

    /// The end of what it has said to its standard error.
    pub fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.excerpt).trim().to_owned()
    }

    /// From now on, does not [`Self::hear`] for longer than until then: an error of the kind `TimedOut`.
    pub fn until(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Its process id; with a keeper, that of the keeper.
    pub fn pid(&self) -> u32 {
        self.kept.pid()
    }

    /// Whether it runs, and has nothing to say.
    pub fn is_silent(&self) -> bool {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let stdout = self.stdout.as_ref().map(AsFd::as_fd);
        let watched = [Some(self.kept.watched()), stdout].into_iter().flatten();
        let mut watched: Vec<_> = watched.map(|fd| watch(fd, PollFlags::IN)).collect();
        matches!(retry_on_intr(|| poll(&mut watched, Some(&now))), Ok(0))
    }

    /// Waits until it says something, or ends. The error says why there is no such program.
    pub fn hear(&mut self) -> io::Result<Heard<'_>> {
        loop {
            let has_ended = self.wait()?;
            self.write();
            self.read_errors();
            match self.read()? {
                0 if has_ended => return Ok(Heard::Ended(self.kept.hear()?)),
                0 => {}
                count => return Ok(Heard::Output(&self.chunk[..count])),
            }
        }
    }

    /// Waits until there is something to do. Whether the program has ended.
    fn wait(&self) -> io::Result<bool> {
        let mut watched = vec![watch(self.kept.watched(), PollFlags::IN)];
        let is_saying = !self.outgoing.is_empty();
        let stdin = self.stdin.as_ref().filter(|_| is_saying);
        watched.extend(stdin.map(|pipe| watch(pipe.as_fd(), PollFlags::OUT)));
        let stdout = self.stdout.as_ref();
        watched.extend(stdout.map(|pipe| watch(pipe.as_fd(), PollFlags::IN)));
        let stderr = self.stderr.as_ref();
        watched.extend(stderr.map(|pipe| watch(pipe.as_fd(), PollFlags::IN)));
        let left = self
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        if retry_on_intr(|| poll(&mut watched, left.as_ref()))? == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(!watched[0].revents().is_empty())
    }

    fn write(&mut self) {
        while let Some(stdin) = self.stdin.as_mut().filter(|_| !self.outgoing.is_empty()) {
            match stdin.write(&self.outgoing) {
                Ok(count) => self.outgoing.advance(count),
                Err(err) if err.kind() == ErrorKind::WouldBlock => return,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                // It does not want to read any more, which is its own business.
                Err(_) => {
                    self.outgoing.clear();
                    self.stdin = None;
                }
            }
        }
        self.close_if_done();
    }

    fn close_if_done(&mut self) {
        if self.is_closing && self.outgoing.is_empty() {
            self.stdin = None;
        }
    }

    /// Reads from its standard output into the chunk; 0 if there is nothing.
    fn read(&mut self) -> io::Result<usize> {
        read(&mut self.stdout, &mut self.chunk)
    }

    fn read_errors(&mut self) {
        while let Ok(count @ 1..) = read(&mut self.stderr, &mut self.chunk) {
            self.excerpt.extend_from_slice(&self.chunk[..count]);
            let surplus = self.excerpt.len().saturating_sub(EXCERPT_BYTES);
            self.excerpt.drain(..surplus);
        }
    }
}

impl ProgramOutput {
    /// The end that is read here, without waiting, and the one that a program writes to.
    fn open(self) -> io::Result<(Option<PipeReader>, OwnedFd)> {
        match self {
            Self::Here => {
                let (here, there) = pipe()?;
                ioctl_fionbio(&here, true)?;
                Ok((Some(here), there.into()))
            }
            Self::To(elsewhere) => Ok((None, elsewhere)),
        }
    }
}

fn watch(fd: BorrowedFd<'_>, what: PollFlags) -> PollFd<'_> {
    PollFd::from_borrowed_fd(fd, what)
}

/// Reads without waiting, and closes a pipe whose other end is closed.
fn read(pipe: &mut Option<PipeReader>, chunk: &mut [u8]) -> io::Result<usize> {
    let Some(open) = pipe else { return Ok(0) };
    match open.read(chunk) {
        Ok(0) => *pipe = None,
        Ok(count) => return Ok(count),
        Err(err) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&err.kind()) => {}
        Err(err) => return Err(err),
    }
    Ok(0)
}
