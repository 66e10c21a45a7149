//! A gate at one moment, for those who watch.

use std::time::{Duration, Instant};

use super::Slot;

/// A gate at one moment.
#[derive(Debug)]
pub struct GateSnapshot {
    /// Every slot, in order.
    pub slots: Vec<SlotSnapshot>,
    /// How many wait.
    pub queue_depth: usize,
    /// How many may wait.
    pub queue_limit: usize,
    /// How long the oldest of them has been waiting since its arrival.
    pub oldest_wait: Option<Duration>,
}

/// A slot at one moment.
#[derive(Debug)]
pub struct SlotSnapshot {
    /// Who holds it; none when idle.
    pub holder: Option<HolderSnapshot>,
    /// Requests that have held it and finished.
    pub served: u64,
    /// Time it has been held in all, the present holder included.
    pub busy: Duration,
}

/// The holder of a slot at one moment.
#[derive(Debug)]
pub struct HolderSnapshot {
    /// The request.
    pub request_id: String,
    /// How long it has held the slot.
    pub age: Duration,
    /// How long past its due time it is.
    pub overdue: Duration,
}

impl Slot {
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
