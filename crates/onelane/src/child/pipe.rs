//! One end of a pipe to a child.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use rustix::io::{Errno, ioctl_fionbio, read, write};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

#[derive(Debug)]
pub(super) struct Pipe {
    /// Since a task has waited for it first: a child that is quick, or never used, is spared that. This goes before
    /// the descriptor does.
    registered: OnceLock<AsyncFd<Arc<OwnedFd>>>,
    end: Arc<OwnedFd>,
}

impl Pipe {
    pub(super) fn new(end: impl Into<OwnedFd>) -> io::Result<Self> {
        let end = end.into();
        ioctl_fionbio(&end, true)?;
        Ok(Self {
            registered: OnceLock::new(),
            end: Arc::new(end),
        })
    }

    /// Writes all of it, as fast as the other end reads.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match write(&self.end, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::AGAIN) => self.ready(Interest::WRITABLE).await?,
                Err(err) => return Err(err.into()),
            }
        }
        Ok(())
    }

    /// Waits until there may be something to read, or the end of the stream. What is there is to be read after that.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await
    }

    /// Reads without waiting. The error is `WouldBlock` if there is nothing.
    pub(super) fn read_now(&self, chunk: &mut [u8]) -> io::Result<usize> {
        Ok(read(&self.end, chunk)?)
    }

    /// Waits without a descriptor of its own, because there may be none left. Each end is for one `interest` only.
    #[expect(
        deprecated,
        reason = "for types that may close their descriptor while it is registered; this one keeps it"
    )]
    async fn ready(&self, interest: Interest) -> io::Result<()> {
        if self.registered.get().is_none() {
            let registered = AsyncFd::with_interest(self.end.clone(), interest)?;
            self.registered.set(registered).ok();
        }
        let registered = self.registered.get().expect("it has just been set");
        // Cleared before the next attempt: what comes later makes it ready again.
        registered.ready(interest).await?.clear_ready();
        Ok(())
    }
}

impl AsFd for Pipe {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

/// Reads without waiting, as `read_now` does.
impl Read for &Pipe {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        self.read_now(chunk)
    }
}
