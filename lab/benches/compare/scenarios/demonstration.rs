//! The demonstration: one request that keeps a CPU busy for seconds and, meanwhile, ten short ones.
//! How long do the short ones take?

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use onelane_lab::client::get;
use onelane_lab::figures::{in_ms, quantile};
use onelane_lab::nginx::Setup;
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contenders::{Contender, Terms};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) contender: String,
    /// Workers, lanes or threads at most.
    pub(crate) slots: u32,
    pub(crate) run: u32,
    pub(crate) long_ms: u64,
    pub(crate) median_ms: f64,
    pub(crate) slowest_ms: f64,
    /// How many of the ten took longer than a tenth of the long one.
    pub(crate) held_up: usize,
}

const SHORT: usize = 10;

/// With two workers, but for those whose number is of interest here.
fn candidates(bench: &Bench) -> Vec<(Contender, u32)> {
    let lanes = Setup::ALL.into_iter().flat_map(|setup| {
        let slots = [1, 2, 6];
        slots.map(|slots| (Contender::Lanes(setup), slots))
    });
    bench
        .contenders()
        .into_iter()
        .filter(|contender| !matches!(contender, Contender::Lanes(_)))
        .map(|contender| (contender, 2))
        .chain(lanes)
        .collect()
}

pub(crate) fn run(bench: &Bench) -> Vec<Row> {
    let runs = bench.pick(1, 1, 3);
    let mut rows = Vec::new();
    for run in 1..=runs {
        for (contender, slots) in candidates(bench) {
            if let Some(row) = measure(bench, contender, slots, run) {
                bench.say(&format!(
                    "demonstration {run}/{runs}, {contender} ({slots}): short ones {:.1} ms in the median, {:.1} at most",
                    row.median_ms, row.slowest_ms
                ));
                rows.push(row);
            }
        }
    }
    rows
}

fn measure(bench: &Bench, contender: Contender, slots: u32, run: u32) -> Option<Row> {
    let running = bench.start(contender, Terms::slots(slots))?;
    let long_ms = bench.pick(200, 1000, 2000);
    let times = in_ms(&short_ones(running.address, long_ms));
    #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
    let tenth = long_ms as f64 / 10.0;
    Some(Row {
        contender: contender.to_string(),
        slots,
        run,
        long_ms,
        median_ms: quantile(&times, 0.5),
        slowest_ms: quantile(&times, 1.0),
        held_up: times.iter().filter(|time| **time > tenth).count(),
    })
}

/// Their response times. They arrive one after the other, whether or not the former are answered.
fn short_ones(address: SocketAddr, long_ms: u64) -> Vec<Duration> {
    let patience = Duration::from_mins(1);
    let ask = move |path: &str| {
        let start = Instant::now();
        // A refusal is an answer, too.
        let _ = get(address, path, patience);
        start.elapsed()
    };
    let long = thread::spawn(move || ask(&format!("/wait?ms={long_ms}")));
    // Long enough for a process to start, short enough to fit in ten times more.
    let gap = Duration::from_millis(long_ms / 20);
    let short: Vec<_> = (0..SHORT)
        .map(|_| {
            thread::sleep(gap);
            thread::spawn(move || ask("/fast"))
        })
        .collect();
    let times = short
        .into_iter()
        .filter_map(|short| short.join().ok())
        .collect();
    // So that it does not keep the CPU busy beside the next contender.
    let _ = long.join();
    times
}
