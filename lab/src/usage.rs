//! What a process and all its descendants use, as `/proc` tells. Of children that nobody waits for it does not tell
//! the CPU time: [`machine`](crate::machine) does.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// The unit of CPU times in `/proc`: a hundredth of a second, whatever the kernel counts in.
pub(crate) const TICK_MS: u64 = 10;

/// A process tree at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// How many there are.
    pub processes: usize,
    /// CPU time so far, of descendants that have ended and were waited for, too.
    pub cpu: Duration,
    /// Memory, pages shared by several processes divided among them (PSS).
    pub memory_bytes: u64,
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), |sum, usage| Self {
            processes: sum.processes + usage.processes,
            cpu: sum.cpu + usage.cpu,
            memory_bytes: sum.memory_bytes + usage.memory_bytes,
        })
    }
}

impl Usage {
    /// CPU time of this one, and of its children that have ended.
    pub fn of_process(pid: u32) -> Duration {
        Stat::of(pid).map_or(Duration::ZERO, |stat| stat.cpu)
    }

    /// Of `root` and all that descend from it.
    pub fn of_tree(root: u32) -> Self {
        let mut usage = Self::default();
        for pid in tree(root) {
            let Some(stat) = Stat::of(pid) else { continue };
            usage.processes += 1;
            usage.cpu += stat.cpu;
            usage.memory_bytes += memory_bytes(pid).unwrap_or(0);
        }
        usage
    }
}

/// `root` and all that descend from it.
pub fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in processes() {
        if let Some(stat) = Stat::of(pid) {
            children.entry(stat.parent).or_default().push(pid);
        }
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(pid) = tree.get(next) {
        tree.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    tree
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What is read of `/proc/PID/stat`.
struct Stat {
    parent: u32,
    cpu: Duration,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name before the last parenthesis may contain anything.
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        let number = |field: &&str| field.parse::<u64>().ok();
        // utime, stime, and both of the children that were waited for.
        let ticks: u64 = fields.get(11..15)?.iter().filter_map(number).sum();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            cpu: Duration::from_millis(ticks * TICK_MS),
        })
    }
}

fn memory_bytes(pid: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
