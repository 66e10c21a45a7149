//! The clock of a cluster's parent, by which it judges how long its workers were silent.

use std::time::{Duration, Instant};

/// The time that the parent was awake since its start. It stands still while the parent does, be it stopped,
/// be it without a CPU, because its workers then are, too, and their reports have not been read.
#[derive(Debug)]
pub(super) struct Awake {
    time: Duration,
    looked: Instant,
}

impl Awake {
    /// Of two looks that are further apart, so much counts. There is one every 20 ms.
    const STEP: Duration = Duration::from_millis(50);

    pub(super) fn new() -> Self {
        Self {
            time: Duration::ZERO,
            looked: Instant::now(),
        }
    }

    /// Looks at the time. Returns how long ago the last look was.
    pub(super) fn look(&mut self) -> Duration {
        let absence = std::mem::replace(&mut self.looked, Instant::now()).elapsed();
        self.time += absence.min(Self::STEP);
        absence
    }

    pub(super) fn time(&self) -> Duration {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_while_the_parent_does() {
        let mut awake = Awake::new();
        let hour = Duration::from_hours(1);
        awake.looked = Instant::now().checked_sub(hour).unwrap();
        assert!(awake.look() >= hour);
        assert_eq!(awake.time(), Awake::STEP);
    }
}
