//! Messages as datagrams, with descriptors attached.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest message, in bytes.
pub const DATAGRAM_MAX_BYTES: usize = 8192;

/// The most descriptors that are attached to one.
const ATTACHED_MAX: usize = 2;

/// Sends a message with its descriptors.
pub fn send(
    socket: BorrowedFd<'_>,
    message: &impl Serialize,
    attached: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    let json = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(ATTACHED_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !attached.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(attached)) {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    let flags = flags | SendFlags::NOSIGNAL;
    sendmsg(socket, &[IoSlice::new(&json)], &mut ancillary, flags)?;
    Ok(())
}

/// Blocks until a message arrives, for which there is so much `room`. None means that the other side is gone.
pub fn receive<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
    room: &mut [u8],
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(ATTACHED_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        socket,
        &mut [IoSliceMut::new(room)],
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
    let message = serde_json::from_slice(&room[..received.bytes])?;
    Ok(Some((message, attached)))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::prop_assert_eq;
    use proptest::test_runner::TestRunner;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    /// One that is no message, or longer than one may be, is an error, and the next one arrives all the same.
    #[test]
    fn random_datagrams_are_refused_one_by_one() {
        let flags = SocketFlags::CLOEXEC;
        let (here, there) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        let bytes = vec(any::<u8>(), 1..2 * DATAGRAM_MAX_BYTES);
        let is_sound = |bytes: Vec<u8>| {
            rustix::net::send(&there, &bytes, SendFlags::empty()).unwrap();
            send(there.as_fd(), &"next", &[], SendFlags::empty())?;
            let mut room = [0; DATAGRAM_MAX_BYTES];
            // Never a text: it would begin with a quote and end with one.
            receive::<String>(here.as_fd(), &mut room).unwrap_err();
            let next = receive::<String>(here.as_fd(), &mut room)?.map(|(text, _)| text);
            prop_assert_eq!(next.as_deref(), Some("next"));
            Ok(())
        };
        TestRunner::default().run(&bytes, is_sound).unwrap();
    }
}
