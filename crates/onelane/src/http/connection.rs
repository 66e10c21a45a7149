//! One connection, between the socket and what parses requests. It knows whether a request of it is being
//! answered, so that a lane that leaves can close it without losing the next one.
//!
//! A balancer keeps connections and may be writing on one at the very moment this end closes it. What was
//! sent and never answered it may not send again, unless it is a GET. So a lane that leaves answers
//! *before* it is asked: it writes "busy, and this connection ends" on each idle connection of a balancer,
//! and waits until that closes it. A balancer that sends nothing sees bytes that it did not ask for and
//! closes its end. One that was sending takes them for its answer and goes to another lane. Whatever it
//! sends is read, because the kernel would answer unread bytes with a reset; then it is thrown away.

use std::cell::Cell;
use std::future::pending;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use actix_web::http::header::HeaderMap;
use rustix::net::{RecvFlags, recv};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::ahead::Ahead;
use crate::heads::ConnectionTalk;

/// What a busy lane says (`Problem::Busy`), without being asked. nginx asks again from the start of the
/// next round, also for a request with a large body.
const FAREWELL: &[u8] =
    b"HTTP/1.1 403 Forbidden\r\nX-Lane-Busy: 1\r\nX-Accel-Redirect: @next_lane\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";

/// How often a connection of a lane that leaves is looked at.
const TICK: Duration = Duration::from_millis(100);

/// After so many looks without a request the other end has had its time: to close, or to begin one.
const TICKS_MAX: u32 = 10;

/// Whose turn it is to say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The other end has yet to send a whole head.
    Theirs,
    /// A request is being answered.
    Ours,
    /// Every request has its answer. `of_balancer` says who sent the last one.
    Idle { of_balancer: bool },
    /// This end has said farewell. No request is answered any more.
    Over,
}

/// Whether this end wants to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    Stays,
    Leaves,
    /// The place of this connection is wanted.
    GivesWay,
    /// The other end has had its time, too.
    Left,
}

/// What is known of a connection, and shared by those who serve it.
#[derive(Debug)]
pub(super) struct Conversation {
    turn: Cell<Turn>,
    stay: Cell<Stay>,
    /// Since when it is the turn of the other end.
    since: Cell<Instant>,
    /// Told when this connection is to give way.
    unwanted: Notify,
    /// Of the request that is being answered.
    ahead: Ahead,
    /// Whether its answer is there, and keeps no slot.
    is_answered: Cell<bool>,
    pub(super) talk: Rc<ConnectionTalk>,
}

impl Conversation {
    /// A connection on which nothing was said. `keeps` tells whether it is for more than one request.
    pub(super) fn begin(keeps: bool) -> Rc<Self> {
        Rc::new(Self {
            turn: Cell::new(Turn::Theirs),
            stay: Cell::new(Stay::Stays),
            since: Cell::new(Instant::now()),
            unwanted: Notify::new(),
            ahead: Ahead::default(),
            is_answered: Cell::new(false),
            talk: ConnectionTalk::begin(keeps),
        })
    }

    /// Since when this end waits for a request, or for a client that does not take its answer. None while a
    /// request is to be answered, or when the connection ends anyway.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        (!self.is_at_work() && !self.leaves()).then(|| self.since.get())
    }

    fn is_at_work(&self) -> bool {
        self.turn.get() == Turn::Ours && !self.is_answered.get()
    }

    /// The answer is there, and keeps no slot: how long it takes is up to the client.
    pub(super) fn hand_over(&self) {
        self.is_answered.set(true);
        self.since.set(Instant::now());
    }

    /// Has the connection end for another one.
    pub(super) fn give_way(&self) {
        self.stay.set(Stay::GivesWay);
        self.unwanted.notify_one();
    }

    /// The handler wants the body of the request that is being answered.
    pub(super) fn want_body(&self) {
        self.ahead.want();
    }

    /// Has the connection end soon after `leaving` says so, or its place is wanted. It ends by itself, as a rule.
    /// Returns when its place is wanted and the other end has had its time.
    pub(super) async fn end_after(&self, mut leaving: watch::Receiver<bool>) {
        let leaves = tokio::select! {
            leaving = leaving.wait_for(|leaving| *leaving) => leaving.is_ok(),
            () = self.unwanted.notified() => true,
        };
        if leaves {
            if !self.leaves() {
                self.stay.set(Stay::Leaves);
            }
            let mut ticks = 0;
            while ticks < TICKS_MAX {
                sleep(TICK).await;
                let is_at_work = match self.stay.get() {
                    Stay::GivesWay => self.is_at_work(),
                    _ => self.turn.get() == Turn::Ours,
                };
                ticks = if is_at_work { 0 } else { ticks + 1 };
            }
            if self.stay.replace(Stay::Left) == Stay::GivesWay {
                return;
            }
        }
        pending::<()>().await;
    }

    pub(super) fn leaves(&self) -> bool {
        self.stay.get() != Stay::Stays
    }
}

/// A request of a connection, until the last byte of its answer.
#[derive(Debug)]
pub(super) struct Exchange {
    conversation: Option<Rc<Conversation>>,
    of_balancer: bool,
}

impl Exchange {
    pub(super) fn begin(
        conversation: Option<&Rc<Conversation>>,
        head: &HeaderMap,
        of_balancer: bool,
    ) -> Self {
        if let Some(conversation) = conversation {
            conversation.turn.set(Turn::Ours);
            conversation.is_answered.set(false);
            conversation.ahead.begin(head);
        }
        Self {
            conversation: conversation.cloned(),
            of_balancer,
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(conversation) = &self.conversation {
            let of_balancer = self.of_balancer;
            conversation.turn.set(Turn::Idle { of_balancer });
            conversation.since.set(Instant::now());
            conversation.talk.end_answer();
        }
    }
}

/// The stream of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    conversation: Rc<Conversation>,
    /// Whether the kernel has all that was written so far.
    flushed: bool,
    /// Whether actix has not taken yet what was read, and there may be more.
    is_fresh: bool,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, conversation: Rc<Conversation>) -> Self {
        Self {
            stream,
            conversation,
            flushed: true,
            is_fresh: false,
        }
    }

    pub(super) fn conversation(&self) -> Rc<Conversation> {
        self.conversation.clone()
    }

    /// Ready if this is the end of a connection on which nothing has come.
    fn leave(&mut self) -> Poll<io::Result<()>> {
        let stay = self.conversation.stay.get();
        let has_left = stay == Stay::Left;
        match self.conversation.turn.get() {
            Turn::Ours => Poll::Pending,
            Turn::Idle { of_balancer: false } if self.flushed => Poll::Ready(Ok(())),
            Turn::Idle { of_balancer: true } if self.flushed => {
                self.conversation.turn.set(Turn::Over);
                self.say_farewell()
            }
            _ if has_left => Poll::Ready(Ok(())),
            Turn::Theirs if stay == Stay::GivesWay && !self.has_sent() => Poll::Ready(Ok(())),
            // At every look and to whatever came: nginx overlooks what it reads together with an answer that
            // has no body, keeps the connection, and waits for an answer to what it sends.
            Turn::Over => self.say_farewell(),
            Turn::Theirs | Turn::Idle { .. } => Poll::Pending,
        }
    }

    /// Whether there is something to read. Of a new connection that is known later: it has to be asked for.
    fn has_sent(&self) -> bool {
        recv(&self.stream, &mut [0; 1], RecvFlags::PEEK).is_ok()
    }

    /// Ready if that is no use: the other end does not read.
    fn say_farewell(&mut self) -> Poll<io::Result<()>> {
        match self.stream.try_write(FAREWELL) {
            Ok(written) if written == FAREWELL.len() => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Reads a piece of what there is, if actix may have it.
    fn read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let ahead = &self.conversation.ahead;
        let room = match self.conversation.turn.get() {
            Turn::Ours => ready!(ahead.poll_room(context)),
            _ => usize::MAX,
        };
        let room = room.min(buffer.remaining());
        let mut piece = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
        let count = piece.filled().len();
        buffer.advance(count);
        if self.conversation.turn.get() == Turn::Ours {
            ahead.read(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what is of no interest any more. Ready at the end of it.
    fn discard(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 1024];
        loop {
            let mut unread = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut unread))?;
            if unread.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncRead for Connection {
    /// Without a byte, this is the end of the connection.
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if mem::take(&mut this.is_fresh) {
            // actix would first take all that there is.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let turn = this.conversation.turn.get();
        let read = if turn == Turn::Over {
            this.discard(context)
        } else {
            let before = buffer.filled().len();
            let read = this.read(context, buffer);
            let has_come = buffer.filled().len() > before;
            // Else the kernel has no more.
            this.is_fresh = has_come && buffer.remaining() == 0;
            if has_come && turn != Turn::Ours {
                this.conversation.turn.set(Turn::Theirs);
            }
            read
        };
        if read.is_pending() && this.conversation.leaves() {
            return this.leave();
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.flushed = false;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.flushed = true;
        if self.conversation.leaves() && matches!(self.conversation.turn.get(), Turn::Idle { .. }) {
            // Idle only now: it is left at the next attempt to read.
            context.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
