//! From response times to the table.

use std::fmt;
use std::time::Duration;

use crate::Options;
use crate::nginx::Setup;
use crate::rig::figures::{Spread, in_ms, quantile};

/// Response times of short requests.
#[derive(Clone, Copy)]
pub(crate) struct Short {
    mean_ms: f64,
    p99_ms: f64,
}

/// One set-up on one trace.
pub(crate) struct Cell {
    pub(crate) setup: Setup,
    pub(crate) requests: usize,
    /// Requests without an answer of 200. They are not among the response times.
    pub(crate) failed: usize,
    pub(crate) ideal: Short,
    pub(crate) short: Short,
    /// What the model makes of the same trace.
    pub(crate) simulated: Short,
}

impl Short {
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
    pub(crate) fn of(responses: impl Iterator<Item = Duration>) -> Self {
        let ms = in_ms(&responses.collect::<Vec<_>>());
        Self {
            mean_ms: ms.iter().sum::<f64>() / ms.len() as f64,
            p99_ms: quantile(&ms, 0.99),
        }
    }
}

impl Cell {
    fn mean_ratio(&self) -> f64 {
        self.short.mean_ms / self.ideal.mean_ms
    }

    fn p99_ratio(&self) -> f64 {
        self.short.p99_ms / self.ideal.p99_ms
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "mean {:.0} ms ×{:.2}, p99 {:.0} ms ×{:.2}, {} of {} not 200",
            self.short.mean_ms,
            self.mean_ratio(),
            self.short.p99_ms,
            self.p99_ratio(),
            self.failed,
            self.requests,
        )
    }
}

pub(crate) fn print(options: &Options, cells: &[Cell]) {
    println!(
        "\nMix {}; load {}; {} runs of {} s. Short requests, as a ratio to the ideal: median (least – most)",
        options.mix.describe(),
        options.load,
        options.runs,
        options.seconds
    );
    println!("{:<16}{:<24}{:<24}not 200", "", "mean", "p99");
    let of_ideal: Vec<&Cell> = of(cells, Setup::ALL[0]);
    row(
        "ideal, ms",
        &format!("{:.0}", over(&of_ideal, |cell| cell.ideal.mean_ms)),
        &format!("{:.0}", over(&of_ideal, |cell| cell.ideal.p99_ms)),
        "",
    );
    for setup in Setup::ALL {
        let cells = of(cells, setup);
        let failed: usize = cells.iter().map(|cell| cell.failed).sum();
        let requests: usize = cells.iter().map(|cell| cell.requests).sum();
        row(
            &setup.to_string(),
            &over(&cells, Cell::mean_ratio).to_string(),
            &over(&cells, Cell::p99_ratio).to_string(),
            &format!("{failed} of {requests}"),
        );
    }
    println!("\nThe model on the same arrivals, as a ratio to what was measured");
    for setup in Setup::ALL {
        let cells = of(cells, setup);
        row(
            &setup.to_string(),
            &over(&cells, |cell| cell.simulated.mean_ms / cell.short.mean_ms).to_string(),
            &over(&cells, |cell| cell.simulated.p99_ms / cell.short.p99_ms).to_string(),
            "",
        );
    }
}

fn of(cells: &[Cell], setup: Setup) -> Vec<&Cell> {
    cells.iter().filter(|cell| cell.setup == setup).collect()
}

fn row(name: &str, mean: &str, p99: &str, failed: &str) {
    println!("{name:<16}{mean:<24}{p99:<24}{failed}");
}

fn over(cells: &[&Cell], figure: impl Fn(&Cell) -> f64) -> Spread {
    Spread::over(cells.iter().map(|cell| figure(cell)))
}
