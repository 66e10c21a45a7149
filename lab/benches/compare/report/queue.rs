//! (b) Arrivals that do not wait.

use super::Section;
use super::plot::bars;
use super::table::{cell, keys, over, table};
use crate::scenarios::queue::{LANES, PATIENCE, Row};

pub(super) fn section(rows: &[Row]) -> Section {
    let text = format!(
        "## (b) Queueing\n\n{LANES} workers or lanes that sleep; Poisson arrivals of a mix at a load. B: exponential, 20 ms in the \
         mean. C: 95 % take 5 ms, 5 % take 500 ms; short are those below 250 ms. Ratios are to one ideal central queue simulated \
         on the same arrivals. Up to full load the limits of those who refuse are lifted, because the ideal \
         refuses nothing.\n\n\
         ![Mean of short requests, as a ratio to the ideal](comparison/queue.svg)\n\n{}\n\
         Beyond full load, everyone refuses as shipped, and clients leave after {} s. Goodput: work served before the last arrival, \
         as a share of what {LANES} can do.\n\n{}",
        within(rows),
        PATIENCE.as_secs(),
        beyond(rows),
    );
    let typical: Vec<&Row> = rows.iter().filter(|row| is(row, 'C', 0.8)).collect();
    let names = keys(&typical, |row| row.contender.clone());
    let ratios = names.iter().filter_map(|name| {
        let mine = typical.iter().filter(|row| &row.contender == name).copied();
        Some((name.clone(), over(mine, mean_ratio)?))
    });
    let plot = bars(
        "Mean of short requests at mix C, load 0.8, ÷ ideal",
        "×",
        &ratios.collect::<Vec<_>>(),
    );
    Section {
        text,
        plots: vec![("queue", plot)],
    }
}

pub(super) fn is(row: &Row, mix: char, load: f64) -> bool {
    row.mix == mix && (row.load - load).abs() < 0.001
}

pub(super) fn mean_ratio(row: &Row) -> f64 {
    row.short.mean / row.ideal_short.mean
}

pub(super) fn median_ratio(row: &Row) -> f64 {
    row.short.p50 / row.ideal_short.p50
}

pub(super) fn p99_ratio(row: &Row) -> f64 {
    row.short.p99 / row.ideal_short.p99
}

/// The rows up to full load, or beyond it, by mix, load and contender.
fn cells(rows: &[Row], beyond: bool) -> Vec<(String, String, Vec<&Row>)> {
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| (row.load > 1.0) == beyond)
        .collect();
    let key = |row: &&Row| (format!("{} {}", row.mix, row.load), row.contender.clone());
    let with = |(cell, contender): (String, String)| {
        let mine = rows.iter().copied();
        let mine = mine
            .filter(|row| key(row) == (cell.clone(), contender.clone()))
            .collect();
        (cell, contender, mine)
    };
    keys(&rows, key).into_iter().map(with).collect()
}

fn within(rows: &[Row]) -> String {
    let line = |(mix_and_load, contender, mine): (String, String, Vec<&Row>)| {
        let over = |figure: fn(&Row) -> f64| over(mine.iter().copied(), figure);
        let failed: usize = mine.iter().map(|row| row.refused + row.lost).sum();
        vec![
            mix_and_load,
            contender,
            cell(over(|row| row.ideal_short.mean), 0),
            cell(over(mean_ratio), 2),
            cell(over(median_ratio), 2),
            cell(over(|row| row.short.p90 / row.ideal_short.p90), 2),
            cell(over(p99_ratio), 2),
            cell(over(|row| row.long.p99 / row.ideal_long.p99), 2),
            failed.to_string(),
        ]
    };
    table(
        &[
            "mix, load",
            "",
            "ideal short mean, ms",
            "short mean",
            "short median",
            "short p90",
            "short p99",
            "long p99",
            "not 200",
        ],
        cells(rows, false).into_iter().map(line),
    )
}

fn beyond(rows: &[Row]) -> String {
    let line = |(mix_and_load, contender, mine): (String, String, Vec<&Row>)| {
        let over = |figure: fn(&Row) -> f64| over(mine.iter().copied(), figure);
        let share = |figure: fn(&Row) -> f64| format!("{} %", cell(over(figure), 0));
        vec![
            mix_and_load,
            contender,
            share(|row| percent(row.served, row)),
            share(|row| percent(row.refused, row)),
            share(|row| percent(row.lost, row)),
            share(|row| row.goodput * 100.0),
            cell(over(|row| row.short.p50), 0),
            cell(over(|row| row.short.p99), 0),
            cell(over(|row| row.refusals.p50), 0),
            cell(over(|row| row.refusals.p99), 0),
        ]
    };
    table(
        &[
            "mix, load",
            "",
            "served",
            "refused",
            "client left",
            "goodput",
            "short served, median, ms",
            "p99, ms",
            "refused after, median, ms",
            "p99, ms",
        ],
        cells(rows, true).into_iter().map(line),
    )
}

#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
fn percent(part: usize, row: &Row) -> f64 {
    part as f64 * 100.0 / row.requests as f64
}
