//! What nginx uses of the CPUs.

use std::fs;
use std::time::Duration;

use crate::nginx::Nginx;

/// In `/proc`, whatever the kernel itself ticks at.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of all workers so far. Their masters do nothing meanwhile.
pub(crate) fn used(fronts: &[Nginx]) -> Result<Duration, String> {
    let masters = fronts.iter().map(Nginx::pid);
    let ticks = masters
        .map(|pid| {
            workers(pid)?
                .into_iter()
                .map(ticks)
                .sum::<Result<u64, String>>()
        })
        .sum::<Result<u64, String>>()?;
    Ok(TICK * u32::try_from(ticks).expect("less than a year of CPU time"))
}

fn workers(master: u32) -> Result<Vec<u32>, String> {
    let children = read(&format!("/proc/{master}/task/{master}/children"))?;
    let pids = children.split_ascii_whitespace().map(str::parse);
    pids.collect::<Result<_, _>>()
        .map_err(|err| format!("not a pid: {err}"))
}

fn ticks(pid: u32) -> Result<u64, String> {
    let stat = read(&format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may contain anything; utime and stime are fields 14 and 15.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let times = fields.split_ascii_whitespace().skip(11).take(2);
    Ok(times.filter_map(|time| time.parse::<u64>().ok()).sum())
}

fn read(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|err| format!("{path}: {err}"))
}
