//! What is known of a cluster: the sum over its workers, including those that are gone, and its parent.
//! The parent's loop writes here, and the admin thread reads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::accept_queue::Queued;
use super::report::{PAUSE, Report};
use crate::admin::{
    ChildrenStatus, Inspect, QueueStatus, ServerStatus, SlotStatus, whole_milliseconds,
};
use crate::logging;
use crate::metrics::{Metrics, MetricsSnapshot, Occupancy};
use crate::roster::{Cause, Roster, Usage};

/// Series that make no sense as a sum over processes: the parent's own are shown.
const NOT_SUMMED: &[&str] = &[
    "onelane_build_info",
    "onelane_queue_limit",
    "process_max_fds",
    "process_start_time_seconds",
];

/// The age from which a report is certain to be true still. If anything had changed, a newer report would
/// have arrived by then.
const SETTLED: Duration = PAUSE.saturating_add(Duration::from_millis(20));

#[derive(Debug)]
struct LastReport {
    report: Report,
    received: Instant,
}

impl LastReport {
    /// The worker's slot as it must be by now.
    fn slot(&self) -> Option<SlotStatus> {
        let mut slot = self.report.slot.clone()?;
        if let Some(age_ms) = &mut slot.request_age_ms {
            *age_ms = age_ms.saturating_add(whole_milliseconds(self.received.elapsed()));
        }
        Some(slot)
    }

    /// Whether the worker is idle, or may have become idle since it reported.
    fn may_be_idle(&self) -> bool {
        self.report.listening && (self.report.idle || self.received.elapsed() < SETTLED)
    }
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Board {
    /// The parent's own numbers.
    metrics: Arc<Metrics>,
    /// The workers.
    roster: Roster,
    queue_max: usize,
    state: Arc<Mutex<BoardState>>,
}

#[derive(Debug, Default)]
struct BoardState {
    reports: BTreeMap<u64, LastReport>,
    /// The sum over the workers that are gone.
    gone: MetricsSnapshot,
    /// Connections that those workers, and the parent, have taken.
    taken: u64,
    queued: Queued,
    /// When the parent looked at the queue, and how long connections had waited in it by then.
    looked: Option<Instant>,
    waited: Duration,
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

    /// Counts an event in a worker's life, by the name that it has in metrics.
    pub(super) fn event(&self, event: &str) {
        let counter = self
            .metrics
            .children
            .worker_events
            .with_label_values(&[event]);
        counter.inc();
    }

    /// A worker is about to be started. `id` is its number from now on.
    pub(super) fn expect(&self, id: u64) {
        self.roster.expect(id);
    }

    /// That worker could not be started.
    pub(super) fn unborn(&self, id: u64) {
        self.roster.gone(id, Cause::Crashed, Usage::default());
    }

    pub(super) fn born(&self, id: u64, pid: u32) {
        self.roster.born(id, pid);
    }

    /// A worker has reported. Only its last report is kept: all numbers in it are totals.
    pub(super) fn report(&self, id: u64, report: Report) {
        let slot = report.slot.as_ref();
        match slot.and_then(|slot| slot.request_id.as_deref()) {
            Some(request_id) => self.roster.busy(id, 0, request_id),
            None => self.roster.idle(id, Usage::default()),
        }
        let last = LastReport {
            report,
            received: Instant::now(),
        };
        self.state.lock().reports.insert(id, last);
    }

    /// A worker was reaped. Returns whether a request was lost with it.
    pub(super) fn gone(&self, id: u64, cause: Cause, used: Usage) -> bool {
        self.roster.gone(id, cause, used);
        if !matches!(cause, Cause::Shutdown | Cause::Surplus) {
            self.roster.replaced(cause);
        }
        let mut state = self.state.lock();
        let Some(LastReport { report: last, .. }) = state.reports.remove(&id) else {
            return false;
        };
        let was_lost = last.has_request();
        if was_lost {
            let rejected = &self.metrics.rejected;
            rejected.with_label_values(&["worker_crashed"]).inc();
        }
        state.taken = state.taken.saturating_add(last.accepted);
        state.gone.add(&last.metrics.counts().without(NOT_SUMMED));
        was_lost
    }

    /// Connections that workers and the parent have taken so far.
    pub(super) fn taken(&self) -> u64 {
        let state = self.state.lock();
        let alive = state.reports.values().map(|last| last.report.accepted);
        alive.fold(state.taken, u64::saturating_add)
    }

    /// How many workers may be idle now. It can be too high until their next reports arrive.
    pub(super) fn idle(&self) -> usize {
        let state = self.state.lock();
        let reports = state.reports.values();
        reports.filter(|last| last.may_be_idle()).count()
    }

    /// The parent took `count` connections to refuse them.
    pub(super) fn refused(&self, count: u64) {
        self.state.lock().taken += count;
    }

    /// The parent has looked at the queue.
    pub(super) fn queued(&self, queued: Queued) {
        let now = Instant::now();
        let mut state = self.state.lock();
        // As long as before when it looked the last time: the kernel does not tell when each of them came and went.
        let since = state
            .looked
            .replace(now)
            .map_or(Duration::ZERO, |last| now - last);
        let depth = u32::try_from(state.queued.depth).unwrap_or(u32::MAX);
        state.waited += since.saturating_mul(depth);
        state.queued = queued;
    }

    /// How long a request that comes now would wait, judged by the recent ones of all workers.
    pub(super) fn estimated_wait(&self) -> Duration {
        let state = self.state.lock();
        let reports = state.reports.values();
        let means = reports.filter_map(|last| last.report.mean_service);
        let (workers, sum) = means.fold((0, Duration::ZERO), |(count, sum), mean| {
            (count + 1, sum + mean)
        });
        let ahead = u32::try_from(state.queued.depth + 1).unwrap_or(u32::MAX);
        // The mean time per request, shared by as many workers.
        (sum / u32::max(workers, 1)).saturating_mul(ahead) / u32::max(workers, 1)
    }

    /// The sum of the series of all processes, whether alive or gone.
    fn metrics_snapshot(&self) -> MetricsSnapshot {
        let state = self.state.lock();
        let occupancy = Occupancy {
            // The parent has no slots; those of the workers are added below.
            slots: 0,
            busy: 0,
            busy_total: Duration::ZERO,
            queue_depth: state.queued.depth,
            waited_total: state.waited,
            queue_limit: self.queue_max,
            log_lines_dropped: logging::dropped(),
        };
        let children = self.roster.snapshot();
        let mut sum = self.metrics.snapshot(occupancy, &children);
        sum.add(&state.gone);
        for last in state.reports.values() {
            sum.add(&last.report.metrics.clone().without(NOT_SUMMED));
        }
        sum
    }
}

impl Inspect for Board {
    fn status(&self) -> ServerStatus {
        let rejected = self.metrics_snapshot().by_label("onelane_rejected_total");
        let children = ChildrenStatus::from(&self.roster.snapshot());
        let state = self.state.lock();
        ServerStatus {
            slots: state
                .reports
                .values()
                .filter_map(LastReport::slot)
                .collect(),
            queue: QueueStatus {
                depth: state.queued.depth,
                limit: self.queue_max,
                oldest_wait_ms: state.queued.oldest_wait.map(whole_milliseconds),
            },
            rejected,
            children,
        }
    }

    fn metrics(&self) -> String {
        self.metrics_snapshot().render()
    }

    /// Never: the parent replaces workers that cannot stop.
    fn stuck(&self) -> Option<String> {
        None
    }
}
