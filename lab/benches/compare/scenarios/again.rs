//! Questions that are asked again: 200 requests for 50 numbers, few of them popular and many rare (Zipf), with and
//! without a cache in nginx. How often is something computed, what does it cost, and how long does one wait?

use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use onelane_lab::client::{fetch, get};
use onelane_lab::figures::Times;
use onelane_lab::nginx::Setup;
use rand::SeedableRng;
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contenders::{Contender, Running, Terms};

const QUESTIONS: u32 = 50;

/// Each asks the next question when it has its answer. More than there are lanes, so that some wait.
const CLIENTS: usize = 8;

const LANES: u32 = 2;

/// A prime of this size takes some 40 ms.
const NUMBER: u64 = 300_000_000;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) contender: String,
    pub(crate) run: u32,
    pub(crate) requests: usize,
    /// By the lanes' own count.
    pub(crate) computations: f64,
    /// Of all processes.
    pub(crate) cpu_seconds: f64,
    /// Until the last answer.
    pub(crate) seconds: f64,
    pub(crate) times: Times,
    /// Not answered with 200.
    pub(crate) failed: usize,
}

pub(crate) fn run(bench: &Bench) -> Vec<Row> {
    let runs = bench.pick(1, 1, 3);
    let mut rows = Vec::new();
    for run in 1..=runs {
        let paths = paths(run, bench.pick(20, 200, 200));
        for setup in [Setup::Shipped, Setup::Cached] {
            let contender = Contender::Lanes(setup);
            let Some(running) = bench.start(contender, Terms::slots(LANES)) else {
                continue;
            };
            let row = measure(&running, &contender.to_string(), run, &paths);
            bench.say(&format!(
                "again {run}/{runs}, {contender}: {} computations, {:.1} s of CPU, median {:.1} ms, p99 {:.0} ms",
                row.computations, row.cpu_seconds, row.times.p50, row.times.p99
            ));
            rows.push(row);
        }
    }
    rows
}

/// The same for everybody in the same run.
fn paths(run: u32, count: usize) -> Vec<String> {
    let numbers = (NUMBER..).filter(|number| is_prime(*number));
    let weights = (1..=QUESTIONS).map(|rank| 1.0 / f64::from(rank));
    let popularity = WeightedIndex::new(weights).expect("there are some questions");
    let draw = popularity.sample_iter(StdRng::seed_from_u64(run.into()));
    let paths = numbers.map(|number| format!("/prime?number={number}"));
    let paths: Vec<_> = paths.take(QUESTIONS as usize).collect();
    draw.take(count).map(|rank| paths[rank].clone()).collect()
}

fn is_prime(number: u64) -> bool {
    (2..=number.isqrt()).all(|divisor| !number.is_multiple_of(divisor))
}

fn measure(running: &Running, contender: &str, run: u32, paths: &[String]) -> Row {
    let before = running.usage().cpu;
    let start = Instant::now();
    let next = Mutex::new(paths.iter());
    let ask = || {
        let mut times = Vec::new();
        loop {
            let path = next
                .lock()
                .expect("no thread panics while it holds the lock")
                .next();
            let Some(path) = path else { return times };
            let start = Instant::now();
            if get(running.address, path, Duration::from_mins(1)) == Ok(200) {
                times.push(start.elapsed());
            }
        }
    };
    let times: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        let each = clients.into_iter().map(thread::ScopedJoinHandle::join);
        each.flat_map(|times| times.expect("a client does not panic"))
            .collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let cpu = running.usage().cpu.saturating_sub(before);
    Row {
        contender: contender.to_owned(),
        run,
        requests: paths.len(),
        computations: running.admins.iter().map(|lane| computations(*lane)).sum(),
        cpu_seconds: cpu.as_secs_f64(),
        seconds,
        failed: paths.len() - times.len(),
        times: Times::of(times.into_iter()),
    }
}

/// Of a lane since it started; NaN if it does not say.
fn computations(admin: SocketAddr) -> f64 {
    let request = b"GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";
    let Ok((200, metrics)) = fetch(admin, request, Duration::from_secs(10)) else {
        return f64::NAN;
    };
    let metrics = String::from_utf8_lossy(&metrics);
    let series = "onelane_compute_seconds_count{workload=\"prime\"} ";
    let mut lines = metrics.lines().filter_map(|line| line.strip_prefix(series));
    // Nothing yet is no series.
    lines
        .next()
        .map_or(0.0, |count| count.parse().unwrap_or(f64::NAN))
}
