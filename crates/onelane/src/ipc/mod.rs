//! Messages between processes: JSON in frames that begin with their length. Raw bytes may come after a
//! message that tells how many there are. Which messages there are is for the senders and receivers to
//! decide.

pub mod datagram;

use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;

use bytes::{Bytes, BytesMut};
use rustix::pipe::fcntl_setpipe_size;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

/// The longest frame that is taken, in bytes. The bodies of requests and answers are not in frames, and
/// what is left is far smaller as a rule.
const FRAME_MAX_BYTES: usize = 16 * 1024 * 1024;

/// How much is read at once where messages come. Most are smaller, and a process that reads only one has to have
/// memory for it first.
const CHUNK_BYTES: usize = 2 * 1024;

/// How much is read at once of a body.
const BODY_CHUNK_BYTES: usize = 256 * 1024;

/// How much a pipe holds, unless it is widened.
const PIPE_BYTES: usize = 64 * 1024;

/// How much the kernel lets anyone widen a pipe to, if no one has changed `fs.pipe-max-size`.
const WIDE_PIPE_BYTES: usize = 1024 * 1024;

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .max_frame_length(FRAME_MAX_BYTES)
        .new_codec()
}

/// A message as it goes over the wire; an error if it is longer than a frame may be.
pub fn frame(message: &impl Serialize) -> io::Result<BytesMut> {
    let json = serde_json::to_vec(message)?;
    let mut frame = BytesMut::with_capacity(4 + json.len());
    codec().encode(Bytes::from(json), &mut frame)?;
    Ok(frame)
}

/// A message as it goes over the wire, with a short body that follows it: one write instead of two. A longer one is
/// left to be written as it is.
pub fn frame_with<'a>(
    message: &impl Serialize,
    body: &'a [u8],
) -> io::Result<(BytesMut, &'a [u8])> {
    let mut frame = frame(message)?;
    if body.len() > CHUNK_BYTES {
        return Ok((frame, body));
    }
    frame.extend_from_slice(body);
    Ok((frame, &[]))
}

/// Has a pipe hold more at once if so many bytes are to go through it, so that sender and receiver wait for each other
/// less often. One user may have some wide pipes only; further ones stay as they are.
pub fn widen_for(bytes: usize, pipe: impl AsFd) {
    if bytes > PIPE_BYTES {
        fcntl_setpipe_size(pipe, WIDE_PIPE_BYTES).ok();
    }
}

/// Cuts the bytes that arrive from one sender into messages.
#[derive(Debug)]
pub struct MessageInbox {
    codec: LengthDelimitedCodec,
    buffer: BytesMut,
}

impl Default for MessageInbox {
    fn default() -> Self {
        Self {
            codec: codec(),
            buffer: BytesMut::new(),
        }
    }
}

impl MessageInbox {
    /// Whether there is nothing left: not even the beginning of a message.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Reads once, and tells how much that was; 0 at the end of the stream.
    pub fn fill(&mut self, from: &mut impl Read) -> io::Result<usize> {
        self.fill_with(CHUNK_BYTES, from)
    }

    /// The same where so many bytes of a body are to come.
    pub fn fill_with_body(&mut self, most: u64, from: &mut impl Read) -> io::Result<usize> {
        let chunk = usize::try_from(most).unwrap_or(usize::MAX);
        self.fill_with(chunk.clamp(CHUNK_BYTES, BODY_CHUNK_BYTES), from)
    }

    fn fill_with(&mut self, chunk: usize, from: &mut impl Read) -> io::Result<usize> {
        let before = self.buffer.len();
        self.buffer.resize(before + chunk, 0);
        let read = from.read(&mut self.buffer[before..]);
        let count = read.as_ref().map_or(0, |count| *count);
        self.buffer.truncate(before + count);
        read
    }

    /// Takes the next message, if it is complete. The error is `InvalidData` when the sender does not
    /// keep to the format: what it sends after that cannot be read either.
    pub fn take<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let Some(frame) = self.codec.decode(&mut self.buffer)? else {
            return Ok(None);
        };
        let message = serde_json::from_slice(&frame);
        message
            .map(Some)
            .map_err(|err| io::Error::new(ErrorKind::InvalidData, err))
    }

    /// Takes raw bytes, up to `most`, if there are any.
    pub fn take_bytes(&mut self, most: u64) -> Option<Bytes> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let count = self.buffer.len().min(most);
        (count > 0).then(|| self.buffer.split_to(count).freeze())
    }

    /// Blocks until `count` raw bytes have arrived.
    pub fn read_bytes(&mut self, count: usize, from: &mut impl Read) -> io::Result<Bytes> {
        let here = self.buffer.split_to(self.buffer.len().min(count));
        let mut bytes = BytesMut::zeroed(count);
        bytes[..here.len()].copy_from_slice(&here);
        from.read_exact(&mut bytes[here.len()..])?;
        Ok(bytes.freeze())
    }

    /// Blocks until the next message has arrived; none at the end of the stream.
    pub fn read<T: DeserializeOwned>(&mut self, from: &mut impl Read) -> io::Result<Option<T>> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            if self.fill(from)? == 0 {
                return Ok(None);
            }
        }
    }

    /// Waits for the next message; none at the end of the stream. Nothing is lost when the future
    /// is dropped.
    pub async fn receive<T: DeserializeOwned>(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<T>> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            if from.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{Just, any};
    use proptest::test_runner::TestRunner;
    use proptest::{prop_assert, prop_oneof};

    use super::*;

    #[test]
    fn messages_survive_any_cut() {
        let mut inbox = MessageInbox::default();
        let bytes = [frame(&"one").unwrap(), frame(&"two").unwrap()].concat();
        let mut taken = Vec::new();
        for byte in bytes {
            inbox.fill(&mut &[byte][..]).unwrap();
            taken.extend(inbox.take::<String>().unwrap());
        }
        assert_eq!(taken, ["one", "two"]);
    }

    #[test]
    fn a_number_arrives_as_it_was_sent() {
        // Most of these have as many digits as there can be.
        let sent: Vec<f64> = (1..1000).map(|n| 1.0 / f64::from(n)).collect();
        let mut inbox = MessageInbox::default();
        let frame = frame(&sent).unwrap();
        let arrived: Option<Vec<f64>> = inbox.read(&mut &frame[..]).unwrap();
        assert_eq!(arrived, Some(sent));
    }

    #[test]
    fn bytes_follow_a_message_and_another_message_follows_them() {
        let bytes = [
            &frame(&5).unwrap()[..],
            b"raw!\0",
            &frame(&"next").unwrap()[..],
        ]
        .concat();
        for cut in 0..bytes.len() {
            let (first, mut later) = bytes.split_at(cut);
            let mut inbox = MessageInbox::default();
            inbox.fill(&mut &first[..]).unwrap();
            let count: usize = inbox.read(&mut later).unwrap().unwrap();
            assert_eq!(inbox.read_bytes(count, &mut later).unwrap(), &b"raw!\0"[..]);
            let next: Option<String> = inbox.read(&mut later).unwrap();
            assert_eq!(next.as_deref(), Some("next"), "{cut}");
        }
    }

    #[test]
    fn an_oversized_frame_is_refused_before_it_has_arrived() {
        let mut inbox = MessageInbox::default();
        inbox.fill(&mut &[0xff; 4][..]).unwrap();
        assert!(inbox.take::<String>().is_err());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let mut inbox = MessageInbox::default();
        inbox.fill(&mut &[0, 0, 0, 2, b'{', b'{'][..]).unwrap();
        assert!(inbox.take::<String>().is_err());
    }

    /// What is no message in the end is `InvalidData`, or its rest never comes; and what waits for its rest has
    /// no more room than it may need.
    #[test]
    fn random_bytes_are_refused() {
        let length = prop_oneof![0..40_u32, any::<u32>()];
        let body = prop_oneof![vec(any::<u8>(), 0..40), Just(b"[\"one\",2]".to_vec())];
        let frames = vec((length, body), 1..4);
        let is_sound = |frames: Vec<(u32, Vec<u8>)>| {
            let mut inbox = MessageInbox::default();
            for (length, body) in frames {
                let bytes = [&length.to_be_bytes()[..], &body].concat();
                inbox.fill(&mut &bytes[..])?;
                match inbox.take::<(String, u32)>() {
                    Ok(_) => {}
                    Err(err) if err.kind() == ErrorKind::InvalidData => return Ok(()),
                    Err(err) => return Err(err.into()),
                }
                let room = inbox.buffer.capacity();
                prop_assert!(room <= FRAME_MAX_BYTES + 2 * CHUNK_BYTES, "{room}");
            }
            Ok(())
        };
        TestRunner::default().run(&frames, is_sound).unwrap();
    }
}
