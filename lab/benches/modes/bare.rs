//! The floor under every process per request: start one and wait for its end.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use onelane_lab::client::Served;
use tempfile::TempDir;

/// A static program that does nothing.
pub(crate) struct Noop {
    /// Removed with this value.
    _dir: TempDir,
    program: PathBuf,
}

impl Noop {
    pub(crate) fn compile() -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|err| format!("no temporary directory: {err}"))?;
        let (source, program) = (dir.path().join("noop.c"), dir.path().join("noop"));
        fs::write(&source, "int main(void) { return 0; }\n")
            .map_err(|err| format!("cannot write noop.c: {err}"))?;
        let status = Command::new("cc")
            .args(["-static", "-O2", "-o"])
            .args([&program, &source])
            .status()
            .map_err(|err| format!("cannot run cc: {err}"))?;
        if !status.success() {
            return Err(format!("cc ended with {status}"));
        }
        Ok(Self { _dir: dir, program })
    }

    /// Starts it again and again from so many threads for so long. The standard library uses
    /// `posix_spawn` for it.
    pub(crate) fn run(&self, threads: u32, time: Duration) -> Served {
        let start = Instant::now();
        let parts = thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| self.keep_running(start + time)))
                .collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Served>| {
                thread.join().expect("counting does not panic")
            };
            threads.into_iter().map(join).collect::<Vec<_>>()
        });
        Served {
            failed: parts.iter().map(|part| part.failed).sum(),
            latencies: parts.into_iter().flat_map(|part| part.latencies).collect(),
            took: start.elapsed(),
        }
    }

    fn keep_running(&self, end: Instant) -> Served {
        let mut served = Served::default();
        while Instant::now() < end {
            let start = Instant::now();
            let status = Command::new(&self.program).stdin(Stdio::inherit()).status();
            if status.is_ok_and(|status| status.success()) {
                served.latencies.push(start.elapsed());
            } else {
                served.failed += 1;
            }
        }
        served
    }
}
