//! (d) Memory, processes, disk, time to the first answer.

use super::Section;
use super::plot::bars;
use super::table::{groups, table};
use crate::scenarios::footprint::{Row, megabytes};

pub(super) fn section(rows: &[Row]) -> Section {
    let contenders = groups(rows, |row| row.contender.clone());
    let lines = contenders.iter().map(|mine| {
        let last = mine.rows.last();
        let processes = last.map(|row| format!("{} / {}", row.rest.processes, row.load.processes));
        #[allow(clippy::cast_precision_loss, reason = "far less than 2^52 bytes")]
        let disk = last
            .and_then(|row| row.disk_bytes)
            .map(|bytes| bytes as f64 / 1e6);
        vec![
            mine.key.clone(),
            mine.cell(|row| row.start_ms, 0),
            processes.unwrap_or_default(),
            mine.cell(|row| megabytes(&row.rest), 1),
            mine.cell(|row| megabytes(&row.load), 1),
            disk.map_or_else(|| "–".to_owned(), |disk| format!("{disk:.1}")),
        ]
    });
    let text = format!(
        "## (d) Footprint\n\nTwo workers each; load is eight clients whose requests occupy them. Memory is that of all processes, shared \
         pages counted once (PSS). On disk: one file where the program is one, else the Debian packages with all \
         that they need; what is in front of lanes is not in it.\n\n\
         ![Memory at rest](comparison/footprint.svg)\n\n{}",
        table(
            &[
                "",
                "first answer, ms",
                "processes at rest / under load",
                "MB at rest",
                "MB under load",
                "MB on disk"
            ],
            lines
        )
    );
    let memory = contenders
        .iter()
        .filter_map(|mine| Some((mine.key.clone(), mine.over(|row| megabytes(&row.rest))?)));
    let plot = bars(
        "Memory at rest, two workers",
        "MB",
        &memory.collect::<Vec<_>>(),
    );
    Section {
        text,
        plots: vec![("footprint", plot)],
    }
}
