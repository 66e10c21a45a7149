//! What the reader of a connection and the handlers of its requests tell each other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Notify;

use super::refused::RefusedHead;

/// Of one connection.
#[derive(Debug, Default)]
pub struct ConnectionTalk {
    /// Whether a request was read that is not answered yet.
    asked: Cell<bool>,
    /// Instead of that request.
    refused: RefCell<Option<RefusedHead>>,
    /// Told when the body of that request does not go on.
    broken: Notify,
    /// Whether no request is read any more but the one that is being answered, or the first.
    ends: Cell<bool>,
}

impl ConnectionTalk {
    /// A connection on which nothing was said. `keeps` tells whether it is for more than one request.
    pub fn begin(keeps: bool) -> Rc<Self> {
        let talk = Self::default();
        talk.ends.set(!keeps);
        Rc::new(talk)
    }

    /// Whether a request was read that is not answered yet.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.get()
    }

    /// A head has come.
    pub(super) fn ask(&self) {
        self.asked.set(true);
    }

    /// One has come that is to be refused.
    pub(super) fn refuse(&self, refused: RefusedHead) {
        self.ask();
        self.end();
        self.refused.replace(Some(refused));
    }

    /// What the request that begins now stands for.
    pub fn take_refused(&self) -> Option<RefusedHead> {
        self.refused.take()
    }

    /// The body of the request cannot be read any further.
    pub(super) fn break_body(&self) {
        self.end();
        self.broken.notify_one();
    }

    /// Returns when that has happened.
    pub async fn broken(&self) {
        self.broken.notified().await;
    }

    /// The answer that is given now is the last one, whatever follows its request.
    pub fn end(&self) {
        self.ends.set(true);
    }

    /// Whether the answer that is given now is the last one.
    pub fn ends(&self) -> bool {
        self.ends.get()
    }

    /// The request has its answer, or needs none any more.
    pub fn end_answer(&self) {
        self.asked.set(false);
    }
}
