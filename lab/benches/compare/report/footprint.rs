//! (d) Memory, processes, disk, time to the first answer.

use super::Section;
use super::plot::bars;
use super::table::{cell, keys, over, table};
use crate::scenarios::footprint::{Row, megabytes};

pub(super) fn section(rows: &[Row]) -> Section {
    let names = keys(rows, |row| row.contender.clone());
    let of = |name: &String| -> Vec<&Row> {
        let mine = rows.iter().filter(|row| &row.contender == name);
        mine.collect()
    };
    let lines = names.iter().map(|name| {
        let last = of(name).pop();
        let processes = last.map(|row| format!("{} / {}", row.rest.processes, row.load.processes));
        #[allow(clippy::cast_precision_loss, reason = "far less than 2^52 bytes")]
        let disk = last
            .and_then(|row| row.disk_bytes)
            .map(|bytes| bytes as f64 / 1e6);
        vec![
            name.clone(),
            cell(over(of(name), |row| row.start_ms), 0),
            processes.unwrap_or_default(),
            cell(over(of(name), |row| megabytes(&row.rest)), 1),
            cell(over(of(name), |row| megabytes(&row.load)), 1),
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
    let memory = names
        .iter()
        .filter_map(|name| Some((name.clone(), over(of(name), |row| megabytes(&row.rest))?)));
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
