//! What is known of a cluster, for those who watch: the sum of its workers, those that are gone
//! included, and of the parent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::accept_queue::Queued;
use super::report::{PAUSE, Report};
use crate::admin::{ChildrenSight, QueueSight, Sight, SlotSight, View, whole_milliseconds};
use crate::metrics::{Metrics, Occupancy, Snapshot};
use crate::roster::{Cause, Roster, Usage};

/// Series that tell of the cluster as a whole, or of one process: the parent's own stand.
const NOT_SUMMED: &[&str] = &[
    "onelane_build_info",
    "process_max_fds",
    "process_start_time_seconds",
];

/// Time after which what a worker has told last must still be so: it would have told of a change, and
/// been heard.
const SETTLED: Duration = PAUSE.saturating_add(Duration::from_millis(20));

/// What a worker told last, and when.
#[derive(Debug)]
struct Known {
    report: Report,
    since: Instant,
}

impl Known {
    /// Its slot as it must be by now.
    fn slot(&self) -> Option<SlotSight> {
        let mut slot = self.report.slot.clone()?;
        if let Some(age_ms) = &mut slot.request_age_ms {
            *age_ms += whole_milliseconds(self.since.elapsed());
        }
        Some(slot)
    }

    /// Whether it takes a connection at once, or may do so before it tells.
    fn may_be_idle(&self) -> bool {
        self.report.listening && (self.report.idle || self.since.elapsed() < SETTLED)
    }
}

/// Shared by the parent's loop and the admin thread. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Board {
    /// The parent's own numbers.
    metrics: Arc<Metrics>,
    /// The workers.
    roster: Roster,
    queue_max: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    reports: BTreeMap<u64, Known>,
    /// What the workers that are gone have counted.
    gone: Snapshot,
    /// Connections that they, and the parent, have taken.
    taken: u64,
    queued: Queued,
}

impl Board {
    pub(super) fn new(metrics: Arc<Metrics>, roster: Roster, queue_max: u32) -> Self {
        Self {
            metrics,
            roster,
            queue_max: queue_max as usize,
            state: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn event(&self, event: &str) {
        let counter = self
            .metrics
            .children
            .worker_events
            .with_label_values(&[event]);
        counter.inc();
    }

    pub(super) fn expect(&self, id: u64) {
        self.roster.expect(id);
    }

    pub(super) fn unborn(&self, id: u64) {
        self.roster.gone(id, Cause::Crashed, Usage::default());
    }

    pub(super) fn born(&self, id: u64, pid: u32) {
        self.roster.born(id, pid);
    }

    pub(super) fn report(&self, id: u64, report: Report) {
        let slot = report.slot.as_ref();
        match slot.and_then(|slot| slot.request_id.as_deref()) {
            Some(request_id) => self.roster.busy(id, 0, request_id),
            None => self.roster.idle(id, Usage::default()),
        }
        let known = Known {
            report,
            since: Instant::now(),
        };
        self.lock().reports.insert(id, known);
    }

    /// A worker was reaped. Returns whether a request was lost with it.
    pub(super) fn gone(&self, id: u64, cause: Cause, used: Usage) -> bool {
        self.roster.gone(id, cause, used);
        if !matches!(cause, Cause::Shutdown | Cause::Surplus) {
            self.roster.replaced(cause);
        }
        let mut state = self.lock();
        let Some(Known { report: last, .. }) = state.reports.remove(&id) else {
            return false;
        };
        let was_lost = last.has_request();
        if was_lost {
            let rejected = &self.metrics.rejected;
            rejected.with_label_values(&["worker_crashed"]).inc();
        }
        state.taken += last.accepted;
        state.gone.add(&last.metrics.counts().without(NOT_SUMMED));
        was_lost
    }

    /// Connections taken by workers, and by the parent, so far.
    pub(super) fn taken(&self) -> u64 {
        let state = self.lock();
        let alive = state.reports.values().map(|known| known.report.accepted);
        state.taken + alive.sum::<u64>()
    }

    /// As many connections as workers may take at once: nobody knows better until they tell.
    pub(super) fn idle(&self) -> usize {
        let state = self.lock();
        let reports = state.reports.values();
        reports.filter(|known| known.may_be_idle()).count()
    }

    /// The parent took some, to refuse them.
    pub(super) fn refused(&self, count: u64) {
        self.lock().taken += count;
    }

    pub(super) fn queued(&self, queued: Queued) {
        self.lock().queued = queued;
    }

    /// How long somebody who comes now would wait, by the workers' recent experience.
    pub(super) fn estimated_wait(&self) -> Duration {
        let state = self.lock();
        let reports = state.reports.values();
        let known = reports.filter_map(|known| known.report.mean_service);
        let (workers, sum) = known.fold((0, Duration::ZERO), |(count, sum), mean| {
            (count + 1, sum + mean)
        });
        let ahead = u32::try_from(state.queued.depth + 1).unwrap_or(u32::MAX);
        // The mean time per request, shared by as many workers.
        (sum / u32::max(workers, 1)).saturating_mul(ahead) / u32::max(workers, 1)
    }

    fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        let occupancy = Occupancy {
            slots: 0,
            busy: 0,
            busy_total: Duration::ZERO,
            queue_depth: state.queued.depth,
            queue_limit: self.queue_max,
        };
        let children = self.roster.census();
        let mut sum = self.metrics.snapshot(occupancy, &children);
        sum.add(&state.gone);
        for known in state.reports.values() {
            sum.add(&known.report.metrics.clone().without(NOT_SUMMED));
        }
        sum
    }
}

impl View for Board {
    fn sight(&self) -> Sight {
        let rejected = self.snapshot().by_label("onelane_rejected_total");
        let children = ChildrenSight::from(&self.roster.census());
        let state = self.lock();
        Sight {
            slots: state.reports.values().filter_map(Known::slot).collect(),
            queue: QueueSight {
                depth: state.queued.depth,
                limit: self.queue_max,
                oldest_wait_ms: state.queued.oldest_wait.map(whole_milliseconds),
            },
            rejected,
            children,
        }
    }

    fn metrics(&self) -> String {
        self.snapshot().render()
    }

    /// Never: the parent kills what does not stop.
    fn stuck(&self) -> Option<String> {
        None
    }
}
