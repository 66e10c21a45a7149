//! What a thread tells about its task, and how that becomes an answer.

use std::any::Any;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::executor::{Failure, Pieces};
use crate::workload::{Outlet, PIECE_BYTES, ReplyHead};

/// How many pieces of a streamed answer wait for a caller that reads slowly, before the computation waits,
/// too.
pub(super) const PIECES_WAITING: usize = 2;

/// What a thread tells about its task: all at once, or a beginning, pieces, and an end.
pub(super) enum TaskNews {
    Whole(ReplyHead, Bytes, Duration, AnyPermit),
    Begun(ReplyHead),
    Piece(Bytes),
    Ended {
        outcome: Result<(), Failure>,
        _permit: AnyPermit,
    },
}

/// The permit for the slot. None if it was taken away.
pub(super) type AnyPermit = Option<Box<dyn Any + Send>>;

/// A body that is there, in pieces that fit a buffer. Its slot is free when it is dropped.
pub(super) fn whole(body: Bytes, permit: AnyPermit) -> Pieces {
    let rest = (body, permit);
    Box::pin(stream::unfold(rest, async |(mut body, permit)| {
        let piece = body.split_to(body.len().min(PIECE_BYTES));
        (!piece.is_empty()).then_some((Ok(piece), (body, permit)))
    }))
}

/// A task as its request sees it.
pub(super) struct RunningTask<S> {
    pub(super) news: mpsc::Receiver<TaskNews>,
    /// None where it is too far away to have a date.
    pub(super) deadline: Option<Instant>,
    /// Stops the task when dropped.
    pub(super) _stop: S,
}

impl<S: 'static> RunningTask<S> {
    /// What the thread tells next, within the deadline.
    pub(super) async fn next(&mut self) -> Result<TaskNews, Failure> {
        let news = self.news.recv();
        let news = match self.deadline {
            None => news.await,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                let news = timeout(left, news).await;
                news.map_err(|_| Failure::DeadlineExceeded)?
            }
        };
        Ok(news.expect("a compute thread tells of the end of every task"))
    }

    /// The pieces of a stream that has begun. It ends early with an error.
    pub(super) fn pieces(self) -> Pieces {
        Box::pin(stream::unfold(Some(self), async |running| {
            let mut running = running?;
            match running.next().await {
                Ok(TaskNews::Piece(piece)) => Some((Ok(piece), Some(running))),
                Ok(TaskNews::Ended { outcome, .. }) => Some((Err(outcome.err()?), None)),
                Err(failure) => Some((Err(failure), None)),
                Ok(TaskNews::Whole(..) | TaskNews::Begun(_)) => {
                    Some((Err(Failure::confused()), None))
                }
            }
        }))
    }
}

/// The way of a streamed answer out of a thread.
pub(super) struct Outside(pub(super) mpsc::Sender<TaskNews>);

impl Outside {
    fn tell(&self, news: TaskNews) -> io::Result<()> {
        let told = self.0.blocking_send(news);
        told.map_err(|_| io::Error::new(ErrorKind::BrokenPipe, "the server gave up the answer"))
    }
}

impl Outlet for Outside {
    fn begin(&mut self, head: ReplyHead) -> io::Result<()> {
        self.tell(TaskNews::Begun(head))
    }

    fn send(&mut self, piece: Bytes) -> io::Result<()> {
        self.tell(TaskNews::Piece(piece))
    }
}
