//! A lane: the gate that lets requests in, the executor that computes them, and their numbers.

use std::sync::Arc;
use std::time::Duration;

use crate::executor::{Executor, STUCK_AFTER};
use crate::gate::Gate;
use crate::logging;
use crate::metrics::{Metrics, MetricsSnapshot, Occupancy};
use crate::roster::Roster;

/// After so long without a program that stays, a lane may as well be started anew: as long as a start may take.
const PROGRAM_MISSED: Duration = Duration::from_mins(5);

/// The parts of a server that is one process, with children or without. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Slots and queue.
    pub gate: Gate,
    /// What computes.
    pub executor: Arc<Executor>,
    /// Its children.
    pub roster: Roster,
    /// The numbers.
    pub metrics: Arc<Metrics>,
}

impl Lane {
    /// Every series as it is now. Only one thread may call this at a time.
    pub fn metrics_snapshot(&self) -> MetricsSnapshot {
        let gate = self.gate.snapshot();
        let busy = gate.slots.iter().filter(|slot| slot.holder.is_some());
        let occupancy = Occupancy {
            slots: gate.slots.len(),
            busy: busy.count(),
            busy_total: gate.slots.iter().map(|slot| slot.busy).sum(),
            queue_depth: gate.queue_depth,
            waited_total: gate.waited,
            queue_limit: gate.queue_limit,
            log_lines_dropped: logging::dropped(),
        };
        self.metrics.snapshot(occupancy, &self.roster.snapshot())
    }

    /// Why only a new process would help: at least half of the slots compute something that cannot be
    /// stopped, or none has had a program to compute with for long. A blocking lane has one slot, so one such
    /// computation is enough. None if all is well.
    pub fn stuck(&self) -> Option<String> {
        let gate = self.gate.snapshot();
        let slots = gate.slots;
        if gate.withheld >= slots.len() && gate.withheld_for > PROGRAM_MISSED {
            return Some("the program that it computes with cannot be started any more".to_owned());
        }
        let holders = slots.iter().filter_map(|slot| slot.holder.as_ref());
        let overdue = holders.filter(|holder| holder.overdue > STUCK_AFTER);
        let stuck = overdue.count() + self.executor.lost_threads();
        let of = slots.len();
        (stuck * 2 >= of).then(|| format!("{stuck} computations on {of} slots cannot be stopped"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::Map;

    use super::*;
    use crate::executor::{Supply, Threads};
    use crate::gate::{Permit, QueuePlace, Visitor};
    use crate::metrics::Build;
    use crate::workload::Workloads;

    async fn enter(gate: &Gate) -> Permit {
        let visitor = Visitor {
            request_id: String::new(),
            arrived: Instant::now(),
            patience: Duration::ZERO,
            place: QueuePlace::New,
            goes_on: false,
        };
        gate.enter(visitor).await.unwrap()
    }

    #[tokio::test]
    async fn a_server_is_stuck_when_half_of_its_computations_cannot_be_stopped() {
        let nothing = || Workloads::load(&[], &Map::new(), || Ok(()));
        let nothing = Supply::new(nothing, true);
        let lane = Lane {
            gate: Gate::new(4, 0),
            executor: Arc::new(Executor::Threads(Threads::start(4, None, nothing).unwrap())),
            roster: Roster::new(|_| {}),
            metrics: Arc::new(Metrics::new(
                &Build {
                    service: "test",
                    version: "1",
                    mode: "threads",
                },
                &[],
                &[],
            )),
        };
        let long_ago = Instant::now().checked_sub(STUCK_AFTER * 2).unwrap();
        let first = enter(&lane.gate).await;
        let second = enter(&lane.gate).await;
        first.due(long_ago);
        second.due(Instant::now());
        assert_eq!(lane.stuck(), None);
        second.due(long_ago);
        assert!(lane.stuck().is_some());
        drop(first);
        assert_eq!(lane.stuck(), None);
    }
}
