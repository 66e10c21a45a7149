//! What was promised, and whether it holds: each a ratio within the same run.

use super::Section;
use super::queue::{is, mean_ratio, median_ratio, p99_ratio};
use super::table::{cell, over, table};
use crate::results::Results;
use crate::scenarios::{bodies, busy, cost, footprint, queue};

/// What is promised, where it is to be found, and how much it may be.
type Target = (&'static str, Figure, f64);

enum Figure {
    /// Of this contender, where this arrives.
    Queue(&'static str, Arriving, fn(&queue::Row) -> f64),
    /// Of the first contender over the second, where the typical arrives.
    Queues(&'static str, &'static str, fn(&queue::Row) -> f64),
    /// Of the first contender over the second.
    Cost(&'static str, &'static str, fn(&cost::Row) -> f64),
    /// The same.
    Bodies(&'static str, &'static str, fn(&bodies::Row) -> f64),
    /// The same.
    Busy(&'static str, &'static str, fn(&busy::Row) -> f64),
    /// Of a lane at rest.
    Memory,
}

use Figure::{Bodies, Busy, Cost, Memory, Queue, Queues};
use onelane_lab::figures::Spread;

/// A mix, and its load.
type Arriving = (char, f64);

const TYPICAL: Arriving = ('C', 0.8);
/// Almost all that can be done, and every request short: what one costs matters most here.
const DENSE: Arriving = ('B', 0.95);

const SHIPPED: &str = "lanes, nginx shipped";
const HAPROXY: &str = "lanes, HAProxy maxconn 1";
const BLOCKING: &str = "onelane blocking";
const CLUSTER: &str = "onelane cluster";
const FORK: &str = "onelane fork";
const POOL: &str = "onelane pool";
const FCGIWRAP: &str = "nginx + fcgiwrap";
const UWSGI: &str = "uWSGI";

#[rustfmt::skip]
const TARGETS: &[Target] = &[
    ("shipped nginx, mix C at 0.8: short mean ÷ ideal", Queue(SHIPPED, TYPICAL, mean_ratio), 1.05),
    ("shipped nginx, mix C at 0.8: short median ÷ ideal", Queue(SHIPPED, TYPICAL, median_ratio), 1.3),
    ("shipped nginx, mix C at 0.8: short p99 ÷ ideal", Queue(SHIPPED, TYPICAL, p99_ratio), 1.15),
    ("shipped nginx ÷ HAProxy, mix C at 0.8: short median", Queues(SHIPPED, HAPROXY, |row| row.short.p50), 1.05),
    ("shipped nginx ÷ HAProxy, mix C at 0.8: short p90", Queues(SHIPPED, HAPROXY, |row| row.short.p90), 1.05),
    ("shipped nginx ÷ HAProxy, mix C at 0.8: short p99", Queues(SHIPPED, HAPROXY, |row| row.short.p99), 1.05),
    ("cluster, mix C at 0.8: short mean ÷ ideal", Queue(CLUSTER, TYPICAL, mean_ratio), 1.1),
    ("cluster, mix C at 0.8: short p99 ÷ ideal", Queue(CLUSTER, TYPICAL, p99_ratio), 1.1),
    ("fork ÷ nginx + fcgiwrap, latency", Cost(FORK, FCGIWRAP, |row| row.median_ms), 0.5),
    ("nginx + fcgiwrap ÷ fork, requests/s", Cost(FCGIWRAP, FORK, |row| row.per_second), 0.4),
    ("fork ÷ nginx + fcgiwrap, CPU per request", Cost(FORK, FCGIWRAP, |row| row.cpu_us), 1.0),
    ("fork ÷ pool, latency", Cost(FORK, POOL, |row| row.median_ms), 1.3),
    ("fork ÷ pool, latency while all CPUs compute", Busy(FORK, POOL, |row| row.beside.p50), 1.3),
    ("fork, mix B at 0.95: short mean ÷ ideal", Queue(FORK, DENSE, mean_ratio), 1.3),
    ("fork ÷ Node fork, latency", Cost(FORK, "Node fork", |row| row.median_ms), 0.01),
    ("nginx + PHP-FPM ÷ pool, requests/s", Cost("nginx + PHP-FPM", POOL, |row| row.per_second), 1.0),
    ("gunicorn sync ÷ pool, requests/s", Cost("gunicorn sync", POOL, |row| row.per_second), 1.0),
    ("uWSGI ÷ pool, requests/s", Cost(UWSGI, POOL, |row| row.per_second), 1.0),
    ("pool ÷ uWSGI, CPU per request", Cost(POOL, UWSGI, |row| row.cpu_us), 1.0),
    ("the same, each request over a connection of its own", Cost(POOL, UWSGI, |row| row.fresh_cpu_us), 1.0),
    ("blocking ÷ fork, bodies of 5 MB in/s", Bodies(BLOCKING, FORK, |row| row.bodies_in.per_second), 1.5),
    ("blocking ÷ fork, answers of 5 MB out/s", Bodies(BLOCKING, FORK, |row| row.answers_out.per_second), 1.5),
    ("blocking ÷ pool, bodies of 5 MB in/s", Bodies(BLOCKING, POOL, |row| row.bodies_in.per_second), 1.5),
    ("blocking ÷ pool, answers of 5 MB out/s", Bodies(BLOCKING, POOL, |row| row.answers_out.per_second), 1.5),
    ("blocking ÷ Node blocking, CPU per request", Cost(BLOCKING, "Node blocking", |row| row.cpu_us), 1.0),
    ("cluster ÷ Node cluster, CPU per request", Cost(CLUSTER, "Node cluster", |row| row.cpu_us), 1.0),
    ("the same, each request over a connection of its own", Cost(CLUSTER, "Node cluster", |row| row.fresh_cpu_us), 1.0),
    ("a lane at rest, MB", Memory, 5.0),
];

pub(super) fn section(results: &Results) -> Section {
    let lines = TARGETS.iter().map(|(promise, figure, limit)| {
        let measured = figure.of(results);
        let holds = match measured {
            None => "not measured",
            Some(spread) if spread.median <= *limit => "yes",
            Some(_) => "**no**",
        };
        vec![
            (*promise).to_owned(),
            cell(measured, if *limit < 0.1 { 4 } else { 2 }),
            format!("≤ {limit}"),
            holds.to_owned(),
        ]
    });
    let text = format!(
        "## Targets\n\n{}",
        table(&["", "measured", "target", "holds"], lines)
    );
    Section {
        text,
        plots: Vec::new(),
    }
}

impl Figure {
    fn of(&self, results: &Results) -> Option<Spread> {
        match self {
            Queue(contender, arriving, figure) => {
                let rows = with(results, *arriving);
                over(rows.filter(|row| row.contender == *contender), figure)
            }
            Queues(one, other, figure) => {
                let of = |row: &queue::Row| (row.contender.clone(), row.run);
                ratio(&with(results, TYPICAL), of, [one, other], *figure)
            }
            Cost(one, other, figure) => {
                let of = |row: &cost::Row| (row.contender.clone(), row.run.into());
                ratio(&results.cost.iter(), of, [one, other], *figure)
            }
            Bodies(one, other, figure) => {
                let of = |row: &bodies::Row| (row.contender.clone(), row.run.into());
                ratio(&results.bodies.iter(), of, [one, other], *figure)
            }
            Busy(one, other, figure) => {
                let of = |row: &busy::Row| (row.contender.clone(), row.run.into());
                ratio(&results.busy.iter(), of, [one, other], *figure)
            }
            Memory => memory(&results.footprint),
        }
    }
}

/// The rows where this arrives.
fn with(results: &Results, (mix, load): Arriving) -> impl Iterator<Item = &queue::Row> + Clone {
    results.queue.iter().filter(move |row| is(row, mix, load))
}

/// One contender's figure over another's, run by run; `of` tells whose and which run a row is.
fn ratio<'a, R: 'a>(
    rows: &(impl Iterator<Item = &'a R> + Clone),
    of: impl Fn(&R) -> (String, u64),
    [one, other]: [&str; 2],
    figure: fn(&R) -> f64,
) -> Option<Spread> {
    let ones = rows.clone().filter(|row| of(row).0 == one);
    let ratio = |row: &R| {
        let same_run = (other.to_owned(), of(row).1);
        let other = rows.clone().find(|row| of(row) == same_run);
        other.map_or(f64::NAN, |other| figure(row) / figure(other))
    };
    over(ones, ratio)
}

fn memory(rows: &[footprint::Row]) -> Option<Spread> {
    let lanes = rows.iter().filter(|row| row.contender == BLOCKING);
    over(lanes, |row| footprint::megabytes(&row.rest))
}
