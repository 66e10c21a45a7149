//! What has come on a connection, and how much of it is in order.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::time::{Sleep, sleep};

use super::chunks::{self, Chunks};
use super::head::{self, BodyLength, Fault, HEAD_MAX};
use super::refused::RefusedHead;
use super::talk::ConnectionTalk;

/// What a client is to send next.
#[derive(Debug)]
enum Awaited {
    Head,
    Body(BodyRest),
    /// Nothing that would be read.
    Nothing,
}

/// What of a body has not come yet.
#[derive(Debug)]
enum BodyRest {
    Bytes(u64),
    Chunks(Chunks),
}

impl From<BodyLength> for BodyRest {
    fn from(length: BodyLength) -> Self {
        match length {
            BodyLength::Bytes(count) => Self::Bytes(count),
            BodyLength::Chunked => Self::Chunks(Chunks::default()),
        }
    }
}

impl From<BodyRest> for Awaited {
    /// The rest of this body, or the next head if nothing is left of it.
    fn from(rest: BodyRest) -> Self {
        match rest {
            BodyRest::Bytes(0) | BodyRest::Chunks(Chunks::End) => Self::Head,
            rest => Self::Body(rest),
        }
    }
}

#[derive(Debug)]
pub(super) struct RequestInbox {
    pub(super) talk: Rc<ConnectionTalk>,
    /// For a head, from its first byte (or, of the first head, from the beginning of the connection), and for
    /// the rest of a body that was answered before it was all there.
    patience: Duration,
    unread: Vec<u8>,
    /// So many bytes of that are in order, and not handed on yet.
    sound: usize,
    next: Awaited,
    /// Whether there was a head.
    has_begun: bool,
    /// Whether a request was read, and its answer not noticed here yet.
    was_asked: bool,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl RequestInbox {
    pub(super) fn new(talk: Rc<ConnectionTalk>, patience: Duration) -> Self {
        Self {
            talk,
            patience,
            unread: Vec::new(),
            sound: 0,
            next: Awaited::Head,
            has_begun: false,
            was_asked: false,
            deadline: None,
        }
    }

    /// For how many more bytes there is room.
    pub(super) fn room(&self) -> usize {
        HEAD_MAX.saturating_sub(self.unread.len())
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// Hands on what is in order. False if that is nothing.
    pub(super) fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        self.judge();
        let count = self.sound.min(buffer.remaining());
        buffer.put_slice(&self.unread[..count]);
        self.unread.drain(..count);
        self.sound -= count;
        if self.unread.is_empty() {
            // Idle connections keep nothing.
            self.unread = Vec::new();
        }
        count > 0
    }

    /// Whether nothing is read any more, and all is answered.
    pub(super) fn is_over(&self) -> bool {
        self.ends() && !self.talk.is_asked()
    }

    /// Whether nothing is read any more.
    pub(super) fn ends(&self) -> bool {
        matches!(self.next, Awaited::Nothing)
    }

    /// The connection ends: what still comes of a body is dropped. Whether the client may be sending something
    /// that is not read.
    pub(super) fn end(&mut self) -> bool {
        if matches!(self.next, Awaited::Body(_)) {
            self.next = Awaited::Nothing;
            self.sound = 0;
            self.deadline = None;
        }
        self.ends()
    }

    /// Whether a request was answered since this was asked last, and there is something to do after it.
    pub(super) fn goes_on(&mut self) -> bool {
        let is_answered = self.was_asked && !self.talk.is_asked();
        self.was_asked &= !is_answered;
        is_answered && (!matches!(self.next, Awaited::Head) || !self.unread.is_empty())
    }

    /// Goes through what has come, as far as it is in order. Never further than the next request while one is
    /// being answered.
    fn judge(&mut self) {
        while self.sound < self.unread.len() {
            let rest = &self.unread[self.sound..];
            let (count, next) = match &mut self.next {
                Awaited::Head if self.talk.is_asked() => return,
                // actix would answer it all the same if the body before it came in chunks that were not wanted.
                Awaited::Head if self.has_begun && self.talk.ends() => (0, Awaited::Nothing),
                Awaited::Head => match head::judge(rest) {
                    Ok(None) => return,
                    Ok(Some((length, body))) => {
                        self.has_begun = true;
                        self.was_asked = true;
                        self.talk.ask();
                        (length, BodyRest::from(body).into())
                    }
                    Err(fault) => return self.refuse(fault),
                },
                Awaited::Body(BodyRest::Bytes(left)) => {
                    let count = chunks::pass(left, rest);
                    (count, BodyRest::Bytes(*left).into())
                }
                Awaited::Body(BodyRest::Chunks(chunks)) => match chunks.pass(rest) {
                    Ok(None) => return,
                    Ok(Some(count)) => (count, BodyRest::Chunks(*chunks).into()),
                    Err(_broken) => {
                        self.talk.break_body();
                        (0, Awaited::Nothing)
                    }
                },
                Awaited::Nothing => return self.unread.truncate(self.sound),
            };
            self.sound += count;
            self.next = next;
        }
    }

    /// Puts a request for the refusal in the place of what has come.
    fn refuse(&mut self, fault: Fault) {
        let head = self.unread.split_off(self.sound);
        let refused = RefusedHead::of(fault, &head);
        self.put(refused.stand_in(&head).as_bytes());
        self.sound = self.unread.len();
        self.next = Awaited::Nothing;
        self.was_asked = true;
        self.talk.refuse(refused);
    }

    /// Ready when the client has had its time. Whether there is something to hand on: that it was too slow.
    pub(super) fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let is_awaited = match self.next {
            Awaited::Head => !self.has_begun || !self.unread.is_empty(),
            Awaited::Body(_) => true,
            Awaited::Nothing => false,
        };
        if !is_awaited || self.talk.is_asked() {
            self.deadline = None;
            return Poll::Pending;
        }
        self.poll_deadline(context, self.patience).map(|()| {
            // What follows a part of a body would be read as more of it.
            let has_sent = matches!(self.next, Awaited::Head) && !self.unread.is_empty();
            if has_sent {
                self.refuse(head::SLOW);
            }
            has_sent
        })
    }

    /// Ready after so long, from the first time that nothing else was to be done.
    pub(super) fn poll_deadline(&mut self, context: &mut Context<'_>, limit: Duration) -> Poll<()> {
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        deadline.as_mut().poll(context)
    }
}
