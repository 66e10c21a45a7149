//! What a request costs when the work is nothing: latency over one connection, throughput over eight,
//! CPU time, and CPU time where every request opens a connection. Two workers each, one nginx at most, no
//! access logs.
//!
//! CPU time is that of the whole machine meanwhile, less the client's own, for everyone alike. The processes of a
//! contender do not tell all of theirs: see [`onelane_lab::machine`].

use onelane_lab::client::Connections::{Fresh, Kept};
use onelane_lab::client::{self, Served};
use onelane_lab::figures::{in_ms, quantile};
use onelane_lab::machine::Meter;
use onelane_lab::nginx::Limits;
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contenders::{Contender, Terms};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) contender: String,
    pub(crate) run: u32,
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) per_second: f64,
    /// Of the whole machine but the client, per request over eight connections.
    pub(crate) cpu_us: f64,
    /// The same where every request has a connection of its own.
    pub(crate) fresh_cpu_us: f64,
    /// Not answered with 200.
    pub(crate) failed: usize,
}

const MANY: u32 = 8;

pub(crate) fn run(bench: &Bench) -> Vec<Row> {
    let runs = bench.pick(1, 1, 3);
    let mut rows = Vec::new();
    for run in 1..=runs {
        for contender in bench.contenders() {
            if let Some(row) = measure(bench, contender, run) {
                bench.say(&format!(
                    "cost {run}/{runs}, {contender}: median {:.3} ms, {:.0} requests/s, {:.0} µs of CPU each",
                    row.median_ms, row.per_second, row.cpu_us
                ));
                rows.push(row);
            }
        }
    }
    rows
}

#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
fn measure(bench: &Bench, contender: Contender, run: u32) -> Option<Row> {
    let mut terms = Terms::slots(2);
    // One client here is as many as a flood would be.
    terms.limits = Limits::Lifted;
    let running = bench.start(contender, terms)?;
    let time = bench.seconds(0.05, 0.6, 1.2);
    // The kernel counts the machine's CPU time in hundredths of a second.
    let time_for_cpu = bench.seconds(0.05, 1.0, 2.0);
    let ask = |connections, time| client::run(running.address, "/fast", connections, time);
    let ask_for_cpu = |connections| {
        let meter = Meter::start();
        let served: Served = ask(connections, time_for_cpu);
        let cpu_us = meter.spent().as_secs_f64() * 1e6 / served.latencies.len() as f64;
        (served, cpu_us)
    };
    // Just-in-time compilers need a while to show what they can do.
    ask((MANY, Kept), time);
    let one = in_ms(&ask((1, Kept), time).latencies);
    let (many, cpu_us) = ask_for_cpu((MANY, Kept));
    let (fresh, fresh_cpu_us) = ask_for_cpu((MANY, Fresh));
    Some(Row {
        contender: contender.to_string(),
        run,
        median_ms: quantile(&one, 0.5),
        p99_ms: quantile(&one, 0.99),
        per_second: many.per_second(),
        cpu_us,
        fresh_cpu_us,
        failed: many.failed + fresh.failed,
    })
}
