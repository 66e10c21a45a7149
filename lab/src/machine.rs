//! CPU time of the whole machine while something is measured, less what this process takes of it, which is the client.
//!
//! A tree of processes does not tell all of its CPU time: where a parent ignores SIGCHLD, as fcgiwrap does, the
//! kernel adds the time of its children that have ended to nobody's. From the machine none escapes. But whatever
//! else runs meanwhile is counted, too: nothing else should.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::usage::TICK_MS;

/// Where the numbers are in the line of all CPUs: user, nice, system, irq, softirq. Idle and iowait are no work, steal
/// is the work of others, and what guests take is in user and nice already.
const BUSY: [usize; 5] = [0, 1, 2, 5, 6];

/// Counts from when it is started. It is as exact as `/proc/stat`, which most kernels sample every few milliseconds: what is
/// measured should take a second or more.
#[derive(Debug)]
pub struct Meter {
    busy: Duration,
    own: Duration,
}

impl Meter {
    /// From now on.
    pub fn start() -> Self {
        Self {
            busy: busy(),
            own: own(),
        }
    }

    /// CPU time since the start, of everything but this process.
    pub fn spent(&self) -> Duration {
        let own = own().saturating_sub(self.own);
        // Of a short time, the samples may be fewer than what this process is known to have used.
        busy().saturating_sub(self.busy).saturating_sub(own)
    }
}

/// Of all CPUs, since the machine started.
fn busy() -> Duration {
    let text = fs::read_to_string("/proc/stat").expect("Linux lets everyone read it");
    let all = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("cpu "));
    let ticks: Vec<u64> = all
        .expect("all CPUs come first")
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect();
    let busy: u64 = BUSY.iter().filter_map(|at| ticks.get(*at)).sum();
    Duration::from_millis(busy * TICK_MS)
}

/// Of this process with all its threads, and not of its children.
fn own() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.try_into()
        .expect("a process never takes less than no time")
}
