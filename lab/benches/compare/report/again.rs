//! (g) Questions that are asked again.

use super::Section;
use super::table::{cell, keys, over, table};
use crate::scenarios::again::Row;

const HEAD: [&str; 8] = [
    "",
    "requests",
    "computations",
    "CPU s",
    "s until the last answer",
    "ms: median",
    "p99",
    "not 200",
];

pub(super) fn section(rows: &[Row]) -> Section {
    let names = keys(rows, |row| row.contender.clone());
    let lines = names.iter().map(|name| {
        let mine: Vec<&Row> = rows.iter().filter(|row| &row.contender == name).collect();
        let figure =
            |figure: fn(&Row) -> f64, digits| cell(over(mine.iter().copied(), figure), digits);
        let failed: usize = mine.iter().map(|row| row.failed).sum();
        vec![
            name.clone(),
            mine[0].requests.to_string(),
            figure(|row| row.computations, 0),
            figure(|row| row.cpu_seconds, 1),
            figure(|row| row.seconds, 1),
            figure(|row| row.times.p50, 1),
            figure(|row| row.times.p99, 0),
            failed.to_string(),
        ]
    });
    Section {
        text: format!("{TEXT}{}", table(&HEAD, lines)),
        plots: Vec::new(),
    }
}

const TEXT: &str = "## (g) Questions that are asked again\n\n\
    Requests for 50 numbers, each of which takes some 40 ms to divide, drawn by Zipf's law: the most popular one is every \
    fourth or fifth. Eight clients, two lanes behind the shipped nginx, without its cache and with it (`make up CACHE=256m`). \
    Who asks while the same is computed waits for that, and nginx looks every 500 ms whether it is there.\n\n";
