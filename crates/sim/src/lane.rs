//! A lane as requests see it: the slots and the queue of `crates/onelane/src/gate/`, by the same rules.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::agenda::Try;
use crate::readings::Counters;
use crate::request::Wish;

#[derive(Debug)]
pub(crate) struct Lane {
    ready: Duration,
    free: usize,
    /// The oldest first; of those that are equally old, whichever arrived first in the trace.
    waiting: BTreeSet<(Duration, Try)>,
    /// Requests that were let in and went to another lane, less those that came from there. No newcomer
    /// gets such a place, at most a third of the queue, until a request comes in exchange: else each
    /// request that moves would let one more in.
    away: usize,
    /// When the slots in use were taken, summed up: with the time, what they have computed so far.
    busy: Duration,
    computing: usize,
    changed: Duration,
    /// How long requests have waited in its queue until `changed`, all together.
    waited: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Slot,
    Place,
    /// No place, which was not asked for.
    Busy,
    /// No place.
    Full,
}

impl Lane {
    pub(crate) fn new(slots: usize, ready: Duration) -> Self {
        Self {
            ready,
            free: slots,
            waiting: BTreeSet::new(),
            away: 0,
            busy: Duration::ZERO,
            computing: 0,
            changed: Duration::ZERO,
            waited: Duration::ZERO,
        }
    }

    pub(crate) fn enter(
        &mut self,
        now: Duration,
        arrived: Duration,
        visitor: Try,
        wish: Wish,
        queue_max: usize,
    ) -> Entry {
        if self.free > 0 {
            self.occupy(now);
            return Entry::Slot;
        }
        let taken = self.waiting.len() + self.away.min(queue_max / 3);
        match wish {
            Wish::Look => return Entry::Busy,
            Wish::Ask | Wish::Enter if taken >= queue_max => return Entry::Full,
            Wish::Ask => {
                self.away += 1;
                return Entry::Busy;
            }
            Wish::Enter => {}
            // It has had a place: to refuse it now would be late.
            Wish::Move => self.away = self.away.saturating_sub(1),
        }
        self.count(now);
        self.waiting.insert((arrived, visitor));
        Entry::Place
    }

    /// Gives the place in the queue up.
    pub(crate) fn leave(&mut self, now: Duration, arrived: Duration, visitor: Try) {
        self.count(now);
        self.waiting.remove(&(arrived, visitor));
    }

    /// The same, to get a place with another lane.
    pub(crate) fn leave_for_another(&mut self, now: Duration, arrived: Duration, visitor: Try) {
        self.leave(now, arrived, visitor);
        self.away += 1;
    }

    /// Frees a slot, and gives it to the request that waits longest.
    pub(crate) fn release(&mut self, now: Duration) -> Option<Try> {
        self.count(now);
        self.computing -= 1;
        self.free += 1;
        let Some((_, next)) = self.waiting.pop_first() else {
            self.away = 0;
            return None;
        };
        self.occupy(now);
        Some(next)
    }

    /// How long its slots have been in use until `now`, together.
    pub(crate) fn busy(&mut self, now: Duration) -> Duration {
        self.count(now);
        self.busy
    }

    /// Its metrics; none before it is ready.
    pub(crate) fn read(&mut self, now: Duration) -> Option<Counters> {
        (self.ready <= now).then(|| Counters {
            busy: self.busy(now),
            waited: self.waited,
        })
    }

    fn occupy(&mut self, now: Duration) {
        self.count(now);
        self.free -= 1;
        self.computing += 1;
    }

    fn count(&mut self, now: Duration) {
        let since = now.saturating_sub(self.changed);
        let times = |requests| since * u32::try_from(requests).expect("fewer than 2^32");
        self.busy += times(self.computing);
        self.waited += times(self.waiting.len());
        self.changed = now;
    }
}
