//! The series about child processes. Most are copied from the roster at a scrape.

use std::collections::BTreeMap;

use prometheus::{Counter, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts};

use super::register::{Register, gauge_value, raise};
use crate::roster::{Cause, RosterSnapshot};

/// Seconds. A child is forked in a fraction of a millisecond and spawned in a few; the rest is for
/// machines that are busy.
const START_SECONDS: &[f64] = &[
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
];

/// Child processes in numbers; the help texts below say what each one means.
#[derive(Debug)]
pub struct ChildSeries {
    pub start_seconds: Histogram,
    pub worker_events: IntCounterVec,
    alive: IntGauge,
    spawns: IntCounter,
    exits: IntCounterVec,
    cpu_seconds: Counter,
    max_rss: IntGauge,
    restarts: IntCounterVec,
}

impl ChildSeries {
    pub(super) fn register(register: &Register) -> Self {
        let causes = Cause::ALL.map(Cause::name);
        Self {
            start_seconds: register.series(Histogram::with_opts(
                HistogramOpts::new(
                    "onelane_child_spawn_seconds",
                    "Time to start a child process",
                )
                .buckets(START_SECONDS.to_vec()),
            )),
            worker_events: register.series(IntCounterVec::new(
                Opts::new(
                    "onelane_worker_events_total",
                    "Events in the lives of a cluster's workers",
                ),
                &["event"],
            )),
            alive: register.gauge("onelane_children", "Child processes that are alive"),
            spawns: register.series(IntCounter::new(
                "onelane_child_spawns_total",
                "Child processes started",
            )),
            exits: register.counters(
                "onelane_child_exits_total",
                "Child processes that ended, by cause",
                ("cause", &causes),
            ),
            cpu_seconds: register.series(Counter::new(
                "onelane_child_cpu_seconds_total",
                "CPU time that child processes have used",
            )),
            max_rss: register.gauge(
                "onelane_child_max_rss_bytes",
                "The most memory that any child process ever had resident",
            ),
            restarts: register.counters(
                "onelane_worker_restarts_total",
                "Pooled children, cluster workers and threads that were replaced, by cause",
                ("cause", &causes),
            ),
        }
    }

    /// Brings the series up to what the roster says.
    pub(super) fn follow(&self, roster: &RosterSnapshot) {
        self.alive.set(gauge_value(roster.alive.len()));
        let spawned = roster.spawned.saturating_sub(self.spawns.get());
        self.spawns.inc_by(spawned);
        raise_each(&self.exits, &roster.exited);
        raise(&self.cpu_seconds, roster.cpu);
        let max_rss = i64::try_from(roster.max_rss_bytes);
        self.max_rss.set(max_rss.unwrap_or(i64::MAX));
        raise_each(&self.restarts, &roster.replaced);
    }
}

fn raise_each(counters: &IntCounterVec, totals: &BTreeMap<Cause, u64>) {
    for (cause, total) in totals {
        let counter = counters.with_label_values(&[cause.name()]);
        counter.inc_by(total.saturating_sub(counter.get()));
    }
}
