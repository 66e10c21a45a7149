//! (g) Questions that are asked again.

use super::Section;
use super::table::{groups, table};
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
    let contenders = groups(rows, |row| row.contender.clone());
    let lines = contenders.iter().map(|mine| {
        vec![
            mine.key.clone(),
            mine.rows[0].requests.to_string(),
            mine.cell(|row| row.computations, 0),
            mine.cell(|row| row.cpu_seconds, 1),
            mine.cell(|row| row.seconds, 1),
            mine.cell(|row| row.times.p50, 1),
            mine.cell(|row| row.times.p99, 0),
            mine.sum(|row| row.failed).to_string(),
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
