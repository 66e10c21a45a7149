//! What comes to a gate, and why it may be turned away.

use std::time::{Duration, Instant};

/// A request that wants a slot.
#[derive(Debug)]
pub struct Visitor {
    /// Names the request in the status.
    pub request_id: String,
    /// When it arrived, at the balancer if that said so. The queue is in this order.
    pub arrived: Instant,
    /// How long it waits from now on.
    pub patience: Duration,
    /// What it wants where no slot is free.
    pub place: QueuePlace,
    /// It goes to another gate when its patience ends here.
    pub goes_on: bool,
}

/// The place in a queue that a visitor wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueuePlace {
    /// None: it wants a slot or nothing.
    None,
    /// The first that it ever has. Without patience it does not take it, but has been let in.
    New,
    /// One for that which it has had with another gate.
    Exchanged,
}

/// Why a visitor was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The queue is full.
    Full,
    /// No slot became free within its patience.
    TimedOut,
    /// The gate is to be opened soon.
    Starting,
    /// The gate is closed, for good.
    Closed,
}
