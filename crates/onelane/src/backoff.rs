//! How long to wait before something that failed is tried again.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// After so many failures in a row, what has never worked never will.
pub const HOPELESS: u32 = 5;

/// Counts failures in a row, and says when to try again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backoff {
    failures: u32,
    /// The same, but those that failed together count as one.
    rounds: u32,
    /// When to try again.
    due: Option<Instant>,
}

impl Backoff {
    /// An attempt failed.
    pub fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        let now = Instant::now();
        if self.due.is_none_or(|due| due <= now) {
            self.due = Some(now + pause_after(self.rounds));
            self.rounds = self.rounds.saturating_add(1);
        }
    }

    /// An attempt worked.
    pub fn worked(&mut self) {
        *self = Self::default();
    }

    /// Whether to give up, if it never worked.
    pub fn is_hopeless(&self) -> bool {
        self.failures >= HOPELESS
    }

    /// The time to wait from now on before the next attempt: none after a success, else half a
    /// second from the failure, doubled with every further attempt up to half a minute.
    pub fn delay(&self) -> Duration {
        self.due.map_or(Duration::ZERO, |due| {
            due.saturating_duration_since(Instant::now())
        })
    }
}

/// The pause after the first failure and `more` further ones.
fn pause_after(more: u32) -> Duration {
    FIRST.saturating_mul(1 << more.min(10)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_half_a_minute() {
        let pauses: Vec<f64> = (0..9).map(|more| pause_after(more).as_secs_f64()).collect();
        assert_eq!(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]);
    }

    #[test]
    fn what_fails_together_is_waited_for_once_and_a_success_ends_the_wait() {
        let mut backoff = Backoff::default();
        for _ in 0..HOPELESS {
            assert!(!backoff.is_hopeless());
            backoff.failed();
            assert!(!backoff.delay().is_zero() && backoff.delay() <= FIRST);
        }
        assert!(backoff.is_hopeless());
        backoff.worked();
        assert!(backoff.delay().is_zero());
    }
}
