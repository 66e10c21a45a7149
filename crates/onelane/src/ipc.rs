//! Messages between processes: JSON in frames that begin with their length. Which messages there are
//! is for the senders and receivers to decide.

use std::io::{self, ErrorKind, Read};

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

/// The longest frame that is taken, in bytes. An input is at most 1 MiB as the caller wrote it; an
/// answer should be of that order.
const FRAME_MAX_BYTES: usize = 16 * 1024 * 1024;

/// How much is read at once: most messages are far smaller.
const CHUNK_BYTES: usize = 4096;

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

/// Cuts the bytes that arrive from one sender into messages.
#[derive(Debug)]
pub struct Inbox {
    codec: LengthDelimitedCodec,
    buffer: BytesMut,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            codec: codec(),
            buffer: BytesMut::new(),
        }
    }
}

impl Inbox {
    /// Whether there is nothing left: not even the beginning of a message.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Adds bytes that have arrived.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the next message, if it is complete. The error is `InvalidData` when the sender does not
    /// keep to the format: whatever it sends after that cannot be read either.
    pub fn take<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let Some(frame) = self.codec.decode(&mut self.buffer)? else {
            return Ok(None);
        };
        let message = serde_json::from_slice(&frame);
        message
            .map(Some)
            .map_err(|err| io::Error::new(ErrorKind::InvalidData, err))
    }

    /// Blocks until the next message has arrived; none at the end of the stream.
    pub fn read<T: DeserializeOwned>(&mut self, from: &mut impl Read) -> io::Result<Option<T>> {
        let mut chunk = [0; CHUNK_BYTES];
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            match from.read(&mut chunk)? {
                0 => return Ok(None),
                count => self.extend(&chunk[..count]),
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
    use super::*;

    #[test]
    fn messages_survive_any_cut() {
        let mut inbox = Inbox::default();
        let bytes = [frame(&"one").unwrap(), frame(&"two").unwrap()].concat();
        let mut taken = Vec::new();
        for byte in bytes {
            inbox.extend(&[byte]);
            taken.extend(inbox.take::<String>().unwrap());
        }
        assert_eq!(taken, ["one", "two"]);
    }

    #[test]
    fn a_number_arrives_as_it_was_sent() {
        // Most of these have as many digits as there can be.
        let sent: Vec<f64> = (1..1000).map(|n| 1.0 / f64::from(n)).collect();
        let mut inbox = Inbox::default();
        inbox.extend(&frame(&sent).unwrap());
        assert_eq!(inbox.take::<Vec<f64>>().unwrap(), Some(sent));
    }

    #[test]
    fn an_oversized_frame_is_refused_before_it_has_arrived() {
        let mut inbox = Inbox::default();
        inbox.extend(&[0xff; 4]);
        assert!(inbox.take::<String>().is_err());
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let mut inbox = Inbox::default();
        inbox.extend(&[0, 0, 0, 2, b'{', b'{']);
        assert!(inbox.take::<String>().is_err());
    }
}
