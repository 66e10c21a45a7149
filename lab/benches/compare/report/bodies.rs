//! (h) Large bodies.

use super::Section;
use super::table::{groups, table};
use crate::scenarios::bodies::Row;

const HEAD: [&str; 8] = [
    "",
    "bodies in/s",
    "MB/s",
    "memory above rest, MB",
    "answers out/s",
    "MB/s",
    "memory above rest, MB",
    "not 200",
];

pub(super) fn section(rows: &[Row]) -> Section {
    let contenders = groups(rows, |row| row.contender.clone());
    let lines = contenders.iter().map(|mine| {
        vec![
            mine.key.clone(),
            mine.cell(|row| row.bodies_in.per_second, 0),
            mine.cell(|row| row.bodies_in.per_second * megabytes(row), 0),
            mine.cell(|row| row.bodies_in.peak_megabytes(), 1),
            mine.cell(|row| row.answers_out.per_second, 0),
            mine.cell(|row| row.answers_out.per_second * megabytes(row), 0),
            mine.cell(|row| row.answers_out.peak_megabytes(), 1),
            mine.sum(|row| row.failed).to_string(),
        ]
    });
    Section {
        text: format!("{TEXT}{}", table(&HEAD, lines)),
        plots: Vec::new(),
    }
}

#[allow(clippy::cast_precision_loss, reason = "far less than 2^52 bytes")]
fn megabytes(row: &Row) -> f64 {
    row.bytes as f64 / 1e6
}

const TEXT: &str = "## (h) Large bodies\n\n\
    A body of 5 MB is sent in, added up byte by byte and answered in a few bytes; or an answer of 5 MB is taken out. Two \
    connections, which are kept, and two workers where there are several. In `blocking` a body stays in one process; `pool` and \
    `fork` hand it to another, or back. Memory is the most that all processes together had above what they had before the \
    first body, shared pages counted once (PSS). The allocator gives large bodies back at once, as in the image \
    (`MALLOC_MMAP_THRESHOLD_`). Memory is sampled after the rates were measured, because to sample takes CPU time.\n\n";
