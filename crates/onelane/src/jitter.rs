//! Spreads a number that several processes would have in common.

/// A number within 10 % of `count`, so that children that started together do not leave together.
/// 0 stays 0.
pub fn with_jitter(count: u32) -> u32 {
    let tenth = count / 10;
    fastrand::u32(count - tenth..=count.saturating_add(tenth))
}
