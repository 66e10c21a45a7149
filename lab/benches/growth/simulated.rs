//! From one lane to thousands, in the model: how often nginx asks, and what that costs in time.

use std::time::Duration;

use onelane_sim::{Limits, Run, Service, System, mean, median, poisson, quantile, simulate};
use serde::Serialize;

pub(crate) const LANES: [usize; 7] = [1, 4, 16, 64, 256, 1024, 4096];
pub(crate) const LOADS: [f64; 3] = [0.5, 0.8, 0.95];
pub(crate) const NGINX: [usize; 3] = [1, 2, 4];

/// What every request here takes on average. Hops cost fixed times: how much they are depends on
/// what they are compared with.
pub(crate) const SERVICE: &str = "exp:100ms";

/// A system, and what it makes of its load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cell {
    pub(crate) lanes: usize,
    pub(crate) nginx: usize,
    pub(crate) load: f64,
    /// Lanes asked for a request.
    pub(crate) tries: f64,
    /// By all nginx together.
    pub(crate) tries_per_second: f64,
    /// How much longer it waits for a lane than in the ideal queue, on average.
    pub(crate) added_ms: f64,
    /// The response time that 99 % keep to, as a ratio to the ideal's.
    pub(crate) p99_ratio: f64,
}

/// Every number of lanes, behind every number of nginx, under every load.
pub(crate) fn growth(most: usize, done: impl Fn(&Cell)) -> Vec<Cell> {
    let mut cells = Vec::new();
    for load in LOADS {
        for lanes in LANES.into_iter().filter(|lanes| *lanes <= most) {
            for nginx in NGINX {
                let cell = Cell::of(lanes, nginx, load);
                done(&cell);
                cells.push(cell);
            }
        }
    }
    cells
}

/// Lanes that are asked for more than they can do, and refuse as shipped.
#[derive(Debug, Serialize)]
pub(crate) struct Overload {
    pub(crate) lanes: usize,
    pub(crate) load: f64,
    pub(crate) tries: f64,
    pub(crate) tries_per_second: f64,
    pub(crate) refused_p99_ms: f64,
    pub(crate) wait_ms: f64,
}

pub(crate) const OVERLOADS: [f64; 3] = [2.0, 3.0, 10.0];

pub(crate) fn overload(most: usize) -> Vec<Overload> {
    let lanes = LANES.into_iter().filter(|lanes| *lanes <= most.min(256));
    lanes
        .flat_map(|lanes| OVERLOADS.map(|load| Overload::of(lanes, load)))
        .collect()
}

impl Overload {
    fn of(lanes: usize, load: f64) -> Self {
        let system = System {
            limits: Limits::SHIPPED,
            ..System::shipped(lanes)
        };
        let run = play(&system, load, 1);
        let refused = run.outcomes.iter().filter(|outcome| outcome.is_refused());
        Self {
            lanes,
            load,
            tries: tries(&run),
            tries_per_second: tries(&run) * rate(lanes, load),
            refused_p99_ms: ms(quantile(0.99, refused.map(|outcome| outcome.response))),
            wait_ms: wait_ms(&run),
        }
    }
}

/// A thousand lanes, which several nginx share, or divide among them.
pub(crate) fn shared_or_divided() -> Vec<(String, Cell)> {
    let load = 0.95;
    let shared = [1, 2, 4, 16].map(|nginx| {
        (
            format!("{nginx} nginx for all"),
            Cell::of(1024, nginx, load),
        )
    });
    let divided = [4, 16].map(|nginx| {
        let lanes = 1024 / nginx;
        (
            format!("{nginx} nginx, {lanes} lanes each"),
            Cell::of(lanes, 1, load),
        )
    });
    shared.into_iter().chain(divided).collect()
}

impl Cell {
    pub(crate) fn of(lanes: usize, nginx: usize, load: f64) -> Self {
        let system = System {
            nginx,
            ..System::shipped(lanes)
        };
        let runs: Vec<Self> = (1..=seeds(lanes))
            .map(|seed| run(&system, load, seed))
            .collect();
        let over = |figure: fn(&Self) -> f64| median(runs.iter().map(figure));
        Self {
            lanes,
            nginx,
            load,
            tries: over(|run| run.tries),
            tries_per_second: over(|run| run.tries_per_second),
            added_ms: over(|run| run.added_ms),
            p99_ratio: over(|run| run.p99_ratio),
        }
    }
}

/// Many lanes are many samples.
fn seeds(lanes: usize) -> u64 {
    if lanes < 1000 { 5 } else { 1 }
}

fn run(system: &System, load: f64, seed: u64) -> Cell {
    let real = play(system, load, seed);
    let ideal = play(&System::ideal(system.lanes), load, seed);
    Cell {
        lanes: system.lanes,
        nginx: system.nginx,
        load,
        tries: tries(&real),
        tries_per_second: tries(&real) * rate(system.lanes, load),
        added_ms: wait_ms(&real) - wait_ms(&ideal),
        p99_ratio: p99(&real) / p99(&ideal),
    }
}

/// A run without its beginning: the queue is not yet as long as it is going to be.
fn play(system: &System, load: f64, seed: u64) -> Run {
    let rate = rate(system.lanes, load);
    let count = (100 * system.lanes).max(20_000);
    let mut run = simulate(system, seed, poisson(seed, rate, &service(), count));
    run.outcomes.drain(..count / 5);
    run
}

fn service() -> Service {
    SERVICE.parse().expect("it is written correctly")
}

fn rate(lanes: usize, load: f64) -> f64 {
    load * as_f64(lanes) / service().mean().as_secs_f64()
}

fn tries(run: &Run) -> f64 {
    let tries = run.outcomes.iter().map(|outcome| outcome.tries as usize);
    as_f64(tries.sum()) / as_f64(run.outcomes.len())
}

fn wait_ms(run: &Run) -> f64 {
    ms(mean(run.answered().map(|outcome| outcome.queued)))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn p99(run: &Run) -> f64 {
    quantile(0.99, run.answered().map(|outcome| outcome.response)).as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
