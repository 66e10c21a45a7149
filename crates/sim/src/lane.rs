//! A lane as requests see it: the slots and the queue of `crates/onelane/src/gate/`, by the same rules.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::agenda::Try;

#[derive(Debug)]
pub(crate) struct Lane {
    free: usize,
    /// The oldest first; of those that are equally old, whichever arrived first in the trace.
    waiting: BTreeSet<(Duration, Try)>,
    /// When the slots in use were taken, summed up: with the time, what they have computed so far.
    busy: Duration,
    computing: usize,
    changed: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Slot,
    Place,
    Full,
}

impl Lane {
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            free: slots,
            waiting: BTreeSet::new(),
            busy: Duration::ZERO,
            computing: 0,
            changed: Duration::ZERO,
        }
    }

    pub(crate) fn enter(
        &mut self,
        now: Duration,
        arrived: Duration,
        visitor: Try,
        queue_max: usize,
    ) -> Entry {
        if self.free > 0 {
            self.occupy(now);
            return Entry::Slot;
        }
        // A full queue is full for the youngest only.
        if self.waiting.len() >= queue_max
            && (self.waiting.last()).is_none_or(|(youngest, _)| *youngest <= arrived)
        {
            return Entry::Full;
        }
        self.waiting.insert((arrived, visitor));
        Entry::Place
    }

    /// Gives the place in the queue up.
    pub(crate) fn leave(&mut self, arrived: Duration, visitor: Try) {
        self.waiting.remove(&(arrived, visitor));
    }

    /// Frees a slot, and gives it to whoever waits longest.
    pub(crate) fn release(&mut self, now: Duration) -> Option<Try> {
        self.count(now);
        self.computing -= 1;
        self.free += 1;
        let (_, next) = self.waiting.pop_first()?;
        self.occupy(now);
        Some(next)
    }

    /// How long its slots have been in use until `now`, together.
    pub(crate) fn busy(&mut self, now: Duration) -> Duration {
        self.count(now);
        self.busy
    }

    fn occupy(&mut self, now: Duration) {
        self.count(now);
        self.free -= 1;
        self.computing += 1;
    }

    fn count(&mut self, now: Duration) {
        let slots = u32::try_from(self.computing).expect("fewer lanes than 2^32");
        self.busy += now.saturating_sub(self.changed) * slots;
        self.changed = now;
    }
}
