//! What is going to happen, the soonest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Which request, by its place in the order of arrivals, and which of its tries. A request that has
/// moved on since is not meant any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Try {
    pub(crate) request: usize,
    pub(crate) number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// The next request of the trace comes to nginx.
    Arrival,
    /// A request comes to the lane that nginx chose.
    AtLane(Try),
    /// The lane must not hold it any longer.
    HoldEnds(Try),
    /// nginx learns that the lane is busy.
    Busy(Try),
    /// The lane is done with it.
    Computed(Try),
    /// nginx has its answer.
    Answered(Try),
    /// The client has waited long enough.
    ClientLeaves(usize),
    /// metrics-server or Prometheus reads what the lanes did.
    Scrape,
    /// The autoscaler looks.
    Look,
    /// nginx learns of a new lane.
    Known(usize),
    /// nginx learns that a lane is gone.
    Gone(usize),
}

#[derive(Debug, Default)]
pub(crate) struct Agenda {
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    entries: u64,
}

impl Agenda {
    /// Of events at the same time, those come first that were entered first.
    pub(crate) fn enter(&mut self, at: Duration, event: Event) {
        self.events.push(Reverse((at, self.entries, event)));
        self.entries += 1;
    }

    pub(crate) fn next(&mut self) -> Option<(Duration, Event)> {
        let Reverse((at, _, event)) = self.events.pop()?;
        Some((at, event))
    }
}
