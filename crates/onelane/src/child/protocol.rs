//! The messages between a server and its fork server. Each is one datagram; descriptors are attached
//! to it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Exit;

/// From the server. It gives each child a number, because the kernel reuses process ids.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Order {
    /// Fork a child. The child's ends of both pipes are attached, the one for jobs first.
    Fork(u64),
    /// Kill this child and whatever it has started.
    Kill(u64),
}

/// From the fork server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum News {
    /// It takes orders now. Nothing else comes before.
    Loaded,
    /// It never will, because of this.
    NotLoaded(String),
    /// It never will, for want of this.
    Lacking(String),
    /// The child with this number was born.
    Forked { id: u64, pid: u32 },
    /// That one could not be born.
    NotForked { id: u64, errno: i32 },
    /// That one was reaped.
    Gone {
        id: u64,
        exit: Exit,
        cpu: Duration,
        /// That of the largest child so far, which may have been another one.
        max_rss_bytes: u64,
    },
}

/// More than any message above needs.
const DATAGRAM_MAX_BYTES: usize = 8192;

/// The longest text in a message: in JSON it may be six times as long.
pub(super) const TEXT_MAX_BYTES: usize = 1024;

const PIPES: usize = 2;

pub(super) fn send(
    socket: BorrowedFd<'_>,
    message: &impl Serialize,
    attached: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    let json = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PIPES))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !attached.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(attached)) {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    let flags = flags | SendFlags::NOSIGNAL;
    sendmsg(socket, &[IoSlice::new(&json)], &mut ancillary, flags)?;
    Ok(())
}

/// Blocks until a message arrives. None means that the other side is gone.
pub(super) fn receive<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut json = [0; DATAGRAM_MAX_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PIPES))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut json)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut attached = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            attached.extend(descriptors);
        }
    }
    let message = serde_json::from_slice(&json[..received.bytes])?;
    Ok(Some((message, attached)))
}
