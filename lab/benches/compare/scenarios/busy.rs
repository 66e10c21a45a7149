//! A busy machine: how long does a trivial request take while as many other processes as there are CPUs compute
//! without pause? Whoever hands a request from one process to the next waits for a CPU each time.

use std::time::Duration;

use onelane_lab::client::{self, Connections};
use onelane_lab::figures::Times;
use onelane_lab::neighbours::Neighbours;
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contenders::{Contender, Running, Terms};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) contender: String,
    pub(crate) run: u32,
    /// With the machine to itself.
    pub(crate) alone: Times,
    /// While all CPUs compute something else.
    pub(crate) beside: Times,
    /// Not answered with 200.
    pub(crate) failed: usize,
}

/// One process per request, ready or not, beside workers that stay. The last is not ours.
const CANDIDATES: [Contender; 4] = [
    Contender::Mode("pool"),
    Contender::NoneReady,
    Contender::Mode("fork"),
    Contender::Fcgiwrap,
];

pub(crate) fn run(bench: &Bench) -> Vec<Row> {
    let runs = bench.pick(1, 1, 3);
    let candidates = bench.pick(&CANDIDATES[..3], &CANDIDATES, &CANDIDATES);
    let mut rows = Vec::new();
    for run in 1..=runs {
        for contender in candidates {
            if let Some(row) = measure(bench, *contender, run) {
                bench.say(&format!(
                    "busy {run}/{runs}, {}: alone {:.3} ms (p99 {:.3}), beside others {:.3} ms (p99 {:.3}), {} failed",
                    row.contender, row.alone.p50, row.alone.p99, row.beside.p50, row.beside.p99, row.failed
                ));
                rows.push(row);
            }
        }
    }
    rows
}

fn measure(bench: &Bench, contender: Contender, run: u32) -> Option<Row> {
    let running = bench.start(contender, Terms::slots(2))?;
    // A request may take ten milliseconds and more, and one of a hundred is of interest.
    let time = bench.seconds(0.1, 1.5, 4.0);
    let (alone, failed_alone) = latency(&running, time);
    let neighbours = Neighbours::start(num_cpus::get());
    let neighbours = neighbours
        .inspect_err(|why| bench.say(&format!("busy: {why}")))
        .ok()?;
    let (beside, failed_beside) = latency(&running, time);
    drop(neighbours);
    Some(Row {
        contender: contender.to_string(),
        run,
        alone,
        beside,
        failed: failed_alone + failed_beside,
    })
}

/// Over one connection, once it has settled; and how many requests failed.
fn latency(running: &Running, time: Duration) -> (Times, usize) {
    let ask = |time| client::run(running.address, "/fast", (1, Connections::Kept), time);
    let settling = ask(time / 4);
    let served = ask(time);
    (
        Times::of(served.latencies.into_iter()),
        settling.failed + served.failed,
    )
}
