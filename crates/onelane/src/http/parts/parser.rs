//! Cuts a body into parts. It gives the parser a piece of the body whenever that has used up the one before, so
//! that there is never more of it in memory.

use std::convert::Infallible;
use std::sync::mpsc::{Sender, TryRecvError, channel};
use std::task::Poll;

use actix_web::dev::Payload;
use bytes::Bytes;
use futures_util::stream::poll_fn;
use futures_util::{FutureExt, StreamExt};
use multer::{Error, Field, Multipart};

use crate::http::problem::HttpProblem;

/// The longest head of a part, and the most that comes before the first part, in bytes.
pub(super) const HEAD_MAX_BYTES: usize = 8 * 1024;

/// A body, and what cuts it.
pub(super) struct Parser {
    multipart: Multipart<'static>,
    /// Where the pieces go. None when there are no more.
    feed: Option<Sender<Bytes>>,
    body: Payload,
    /// The longest body, and what is left of that, in bytes.
    limit: usize,
    left: usize,
}

impl Parser {
    pub(super) fn new(boundary: String, body: Payload, limit: usize) -> Self {
        let (feed, pieces) = channel();
        let pieces = poll_fn(move |_| match pieces.try_recv() {
            Ok(piece) => Poll::Ready(Some(Ok::<_, Infallible>(piece))),
            // No task is woken: the feeder asks again.
            Err(TryRecvError::Empty) => Poll::Pending,
            Err(TryRecvError::Disconnected) => Poll::Ready(None),
        });
        Self {
            multipart: Multipart::new(pieces, boundary),
            feed: Some(feed),
            body,
            limit,
            left: limit,
        }
    }

    /// The next part. The one before is to be dropped, and was read to its end.
    pub(super) async fn next(&mut self) -> Result<Option<Field<'static>>, HttpProblem> {
        let mut read = 0;
        loop {
            if let Some(part) = self.multipart.next_field().now_or_never() {
                return part.map_err(|err| malformed(&err));
            }
            if read > HEAD_MAX_BYTES {
                let what = format!("body: no part begins within {HEAD_MAX_BYTES} bytes");
                return Err(HttpProblem::BadRequest(what));
            }
            read += self.feed().await?;
        }
    }

    /// The next piece of a part that has this name.
    pub(super) async fn piece(
        &mut self,
        part: &mut Field<'static>,
        name: &str,
    ) -> Result<Option<Bytes>, HttpProblem> {
        loop {
            if let Some(piece) = part.chunk().now_or_never() {
                let cut =
                    |_| HttpProblem::BadRequest(format!("{name}: there is no boundary after it"));
                return piece.map_err(cut);
            }
            self.feed().await?;
        }
    }

    /// Reads what comes after the last part, and means nothing.
    pub(super) async fn finish(mut self) -> Result<(), HttpProblem> {
        while self.take().await?.is_some() {}
        Ok(())
    }

    /// Gives the parser one more piece of the body, and tells its length in bytes.
    async fn feed(&mut self) -> Result<usize, HttpProblem> {
        let Some(piece) = self.take().await? else {
            self.feed = None;
            return Ok(0);
        };
        let count = piece.len();
        if let Some(feed) = &self.feed {
            // Its other end lives as long as the parser does.
            feed.send(piece).ok();
        }
        Ok(count)
    }

    /// The next piece of the body.
    async fn take(&mut self) -> Result<Option<Bytes>, HttpProblem> {
        let Some(piece) = self.body.next().await else {
            return Ok(None);
        };
        let piece = piece.map_err(|err| HttpProblem::BadRequest(format!("body: {err}")))?;
        let left = self.left.checked_sub(piece.len());
        self.left = left.ok_or(HttpProblem::BodyTooLarge(self.limit))?;
        Ok(Some(piece))
    }
}

fn malformed(err: &Error) -> HttpProblem {
    HttpProblem::BadRequest(match err {
        Error::IncompleteStream => "body: it does not end with its boundary".to_owned(),
        _ => "body: the head of a part is malformed".to_owned(),
    })
}
