//! Numbers that several processes have alike, spread a little.

/// Within 10 % of `count`, so that children that were started together do not leave together.
/// 0 stays 0.
pub fn with_jitter(count: u32) -> u32 {
    let tenth = count / 10;
    fastrand::u32(count - tenth..=count.saturating_add(tenth))
}
