//! What was promised, and whether it holds: each a ratio within the same run.

use super::Section;
use super::queue::{is, mean_ratio, median_ratio, p99_ratio};
use super::table::{cell, over, table};
use crate::results::Results;
use crate::scenarios::{cost, footprint, queue};

/// What is promised, where it is to be found, and how much it may be.
type Target = (&'static str, Figure, f64);

enum Figure {
    /// Of mix C at load 0.8, of this contender.
    Queue(&'static str, fn(&queue::Row) -> f64),
    /// The same of the first contender over the second.
    Queues(&'static str, &'static str, fn(&queue::Row) -> f64),
    /// Of the first contender over the second.
    Cost(&'static str, &'static str, fn(&cost::Row) -> f64),
    /// Of a lane at rest.
    Memory,
}

use Figure::{Cost, Memory, Queue, Queues};
use onelane_lab::figures::Spread;

const SHIPPED: &str = "lanes, nginx shipped";
const HAPROXY: &str = "lanes, HAProxy maxconn 1";
const CLUSTER: &str = "onelane cluster";
const FORK: &str = "onelane fork";
const POOL: &str = "onelane pool";
const FCGIWRAP: &str = "nginx + fcgiwrap";

#[rustfmt::skip]
const TARGETS: &[Target] = &[
    ("shipped nginx, mix C at 0.8: short mean ÷ ideal", Queue(SHIPPED, mean_ratio), 1.05),
    ("shipped nginx, mix C at 0.8: short median ÷ ideal", Queue(SHIPPED, median_ratio), 1.3),
    ("shipped nginx, mix C at 0.8: short p99 ÷ ideal", Queue(SHIPPED, p99_ratio), 1.15),
    ("shipped nginx ÷ HAProxy, mix C at 0.8: short median", Queues(SHIPPED, HAPROXY, |row| row.short.p50), 1.05),
    ("shipped nginx ÷ HAProxy, mix C at 0.8: short p90", Queues(SHIPPED, HAPROXY, |row| row.short.p90), 1.05),
    ("shipped nginx ÷ HAProxy, mix C at 0.8: short p99", Queues(SHIPPED, HAPROXY, |row| row.short.p99), 1.05),
    ("cluster, mix C at 0.8: short mean ÷ ideal", Queue(CLUSTER, mean_ratio), 1.1),
    ("cluster, mix C at 0.8: short p99 ÷ ideal", Queue(CLUSTER, p99_ratio), 1.1),
    ("fork ÷ nginx + fcgiwrap, latency", Cost(FORK, FCGIWRAP, |row| row.median_ms), 0.5),
    ("nginx + fcgiwrap ÷ fork, requests/s", Cost(FCGIWRAP, FORK, |row| row.per_second), 0.33),
    ("fork ÷ Node fork, latency", Cost(FORK, "Node fork", |row| row.median_ms), 0.01),
    ("nginx + PHP-FPM ÷ pool, requests/s", Cost("nginx + PHP-FPM", POOL, |row| row.per_second), 1.0),
    ("gunicorn sync ÷ pool, requests/s", Cost("gunicorn sync", POOL, |row| row.per_second), 1.0),
    ("uWSGI ÷ pool, requests/s", Cost("uWSGI", POOL, |row| row.per_second), 1.0),
    ("blocking ÷ Node blocking, CPU per request", Cost("onelane blocking", "Node blocking", |row| row.cpu_us), 1.0),
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
            Queue(contender, figure) => {
                let mine = typical(results).filter(|row| row.contender == *contender);
                over(mine, figure)
            }
            Queues(one, other, figure) => {
                let of = |row: &queue::Row| (row.contender.clone(), row.run);
                ratio(
                    &typical(results).collect::<Vec<_>>(),
                    of,
                    one,
                    other,
                    *figure,
                )
            }
            Cost(one, other, figure) => {
                let of = |row: &cost::Row| (row.contender.clone(), row.run.into());
                ratio(
                    &results.cost.iter().collect::<Vec<_>>(),
                    of,
                    one,
                    other,
                    *figure,
                )
            }
            Memory => memory(&results.footprint),
        }
    }
}

fn typical(results: &Results) -> impl Iterator<Item = &queue::Row> {
    results.queue.iter().filter(|row| is(row, 'C', 0.8))
}

/// One contender's figure over another's, run by run; `of` tells whose and which run a row is.
fn ratio<R>(
    rows: &[&R],
    of: impl Fn(&R) -> (String, u64),
    one: &str,
    other: &str,
    figure: fn(&R) -> f64,
) -> Option<Spread> {
    let ones = rows.iter().copied().filter(|row| of(row).0 == one);
    let ratio = |row: &R| {
        let same_run = (other.to_owned(), of(row).1);
        let other = rows.iter().find(|row| of(row) == same_run);
        other.map_or(f64::NAN, |other| figure(row) / figure(other))
    };
    over(ones, ratio)
}

fn memory(rows: &[footprint::Row]) -> Option<Spread> {
    let lanes = rows
        .iter()
        .filter(|row| row.contender == "onelane blocking");
    over(lanes, |row| footprint::megabytes(&row.rest))
}
