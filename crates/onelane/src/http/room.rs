//! Room for connections: how many there may be, and which one ends when there is none for the next.
//!
//! Silent clients keep no other out: when a place is wanted, the connection ends that has waited for
//! a request for the longest, be it the first one or another. What has a request is never ended; how many
//! of those there are is up to the gate.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::connection::Conversation;

/// How often a connection that waits for a place looks for one that could leave.
const PAUSE: Duration = Duration::from_millis(20);

/// The connections of a server.
#[derive(Debug)]
pub struct Room {
    max: usize,
    here: RefCell<Vec<Rc<Conversation>>>,
    /// Told when a connection ends.
    left: Notify,
}

impl Room {
    /// Room for `max` connections, and for a third more while others are about to leave.
    pub fn new(max: usize) -> Rc<Self> {
        Rc::new(Self {
            max,
            here: RefCell::default(),
            left: Notify::new(),
        })
    }

    /// Whether one more may come now.
    pub fn has_place(&self) -> bool {
        self.here.borrow().len() < self.max + self.max / 3
    }

    /// Tells one of them to leave, if one could.
    pub fn make_way(&self) {
        let here = self.here.borrow();
        let waiting = here.iter().filter_map(|it| Some((it.waits_since()?, it)));
        if let Some((_, longest)) = waiting.min_by_key(|(since, _)| *since) {
            longest.give_way();
        }
    }

    /// Returns when one more may come.
    pub async fn vacancy(&self) {
        while !self.has_place() {
            if timeout(PAUSE, self.left.notified()).await.is_err() {
                // Those who were at work may have nothing to do any more.
                self.make_way();
            }
        }
    }

    /// Takes a place, until what this returns is dropped. If that makes it too many, another one is told to leave.
    pub(super) fn enter(self: &Rc<Self>, conversation: &Rc<Conversation>) -> ConnectionPlace {
        if self.here.borrow().len() >= self.max {
            self.make_way();
        }
        self.here.borrow_mut().push(conversation.clone());
        ConnectionPlace {
            room: self.clone(),
            conversation: conversation.clone(),
        }
    }
}

/// The place of a connection.
pub(super) struct ConnectionPlace {
    room: Rc<Room>,
    conversation: Rc<Conversation>,
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let is_other = |it: &Rc<Conversation>| !Rc::ptr_eq(it, &self.conversation);
        self.room.here.borrow_mut().retain(is_other);
        self.room.left.notify_one();
    }
}
