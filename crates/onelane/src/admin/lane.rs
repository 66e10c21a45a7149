//! The view of a server that is one process, with children or without.

use super::view::{
    ChildrenSight, QueueSight, Sight, SlotSight, SlotState, View, whole_milliseconds,
};
use crate::executor::Executor;
use crate::gate::SlotView;
use crate::lane::Lane;
use crate::roster::Census;

impl View for Lane {
    fn sight(&self) -> Sight {
        let now = self.gate.snapshot();
        let children = self.roster.census();
        let slots = now.slots.iter().enumerate();
        Sight {
            slots: slots
                .map(|(at, slot)| slot_sight(&self.executor, at, slot, &children))
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

    fn stuck(&self) -> Option<String> {
        Self::stuck(self)
    }
}

fn slot_sight(executor: &Executor, at: usize, slot: &SlotView, children: &Census) -> SlotSight {
    let holder = slot.holder.as_ref();
    let mut alive = children.alive.iter();
    let child = alive.find(|child| child.task.as_ref().is_some_and(|task| task.slot == at));
    SlotSight {
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
