//! The one way to stop a running computation: a flag that it looks at.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// The computation was told to stop; its result is not wanted any more.
/// Not an `Error`, so that `?` tells it from one.
#[derive(Debug)]
pub struct Interrupted;

/// Shared between a computation and what may stop it. Once raised it stays raised.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<InterruptState>);

#[derive(Debug, Default)]
struct InterruptState {
    raised: AtomicBool,
    // A change of `raised` is announced under this lock.
    hooks: Mutex<Hooks>,
    changed: Condvar,
}

/// What else is to be done when it is raised, by those that wait for something else than time.
#[derive(Default)]
struct Hooks {
    next: u64,
    hooks: BTreeMap<u64, Box<dyn Fn() + Send>>,
}

impl Debug for Hooks {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.hooks.keys()).finish()
    }
}

/// Something that is done when an interrupt is raised, until this is dropped.
#[derive(Debug)]
pub struct Hook {
    interrupt: Interrupt,
    number: u64,
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.interrupt.0.hooks.lock().hooks.remove(&self.number);
    }
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
        let mut guard = self.0.hooks.lock();
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.0.changed.wait_for(&mut guard, left);
        }
    }

    /// Has `hook` called when this is raised: at once if it is.
    pub fn on_raise(&self, hook: impl Fn() + Send + 'static) -> Hook {
        let mut hooks = self.0.hooks.lock();
        if self.check().is_err() {
            hook();
        }
        let number = hooks.next;
        hooks.next += 1;
        hooks.hooks.insert(number, Box::new(hook));
        let interrupt = self.clone();
        Hook { interrupt, number }
    }

    /// Asks the computation to stop.
    pub fn raise(&self) {
        let hooks = self.0.hooks.lock();
        self.0.raised.store(true, Ordering::Relaxed);
        self.0.changed.notify_all();
        for hook in hooks.hooks.values() {
            hook();
        }
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
    fn a_hook_is_called_when_the_interrupt_is_raised_unless_it_is_gone() {
        let interrupt = Interrupt::default();
        let called = Arc::new(AtomicBool::new(false));
        let hook = || {
            let called = called.clone();
            interrupt.on_raise(move || called.store(true, Ordering::Relaxed))
        };
        drop(hook());
        interrupt.raise();
        assert!(!called.load(Ordering::Relaxed));
        let _hook = hook();
        assert!(called.load(Ordering::Relaxed), "it is raised already");
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
