//! What each takes before it does anything, and while all of its workers are occupied.

use std::thread;
use std::time::Duration;

use onelane_lab::client::{self, Connections};
use serde::{Deserialize, Serialize};

use super::unlike;
use crate::bench::Bench;
use crate::contenders::{Contender, Terms};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) contender: String,
    pub(crate) run: u32,
    /// From the first exec to the first answer, all of its processes included.
    pub(crate) start_ms: f64,
    pub(crate) rest: Footprint,
    pub(crate) load: Footprint,
    /// The programs on disk; unknown for those that are not packages.
    pub(crate) disk_bytes: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Footprint {
    pub(crate) processes: usize,
    /// Pages shared between processes counted once (PSS).
    pub(crate) memory_bytes: u64,
}

/// How long a request occupies its worker: some are there at any moment.
const PATH: &str = "/sleep?ms=200";

pub(crate) fn run(bench: &Bench) -> Vec<Row> {
    let runs = bench.pick(1, 1, 2);
    let mut rows = Vec::new();
    for run in 1..=runs {
        for contender in unlike(bench) {
            if let Some(row) = measure(bench, contender, run) {
                bench.say(&format!(
                    "footprint {run}/{runs}, {contender}: first answer after {:.0} ms, {} processes, {:.1} MB; under load {}, {:.1} MB",
                    row.start_ms,
                    row.rest.processes,
                    megabytes(&row.rest),
                    row.load.processes,
                    megabytes(&row.load)
                ));
                rows.push(row);
            }
        }
    }
    rows
}

fn measure(bench: &Bench, contender: Contender, run: u32) -> Option<Row> {
    let running = bench.start(contender, Terms::slots(2))?;
    let look = || {
        let usage = running.usage();
        Footprint {
            processes: usage.processes,
            memory_bytes: usage.memory_bytes,
        }
    };
    let rest = look();
    let address = running.address;
    let time = bench.seconds(0.2, 0.6, 1.0);
    let asking = thread::spawn(move || client::run(address, PATH, (8, Connections::Kept), time));
    thread::sleep(time.saturating_sub(Duration::from_millis(100)));
    let load = look();
    // Its answers are of no interest here.
    let _ = asking.join();
    Some(Row {
        contender: contender.to_string(),
        run,
        start_ms: running.started_in.as_secs_f64() * 1000.0,
        rest,
        load,
        disk_bytes: bench.tools.disk_bytes(contender),
    })
}

#[allow(clippy::cast_precision_loss, reason = "far less than 2^52 bytes")]
pub(crate) fn megabytes(footprint: &Footprint) -> f64 {
    footprint.memory_bytes as f64 / 1e6
}
