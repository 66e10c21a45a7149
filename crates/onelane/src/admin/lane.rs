//! The status of a server that is one process, with children or without.

use super::status::{
    ChildrenStatus, Inspect, QueueStatus, ServerStatus, SlotState, SlotStatus, whole_milliseconds,
};
use crate::executor::Executor;
use crate::gate::SlotSnapshot;
use crate::lane::Lane;
use crate::roster::RosterSnapshot;

impl Inspect for Lane {
    fn status(&self) -> ServerStatus {
        let gate = self.gate.snapshot();
        let children = self.roster.snapshot();
        let slots = gate.slots.iter().enumerate();
        ServerStatus {
            slots: slots
                .map(|(at, slot)| slot_status(&self.executor, at, slot, &children))
                .collect(),
            queue: QueueStatus {
                depth: gate.queue_depth,
                limit: gate.queue_limit,
                oldest_wait_ms: gate.oldest_wait.map(whole_milliseconds),
            },
            rejected: self.metrics.rejected_by_reason(),
            children: ChildrenStatus::from(&children),
        }
    }

    fn metrics(&self) -> String {
        self.metrics_snapshot().render()
    }

    fn stuck(&self) -> Option<String> {
        Self::stuck(self)
    }
}

fn slot_status(
    executor: &Executor,
    at: usize,
    slot: &SlotSnapshot,
    children: &RosterSnapshot,
) -> SlotStatus {
    let holder = slot.holder.as_ref();
    // The gate knows no processes: a slot's child is found by the task that it works on.
    let mut alive = children.alive.iter();
    let child = alive.find(|child| child.task.as_ref().is_some_and(|task| task.slot == at));
    SlotStatus {
        state: match holder {
            Some(_) => SlotState::Busy,
            None => SlotState::Idle,
        },
        pid: match executor {
            Executor::Threads(_) => Some(std::process::id()),
            Executor::Fork(_) | Executor::Pool(_) => child.map(|child| child.pid),
        },
        request_id: holder.map(|holder| holder.request_id.clone()),
        request_age_ms: holder.map(|holder| whole_milliseconds(holder.age)),
        requests_served: slot.served,
    }
}
