//! CPU time and memory of processes, as the kernel counts them.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::roster::Usage;

/// What this process has used so far.
pub fn of_this_process() -> Usage {
    usage(UsageWho::RUSAGE_SELF)
}

/// Tells what each child of this process has used. The kernel only has the sum over all children that
/// were reaped.
#[derive(Debug)]
pub struct ReapedUsage(Usage);

impl ReapedUsage {
    /// Leaves out the children that were reaped before.
    pub fn from_now_on() -> Self {
        Self(usage(UsageWho::RUSAGE_CHILDREN))
    }

    /// What the children used that were reaped since the last call. The memory is that of the largest
    /// child so far, which may have been another one.
    pub fn next(&mut self) -> Usage {
        let before = std::mem::replace(&mut self.0, usage(UsageWho::RUSAGE_CHILDREN));
        Usage {
            cpu: self.0.cpu.saturating_sub(before.cpu),
            max_rss_bytes: self.0.max_rss_bytes,
        }
    }
}

fn usage(who: UsageWho) -> Usage {
    let usage = getrusage(who).expect("both choices exist everywhere");
    Usage {
        cpu: duration(usage.user_time()) + duration(usage.system_time()),
        // Linux counts it in KiB.
        max_rss_bytes: u64::try_from(usage.max_rss()).unwrap_or_default() * 1024,
    }
}

fn duration(time: TimeVal) -> Duration {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or_default();
    let micros = u64::try_from(time.tv_usec()).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}
