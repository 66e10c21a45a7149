//! One slot: who holds it, and what it has served.

use std::time::{Duration, Instant};

use super::snapshot::{HolderSnapshot, SlotSnapshot};

#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) holder: Option<Holder>,
    pub(super) served: u64,
    pub(super) busy: Duration,
}

#[derive(Debug)]
pub(super) struct Holder {
    pub(super) request_id: String,
    pub(super) since: Instant,
    pub(super) due: Option<Instant>,
}

impl Slot {
    /// Gives it to a request.
    pub(super) fn occupy(&mut self, request_id: String) {
        self.holder = Some(Holder {
            request_id,
            since: Instant::now(),
            due: None,
        });
    }

    /// How long its holder has held it.
    pub(super) fn age(&self) -> Option<Duration> {
        Some(self.holder.as_ref()?.since.elapsed())
    }

    /// The slot at this moment.
    pub(super) fn snapshot(&self, now: Instant) -> SlotSnapshot {
        let holder = self.holder.as_ref().map(|holder| HolderSnapshot {
            request_id: holder.request_id.clone(),
            age: now.saturating_duration_since(holder.since),
            overdue: holder
                .due
                .map_or(Duration::ZERO, |due| now.saturating_duration_since(due)),
        });
        SlotSnapshot {
            served: self.served,
            busy: self.busy + holder.as_ref().map_or(Duration::ZERO, |holder| holder.age),
            holder,
        }
    }
}
