//! (e) What clients see when things go wrong.

use super::Section;
use super::table::table;
use crate::scenarios::faults::{Hit, Row, Seen};

pub(super) fn section(rows: &[Row]) -> Section {
    let lines = rows.iter().map(|row| {
        vec![
            row.contender.clone(),
            words(&row.killed.client),
            failed(&row.killed),
            row.frozen
                .as_ref()
                .map_or_else(dash, |frozen| words(&frozen.client)),
            row.frozen.as_ref().map_or_else(dash, failed),
            words(&row.endless),
            row.left.wasted_cpu_ms.to_string(),
            words(&row.left.next),
            words(&row.stopped.client),
            row.stopped.took_ms.to_string(),
        ]
    });
    let text = format!(
        "## (e) Faults\n\nA worker is killed (SIGKILL) 250 ms into a computation of 700 ms: what its client sees, and how many of the \
         next ten short requests fail. The same with a worker that is frozen (SIGSTOP), in full runs. A computation that never ends, where the limit is one second for all who know one. A client \
         that leaves a computation of 700 ms after 250 ms: CPU time still spent on it, and what the next \
         client sees where there is a single worker. A stop during a computation of 500 ms: what its client sees, and how long it \
         takes until what was started has ended (5 s is when they are killed). Numbers are HTTP statuses; `nothing` is after 4 s, or 10 s with the frozen one. Here, \
         no supervisor starts a dead lane again, as Compose or Kubernetes would.\n\n{}",
        table(
            &[
                "",
                "worker killed: its client",
                "others failed",
                "worker frozen: its client",
                "others failed",
                "endless: its client",
                "left: CPU ms wasted",
                "left: next client",
                "stop: client",
                "stop took, ms",
            ],
            lines
        )
    );
    Section {
        text,
        plots: Vec::new(),
    }
}

fn failed(hit: &Hit) -> String {
    format!("{} of {}", hit.others_failed, hit.others)
}

fn dash() -> String {
    "–".to_owned()
}

fn words(seen: &Seen) -> String {
    format!("{} ({} ms)", seen.what, seen.after_ms)
}
