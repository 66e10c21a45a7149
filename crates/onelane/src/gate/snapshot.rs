//! A gate at one moment: what the status and the metrics are made from.

use std::time::Duration;

/// A gate at one moment.
#[derive(Debug)]
pub struct GateSnapshot {
    /// Every slot, in order.
    pub slots: Vec<SlotSnapshot>,
    /// Free slots that no visitor gets at the moment.
    pub withheld: usize,
    /// For how long there have been some.
    pub withheld_for: Duration,
    /// Requests that wait.
    pub queue_depth: usize,
    /// Time that requests have waited, all together: those that wait, too, and those that got no slot.
    pub waited: Duration,
    /// Requests that may wait.
    pub queue_limit: usize,
    /// Time since the oldest request in the queue arrived.
    pub oldest_wait: Option<Duration>,
}

/// A slot at one moment.
#[derive(Debug)]
pub struct SlotSnapshot {
    /// None when idle.
    pub holder: Option<HolderSnapshot>,
    /// Requests that have held it and finished.
    pub served: u64,
    /// Time that it has been held in all, by the present holder too.
    pub busy: Duration,
}

/// The holder of a slot at one moment.
#[derive(Debug)]
pub struct HolderSnapshot {
    pub request_id: String,
    /// How long it has held the slot.
    pub age: Duration,
    /// How long past its due time it is.
    pub overdue: Duration,
}
