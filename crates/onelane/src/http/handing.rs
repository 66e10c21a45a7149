//! The body of an answer while it is handed to the client. It keeps the slot until its last piece was taken,
//! so that memory is bounded by slots. How long that may take is watched from outside (`observe.rs`).

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use super::computation::Computation;
use super::observe::Progress;
use crate::executor::{Failure, Pieces};

/// A body, piece by piece.
pub(super) struct Handing {
    /// Bytes that are left, if that is known.
    left: Option<u64>,
    size: BodySize,
    /// None once the last piece was taken.
    pieces: Option<Pieces>,
    /// Measured until the last piece, where the workload computes meanwhile.
    computation: Option<Computation>,
    progress: Rc<Progress>,
    reason: Box<dyn Fn(Failure) -> &'static str>,
}

impl Handing {
    /// A body of this length, or of one that nobody knows yet. `reason` tells what to call a failure in the
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
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        let Some(pieces) = &mut self.pieces else {
            return Poll::Ready(None);
        };
        Poll::Ready(match ready!(pieces.as_mut().poll_next(context)) {
            Some(Ok(piece)) => {
                let taken = piece.len() as u64;
                self.left = self.left.map(|left| left.saturating_sub(taken));
                if self.left == Some(0) {
                    self.end();
                }
                Some(Ok(piece))
            }
            Some(Err(failure)) => {
                self.end();
                // The connection breaks, so that nobody takes a part for the whole.
                let why = failure.to_string();
                self.progress.broken.set(Some((self.reason)(failure)));
                Some(Err(io::Error::other(why)))
            }
            None => {
                self.end();
                None
            }
        })
    }
}
