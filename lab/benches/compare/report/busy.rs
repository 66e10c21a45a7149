//! (i) A busy machine.

use super::Section;
use super::table::{cell, keys, over, table};
use crate::scenarios::busy::Row;

const HEAD: [&str; 6] = [
    "",
    "alone, ms: median",
    "p99",
    "while all CPUs compute, ms: median",
    "p99",
    "not 200",
];

pub(super) fn section(rows: &[Row]) -> Section {
    let names = keys(rows, |row| row.contender.clone());
    let lines = names.iter().map(|name| {
        let mine: Vec<&Row> = rows.iter().filter(|row| &row.contender == name).collect();
        let figure = |figure: fn(&Row) -> f64| cell(over(mine.iter().copied(), figure), 3);
        let failed: usize = mine.iter().map(|row| row.failed).sum();
        vec![
            name.clone(),
            figure(|row| row.alone.p50),
            figure(|row| row.alone.p99),
            figure(|row| row.beside.p50),
            figure(|row| row.beside.p99),
            failed.to_string(),
        ]
    });
    Section {
        text: format!("{TEXT}{}", table(&HEAD, lines)),
        plots: Vec::new(),
    }
}

const TEXT: &str = "## (i) A busy machine\n\n\
    `/fast` over one connection, with the machine to itself, and while as many other processes as there are CPUs compute \
    without pause, with the same priority. Each process that a request goes through has to wait for a CPU then. Two workers each.\n\n";
