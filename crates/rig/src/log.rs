//! What a server has logged so far, line by line.

use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;

use crate::PATIENCE;

#[derive(Default)]
pub struct Log {
    lines: Mutex<Vec<Value>>,
    grown: Condvar,
    unread: Mutex<bool>,
    reading: Condvar,
}

/// As long as this lives, the log is not read.
pub struct Unread(Arc<Log>);

impl Unread {
    /// Stops the reader of this log.
    pub fn new(log: &Arc<Log>) -> Self {
        *log.unread.lock().unwrap() = true;
        Self(log.clone())
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        *self.0.unread.lock().unwrap() = false;
        self.0.reading.notify_all();
    }
}

impl Log {
    pub fn collect(&self, lines: impl Iterator<Item = String>) {
        for line in lines {
            let unread = self.unread.lock().unwrap();
            drop(self.reading.wait_while(unread, |unread| *unread).unwrap());
            eprintln!("{line}");
            let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
            self.lines.lock().unwrap().push(line);
            self.grown.notify_all();
        }
    }

    /// The first line, which tells the addresses.
    pub fn first(&self) -> Value {
        self.wait_for(|_| true)
    }

    /// The first line of interest, as soon as it is there.
    pub fn wait_for(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let lines = self.lines.lock().unwrap();
        let missing = |lines: &mut Vec<Value>| !lines.iter().any(&wanted);
        let outcome = self.grown.wait_timeout_while(lines, PATIENCE, missing);
        let lines = outcome.unwrap().0;
        let line = lines.iter().find(|line| wanted(line));
        line.expect("such a line").clone()
    }

    /// All lines of interest, in order.
    pub fn filter(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|line| wanted(line)).cloned().collect()
    }

    pub fn find(&self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().find(|line| wanted(line)).cloned()
    }
}
