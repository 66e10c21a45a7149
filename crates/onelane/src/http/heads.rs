//! A connection as actix gets it: one request after the other, and of each nothing but what is in order.
//!
//! actix answers whatever it cannot read with an empty 400 or 431 of its own, below everything that counts,
//! logs and labels. So a head that it would not take never reaches it. Another one takes its place, which asks
//! for nothing but the refusal, and goes the way of every request. After it, nothing that this client sends
//! is read as a request any more.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::http::Method;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::chunks::Chunks;
use super::connection::{Connection, Conversation};
use super::head::{self, Body, Fault, HEAD_MAX};
use super::headers::{X_REQUEST_ID, is_sane_id};

/// How much is read at once.
const PIECE_BYTES: usize = 4096;

/// How much of a line that is no request is logged.
const LOGGED_BYTES: usize = 256;

/// What this client is to send next.
#[derive(Debug)]
enum Next {
    Head,
    Body(Body),
    /// Nothing that would be read.
    Nothing,
}

/// A head that is answered with this problem, as far as it can be read.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) fault: Fault,
    pub(super) method: Method,
    pub(super) target: String,
}

impl Refused {
    fn of(fault: Fault, head: &[u8]) -> Self {
        let line = head.trim_ascii_start();
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let mut words = line.trim_ascii_end().splitn(2, |byte| *byte == b' ');
        let method = Method::from_bytes(words.next().unwrap_or_default()).ok();
        // The whole line, if it does not begin with a method.
        let target = match method {
            Some(_) => words.next().unwrap_or_default(),
            None => line,
        };
        let version = target.windows(6).rposition(|bytes| bytes == b" HTTP/");
        let target = &target[..version.unwrap_or(target.len()).min(LOGGED_BYTES)];
        Self {
            fault,
            target: target.escape_ascii().to_string(),
            method: method.unwrap_or_else(|| Method::from_bytes(b"-").expect("it is a token")),
        }
    }

    /// The head that asks for this refusal. It has the name that the caller gave its request.
    fn stand_in(&self, head: &[u8]) -> Vec<u8> {
        // The answer to HEAD has no body, either.
        let method = if self.method == Method::HEAD {
            "HEAD"
        } else {
            "GET"
        };
        let id = head.split(|byte| *byte == b'\n').find_map(|line| {
            let (name, value) = str::from_utf8(line).ok()?.split_once(':')?;
            let id = value.trim();
            (name.eq_ignore_ascii_case(X_REQUEST_ID) && is_sane_id(id)).then_some(id)
        });
        let id = id.map_or_else(String::new, |id| format!("{X_REQUEST_ID}: {id}\r\n"));
        format!("{method} * HTTP/1.1\r\nHost:\r\nConnection: close\r\n{id}\r\n").into_bytes()
    }
}

/// The stream that actix reads.
#[derive(Debug)]
pub(super) struct Heads {
    connection: Connection,
    conversation: Rc<Conversation>,
    /// For a head, from the first byte of it (or, of the first head, from the beginning of the connection),
    /// and for the rest of a body that was answered before it was all there.
    patience: Duration,
    /// How long somebody may send who is refused.
    linger: Duration,
    /// What has come and was not handed on.
    unread: Vec<u8>,
    /// So many bytes of that are in order.
    sound: usize,
    next: Next,
    /// Whether there was a head.
    has_begun: bool,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Heads {
    pub(super) fn new(connection: Connection, patience: Duration, linger: Duration) -> Self {
        Self {
            conversation: connection.conversation(),
            connection,
            patience,
            linger,
            unread: Vec::new(),
            sound: 0,
            next: Next::Head,
            has_begun: false,
            deadline: None,
        }
    }

    pub(super) fn conversation(&self) -> Rc<Conversation> {
        self.conversation.clone()
    }

    /// Goes through what has come, as far as it is in order. Never further than the next request while one is
    /// being answered.
    fn judge(&mut self) {
        while self.sound < self.unread.len() {
            let rest = &self.unread[self.sound..];
            let (count, next) = match &mut self.next {
                Next::Head if self.conversation.is_ours() => return,
                Next::Head => match head::judge(rest) {
                    Ok(None) => return self.conversation.hear(),
                    Ok(Some((length, body))) => {
                        self.has_begun = true;
                        self.conversation.begin_answer();
                        (length, body.into())
                    }
                    Err(fault) => return self.refuse(fault),
                },
                Next::Body(Body::Length(left)) => {
                    let count =
                        usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    (count, Body::Length(*left - count as u64).into())
                }
                Next::Body(Body::Chunks(chunks)) => match chunks.pass(rest) {
                    Ok(None) => return self.conversation.hear(),
                    Ok(Some(count)) => (count, Body::Chunks(*chunks).into()),
                    Err(_broken) => {
                        self.conversation.break_body();
                        self.next = Next::Nothing;
                        continue;
                    }
                },
                Next::Nothing => return self.unread.truncate(self.sound),
            };
            self.sound += count;
            self.next = next;
        }
    }

    /// Puts a request for the refusal in the place of what has come.
    fn refuse(&mut self, fault: Fault) {
        let head = self.unread.split_off(self.sound);
        let refused = Refused::of(fault, &head);
        self.unread.extend(refused.stand_in(&head));
        self.sound = self.unread.len();
        self.next = Next::Nothing;
        self.conversation.refuse(refused);
    }

    /// Ready with how many bytes have come, 0 at the end.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut bytes = [0; PIECE_BYTES];
        let room = PIECE_BYTES.min(HEAD_MAX.saturating_sub(self.unread.len()));
        if room == 0 {
            // The next requests of a client that does not wait for its answer. It is woken by that.
            return Poll::Pending;
        }
        let mut bytes = ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(&mut self.connection).poll_read(context, &mut bytes))?;
        self.unread.extend_from_slice(bytes.filled());
        Poll::Ready(Ok(bytes.filled().len()))
    }

    /// Ready when this client has had its time.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let is_awaited = match self.next {
            Next::Head => !self.has_begun || !self.unread.is_empty(),
            Next::Body(_) => true,
            Next::Nothing => false,
        };
        if !is_awaited || self.conversation.is_ours() {
            self.deadline = None;
            return Poll::Pending;
        }
        self.conversation.hear();
        let patience = self.patience;
        self.poll_deadline(context, patience)
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>, limit: Duration) -> Poll<()> {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        deadline.as_mut().poll(context)
    }
}

impl From<Body> for Next {
    /// This body, or the next head if nothing is left of it.
    fn from(body: Body) -> Self {
        match body {
            Body::Length(0) | Body::Chunks(Chunks::End) => Self::Head,
            body => Self::Body(body),
        }
    }
}

impl AsyncRead for Heads {
    /// Without a byte, this is the end of the connection.
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            this.judge();
            if this.sound > 0 {
                let count = this.sound.min(buffer.remaining());
                buffer.put_slice(&this.unread[..count]);
                this.unread.drain(..count);
                this.sound -= count;
                if this.unread.is_empty() {
                    // Idle connections keep nothing.
                    this.unread = Vec::new();
                }
                return Poll::Ready(Ok(()));
            }
            if matches!(this.next, Next::Nothing) && !this.conversation.is_ours() {
                this.conversation.hear();
                return Poll::Ready(Ok(()));
            }
            match this.poll_more(context) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(err)) => return Poll::Ready(Err(err)),
                Poll::Pending => {
                    ready!(this.poll_patience(context));
                    if this.unread.is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                    this.refuse(head::SLOW);
                }
            }
        }
    }
}

impl AsyncWrite for Heads {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.connection).poll_flush(context))?;
        let goes_on = !matches!(self.next, Next::Head) || !self.unread.is_empty();
        if self.conversation.is_idle() && goes_on {
            // What follows was kept back until now, or there was time for it.
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    /// Who was refused may have more to send. The kernel would answer that with a reset, which may overtake
    /// the refusal. So it is read for a while.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.connection).poll_shutdown(context))?;
        self.conversation.hear();
        if !matches!(self.next, Next::Nothing) {
            return Poll::Ready(Ok(()));
        }
        loop {
            self.unread.clear();
            match self.poll_more(context) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let linger = self.linger;
                    return self.poll_deadline(context, linger).map(Ok);
                }
            }
        }
    }
}
