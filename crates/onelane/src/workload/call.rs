//! What a workload knows of the request that it computes.

use std::time::{Duration, Instant};

use super::interrupt::{Interrupt, Interrupted};

/// A request while it is computed. Cheap to clone, for the threads that a workload may use.
///
/// The default one is for unit tests: nobody interrupts it, and it has no deadline.
#[derive(Debug, Clone, Default)]
pub struct Call {
    interrupt: Interrupt,
    request_id: String,
    deadline: Option<Instant>,
}

impl Call {
    /// For the request of this id, which may take so long from now on.
    pub(crate) fn new(request_id: String, limit: Duration) -> Self {
        Self {
            interrupt: Interrupt::default(),
            request_id,
            // None where it is too far away to have a date.
            deadline: Instant::now().checked_add(limit),
        }
    }

    /// Fails once the answer is not wanted any more: the client has left, or the time is over. One
    /// relaxed load: `benches/interrupt.rs` measures what it costs a loop.
    #[inline]
    pub fn check(&self) -> Result<(), Interrupted> {
        self.interrupt.check()
    }

    /// Sleeps without using CPU. Returns early, with the error, when the answer is not wanted any more.
    pub fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        self.interrupt.sleep(duration)
    }

    /// The time until the deadline: the `request_timeout`, or what the caller asked for with `X-Timeout`.
    /// None if there is none.
    pub fn remaining(&self) -> Option<Duration> {
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        self.deadline.map(left)
    }

    /// The `X-Request-Id` that the caller sent or got, for a log of one's own.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Has the next [`Self::check`] fail, as when the client leaves.
    pub fn interrupt(&self) {
        self.interrupt.raise();
    }

    /// The flag behind [`Self::check`].
    pub(crate) fn flag(&self) -> Interrupt {
        self.interrupt.clone()
    }
}
