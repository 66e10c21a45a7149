//! What the container, or the machine, has to offer.

use std::fs;

/// What the server itself needs beside its children, generously.
const SERVER_MIB: u64 = 16;

/// The CPUs that the cgroup allows.
pub(super) fn cpus() -> u32 {
    u32::try_from(num_cpus::get()).unwrap_or(u32::MAX)
}

/// What each of `children` may use of the memory that the cgroup allows, in MiB: an equal share of
/// it, so that a child which needs more fails alone instead of taking the container with it. 0
/// where there is no limit.
pub(super) fn memory_share_mib(children: u32) -> u64 {
    let limit = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .iter()
    .find_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok())
    // The first version of cgroups writes "no limit" as a number close to 2^63.
    .filter(|bytes| *bytes < 1 << 60);
    limit.map_or(0, |bytes| {
        ((bytes >> 20).saturating_sub(SERVER_MIB) / u64::from(children)).max(1)
    })
}
