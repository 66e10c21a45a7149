//! How far a request has come: what its handler tells its observer.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::{HttpMessage, HttpRequest};

/// How far a request has come; its handler writes, the observer reads.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// From its arrival to its slot.
    pub(super) queue: Cell<Option<Duration>>,
    /// When it got its slot.
    pub(super) slot_since: Cell<Option<Instant>>,
    /// Which slot that is, and when the computation began there.
    pub(super) compute_since: Cell<Option<(usize, Instant)>>,
    /// On its slot.
    pub(super) compute: Cell<Option<Duration>>,
    /// How long its answer may take on its way to the client, from its head on.
    pub(super) send_limit: Cell<Option<Duration>>,
    /// Why its body ends too early, which the status no longer tells.
    pub(super) broken: Cell<Option<&'static str>>,
}

impl Progress {
    /// The progress of an observed request.
    pub(super) fn of(request: &HttpRequest) -> Rc<Self> {
        let extensions = request.extensions();
        extensions.get::<Rc<Self>>().cloned().unwrap_or_default()
    }
}
