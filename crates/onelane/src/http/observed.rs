//! The body of an answer on its way to the client: its end is the end of the observation.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::rt::spawn;
use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::connection::Exchange;
use super::observation::Observation;
use super::reason::{GONE, SEND_TIMEOUT};
use crate::workload::PIECE_BYTES;

/// A body whose end is the end of the observation. It ends at a limit, too: a client that reads slowly, or
/// not at all, keeps neither a slot nor memory beyond it.
pub(super) struct Observed {
    size: BodySize,
    /// None once it is over.
    watched: Rc<RefCell<Option<Watched>>>,
    limit: Option<JoinHandle<()>>,
    /// Ends with this body.
    _exchange: Exchange,
}

/// A body on its way to the client.
struct Watched {
    body: BoxBody,
    /// None for a probe.
    observation: Option<Observation>,
    status: u16,
    reason: Option<&'static str>,
    /// That were taken so far.
    bytes: u64,
    /// The task that waits for more bytes.
    reader: Option<Waker>,
}

impl Observed {
    pub(super) fn new(
        body: BoxBody,
        exchange: Exchange,
        observation: Option<Observation>,
        status: u16,
        reason: Option<&'static str>,
    ) -> Self {
        let size = body.size();
        let limit = observation
            .as_ref()
            .and_then(|it| it.progress.send_limit.get());
        let watched = Rc::new(RefCell::new(Some(Watched {
            body,
            observation,
            status,
            reason,
            bytes: 0,
            reader: None,
        })));
        let mut observed = Self {
            size,
            watched,
            limit: None,
            _exchange: exchange,
        };
        match size {
            // actix does not ask for the pieces of such a body.
            BodySize::None | BodySize::Sized(0) => observed.end(None),
            // A small one is in the kernel's buffer at once.
            BodySize::Sized(bytes) if bytes <= PIECE_BYTES as u64 => {}
            BodySize::Sized(_) | BodySize::Stream => {
                let watched = observed.watched.clone();
                observed.limit = limit.map(|limit| spawn(cut_after(limit, watched)));
            }
        }
        observed
    }

    fn end(&self, broken: Option<&'static str>) {
        if let Some(watched) = self.watched.take() {
            watched.end(broken);
        }
    }
}

impl Watched {
    /// Ends the observation, because of `broken` if there was more to come.
    fn end(self, broken: Option<&'static str>) {
        // First, so that the time of a computation is known.
        drop(self.body);
        if let Some(observation) = self.observation {
            let broken = observation.progress.broken.get().or(broken);
            observation.record(self.status, broken.or(self.reason), self.bytes);
        }
    }
}

/// Takes the body of a client away that does not take it in time.
async fn cut_after(limit: Duration, watched: Rc<RefCell<Option<Watched>>>) {
    sleep(limit).await;
    if let Some(mut watched) = watched.take() {
        if let Some(observation) = &watched.observation {
            observation.front.cut.notify_waiters();
        }
        let reader = watched.reader.take();
        watched.end(Some(SEND_TIMEOUT));
        if let Some(reader) = reader {
            // Nothing else tells it that nothing more comes.
            reader.wake();
        }
    }
}

impl MessageBody for Observed {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let piece = match &mut *self.watched.borrow_mut() {
            Some(watched) => {
                let Poll::Ready(piece) = Pin::new(&mut watched.body).poll_next(context) else {
                    watched.reader = Some(context.waker().clone());
                    return Poll::Pending;
                };
                if let Some(Ok(piece)) = &piece {
                    watched.bytes += piece.len() as u64;
                    return Poll::Ready(Some(Ok(piece.clone())));
                }
                piece
            }
            None => Some(Err(SEND_TIMEOUT.into())),
        };
        self.end(None);
        Poll::Ready(piece)
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some(limit) = &self.limit {
            limit.abort();
        }
        self.end(Some(GONE));
    }
}
