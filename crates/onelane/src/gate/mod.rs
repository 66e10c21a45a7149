//! The gate: which requests may compute now, and which wait. A free slot goes to the request that
//! arrived first; the queue is bounded in length, and every wait in time. The gate knows nothing of what
//! is computed.

mod slot;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod visitor;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

pub use snapshot::{GateSnapshot, SlotSnapshot};
use state::{GateState, QueueTurn};
pub use visitor::{QueuePlace, Refusal, Visitor};

/// One gate per server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<SharedGate>);

#[derive(Debug)]
struct SharedGate {
    state: Mutex<GateState<Permit>>,
    /// Told whenever the last busy slot becomes free.
    idle: Notify,
    /// Told whenever fewer slots are withheld.
    ready: Notify,
    queue_max: usize,
}

impl Gate {
    /// A gate with `slots` slots and a queue of at most `queue_max`.
    pub fn new(slots: u32, queue_max: u32) -> Self {
        Self(Arc::new(SharedGate {
            state: Mutex::new(GateState::new(slots)),
            idle: Notify::new(),
            ready: Notify::new(),
            queue_max: queue_max as usize,
        }))
    }

    /// Waits for a slot. Dropping the future gives up the place in the queue.
    pub async fn enter(&self, visitor: Visitor) -> Result<Permit, Refusal> {
        let (place, called) = match self.take_slot_or_place(&visitor)? {
            SlotOrPlace::Slot(permit) => return Ok(permit),
            SlotOrPlace::Place(place, called) => (place, called),
        };
        let outcome = timeout(visitor.patience, called).await;
        if outcome.is_err() && visitor.goes_on {
            self.0.state.lock().away += 1;
        }
        drop(place);
        match outcome {
            Ok(Ok(permit)) => Ok(permit),
            // Only `close` drops the other end without calling.
            Ok(Err(_)) => Err(Refusal::Closed),
            Err(_) => Err(Refusal::TimedOut),
        }
    }

    fn take_slot_or_place(&self, visitor: &Visitor) -> Result<SlotOrPlace, Refusal> {
        let mut state = self.0.state.lock();
        if let Some(refusal) = state.closed {
            return Err(refusal);
        }
        // If a slot is free, the queue is empty: `release` gives every freed slot to the next in it.
        if let Some(slot) = state.free() {
            state.slots[slot].occupy(visitor.request_id.clone());
            return Ok(SlotOrPlace::Slot(Permit::new(self, slot)));
        }
        let queue_max = self.0.queue_max;
        match visitor.place {
            QueuePlace::None => return Err(Refusal::TimedOut),
            QueuePlace::New if state.is_full(queue_max) => return Err(Refusal::Full),
            QueuePlace::Exchanged if queue_max == 0 => return Err(Refusal::Full),
            QueuePlace::New | QueuePlace::Exchanged => {}
        }
        if visitor.patience.is_zero() {
            if visitor.place == QueuePlace::New && visitor.goes_on {
                state.away += 1;
            }
            return Err(Refusal::TimedOut);
        }
        if visitor.place == QueuePlace::Exchanged {
            state.away = state.away.saturating_sub(1);
        }
        let (call, called) = oneshot::channel();
        let turn = state.queue(visitor, call);
        Ok(SlotOrPlace::Place(
            Waiting {
                gate: self.clone(),
                turn,
            },
            called,
        ))
    }

    /// Lets visitors in, if it was closed only because of the start.
    pub fn open(&self) {
        let mut state = self.0.state.lock();
        if state.closed == Some(Refusal::Starting) {
            state.closed = None;
        }
    }

    /// Refuses all visitors from now on, those that wait included. Permits already given stay valid.
    pub fn close(&self, refusal: Refusal) {
        let mut state = self.0.state.lock();
        state.closed = Some(refusal);
        state.waited = state.waited(Instant::now());
        state.waiting.clear();
    }

    /// Keeps so many slots from visitors from now on, because what they compute with is not ready. Those that are held
    /// stay so.
    pub fn withhold(&self, slots: usize) {
        let mut state = self.0.state.lock();
        state.withheld = slots;
        state.withheld_since = match slots {
            0 => None,
            _ => state.withheld_since.or_else(|| Some(Instant::now())),
        };
        self.call(&mut state);
        self.0.ready.notify_waiters();
    }

    /// Waits until no slot is withheld.
    pub async fn ready(&self) {
        loop {
            let changed = self.0.ready.notified();
            if self.0.state.lock().withheld == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Says when the holder of this slot must be done. A holder past that time is overdue.
    pub fn due(&self, slot: usize, at: Instant) {
        if let Some(holder) = &mut self.0.state.lock().slots[slot].holder {
            holder.due = Some(at);
        }
    }

    /// Waits until no slot is busy. On a gate that is open, the next visitor may take one at once.
    pub async fn idle(&self) {
        loop {
            // Subscribed before looking, so that no change falls in between.
            let changed = self.0.idle.notified();
            if self.0.state.lock().is_idle() {
                return;
            }
            changed.await;
        }
    }

    /// How long a request that comes now would wait, judged by the recent ones.
    pub fn estimated_wait(&self) -> Duration {
        self.0.state.lock().estimated_wait()
    }

    /// Recent time per request; none before the first has finished.
    pub fn mean_service(&self) -> Option<Duration> {
        self.0.state.lock().mean_service
    }

    /// The slots and the queue right now.
    pub fn snapshot(&self) -> GateSnapshot {
        self.0.state.lock().snapshot(self.0.queue_max)
    }

    /// Gives free slots to those that wait.
    fn call(&self, state: &mut GateState<Permit>) {
        while let Some(slot) = state.free()
            && let Some((_, waiter)) = state.waiting.pop_first()
        {
            state.waited += waiter.since.elapsed();
            state.slots[slot].occupy(waiter.request_id);
            // The waiter may just have left and never use the slot: then it is the next one's.
            if let Err(permit) = waiter.call.send(Permit::new(self, slot)) {
                permit.forget();
                state.slots[slot].holder = None;
            }
        }
    }

    /// Frees a slot, on which something was computed or not, and gives it to the next in the queue, if
    /// there is one.
    fn release(&self, slot: usize, was_used: bool) {
        let mut state = self.0.state.lock();
        state.vacate(slot, was_used);
        self.call(&mut state);
        if state.waiting.is_empty() {
            // It was not for long that they had to go.
            state.away = 0;
        }
        if state.is_idle() {
            self.0.idle.notify_waiters();
        }
    }
}

enum SlotOrPlace {
    Slot(Permit),
    Place(Waiting, oneshot::Receiver<Permit>),
}

/// A place in the queue, given up when dropped.
#[derive(Debug)]
struct Waiting {
    gate: Gate,
    turn: QueueTurn,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.gate.0.state.lock();
        if let Some(waiter) = state.waiting.remove(&self.turn) {
            state.waited += waiter.since.elapsed();
        }
    }
}

/// The right to compute on one slot, for as long as this lives.
#[derive(Debug)]
pub struct Permit {
    /// Which slot, from 0.
    pub slot: usize,
    gate: Option<Gate>,
}

impl Permit {
    fn new(gate: &Gate, slot: usize) -> Self {
        Self {
            slot,
            gate: Some(gate.clone()),
        }
    }

    /// Says when the computation must be done. A holder past that time is overdue.
    pub fn due(&self, at: Instant) {
        if let Some(gate) = &self.gate {
            gate.due(self.slot, at);
        }
    }

    /// Frees the slot on which nothing was computed: its request did not come.
    pub fn give_back(mut self) {
        if let Some(gate) = self.gate.take() {
            gate.release(self.slot, false);
        }
    }

    /// Drops the permit without releasing the slot, for the gate's own bookkeeping.
    fn forget(mut self) {
        self.gate = None;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.release(self.slot, true);
        }
    }
}
