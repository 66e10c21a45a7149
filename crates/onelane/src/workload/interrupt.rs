//! The one way to stop a running computation: a flag that it looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The computation was told to stop; nobody waits for its result any more.
/// Not an `Error`, so that `?` tells it from one.
#[derive(Debug)]
pub struct Interrupted;

/// Shared between a computation and whoever may stop it. Once raised it stays raised.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    raised: AtomicBool,
    // Only for those that sleep: a change of `raised` is announced under this lock.
    lock: Mutex<()>,
    changed: Condvar,
}

impl Interrupt {
    /// Fails once the interrupt is raised.
    #[inline]
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.0.raised.load(Ordering::Relaxed) {
            return Err(Interrupted);
        }
        Ok(())
    }

    /// Sleeps without using CPU; returns early, with the error, when raised.
    pub fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        let end = Instant::now() + duration;
        let mut guard = self.0.lock.lock();
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.0.changed.wait_for(&mut guard, left);
        }
    }

    /// Asks the computation to stop.
    pub fn raise(&self) {
        let _guard = self.0.lock.lock();
        self.0.raised.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sleeper_wakes_when_the_interrupt_is_raised() {
        let interrupt = Interrupt::default();
        let sleeper = interrupt.clone();
        let thread = std::thread::spawn(move || sleeper.sleep(Duration::from_hours(1)));
        interrupt.raise();
        assert!(thread.join().unwrap().is_err());
    }

    #[test]
    fn an_undisturbed_sleep_lasts_its_time() {
        let start = Instant::now();
        Interrupt::default()
            .sleep(Duration::from_millis(20))
            .unwrap();
        assert!(start.elapsed() >= Duration::from_millis(20));
    }
}
