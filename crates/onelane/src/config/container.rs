//! What the container, or the machine, has to offer.

use std::path::Path;

use super::cgroups::Groups;

/// What the server itself needs beside its children, generously.
const SERVER_MIB: u64 = 16;

/// The CPUs that this process may run on, and no more than its cgroups allow, rounded up.
pub(super) fn cpus() -> u32 {
    // It reads the quota of the innermost group only.
    let cpus = u32::try_from(num_cpus::get()).unwrap_or(u32::MAX);
    let quota = groups("cpu").and_then(|groups| groups.cpus()?.try_into().ok());
    quota.map_or(cpus, |quota| cpus.min(quota))
}

/// What each of `children` may use of the memory that the cgroups allow, in MiB: an equal share of
/// it, so that a child which needs more fails alone instead of taking the container with it. 0
/// where there is no limit.
pub(super) fn memory_share_mib(children: u32) -> u64 {
    let limit = groups("memory").and_then(|groups| groups.memory_bytes());
    limit.map_or(0, |bytes| {
        ((bytes >> 20).saturating_sub(SERVER_MIB) / u64::from(children)).max(1)
    })
}

fn groups(controller: &str) -> Option<Groups> {
    Groups::of(controller, Path::new("/"))
}
