//! (a) One long request, ten short ones.

use super::Section;
use super::plot::bars;
use super::table::{cell, keys, over, table};
use crate::scenarios::demonstration::Row;

pub(super) fn section(rows: &[Row]) -> Section {
    let keys = keys(rows, |row| (row.contender.clone(), row.slots));
    let of = |key: &(String, u32)| -> Vec<&Row> {
        let mine = rows
            .iter()
            .filter(|row| (&row.contender, row.slots) == (&key.0, key.1));
        mine.collect()
    };
    let lines = keys.iter().map(|key| {
        let held_up: usize = of(key).iter().map(|row| row.held_up).sum();
        vec![
            key.0.clone(),
            key.1.to_string(),
            cell(over(of(key), |row| row.median_ms), 1),
            cell(over(of(key), |row| row.slowest_ms), 1),
            format!("{held_up} of {}", of(key).len() * 10),
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
    let slowest = keys.iter().filter_map(|key| {
        let spread = over(of(key), |row| row.slowest_ms)?;
        Some((format!("{} ({})", key.0, key.1), spread))
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
