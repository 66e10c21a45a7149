//! Every series of a server in one struct. Events are counted where they happen; slots, queue and
//! children are looked at when Prometheus scrapes.

mod children;
mod own;
mod register;
mod snapshot;

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Counter, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    Opts, Registry,
};

pub use children::ChildSeries;
use register::{Register, gauge_value, raise};
pub use snapshot::MetricsSnapshot;

use crate::roster::RosterSnapshot;
use crate::service::ENGINE_VERSION;
use crate::workload::{Record, Series, SeriesEvent};

/// Seconds. A trivial request takes well under a millisecond, the longest run into
/// `request_timeout` (30 s): about three steps for each power of ten between them.
const SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The series. Their names and labels are part of the public contract; what each one means is said
/// once, in its help text in [`Metrics::new`].
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub requests: IntCounterVec,
    pub request_duration: HistogramVec,
    pub in_flight: IntGauge,
    pub queue_wait: Histogram,
    pub rejected: IntCounterVec,
    pub compute: HistogramVec,
    pub children: ChildSeries,
    slots: IntGauge,
    slots_busy: IntGauge,
    busy_seconds: Counter,
    waiting_seconds: Counter,
    queue_depth: IntGauge,
    queue_limit: IntGauge,
    log_lines_dropped: IntCounter,
    /// Spans that reached no collector.
    #[cfg(feature = "otlp")]
    pub spans_lost: IntCounterVec,
    /// The service's own series.
    own: Mutex<MetricsSnapshot>,
}

/// The slots, the queue and the log at a scrape: the values of the series of the same names.
#[derive(Debug, Clone, Copy)]
pub struct Occupancy {
    pub slots: usize,
    pub busy: usize,
    pub busy_total: Duration,
    pub queue_depth: usize,
    pub waited_total: Duration,
    pub queue_limit: usize,
    pub log_lines_dropped: u64,
}

/// What runs: the labels of the build information.
#[derive(Debug, Clone, Copy)]
pub struct Build<'a> {
    pub service: &'a str,
    pub version: &'a str,
    pub mode: &'a str,
}

impl Metrics {
    /// All series at zero. `reasons` are those for which requests may be rejected, `own` the series that the
    /// service has declared.
    pub fn new<'a>(
        build: &Build,
        reasons: &[&str],
        own: impl IntoIterator<Item = &'a Series>,
    ) -> Self {
        let registry = Registry::new();
        let register = Register(&registry);
        let build_info = register.series(GaugeVec::new(
            Opts::new("onelane_build_info", "Always 1; the labels tell what runs"),
            &["service", "version", "engine", "mode"],
        ));
        build_info
            .with_label_values(&[build.service, build.version, ENGINE_VERSION, build.mode])
            .set(1.0);
        let process = registry.register(Box::new(ProcessCollector::for_self()));
        process.expect("no other series is called process_*");
        Self {
            requests: register.series(IntCounterVec::new(
                Opts::new(
                    "http_requests_total",
                    "Answers; status 499 where the client left first",
                ),
                &["route", "method", "status"],
            )),
            request_duration: register.series(HistogramVec::new(
                seconds(
                    "http_request_duration_seconds",
                    "Time from a request's arrival here to its answer; without those that a busy lane sent on",
                ),
                &["route"],
            )),
            in_flight: register.gauge(
                "http_requests_in_flight",
                "Requests that are being handled, waiting ones included",
            ),
            queue_wait: register.series(Histogram::with_opts(seconds(
                "onelane_queue_wait_seconds",
                "Time from a request's arrival, at a balancer if that said so, to its slot",
            ))),
            rejected: register.counters(
                "onelane_rejected_total",
                "Requests that got no result, by reason",
                ("reason", reasons),
            ),
            compute: register.series(HistogramVec::new(
                seconds("onelane_compute_seconds", "Time spent computing"),
                &["workload"],
            )),
            children: ChildSeries::register(&register),
            slots: register.gauge("onelane_slots", "Requests that can be computed at once"),
            slots_busy: register.gauge("onelane_slots_busy", "Requests that are being computed"),
            busy_seconds: register.series(Counter::new(
                "onelane_busy_seconds_total",
                "Time that slots have been busy, all slots together",
            )),
            waiting_seconds: register.series(Counter::new(
                "onelane_waiting_seconds_total",
                "Time that requests have waited for a slot, all together, with those that got none",
            )),
            queue_depth: register.gauge("onelane_queue_depth", "Requests that wait for a slot"),
            queue_limit: register.gauge("onelane_queue_limit", "Requests that may wait for a slot"),
            log_lines_dropped: register.series(IntCounter::new(
                "onelane_log_lines_dropped_total",
                "Lines of the log that were dropped, because they were not read or could not be written",
            )),
            #[cfg(feature = "otlp")]
            spans_lost: register.counters(
                "onelane_spans_lost_total",
                "Spans of sampled traces that reached no collector, by reason",
                ("reason", crate::trace::LOST),
            ),
            registry,
            own: Mutex::new(MetricsSnapshot::declared(own)),
        }
    }

    /// Every series as it is now. Only one thread may call this at a time: two at once would raise
    /// the same counter twice.
    pub fn snapshot(&self, now: Occupancy, children: &RosterSnapshot) -> MetricsSnapshot {
        self.slots.set(gauge_value(now.slots));
        self.slots_busy.set(gauge_value(now.busy));
        self.queue_depth.set(gauge_value(now.queue_depth));
        self.queue_limit.set(gauge_value(now.queue_limit));
        raise(&self.busy_seconds, now.busy_total);
        raise(&self.waiting_seconds, now.waited_total);
        let news = now.log_lines_dropped - self.log_lines_dropped.get();
        self.log_lines_dropped.inc_by(news);
        self.children.follow(children);
        let mut all = MetricsSnapshot::of(&self.registry.gather());
        all.add(&self.own.lock());
        all
    }

    /// Rejections so far, by reason.
    pub fn rejected_by_reason(&self) -> BTreeMap<String, u64> {
        MetricsSnapshot::of(&self.rejected.collect()).by_label("onelane_rejected_total")
    }
}

impl Record for Metrics {
    fn record(&self, events: &[SeriesEvent]) {
        if !events.is_empty() {
            self.own.lock().record(events);
        }
    }
}

fn seconds(name: &str, help: &str) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(SECONDS.to_vec())
}
