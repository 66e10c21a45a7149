//! What processes use, as the kernel accounts for it.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::roster::Usage;

/// What this process has used so far.
pub fn of_this_process() -> Usage {
    usage(UsageWho::RUSAGE_SELF)
}

/// What all reaped children of this process have used together; the memory is that of the largest.
pub fn of_children() -> Usage {
    usage(UsageWho::RUSAGE_CHILDREN)
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
