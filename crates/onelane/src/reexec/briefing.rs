//! What a process is told that this program starts in another role: its settings, and descriptors. They come
//! over its standard input, because among them may be secrets, and every process can read a command line.

use std::fs::File;
use std::io::{self, Read, Seek, Write, stdin};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, socketpair};
use rustix::process::{
    WaitOptions, getpid, parent_process_death_signal, set_parent_process_death_signal,
    test_kill_process, waitpid,
};

use crate::ipc::datagram::{DATAGRAM_MAX_BYTES, receive, send};
use crate::needs::Needs;

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
    )
    .needs("socketpair")?;
    let mut text = memory()?;
    text.write_all(settings.as_bytes())?;
    text.rewind().needs("lseek")?;
    let attached = [&[text.as_fd()], attached].concat();
    send(here.as_fd(), &(), &attached, SendFlags::empty()).needs("sendmsg")?;
    Ok((here, there))
}

/// A file in memory: a datagram may be too short for the settings. Some kernels take no file that could be
/// run, and older ones do not know how to ask for another one.
fn memory() -> io::Result<File> {
    let create = |flags| memfd_create("settings", MemfdFlags::CLOEXEC | flags);
    let created = match create(MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => create(MemfdFlags::empty()),
        created => created,
    };
    created.map(File::from).needs("memfd_create")
}

/// Tries what every process needs that is started by this one: what only the new process would miss, its
/// parent could not tell.
pub fn rehearse() -> io::Result<()> {
    let (_here, there) = brief("", &[])?;
    Briefing::on(there)?;
    File::open("/dev/null").needs("/dev/null")?;
    let signal = parent_process_death_signal().needs("prctl")?;
    set_parent_process_death_signal(signal).needs("prctl")?;
    test_kill_process(getpid()).needs("kill")?;
    match waitpid(None, WaitOptions::NOHANG) {
        // There are none, or an orphan that came with the process id.
        Err(Errno::CHILD) | Ok(_) => Ok(()),
        Err(err) => Err(err).needs("wait4"),
    }
}

impl Briefing {
    /// Reads the first message on standard input.
    pub fn read() -> io::Result<Self> {
        Self::on(stdin().as_fd().try_clone_to_owned()?)
    }

    fn on(socket: OwnedFd) -> io::Result<Self> {
        let message =
            receive::<()>(socket.as_fd(), &mut [0; DATAGRAM_MAX_BYTES]).needs("recvmsg")?;
        let mut attached = message.into_iter().flat_map(|((), attached)| attached);
        let text = attached.next().map(File::from);
        let mut text = text.ok_or_else(|| io::Error::other("the parent has sent no settings"))?;
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
