//! What a program has logged so far, line by line.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Cheap to clone: all clones are the same log.
#[derive(Debug, Clone, Default)]
pub(super) struct Log(Arc<SharedLog>);

#[derive(Debug, Default)]
struct SharedLog {
    written: Mutex<LogLines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct LogLines {
    lines: Vec<String>,
    /// There will be no more: the program has ended, or has closed it.
    is_complete: bool,
}

impl Log {
    /// Reads in the background, so that the program never waits for its reader.
    pub(super) fn of(output: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let reader = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                reader.change(|written| written.lines.push(line));
            }
            reader.change(|written| written.is_complete = true);
        });
        log
    }

    fn change(&self, how: impl FnOnce(&mut LogLines)) {
        how(&mut self.0.written.lock());
        self.0.changed.notify_all();
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.written.lock().lines.clone()
    }

    /// What `wanted` makes of the first line that it wants. None if there is none, and none came in time.
    pub(super) fn wait_for<T>(
        &self,
        patience: Duration,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut written = self.0.written.lock();
        loop {
            let found = written.lines.iter().find_map(|line| wanted(line));
            if found.is_some() || written.is_complete {
                return found;
            }
            if self
                .0
                .changed
                .wait_until(&mut written, deadline)
                .timed_out()
            {
                return None;
            }
        }
    }
}
