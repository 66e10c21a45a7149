//! Other processes, as the kernel shows them.

use std::fs;
use std::process;
use std::time::{Duration, Instant, SystemTime};

use crate::lane::PATIENCE;

/// Whether there is such a process, even one that has ended and was not reaped.
pub fn exists(pid: u64) -> bool {
    stat(pid).is_some()
}

/// Waits until all of them have ended. The process that inherited them may reap them later.
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

/// Processes, wherever they are, on whose command lines is this word.
pub fn named(word: &str) -> Vec<u64> {
    let processes = fs::read_dir("/proc").unwrap();
    let pids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let is_named = |pid: &u64| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(word)
    };
    pids.filter(is_named).collect()
}

/// Waits until there are so many.
pub async fn until_named(word: &str, count: usize) {
    let start = Instant::now();
    while named(word).len() != count {
        assert!(start.elapsed() < PATIENCE, "{word}: {:?}", named(word));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A number of seconds that no other process sleeps: the mark of a test.
pub fn mark() -> String {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    format!("77{}.{}", process::id(), now.as_nanos())
}

/// Waits until all below a process are alive.
pub async fn no_zombies(ancestor: u64) {
    let start = Instant::now();
    let is_zombie = |pid: &u64| stat(*pid).is_some_and(|stat| stat[0] == "Z");
    while descendants(ancestor).iter().any(is_zombie) {
        assert!(start.elapsed() < PATIENCE, "some are never reaped");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// What the kernel tells of a process from behind its name on: its state, its parent.
fn stat(pid: u64) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}
