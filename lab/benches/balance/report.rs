//! From response times to the tables.

use std::fmt;

use onelane_lab::figures::{Spread, Times};
use onelane_lab::front::Front;
use onelane_lab::mix::Mix;
use onelane_lab::nginx::Setup;

use crate::Options;

/// One front on one trace.
pub(crate) struct Cell {
    pub(crate) front: Front,
    pub(crate) requests: usize,
    /// Requests without an answer of 200. They are not among the response times.
    pub(crate) failed: usize,
    pub(crate) measured: Times,
    pub(crate) ideal: Times,
    /// What the model makes of the same trace.
    pub(crate) simulated: Option<Times>,
    /// Lanes asked for a request.
    pub(crate) tries: f64,
    /// CPU time of nginx, or what is in its place, for a request.
    pub(crate) cpu_us: f64,
}

type Figure = fn(&Times) -> f64;

const FIGURES: [(&str, Figure); 4] = [
    ("mean", |times| times.mean),
    ("median", |times| times.p50),
    ("p90", |times| times.p90),
    ("p99", |times| times.p99),
];

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, figure) in FIGURES {
            let (measured, ideal) = (figure(&self.measured), figure(&self.ideal));
            write!(f, "{name} {measured:.0} ms ×{:.2}, ", measured / ideal)?;
        }
        write!(
            f,
            "{:.1} asked, {} of {} not 200",
            self.tries, self.failed, self.requests
        )
    }
}

pub(crate) fn print(options: &Options, cells: &[Cell]) {
    println!(
        "\nMix {}; load {}; {} lanes, {} nginx; {} runs of {} s. {}: median (least – most)",
        options.mix.describe(),
        options.load,
        options.lanes,
        options.nginx,
        options.runs,
        options.seconds,
        match options.mix {
            Mix::C => "Response times of short requests",
            _ => "Response times",
        },
    );
    let mut fronts: Vec<Front> = Vec::new();
    for cell in cells {
        if !fronts.contains(&cell.front) {
            fronts.push(cell.front);
        }
    }
    to_the_ideal(cells, &fronts);
    to_haproxy(cells);
    price(cells, &fronts);
    println!("\nThe model on the same arrivals, as a ratio to what was measured");
    for front in fronts {
        let simulated = of(cells, front).filter_map(|cell| cell.simulated.as_ref());
        let pairs: Vec<_> = simulated
            .zip(of(cells, front).map(|cell| &cell.measured))
            .collect();
        if !pairs.is_empty() {
            ratios(&front.to_string(), &pairs);
        }
    }
}

fn to_the_ideal(cells: &[Cell], fronts: &[Front]) {
    println!("\nAs a ratio to the ideal");
    row("", FIGURES.map(|(name, _)| name.to_owned()));
    let ideals: Vec<&Times> = of(cells, fronts[0]).map(|cell| &cell.ideal).collect();
    row(
        "ideal, ms",
        FIGURES
            .map(|(_, figure)| format!("{:.0}", Spread::over(ideals.iter().copied().map(figure)))),
    );
    for front in fronts {
        let pairs: Vec<_> = of(cells, *front)
            .map(|cell| (&cell.measured, &cell.ideal))
            .collect();
        ratios(&front.to_string(), &pairs);
    }
}

fn to_haproxy(cells: &[Cell]) {
    let shipped = of(cells, Front::Nginx(Setup::Shipped)).map(|cell| &cell.measured);
    let haproxy = of(cells, Front::Haproxy).map(|cell| &cell.measured);
    let pairs: Vec<_> = shipped.zip(haproxy).collect();
    if !pairs.is_empty() {
        println!("\nAs a ratio to HAProxy");
        ratios("nginx shipped", &pairs);
    }
}

fn price(cells: &[Cell], fronts: &[Front]) {
    println!("\nThe price");
    let heads = ["lanes asked", "CPU, µs a request", "not 200"];
    row("", heads.map(str::to_owned));
    for front in fronts {
        let of_front = || of(cells, *front);
        let failed: usize = of_front().map(|cell| cell.failed).sum();
        let requests: usize = of_front().map(|cell| cell.requests).sum();
        row(
            &front.to_string(),
            [
                format!("{:.1}", Spread::over(of_front().map(|cell| cell.tries))),
                format!("{:.0}", Spread::over(of_front().map(|cell| cell.cpu_us))),
                format!("{failed} of {requests}"),
            ],
        );
    }
}

/// The first of each pair by the second.
fn ratios(name: &str, pairs: &[(&Times, &Times)]) {
    let figures = FIGURES.map(|(_, figure)| {
        let ratios = pairs.iter().map(|(one, other)| figure(one) / figure(other));
        Spread::over(ratios).to_string()
    });
    row(name, figures);
}

fn row<const N: usize>(name: &str, cells: [String; N]) {
    let cells = cells.map(|cell| format!("{cell:<22}"));
    println!("{name:<20}{}", cells.concat().trim_end());
}

fn of(cells: &[Cell], front: Front) -> impl Iterator<Item = &Cell> {
    cells.iter().filter(move |cell| cell.front == front)
}
