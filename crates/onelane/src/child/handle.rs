//! One child, as the executor that gives it work sees it.

use std::future::pending;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::ChildLost;
use super::orders::{Fate, Orders};
use super::pipe::Pipe;
use crate::ipc::{self, MessageInbox};
use crate::roster::{Cause, ProgramNews, Usage};

/// A child that was ordered. When this is dropped, it is killed with everything it has started.
#[derive(Debug)]
pub struct ChildHandle {
    id: u64,
    orders: Arc<Orders>,
    jobs: Pipe,
    answers: Pipe,
    inbox: MessageInbox,
    birth: oneshot::Receiver<()>,
    life: Life,
    cause_of_end: Cause,
}

/// Whether the child has ended, as far as its handle has heard.
#[derive(Debug)]
enum Life {
    Going(oneshot::Receiver<Fate>),
    Over(Fate),
}

impl Life {
    /// Waits for the end.
    async fn end(&mut self) -> Fate {
        if let Self::Going(fate) = self {
            let fate = fate.await;
            *self = Self::Over(fate.expect("every child that was ordered has a fate, told once"));
        }
        match self {
            Self::Over(fate) => *fate,
            Self::Going(_) => unreachable!("it has just ended"),
        }
    }

    fn is_over(&mut self) -> bool {
        match self {
            Self::Going(fate) => fate.try_recv() != Err(TryRecvError::Empty),
            Self::Over(_) => true,
        }
    }
}

impl ChildHandle {
    pub(super) fn new(
        id: u64,
        orders: Arc<Orders>,
        (jobs, answers): (Pipe, Pipe),
        birth: oneshot::Receiver<()>,
        fate: oneshot::Receiver<Fate>,
    ) -> Self {
        Self {
            birth,
            id,
            orders,
            jobs,
            answers,
            inbox: MessageInbox::default(),
            life: Life::Going(fate),
            cause_of_end: Cause::Cancelled,
        }
    }

    /// Keeps this until the child is gone, which may be later than its handle.
    pub fn keep(&self, kept: impl Send + 'static) {
        self.orders.keep(self.id, kept);
    }

    /// Notes which request the child works for now.
    pub fn occupy(&self, slot: usize, request_id: &str) {
        self.orders.roster.busy(self.id, slot, request_id);
    }

    /// Notes that the child is idle. `used` is what it has used in its whole life.
    pub fn vacate(&self, used: Usage) {
        self.orders.roster.idle(self.id, used);
    }

    /// Notes what became of programs that stay, and that the child has started.
    pub fn tell_of(&self, news: &[ProgramNews]) {
        for news in news {
            self.orders.roster.hear(Some(self.id), news.clone());
        }
    }

    /// For a child that has completed its only job, and ends by itself. What is kept for it is dropped as soon as its
    /// memory is free. That is when the kernel closes its files, before it is reaped.
    pub async fn complete(mut self) {
        self.orders.end(self.id, Cause::Completed);
        let Self { answers, life, .. } = &mut self;
        while let Err(err) = answers.read_now(&mut [0]) {
            if err.kind() != ErrorKind::WouldBlock || life.is_over() {
                break;
            }
            let closed = async {
                if answers.readable().await.is_err() {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                () = closed => {}
                _ = life.end() => {}
            }
        }
        self.orders.keep(self.id, ());
    }

    /// Ends the child because of `cause`. A child that is just dropped counts as cancelled.
    pub fn end(mut self, cause: Cause) {
        self.cause_of_end = cause;
    }

    /// Looks at an idle child: why it can be used no more, or none if it can.
    pub fn fault(&mut self) -> Option<Cause> {
        if self.life.is_over() {
            return Some(Cause::Crashed);
        }
        match (self.inbox.is_empty(), self.answers.read_now(&mut [0])) {
            (true, Err(err)) if err.kind() == ErrorKind::WouldBlock => None,
            (true, Err(_) | Ok(0)) => Some(Cause::Crashed),
            // It sent something without being asked. That would be taken for its next answer.
            _ => Some(Cause::Garbled),
        }
    }

    /// Waits until the fork server has told of the child, which can be after the child's own first word. From
    /// then on only the child has its ends of the pipes, and their end is its end.
    pub async fn born(&mut self) {
        // An error is the end of a child that was never born, which its next word tells.
        (&mut self.birth).await.ok();
    }

    /// Sends a message with the bytes that belong to it, and waits for what the child says, which has these
    /// bytes alone meanwhile. After an error, or if the future is dropped, the child must not be used again.
    pub async fn ask<T: DeserializeOwned>(
        &mut self,
        question: &impl Serialize,
        bytes: Bytes,
    ) -> Result<T, ChildLost> {
        let framed = ipc::frame_with(question, &bytes);
        let (frame, rest) = framed.map_err(ChildLost::NotStarted)?;
        let Self { jobs, life, .. } = self;
        ipc::widen_for(rest.len(), &*jobs);
        let write = async {
            jobs.write_all(&frame).await?;
            jobs.write_all(rest).await
        };
        // If this fails, the child is about to end, or was never started; it may have answered all the same.
        tokio::select! {
            biased;
            _ = write => {}
            _ = life.end() => {}
        }
        drop(bytes);
        self.hear().await
    }

    /// Waits for the next message.
    pub async fn hear<T: DeserializeOwned>(&mut self) -> Result<T, ChildLost> {
        loop {
            if let Some(message) = self.inbox.take().map_err(ChildLost::Garbled)? {
                return Ok(message);
            }
            self.listen(0).await?;
        }
    }

    /// Waits for bytes that follow a message: one at least, and not more than `most`.
    pub async fn bytes(&mut self, most: u64) -> Result<Bytes, ChildLost> {
        loop {
            if let Some(bytes) = self.inbox.take_bytes(most) {
                return Ok(bytes);
            }
            self.listen(most).await?;
        }
    }

    /// Waits until the inbox has more in it. So many bytes of a body are to come.
    async fn listen(&mut self, of_body: u64) -> Result<(), ChildLost> {
        let Self {
            answers,
            inbox,
            life,
            ..
        } = self;
        let mut has_ended = false;
        loop {
            match inbox.fill_with_body(of_body, &mut &*answers) {
                Ok(count) if count > 0 => return Ok(()),
                Err(err) if err.kind() == ErrorKind::WouldBlock && !has_ended => {}
                // It closed its end: it is about to end, or was never started.
                Ok(_) | Err(_) => break,
            }
            tokio::select! {
                biased;
                readable = answers.readable() => has_ended = readable.is_err(),
                // The child may have answered before it ended. That is read without waiting: a process
                // that it left behind may keep the pipe open.
                _ = life.end() => has_ended = true,
            }
        }
        Err(match life.end().await {
            Fate::NotStarted(errno) => ChildLost::NotStarted(io::Error::from_raw_os_error(errno)),
            Fate::Gone(exit) => ChildLost::Ended(exit),
        })
    }
}

impl Drop for ChildHandle {
    fn drop(&mut self) {
        self.orders.end(self.id, self.cause_of_end);
    }
}
