//! (i) A busy machine.

use super::Section;
use super::table::{groups, table};
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
    let contenders = groups(rows, |row| row.contender.clone());
    let lines = contenders.iter().map(|mine| {
        vec![
            mine.key.clone(),
            mine.cell(|row| row.alone.p50, 3),
            mine.cell(|row| row.alone.p99, 3),
            mine.cell(|row| row.beside.p50, 3),
            mine.cell(|row| row.beside.p99, 3),
            mine.sum(|row| row.failed).to_string(),
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
