//! Settings that follow from other settings, or from the container, where they are not set.

use std::time::Duration;

use super::container;
use super::names::Mode;
use super::settings::Settings;

/// Longer than any wait; an `Instant` so far ahead can still be written.
const LONGEST: Duration = Duration::from_hours(24 * LONGEST_DAYS);
const LONGEST_DAYS: u64 = 366;

/// As many bytes as the kernel can count.
const MEMORY_MAX_MIB: u64 = (i64::MAX as u64) >> 20;

/// A key whose value cannot be, and why.
type Wrong = (&'static str, String);

impl Settings {
    /// Checks what the types let pass, and works out what was left open: what is 0, and
    /// `queue_max` if no layer has it (`None`).
    pub(super) fn worked_out(mut self, queue_max: Option<u32>) -> Result<Self, Wrong> {
        for (key, value) in [
            ("request_timeout", self.request_timeout),
            ("send_timeout", self.send_timeout),
            ("shutdown_timeout", self.shutdown_timeout),
        ] {
            if value.is_zero() {
                return Err((key, "must be longer than 0s".to_owned()));
            }
        }
        for (key, value) in [
            ("queue_timeout", self.queue_timeout),
            ("request_timeout", self.request_timeout),
            ("send_timeout", self.send_timeout),
            ("drain_delay", self.drain_delay),
            ("shutdown_timeout", self.shutdown_timeout),
            ("child_cpu_time", self.child_cpu_time),
        ] {
            if value > LONGEST {
                return Err((key, format!("must be at most {LONGEST_DAYS} days")));
            }
        }
        self.slots = slots(self.mode, self.slots)?;
        self.queue_max = queue_max.unwrap_or(self.slots.saturating_mul(10));
        if self.child_cpu_time.is_zero() {
            // So that it is the deadline that ends what computes too long, and this only what
            // the parent has stopped watching.
            self.child_cpu_time = self.request_timeout + Duration::from_secs(1);
        }
        if self.child_memory_mib > MEMORY_MAX_MIB {
            let why = format!("must be at most {MEMORY_MAX_MIB}");
            return Err(("child_memory_mib", why));
        }
        if self.child_memory_mib == 0 {
            self.child_memory_mib = container::memory_share_mib(self.slots);
        }
        Ok(self)
    }
}

fn slots(mode: Mode, written: u32) -> Result<u32, Wrong> {
    match (mode, written) {
        (Mode::Blocking, 0 | 1) => Ok(1),
        (Mode::Blocking, n) => {
            let why = format!("{n} is not possible, blocking computes exactly 1 request at a time");
            Err(("slots", why))
        }
        // What PHP-FPM, gunicorn and database pools start with is of this order, too.
        (Mode::Pool, 0) => Ok(7),
        (Mode::Fork | Mode::Cluster | Mode::Threads, 0) => Ok(container::cpus()),
        (_, n) => Ok(n),
    }
}
