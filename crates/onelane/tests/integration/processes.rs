//! Other processes, as the kernel shows them.

use std::fs;
use std::time::{Duration, Instant};

use crate::lane::PATIENCE;

/// Whether there is such a process, and be it one that has ended and that nobody has reaped.
pub fn exists(pid: u64) -> bool {
    stat(pid).is_some()
}

/// Waits until all of them have ended. Whoever inherited them may take its time to reap them.
pub async fn until_gone(pids: &[u64]) {
    let start = Instant::now();
    let is_alive = |pid: &u64| stat(*pid).is_some_and(|stat| stat[0] != "Z");
    while pids.iter().any(is_alive) {
        assert!(start.elapsed() < PATIENCE, "some of {pids:?} live on");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The children of a process.
pub fn children(parent: u64) -> Vec<u64> {
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|stat| stat[1] == parent.to_string()))
        .collect()
}

/// Its children, and theirs.
pub fn descendants(ancestor: u64) -> Vec<u64> {
    let children = children(ancestor);
    let theirs = children.iter().flat_map(|child| descendants(*child));
    theirs.chain(children.iter().copied()).collect()
}

/// What the kernel tells of a process from behind its name on: its state, its parent.
fn stat(pid: u64) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}
