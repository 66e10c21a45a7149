//! The body of an answer while it is handed to the client. It keeps the slot until its last piece was taken,
//! so that memory is bounded by slots. How long that may take is watched from outside (`observe.rs`).

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::computation::Computation;
use super::progress::Progress;
use crate::executor::{Failure, Pieces};

/// How much of a body is handed over at once, in bytes. It is copied, and a connection keeps the room for it.
const AT_ONCE_BYTES: usize = 16 * 1024;

/// A body, piece by piece.
pub(super) struct Handing {
    /// Bytes that are left, if that is known.
    left: Option<u64>,
    size: BodySize,
    /// Of the last piece.
    rest: Bytes,
    /// None once the last piece was taken.
    pieces: Option<Pieces>,
    /// Measured until the last piece, where the workload computes meanwhile.
    computation: Option<Computation>,
    progress: Rc<Progress>,
    reason: Box<dyn Fn(Failure) -> &'static str>,
}

impl Handing {
    /// A body of this length, or of one that is not known yet. `reason` tells what to call a failure in the
    /// middle.
    pub(super) fn new(
        length: Option<u64>,
        pieces: Pieces,
        computation: Option<Computation>,
        progress: Rc<Progress>,
        reason: impl Fn(Failure) -> &'static str + 'static,
    ) -> Self {
        Self {
            left: length,
            size: length.map_or(BodySize::Stream, BodySize::Sized),
            rest: Bytes::new(),
            pieces: Some(pieces),
            computation,
            progress,
            reason: Box::new(reason),
        }
    }

    /// Frees the slot, before the client can ask for something else.
    fn end(&mut self) {
        self.pieces = None;
        self.computation = None;
    }
}

impl MessageBody for Handing {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        let this = self.get_mut();
        let Some(pieces) = &mut this.pieces else {
            return Poll::Ready(None);
        };
        let next = match std::mem::take(&mut this.rest) {
            rest if rest.is_empty() => ready!(pieces.as_mut().poll_next(context)),
            rest => Some(Ok(rest)),
        };
        Poll::Ready(match next {
            Some(Ok(mut piece)) => {
                this.rest = piece.split_off(piece.len().min(AT_ONCE_BYTES));
                let taken = piece.len() as u64;
                this.left = this.left.map(|left| left.saturating_sub(taken));
                if this.left == Some(0) {
                    this.end();
                }
                Some(Ok(piece))
            }
            Some(Err(failure)) => {
                this.end();
                // The connection breaks, so that the client does not take a part for the whole.
                let why = failure.to_string();
                this.progress.broken.set(Some((this.reason)(failure)));
                Some(Err(io::Error::other(why)))
            }
            None => {
                this.end();
                None
            }
        })
    }
}
