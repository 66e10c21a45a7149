//! (f) More lanes, more nginx.

use super::Section;
use super::plot::lines;
use super::table::{cell, keys, over, table};
use crate::scenarios::growth::Row;

pub(super) fn section(rows: &[Row]) -> Section {
    let sizes = keys(rows, |row| (row.lanes, row.nginx));
    let of = |size: (u32, u32)| {
        rows.iter()
            .filter(move |row| (row.lanes, row.nginx) == size)
    };
    let cells = sizes.iter().map(|size| {
        vec![
            size.0.to_string(),
            size.1.to_string(),
            cell(over(of(*size), |row| row.hops), 2),
            cell(over(of(*size), |row| row.nginx_cpu_us), 0),
            cell(over(of(*size), |row| row.lanes_cpu_us), 0),
            cell(over(of(*size), |row| row.ideal_mean_ms), 0),
            cell(over(of(*size), |row| row.mean_ms / row.ideal_mean_ms), 2),
            cell(over(of(*size), |row| row.p99_ms / row.ideal_p99_ms), 2),
            of(*size).map(|row| row.failed).sum::<usize>().to_string(),
        ]
    });
    let text = format!(
        "## (f) Growth\n\nLanes that sleep 100 ms in the mean (exponentially) at 80 % load, behind the shipped configuration without its \
         limits; with several nginx, each gets its share of the arrivals and knows nothing of the others. \
         Hops: lanes that were asked and busy, per request.\n\n\
         ![What hopping costs](comparison/growth.svg)\n\n{}",
        table(
            &[
                "lanes",
                "nginx",
                "hops",
                "nginx CPU µs/request",
                "lanes CPU µs/request",
                "ideal mean, ms",
                "mean ÷ ideal",
                "p99 ÷ ideal",
                "not 200",
            ],
            cells
        )
    );
    let nginx = keys(rows, |row| row.nginx);
    let series = nginx.iter().map(|nginx| {
        let points = sizes
            .iter()
            .filter(|size| size.1 == *nginx)
            .filter_map(|size| {
                Some((
                    f64::from(size.0),
                    over(of(*size), |row| row.nginx_cpu_us)?.median,
                ))
            });
        (format!("{nginx} nginx"), points.collect())
    });
    let plot = lines(
        "nginx's CPU time per request, µs",
        "lanes",
        &series.collect::<Vec<_>>(),
    );
    Section {
        text,
        plots: vec![("growth", plot)],
    }
}
