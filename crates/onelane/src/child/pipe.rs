//! One end of a pipe to a child. It works on any runtime, because a child of the pool is started on one
//! thread and used on another: it is registered with a runtime only while a task waits for it.

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::{ioctl_fionbio, read, write};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

#[derive(Debug)]
pub(super) struct Pipe(OwnedFd);

impl Pipe {
    pub(super) fn new(end: impl Into<OwnedFd>) -> io::Result<Self> {
        let end = end.into();
        ioctl_fionbio(&end, true)?;
        Ok(Self(end))
    }

    /// Writes all of it, as fast as the other end reads.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match write(&self.0, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(rustix::io::Errno::AGAIN) => self.ready(Interest::WRITABLE).await?,
                Err(err) => return Err(err.into()),
            }
        }
        Ok(())
    }

    /// Waits until there is something to read, or the end of the stream.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await
    }

    /// Reads without waiting. The error is `WouldBlock` if there is nothing.
    pub(super) fn read_now(&self, chunk: &mut [u8]) -> io::Result<usize> {
        Ok(read(&self.0, chunk)?)
    }

    /// Waits without a descriptor of its own, because there may be none left.
    #[expect(
        deprecated,
        reason = "for types that may close their descriptor while it is registered; this one is borrowed"
    )]
    async fn ready(&self, interest: Interest) -> io::Result<()> {
        let registered = AsyncFd::with_interest(self.0.as_fd(), interest)?;
        registered.ready(interest).await?.retain_ready();
        Ok(())
    }
}

/// Reads without waiting, as `read_now` does.
impl Read for &Pipe {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        self.read_now(chunk)
    }
}
