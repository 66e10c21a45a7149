//! What a gate remembers: its slots, its queue, and what there was before.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::slot::Slot;
use super::snapshot::GateSnapshot;
use super::visitor::{Refusal, Visitor};

/// The slots, and the requests that wait for one. `P` is the permit that they get.
#[derive(Debug)]
pub(super) struct GateState<P> {
    pub(super) slots: Vec<Slot>,
    pub(super) waiting: BTreeMap<QueueTurn, Waiter<P>>,
    /// How long those have waited who no longer do, whether they got a slot or not.
    pub(super) waited: Duration,
    /// How many were let in here and went to other gates, less those that came in exchange.
    pub(super) away: usize,
    /// Makes turns unique: two visitors may arrive at the same instant.
    pub(super) next_number: u64,
    /// Free slots that no visitor gets at the moment, and since when there are some.
    pub(super) withheld: usize,
    pub(super) withheld_since: Option<Instant>,
    /// Every visitor's refusal, while the gate is closed.
    pub(super) closed: Option<Refusal>,
    /// Recent time per request, for estimates; none before the first has finished.
    pub(super) mean_service: Option<Duration>,
}

/// The order of the queue: the earliest arrival first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueueTurn {
    pub(super) arrived: Instant,
    pub(super) number: u64,
}

/// A request in the queue.
#[derive(Debug)]
pub(super) struct Waiter<P> {
    pub(super) request_id: String,
    pub(super) since: Instant,
    pub(super) call: oneshot::Sender<P>,
}

impl<P> GateState<P> {
    /// With so many free slots, and an empty queue.
    pub(super) fn new(slots: u32) -> Self {
        Self {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            waiting: BTreeMap::new(),
            waited: Duration::ZERO,
            away: 0,
            next_number: 0,
            withheld: 0,
            withheld_since: None,
            closed: None,
            mean_service: None,
        }
    }

    /// Puts a request into the queue, to be called with its permit.
    pub(super) fn queue(&mut self, visitor: &Visitor, call: oneshot::Sender<P>) -> QueueTurn {
        let turn = QueueTurn {
            arrived: visitor.arrived,
            number: self.next_number,
        };
        self.next_number += 1;
        let waiter = Waiter {
            request_id: visitor.request_id.clone(),
            since: Instant::now(),
            call,
        };
        self.waiting.insert(turn, waiter);
        turn
    }

    /// The slots and the queue right now. At most `queue_limit` may wait.
    pub(super) fn snapshot(&self, queue_limit: usize) -> GateSnapshot {
        let now = Instant::now();
        let withheld_for = self.withheld_since.map(|since| now - since);
        let oldest = self.waiting.keys().next();
        GateSnapshot {
            slots: self.slots.iter().map(|slot| slot.snapshot(now)).collect(),
            withheld: self.withheld,
            withheld_for: withheld_for.unwrap_or_default(),
            queue_depth: self.waiting.len(),
            waited: self.waited(now),
            queue_limit,
            oldest_wait: oldest.map(|turn| now.saturating_duration_since(turn.arrived)),
        }
    }

    /// Whether no slot is busy.
    pub(super) fn is_idle(&self) -> bool {
        self.slots.iter().all(|slot| slot.holder.is_none())
    }

    /// How long a request that comes now would wait, judged by the recent ones.
    pub(super) fn estimated_wait(&self) -> Duration {
        let ahead = u32::try_from(self.waiting.len() + 1).unwrap_or(u32::MAX);
        let slots = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        // The requests on the slots may have taken longer by now than the mean of those before.
        let ages = self.slots.iter().filter_map(Slot::age);
        let service = ages.sum::<Duration>() / slots.max(1);
        let service = service.max(self.mean_service.unwrap_or_default());
        service.saturating_mul(ahead) / slots.max(1)
    }

    /// Whether a newcomer has to be refused.
    ///
    /// A visitor that another gate has let in is not refused here. So the place of one that goes away is not for a
    /// newcomer, but for one that comes in exchange: otherwise each move would let one more in, until all
    /// wait for too long. But some find a slot elsewhere and never come, so that newcomers are kept out of a
    /// third of the queue at most.
    pub(super) fn is_full(&self, queue_max: usize) -> bool {
        self.waiting.len() + self.away.min(queue_max / 3) >= queue_max
    }

    /// How long visitors have waited until `now`, all together.
    pub(super) fn waited(&self, now: Instant) -> Duration {
        let waits = self.waiting.values();
        waits.fold(self.waited, |sum, waiter| {
            sum + now.saturating_duration_since(waiter.since)
        })
    }

    /// A slot that a visitor may have.
    pub(super) fn free(&self) -> Option<usize> {
        let slots = self.slots.iter().enumerate();
        let mut free = slots.filter(|(_, slot)| slot.holder.is_none());
        let (first, _) = free.next()?;
        (free.count() >= self.withheld).then_some(first)
    }

    pub(super) fn vacate(&mut self, slot: usize, was_used: bool) {
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
