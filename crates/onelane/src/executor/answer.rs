//! What an executor gives for a job: the head of an answer at once, and its body piece by piece.

use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

use super::Failure;
use crate::workload::ReplyHead;

/// An answer on its way. When it is dropped before its end, the computation stops.
pub struct Answer {
    /// Status and headers.
    pub head: ReplyHead,
    /// How long the computation took, if it is over.
    pub compute: Option<Duration>,
    /// The length of the body in bytes, if that is known.
    pub length: Option<u64>,
    /// The body.
    pub pieces: Pieces,
}

/// A body. It keeps the slot, so it is to be dropped as soon as the last piece was taken, or is not wanted
/// any more.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, Failure>>>>;

impl Debug for Answer {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut answer = formatter.debug_struct("Answer");
        answer.field("head", &self.head).finish_non_exhaustive()
    }
}
