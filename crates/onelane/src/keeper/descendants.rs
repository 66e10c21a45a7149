//! Everything that a process has started, and its end.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, wait};

/// A killed process is gone within so much as a rule: then it is time to look again.
const PAUSE: Duration = Duration::from_micros(500);

/// After so long it is up to others what cannot be killed, such as a program of another user.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kills and reaps every process below this one, those that they start meanwhile included. It must be a subreaper
/// with a single thread: then none of them can get away.
pub fn end_all() {
    let start = Instant::now();
    while has_children() && start.elapsed() < PATIENCE {
        let all = below(getpid(), &parents());
        // First they stop, so that none has time to start another.
        for signal in [Signal::STOP, Signal::KILL] {
            for pid in &all {
                kill_process(*pid, signal).ok();
            }
        }
        sleep(PAUSE);
    }
}

/// Reaps those that have ended. Whether there are more.
fn has_children() -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// The children of each process that can be seen.
type Children = BTreeMap<i32, Vec<i32>>;

fn parents() -> Children {
    let mut children = Children::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let pid = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        // It may have ended meanwhile.
        if let Some(pid) = pid
            && let Some(parent) = parent_of(pid)
        {
            children.entry(parent).or_default().push(pid);
        }
    }
    children
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name of the program, which may have any letters in it: the state, then the parent.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// All below `pid`, parents before their children.
fn below(pid: Pid, children: &Children) -> Vec<Pid> {
    let mut all = vec![pid.as_raw_pid()];
    let mut next = 0;
    while let Some(parent) = all.get(next) {
        all.extend(
            children
                .get(parent)
                .into_iter()
                .flatten()
                .copied()
                .collect::<Vec<_>>(),
        );
        next += 1;
    }
    all.into_iter().skip(1).filter_map(Pid::from_raw).collect()
}
