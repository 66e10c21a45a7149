//! What a workload knows of the request that it computes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::interrupt::{Interrupt, Interrupted};
use super::record::{Change, Event, Recorded};
use super::series::{Point, Series};

/// A request while it is computed. Cheap to clone, for the threads that a workload may use.
///
/// The default one is for unit tests: nobody interrupts it, and it has no deadline.
#[derive(Debug, Clone, Default)]
pub struct Call {
    interrupt: Interrupt,
    request_id: String,
    deadline: Option<Instant>,
    recorded: Arc<Mutex<Recorded>>,
}

impl Call {
    /// For the request of this id, which may take so long from now on.
    pub(crate) fn new(request_id: String, limit: Duration) -> Self {
        Self {
            interrupt: Interrupt::default(),
            request_id,
            // None where it is too far away to have a date.
            deadline: Instant::now().checked_add(limit),
            recorded: Arc::default(),
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

    /// Adds to a counter of one's own, or to the part of it that [`Series::of`] names. Like the two below, it
    /// shows in `/metrics` when the computation is over. What cannot be done to a series, or is not declared in
    /// [`Workload::SERIES`](super::Workload::SERIES), is an error of the service, 500 for its caller.
    pub fn count<'a>(&self, counter: impl Into<Point<'a>>, by: f64) {
        self.record(counter.into(), Change::Counted(by));
    }

    /// Sets a gauge of one's own.
    pub fn set<'a>(&self, gauge: impl Into<Point<'a>>, to: f64) {
        self.record(gauge.into(), Change::Set(to));
    }

    /// Adds a value to a histogram of one's own.
    pub fn observe<'a>(&self, histogram: impl Into<Point<'a>>, value: f64) {
        let histogram = histogram.into();
        self.record(histogram, Change::observed(histogram.series, value));
    }

    fn record(&self, to: Point<'_>, change: Change) {
        self.recorded.lock().add(to, change);
    }

    /// What this call has recorded, for unit tests: the sum of what was counted or observed, or what was set
    /// last. None if nothing was.
    pub fn recorded<'a>(&self, of: impl Into<Point<'a>>) -> Option<f64> {
        self.recorded.lock().total(of.into())
    }

    /// What the workload, which has `declared` these, did to series that cannot be done.
    pub(crate) fn mistake(&self, declared: &[Series]) -> Option<String> {
        self.recorded.lock().mistake(declared)
    }

    /// Takes what was recorded.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.recorded.lock().take()
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
