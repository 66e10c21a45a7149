//! The stream between a socket and what parses requests.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::inbox::RequestInbox;
use super::{ConnectionTalk, LINGER};

/// How much is read at once, in bytes. actix doubles a buffer that is full.
const PIECE_BYTES: usize = 4096;

/// The stream of a connection, of which only requests that are in order are read.
#[derive(Debug)]
pub struct Heads<S> {
    stream: S,
    inbox: RequestInbox,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Heads<S> {
    /// A head may take as long as `patience`.
    pub fn new(stream: S, talk: Rc<ConnectionTalk>, patience: Duration) -> Self {
        let inbox = RequestInbox::new(talk, patience);
        Self { stream, inbox }
    }

    /// What is below.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// What is said on it.
    pub fn talk(&self) -> Rc<ConnectionTalk> {
        self.inbox.talk.clone()
    }

    /// Ready with how many bytes have come, 0 at the end.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; PIECE_BYTES];
        let room = PIECE_BYTES.min(self.inbox.room());
        if room == 0 {
            // The next requests of a client that does not wait for its answer. That wakes it.
            return Poll::Pending;
        }
        let mut bytes = ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut bytes))?;
        self.inbox.put(bytes.filled());
        Poll::Ready(Ok(bytes.filled().len()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Heads<S> {
    /// Without a byte, this is the end of the connection.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.inbox.hand_on(buffer) && !self.inbox.is_over() {
            match self.poll_more(context) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(outcome) => return Poll::Ready(outcome.map(|_| ())),
                Poll::Pending => {
                    if !ready!(self.inbox.poll_patience(context)) {
                        break;
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Heads<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if self.inbox.goes_on() {
            // What follows was kept back until now, or there was time for it.
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    /// Who was refused may have more to send, and so may who was answered before the whole body had come. The
    /// kernel would answer that with a reset, which may overtake the refusal. So it is read for a while.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        if !self.inbox.end() {
            return Poll::Ready(Ok(()));
        }
        loop {
            // Which drops what has come.
            self.inbox.hand_on(&mut ReadBuf::new(&mut []));
            match self.poll_more(context) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return self.inbox.poll_deadline(context, LINGER).map(Ok),
            }
        }
    }
}
