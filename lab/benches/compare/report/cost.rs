//! (c) A trivial request.

use super::Section;
use super::plot::bars;
use super::table::{groups, table};
use crate::scenarios::cost::Row;

pub(super) fn section(rows: &[Row]) -> Section {
    let contenders = groups(rows, |row| row.contender.clone());
    let lines = contenders.iter().map(|mine| {
        vec![
            mine.key.clone(),
            mine.cell(|row| row.median_ms, 3),
            mine.cell(|row| row.p99_ms, 3),
            mine.cell(|row| row.per_second, 0),
            mine.cell(|row| row.cpu_us, 0),
            mine.cell(|row| row.fresh_cpu_us, 0),
            mine.sum(|row| row.failed).to_string(),
        ]
    });
    let text = format!(
        "## (c) The cost of a request\n\n`/fast`, which is no work at all: latency over one connection, then throughput and \
         CPU time over eight, which are kept where the server keeps them, and at last with a connection for each \
         request. Two workers each where there are workers; no server writes a \
         log. The client shares the machine, so throughput of the fastest is partly its own.\n\n\
         CPU time is how long the whole machine was busy (`/proc/stat`), less what the client took, for everyone alike. The \
         processes of a contender do not tell all of it: fcgiwrap ignores SIGCHLD, and then the kernel adds the time of the programs that it \
         starts to nobody's. So nothing else should run meanwhile.\n\n\
         ![CPU time per request](comparison/cost.svg)\n\n{}",
        table(
            &[
                "",
                "median, ms",
                "p99, ms",
                "requests/s",
                "CPU µs/request",
                "the same, a connection each",
                "not 200"
            ],
            lines
        )
    );
    let cpu = contenders
        .iter()
        .filter_map(|mine| Some((mine.key.clone(), mine.over(|row| row.cpu_us)?)));
    let plot = bars(
        "CPU time per trivial request",
        "µs",
        &cpu.collect::<Vec<_>>(),
    );
    Section {
        text,
        plots: vec![("cost", plot)],
    }
}
