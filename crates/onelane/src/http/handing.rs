//! The body of a response while it is handed to the client. It keeps the slot, so that memory is bounded by
//! slots, and it ends at a limit, so that a client that reads slowly keeps no slot beyond that.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::web;
use bytes::Bytes;
use tokio::task::JoinHandle;

use super::observe::Progress;
use super::problem::Problem;
use super::{Computation, Front, SEND_TIMEOUT};
use crate::executor::{Failure, Pieces};
use crate::workload::PIECE_BYTES;

/// A body, piece by piece.
pub(super) struct Handing {
    size: BodySize,
    /// Bytes that are left, if that is known.
    left: Option<u64>,
    source: Rc<RefCell<Option<Source>>>,
    progress: Rc<Progress>,
    /// Takes the source away when the limit is over.
    limit: Option<JoinHandle<()>>,
}

/// Where the pieces come from.
struct Source {
    pieces: Pieces,
    /// Measured until the last piece, where the workload computes meanwhile.
    _computation: Option<Computation>,
}

impl Handing {
    /// A body of this length, or of one that nobody knows yet, that is to be handed over within `limit`.
    pub(super) fn new(
        length: Option<u64>,
        pieces: Pieces,
        computation: Option<Computation>,
        progress: Rc<Progress>,
        front: web::Data<Front>,
        limit: Duration,
    ) -> Self {
        let source = Rc::new(RefCell::new(Some(Source {
            pieces,
            _computation: computation,
        })));
        let is_small = length.is_some_and(|length| length <= PIECE_BYTES as u64);
        let cut = {
            let (source, progress) = (Rc::downgrade(&source), progress.clone());
            async move {
                tokio::time::sleep(limit).await;
                if let Some(source) = source.upgrade() {
                    progress.broken.set(Some(SEND_TIMEOUT));
                    source.take();
                    front.cut.notify_one();
                }
            }
        };
        Self {
            size: length.map_or(BodySize::Stream, BodySize::Sized),
            left: length,
            source,
            progress,
            // A small one is in the kernel's buffer at once.
            limit: (!is_small).then(|| actix_web::rt::spawn(cut)),
        }
    }

    /// The connection breaks, so that nobody takes a part for the whole. The log says why.
    fn broken(&self, failure: Failure) -> io::Error {
        let problem = Problem::Failed(failure);
        self.progress.broken.set(Some(problem.reason()));
        self.source.take();
        io::Error::other(problem.to_string())
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
        if self.left == Some(0) {
            return Poll::Ready(None);
        }
        let polled = match &mut *self.source.borrow_mut() {
            Some(source) => source.pieces.as_mut().poll_next(context),
            None => return Poll::Ready(Some(Err(ErrorKind::TimedOut.into()))),
        };
        Poll::Ready(match std::task::ready!(polled) {
            Some(Ok(piece)) => {
                let taken = piece.len() as u64;
                self.left = self.left.map(|left| left.saturating_sub(taken));
                if self.left == Some(0) {
                    // The slot is free before the client can ask for something else.
                    self.source.take();
                }
                Some(Ok(piece))
            }
            Some(Err(failure)) => Some(Err(self.broken(failure))),
            None => {
                self.source.take();
                self.left = Some(0);
                None
            }
        })
    }
}

impl Drop for Handing {
    fn drop(&mut self) {
        if let Some(limit) = &self.limit {
            limit.abort();
        }
    }
}
