//! How long to wait before something that failed is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// As many failures in a row, before it ever worked, make clear that it never will.
const HOPELESS: u32 = 5;

/// Not one child could be started; the last one failed like this.
#[derive(Debug, thiserror::Error)]
#[error("{HOPELESS} children in a row failed before they were ready; the last one: {0}")]
pub struct NeverReady(pub String);

/// Failures in a row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It failed (again).
    pub fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// It worked.
    pub fn worked(&mut self) {
        self.failures = 0;
    }

    /// Whether to give up, if it never worked.
    pub fn is_hopeless(&self) -> bool {
        self.failures >= HOPELESS
    }

    /// The time to wait before the next attempt: none after a success, else half a second, doubled
    /// with every further failure up to half a minute.
    pub fn delay(&self) -> Duration {
        match self.failures {
            0 => Duration::ZERO,
            n => FIRST.saturating_mul(1 << (n - 1).min(10)).min(LONGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_half_a_minute_and_ends_with_success() {
        let mut backoff = Backoff::default();
        let mut next = || {
            backoff.failed();
            backoff.delay().as_secs_f64()
        };
        let delays: Vec<f64> = (0..9).map(|_| next()).collect();
        assert_eq!(delays, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
        backoff.worked();
        assert!(backoff.delay().is_zero());
    }
}
