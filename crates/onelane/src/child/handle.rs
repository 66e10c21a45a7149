//! One child, as the executor that gives it work sees it.

use std::io::{self, ErrorKind};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::pipe::Pipe;
use super::{Exit, Lost, Nursery};
use crate::ipc::{self, Inbox};
use crate::roster::{Cause, Usage};

/// What became of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The errno says why.
    NotStarted(i32),
    Gone(Exit),
}

/// A child that was ordered. When this is dropped, it is killed with everything it has started.
#[derive(Debug)]
pub struct Child {
    id: u64,
    nursery: Nursery,
    jobs: Pipe,
    answers: Pipe,
    inbox: Inbox,
    fate: oneshot::Receiver<Fate>,
    cause_of_end: Cause,
}

impl Child {
    pub(super) fn new(
        id: u64,
        nursery: Nursery,
        jobs: Pipe,
        answers: Pipe,
        fate: oneshot::Receiver<Fate>,
    ) -> Self {
        Self {
            id,
            nursery,
            jobs,
            answers,
            inbox: Inbox::default(),
            fate,
            cause_of_end: Cause::Cancelled,
        }
    }

    /// Notes which request the child works for now.
    pub fn occupy(&self, slot: usize, request_id: &str) {
        self.nursery.roster().busy(self.id, slot, request_id);
    }

    /// Notes that the child is idle. `used` is what it has used in its whole life.
    pub fn vacate(&self, used: Usage) {
        self.nursery.roster().idle(self.id, used);
    }

    /// Ends the child because of `cause`. A child that is just dropped counts as cancelled.
    pub fn end(mut self, cause: Cause) {
        self.cause_of_end = cause;
    }

    /// Looks at an idle child: why it can be used no more, or none if it can.
    pub fn fault(&mut self) -> Option<Cause> {
        if self.fate.try_recv() != Err(TryRecvError::Empty) {
            return Some(Cause::Crashed);
        }
        match (self.inbox.is_empty(), self.answers.read_now(&mut [0])) {
            (true, Err(err)) if err.kind() == ErrorKind::WouldBlock => None,
            (true, Err(_) | Ok(0)) => Some(Cause::Crashed),
            // It sent something without being asked. That would be taken for its next answer.
            _ => Some(Cause::Garbled),
        }
    }

    /// Sends a message and waits for the answer. After an error, or if the future is dropped, the child
    /// must not be used again.
    pub async fn ask<T: DeserializeOwned>(&mut self, question: &impl Serialize) -> Result<T, Lost> {
        let Self {
            jobs,
            answers,
            inbox,
            fate,
            ..
        } = self;
        let conversation = async {
            jobs.write_all(&ipc::frame(question)?).await?;
            receive(answers, inbox).await
        };
        let fate = tokio::select! {
            biased;
            outcome = conversation => match outcome {
                Ok(Some(answer)) => return Ok(answer),
                Err(err) if err.kind() == ErrorKind::InvalidData => return Err(Lost::Garbled(err)),
                // It closed its end: it is about to end, or was never started.
                Ok(None) | Err(_) => fate.await,
            },
            fate = &mut *fate => {
                // The child may have answered before it ended. Its answer is read without waiting: a
                // process that it left behind may keep the pipe open.
                if let Ok(Some(answer)) = inbox.read(&mut &*answers) {
                    return Ok(answer);
                }
                fate
            }
        };
        Err(match fate {
            Ok(Fate::NotStarted(errno)) => Lost::NotStarted(io::Error::from_raw_os_error(errno)),
            Ok(Fate::Gone(exit)) => Lost::Ended(exit),
            Err(_) => unreachable!("every child that was ordered has a fate, told once"),
        })
    }
}

async fn receive<T: DeserializeOwned>(answers: &Pipe, inbox: &mut Inbox) -> io::Result<Option<T>> {
    let mut chunk = [0; 4096];
    loop {
        if let Some(message) = inbox.take()? {
            return Ok(Some(message));
        }
        match answers.read(&mut chunk).await? {
            0 => return Ok(None),
            count => inbox.extend(&chunk[..count]),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.nursery.kill(self.id, self.cause_of_end);
    }
}
