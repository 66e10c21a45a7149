//! The view of a server that is one process, with children or without.

use std::sync::Arc;

use super::view::{
    ChildrenSight, QueueSight, Sight, SlotSight, SlotState, View, whole_milliseconds,
};
use crate::executor::{Executor, STUCK_AFTER};
use crate::gate::{Gate, SlotView};
use crate::metrics::{Metrics, Occupancy, Snapshot};
use crate::roster::{Census, Roster};

/// This process.
#[derive(Debug, Clone)]
pub struct Local {
    /// Slots and queue.
    pub gate: Gate,
    /// What computes.
    pub executor: Arc<Executor>,
    /// Its children.
    pub roster: Roster,
    /// The numbers.
    pub metrics: Arc<Metrics>,
}

impl Local {
    /// Every series as it is now. Called by one thread at a time.
    pub fn snapshot(&self) -> Snapshot {
        let now = self.gate.snapshot();
        let busy = now.slots.iter().filter(|slot| slot.holder.is_some());
        let occupancy = Occupancy {
            slots: now.slots.len(),
            busy: busy.count(),
            busy_total: now.slots.iter().map(|slot| slot.busy).sum(),
            queue_depth: now.queue_depth,
            queue_limit: now.queue_limit,
        };
        self.metrics.snapshot(occupancy, &self.roster.census())
    }

    fn slot(&self, at: usize, slot: &SlotView, children: &Census) -> SlotSight {
        let holder = slot.holder.as_ref();
        let mut alive = children.alive.iter();
        let child = alive.find(|child| child.task.as_ref().is_some_and(|task| task.slot == at));
        SlotSight {
            state: match holder {
                Some(_) => SlotState::Busy,
                None => SlotState::Idle,
            },
            pid: match &*self.executor {
                Executor::Threads(_) => Some(std::process::id()),
                Executor::Fork(_) | Executor::Pool(_) => child.map(|child| child.pid),
            },
            request_id: holder.map(|holder| holder.request_id.clone()),
            request_age_ms: holder.map(|holder| whole_milliseconds(holder.age)),
            requests_served: slot.served,
        }
    }
}

impl View for Local {
    fn sight(&self) -> Sight {
        let now = self.gate.snapshot();
        let children = self.roster.census();
        let slots = now.slots.iter().enumerate();
        Sight {
            slots: slots
                .map(|(at, slot)| self.slot(at, slot, &children))
                .collect(),
            queue: QueueSight {
                depth: now.queue_depth,
                limit: now.queue_limit,
                oldest_wait_ms: now.oldest_wait.map(whole_milliseconds),
            },
            rejected: self.metrics.rejected_by_reason(),
            children: ChildrenSight::from(&children),
        }
    }

    fn metrics(&self) -> String {
        self.snapshot().render()
    }

    /// When half of the computations or more cannot be stopped: one of one in a blocking lane.
    fn stuck(&self) -> Option<String> {
        let slots = self.gate.snapshot().slots;
        let holders = slots.iter().filter_map(|slot| slot.holder.as_ref());
        let overdue = holders.filter(|holder| holder.overdue > STUCK_AFTER);
        let stuck = overdue.count() + self.executor.lost_threads();
        let of = slots.len();
        (stuck * 2 >= of).then(|| format!("{stuck} computations on {of} slots cannot be stopped"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::executor::Threads;
    use crate::gate::{Permit, Visitor};

    async fn enter(gate: &Gate) -> Permit {
        let visitor = Visitor {
            request_id: String::new(),
            arrived: Instant::now(),
            patience: Duration::ZERO,
        };
        gate.enter(visitor).await.unwrap()
    }

    #[tokio::test]
    async fn a_server_is_stuck_when_half_of_its_computations_cannot_be_stopped() {
        let local = Local {
            gate: Gate::new(4, 0),
            executor: Arc::new(Executor::Threads(Threads::start(4, None).unwrap())),
            roster: Roster::new(|_| {}),
            metrics: Arc::new(Metrics::new("threads", &[])),
        };
        let long_ago = Instant::now().checked_sub(STUCK_AFTER * 2).unwrap();
        let first = enter(&local.gate).await;
        let second = enter(&local.gate).await;
        first.due(long_ago);
        second.due(Instant::now());
        assert_eq!(local.stuck(), None);
        second.due(long_ago);
        assert!(local.stuck().is_some());
        drop(first);
        assert_eq!(local.stuck(), None);
    }
}
