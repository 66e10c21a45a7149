//! What was promised, and whether it holds: each a ratio within the same run.

use super::Section;
use super::queue::{is, mean_ratio, p99_ratio};
use super::table::{cell, over, table};
use crate::results::Results;
use crate::rig::figures::Spread;
use crate::scenarios::{cost, footprint, queue};

struct Target {
    promise: &'static str,
    measured: Option<Spread>,
    limit: f64,
}

pub(super) fn section(results: &Results) -> Section {
    let lines = targets(results).into_iter().map(|target| {
        let holds = match target.measured {
            None => "not measured",
            Some(spread) if spread.median <= target.limit => "yes",
            Some(_) => "**no**",
        };
        vec![
            target.promise.to_owned(),
            cell(target.measured, if target.limit < 0.1 { 4 } else { 2 }),
            format!("≤ {}", target.limit),
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

fn targets(results: &Results) -> Vec<Target> {
    let queue = |contender, figure| queueing(&results.queue, contender, figure);
    let cost = |one, other, figure| ratio(&results.cost, one, other, figure);
    let target = |promise, measured, limit| Target {
        promise,
        measured,
        limit,
    };
    let shipped = "lanes, nginx shipped";
    vec![
        target(
            "shipped nginx, mix C at 0.8: short mean ÷ ideal",
            queue(shipped, mean_ratio),
            1.1,
        ),
        target(
            "shipped nginx, mix C at 0.8: short p99 ÷ ideal",
            queue(shipped, p99_ratio),
            1.5,
        ),
        target(
            "cluster, mix C at 0.8: short mean ÷ ideal",
            queue("onelane cluster", mean_ratio),
            1.1,
        ),
        target(
            "cluster, mix C at 0.8: short p99 ÷ ideal",
            queue("onelane cluster", p99_ratio),
            1.1,
        ),
        target(
            "fork ÷ nginx + fcgiwrap, latency",
            cost("onelane fork", "nginx + fcgiwrap", |row| row.median_ms),
            0.5,
        ),
        target(
            "nginx + fcgiwrap ÷ fork, requests/s",
            cost("nginx + fcgiwrap", "onelane fork", |row| row.per_second),
            0.33,
        ),
        target(
            "fork ÷ Node fork, latency",
            cost("onelane fork", "Node fork", |row| row.median_ms),
            0.01,
        ),
        target(
            "nginx + PHP-FPM ÷ pool, requests/s",
            cost("nginx + PHP-FPM", "onelane pool", |row| row.per_second),
            1.0,
        ),
        target(
            "gunicorn sync ÷ pool, requests/s",
            cost("gunicorn sync", "onelane pool", |row| row.per_second),
            1.0,
        ),
        target(
            "uWSGI ÷ pool, requests/s",
            cost("uWSGI", "onelane pool", |row| row.per_second),
            1.0,
        ),
        target(
            "blocking ÷ Node blocking, CPU per request",
            cost("onelane blocking", "Node blocking", |row| row.cpu_us),
            1.0,
        ),
        target(
            "cluster ÷ Node cluster, CPU per request",
            cost("onelane cluster", "Node cluster", |row| row.cpu_us),
            1.0,
        ),
        target("a lane at rest, MB", memory(&results.footprint), 5.0),
    ]
}

fn queueing(
    rows: &[queue::Row],
    contender: &str,
    figure: fn(&queue::Row) -> f64,
) -> Option<Spread> {
    let mine = rows
        .iter()
        .filter(|row| row.contender == contender && is(row, 'C', 0.8));
    over(mine, figure)
}

/// One contender's figure over another's, run by run.
fn ratio(
    rows: &[cost::Row],
    one: &str,
    other: &str,
    figure: fn(&cost::Row) -> f64,
) -> Option<Spread> {
    let of = |name: &str, run| {
        rows.iter()
            .find(|row| row.contender == name && row.run == run)
    };
    let ones = rows.iter().filter(|row| row.contender == one);
    let ratio = |row: &cost::Row| match of(other, row.run) {
        Some(other) => figure(row) / figure(other),
        None => f64::NAN,
    };
    over(ones, ratio)
}

fn memory(rows: &[footprint::Row]) -> Option<Spread> {
    let lanes = rows
        .iter()
        .filter(|row| row.contender == "onelane blocking");
    over(lanes, |row| footprint::megabytes(&row.rest))
}
