//! What a process is told that this program starts in another role: its settings, and descriptors. They come
//! over its standard input, because among them may be secrets, and everybody can read a command line.

use std::fs::File;
use std::io::{self, Read, Seek, Write, stdin};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, socketpair};

use super::protocol::{receive, send};

/// The first message, as the new process finds it.
#[derive(Debug)]
pub struct Briefing {
    /// The socket to the parent.
    pub socket: OwnedFd,
    /// What the settings came to, as text.
    pub settings: String,
    /// What else was given along.
    pub attached: Vec<OwnedFd>,
}

/// The socket between a parent and a new process: the end that the parent keeps, and the one that becomes
/// standard input. In it waits the first message.
pub fn brief(settings: &str, attached: &[BorrowedFd<'_>]) -> io::Result<(OwnedFd, OwnedFd)> {
    let (here, there) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // A file in memory: a datagram may be too short for the settings.
    let mut text = File::from(memfd_create("settings", MemfdFlags::CLOEXEC)?);
    text.write_all(settings.as_bytes())?;
    text.rewind()?;
    let attached = [&[text.as_fd()], attached].concat();
    send(here.as_fd(), &(), &attached, SendFlags::empty())?;
    Ok((here, there))
}

impl Briefing {
    /// Reads the first message on standard input.
    pub fn read() -> io::Result<Self> {
        let socket = stdin().as_fd().try_clone_to_owned()?;
        let message = receive::<()>(socket.as_fd())?;
        let mut attached = message.into_iter().flat_map(|((), attached)| attached);
        let text = attached.next().map(File::from);
        let mut text = text.ok_or_else(|| io::Error::other("nobody has sent settings"))?;
        let mut settings = String::new();
        text.read_to_string(&mut settings)?;
        let attached = attached.collect();
        Ok(Self {
            socket,
            settings,
            attached,
        })
    }
}
