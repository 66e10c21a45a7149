//! The gate: which requests may compute now, and which wait. A free slot goes to the request that
//! arrived first; the queue is bounded in length, and every wait in time. The gate knows nothing of what
//! is computed.

mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

pub use snapshot::{GateSnapshot, SlotSnapshot};

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
    pub place: Place,
    /// It goes to another gate when its patience ends here.
    pub goes_on: bool,
}

/// The place in a queue that a visitor wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
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

/// One gate per server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Told whenever the last busy slot becomes free.
    idle: Notify,
    /// Told whenever fewer slots are withheld.
    ready: Notify,
    queue_max: usize,
}

#[derive(Debug)]
struct State {
    slots: Vec<Slot>,
    waiting: BTreeMap<Turn, Waiter>,
    /// How long those have waited who no longer do, whether they got a slot or not.
    waited: Duration,
    /// How many were let in here and went to other gates, less those that came in exchange.
    away: usize,
    /// Makes turns unique: two visitors may arrive at the same instant.
    next_number: u64,
    /// Slots that nobody gets at the moment, and since when there are some.
    withheld: usize,
    withheld_since: Option<Instant>,
    /// Every visitor's refusal, while the gate is closed.
    closed: Option<Refusal>,
    /// Recent time per request, for estimates; none before the first has finished.
    mean_service: Option<Duration>,
}

/// The order of the queue: the earliest arrival first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    arrived: Instant,
    number: u64,
}

#[derive(Debug)]
struct Waiter {
    request_id: String,
    since: Instant,
    call: oneshot::Sender<Permit>,
}

#[derive(Debug, Default)]
struct Slot {
    holder: Option<Holder>,
    served: u64,
    busy: Duration,
}

#[derive(Debug)]
struct Holder {
    request_id: String,
    since: Instant,
    due: Option<Instant>,
}

impl Slot {
    /// How long its holder has held it.
    fn age(&self) -> Option<Duration> {
        Some(self.holder.as_ref()?.since.elapsed())
    }
}

impl Gate {
    /// A gate with `slots` slots and a queue of at most `queue_max`.
    pub fn new(slots: u32, queue_max: u32) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                slots: (0..slots).map(|_| Slot::default()).collect(),
                waiting: BTreeMap::new(),
                waited: Duration::ZERO,
                away: 0,
                next_number: 0,
                withheld: 0,
                withheld_since: None,
                closed: None,
                mean_service: None,
            }),
            idle: Notify::new(),
            ready: Notify::new(),
            queue_max: queue_max as usize,
        }))
    }

    /// Waits for a slot. Dropping the future gives up the place in the queue.
    pub async fn enter(&self, visitor: Visitor) -> Result<Permit, Refusal> {
        let (place, called) = match self.take_slot_or_place(&visitor)? {
            Entry::Slot(permit) => return Ok(permit),
            Entry::Place(place, called) => (place, called),
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

    fn take_slot_or_place(&self, visitor: &Visitor) -> Result<Entry, Refusal> {
        let mut state = self.0.state.lock();
        if let Some(refusal) = state.closed {
            return Err(refusal);
        }
        // If a slot is free, the queue is empty: `release` gives every freed slot to the next in it.
        if let Some(slot) = state.free() {
            state.occupy(slot, visitor.request_id.clone());
            return Ok(Entry::Slot(Permit::new(self, slot)));
        }
        let queue_max = self.0.queue_max;
        match visitor.place {
            Place::None => return Err(Refusal::TimedOut),
            Place::New if state.is_full(queue_max) => return Err(Refusal::Full),
            Place::Exchanged if queue_max == 0 => return Err(Refusal::Full),
            Place::New | Place::Exchanged => {}
        }
        if visitor.patience.is_zero() {
            if visitor.place == Place::New && visitor.goes_on {
                state.away += 1;
            }
            return Err(Refusal::TimedOut);
        }
        if visitor.place == Place::Exchanged {
            state.away = state.away.saturating_sub(1);
        }
        let (call, called) = oneshot::channel();
        let turn = Turn {
            arrived: visitor.arrived,
            number: state.next_number,
        };
        state.next_number += 1;
        state.waiting.insert(
            turn,
            Waiter {
                request_id: visitor.request_id.clone(),
                since: Instant::now(),
                call,
            },
        );
        Ok(Entry::Place(
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

    /// Gives so many slots to nobody from now on, because what they compute with is not ready. Those that are held
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

    /// Says when whoever holds this slot must be done. A holder past that time is overdue.
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
            if self
                .0
                .state
                .lock()
                .slots
                .iter()
                .all(|slot| slot.holder.is_none())
            {
                return;
            }
            changed.await;
        }
    }

    /// How long a request that comes now would wait, judged by the recent ones.
    pub fn estimated_wait(&self) -> Duration {
        let state = self.0.state.lock();
        let ahead = u32::try_from(state.waiting.len() + 1).unwrap_or(u32::MAX);
        let slots = u32::try_from(state.slots.len()).unwrap_or(u32::MAX);
        // The requests on the slots may have taken longer by now than the mean of those before.
        let ages = state.slots.iter().filter_map(Slot::age);
        let service = ages.sum::<Duration>() / slots.max(1);
        let service = service.max(state.mean_service.unwrap_or_default());
        service.saturating_mul(ahead) / slots.max(1)
    }

    /// Recent time per request; none before the first has finished.
    pub fn mean_service(&self) -> Option<Duration> {
        self.0.state.lock().mean_service
    }

    /// The slots and the queue right now.
    pub fn snapshot(&self) -> GateSnapshot {
        let now = Instant::now();
        let state = self.0.state.lock();
        GateSnapshot {
            slots: state.slots.iter().map(|slot| slot.snapshot(now)).collect(),
            withheld: state.withheld,
            withheld_for: state
                .withheld_since
                .map_or(Duration::ZERO, |since| now - since),
            queue_depth: state.waiting.len(),
            waited: state.waited(now),
            queue_limit: self.0.queue_max,
            oldest_wait: state
                .waiting
                .keys()
                .next()
                .map(|turn| now.saturating_duration_since(turn.arrived)),
        }
    }

    /// Gives free slots to those that wait.
    fn call(&self, state: &mut State) {
        while let Some(slot) = state.free()
            && let Some((_, waiter)) = state.waiting.pop_first()
        {
            state.waited += waiter.since.elapsed();
            state.occupy(slot, waiter.request_id);
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
        if state.slots.iter().all(|slot| slot.holder.is_none()) {
            self.0.idle.notify_waiters();
        }
    }
}

enum Entry {
    Slot(Permit),
    Place(Waiting, oneshot::Receiver<Permit>),
}

impl State {
    /// Whether a newcomer has to be refused.
    ///
    /// Whoever has been let in elsewhere is not refused here. So the place of one that goes away is not for a
    /// newcomer, but for one that comes in exchange: otherwise each move would let one more in, until all
    /// wait for too long. But some find a slot elsewhere and never come, so that newcomers are kept out of a
    /// third of the queue at most.
    fn is_full(&self, queue_max: usize) -> bool {
        self.waiting.len() + self.away.min(queue_max / 3) >= queue_max
    }

    /// How long visitors have waited until `now`, all together.
    fn waited(&self, now: Instant) -> Duration {
        let waits = self.waiting.values();
        waits.fold(self.waited, |sum, waiter| {
            sum + now.saturating_duration_since(waiter.since)
        })
    }

    /// A slot that a visitor may have.
    fn free(&self) -> Option<usize> {
        let slots = self.slots.iter().enumerate();
        let mut free = slots.filter(|(_, slot)| slot.holder.is_none());
        let (first, _) = free.next()?;
        (free.count() >= self.withheld).then_some(first)
    }

    fn occupy(&mut self, slot: usize, request_id: String) {
        self.slots[slot].holder = Some(Holder {
            request_id,
            since: Instant::now(),
            due: None,
        });
    }

    fn vacate(&mut self, slot: usize, was_used: bool) {
        let slot = &mut self.slots[slot];
        let Some(holder) = slot.holder.take() else {
            return;
        };
        let took = holder.since.elapsed();
        slot.busy += took;
        if !was_used {
            return;
        }
        slot.served += 1;
        // An exponential mean over about the last ten requests.
        self.mean_service = Some(match self.mean_service {
            Some(mean) => (mean * 9 + took) / 10,
            None => took,
        });
    }
}

/// A place in the queue, given up when dropped.
#[derive(Debug)]
struct Waiting {
    gate: Gate,
    turn: Turn,
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

    /// Frees the slot on which nothing was computed: whoever it was for did not come.
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
