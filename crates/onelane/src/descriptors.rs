//! How many connections a server has at once, by what this process may open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What a server has room for in any case: in memory 16 KiB for each at worst.
const CONNECTIONS: usize = 256;

/// And at most, however many are to wait: the default of actix.
const CONNECTIONS_MAX: usize = 25_600;

/// The most public connections of a server in which up to `requests` wait or are computed. Others are idle, or
/// are being refused. A third more may come while as many are leaving, and all of them together have half of
/// the descriptors: the rest is for the admin side, and for the pipes of children.
pub fn connections_max(requests: u32) -> usize {
    let wanted = (requests as usize).saturating_mul(2);
    let wanted = wanted.clamp(CONNECTIONS, CONNECTIONS_MAX);
    let limit = at_least(wanted * 8 / 3);
    wanted.min(limit.saturating_mul(3) / 8)
}

/// The most connections of the admin side: probes and scrapes are few.
pub fn few_connections() -> usize {
    (at_least(0) / 8).min(64)
}

/// The limit of descriptors, raised to `wanted` if it is lower and that is allowed.
fn at_least(wanted: usize) -> usize {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("`needs::runtime` has asked it");
    let more = hard.min(wanted as u64);
    let limit = if more > soft && setrlimit(Resource::RLIMIT_NOFILE, more, hard).is_ok() {
        more
    } else {
        soft
    };
    usize::try_from(limit).unwrap_or(usize::MAX)
}
