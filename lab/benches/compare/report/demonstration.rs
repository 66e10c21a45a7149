//! (a) One long request, ten short ones.

use super::Section;
use super::plot::bars;
use super::table::{groups, table};
use crate::scenarios::demonstration::Row;

pub(super) fn section(rows: &[Row]) -> Section {
    let contenders = groups(rows, |row| (row.contender.clone(), row.slots));
    let lines = contenders.iter().map(|mine| {
        let (name, slots) = &mine.key;
        vec![
            name.clone(),
            slots.to_string(),
            mine.cell(|row| row.median_ms, 1),
            mine.cell(|row| row.slowest_ms, 1),
            format!(
                "{} of {}",
                mine.sum(|row| row.held_up),
                mine.rows.len() * 10
            ),
        ]
    });
    let long = rows.first().map_or(0, |row| row.long_ms);
    let text = format!(
        "## (a) The demonstration\n\nOne request keeps a CPU busy for {long} ms. Meanwhile ten short ones arrive, one \
         after the other: how long do they take? Held up: longer than a tenth of the long one.\n\n\
         ![The slowest of ten short requests](comparison/demonstration.svg)\n\n{}",
        table(
            &["", "workers", "median, ms", "slowest, ms", "held up"],
            lines
        )
    );
    let slowest = contenders.iter().filter_map(|mine| {
        let (name, slots) = &mine.key;
        Some((
            format!("{name} ({slots})"),
            mine.over(|row| row.slowest_ms)?,
        ))
    });
    let plot = bars(
        "The slowest of ten short requests beside a long one",
        "ms",
        &slowest.collect::<Vec<_>>(),
    );
    Section {
        text,
        plots: vec![("demonstration", plot)],
    }
}
