//! How much is read of what a client sends before a workload wants it.
//!
//! What parses requests takes as much as there is, up to 128 KiB of each connection, and a byte in a chunk of
//! its own becomes one of 32. So the body of a request that has no slot yet stays in the kernel, which has a
//! bound for it.

use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

use actix_web::http::header::{HeaderMap, TRANSFER_ENCODING};

/// So many bytes of a body are read before it is wanted: more than nginx sends before it has asked for a slot.
/// Only where all of it was read is it noticed that the client has left.
const AHEAD_BYTES: usize = 16 * 1024;

/// The same of a body in chunks.
const CHUNKS_AHEAD_BYTES: usize = 1024;

/// What may be read while a request is being answered.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Bytes.
    left: Cell<usize>,
    /// The task to wake when there may be more.
    reader: RefCell<Option<Waker>>,
}

impl Ahead {
    /// A request with this head begins.
    pub(super) fn begin(&self, head: &HeaderMap) {
        let is_chunked = head.contains_key(TRANSFER_ENCODING);
        self.allow(if is_chunked {
            CHUNKS_AHEAD_BYTES
        } else {
            AHEAD_BYTES
        });
    }

    /// Its handler wants all of its body.
    pub(super) fn want(&self) {
        self.allow(usize::MAX);
    }

    fn allow(&self, bytes: usize) {
        self.left.set(bytes);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Ready with how many bytes may be read now.
    pub(super) fn poll_room(&self, context: &mut Context<'_>) -> Poll<usize> {
        match self.left.get() {
            0 => {
                self.reader.replace(Some(context.waker().clone()));
                Poll::Pending
            }
            left => Poll::Ready(left),
        }
    }

    /// So many bytes were read.
    pub(super) fn read(&self, count: usize) {
        if self.left.get() != usize::MAX {
            self.left.set(self.left.get() - count);
        }
    }
}
