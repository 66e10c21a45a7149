//! How trials end, and what they tell.

use std::fmt;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Why a trial ends before its time.
#[derive(Debug)]
pub(crate) enum Stop {
    /// This cluster lacks something, or may not be touched.
    Skip(String),
    Fail(String),
}

impl Stop {
    pub(crate) fn from_error(err: impl fmt::Display) -> Self {
        Self::Fail(err.to_string())
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let (Self::Skip(why) | Self::Fail(why)) = self;
        out.write_str(why)
    }
}

/// What one trial tells, as it comes.
pub(crate) struct Notes {
    start: Instant,
    said: Vec<String>,
    failures: Vec<String>,
}

impl Notes {
    /// What was seen or measured.
    pub(crate) fn say(&mut self, what: impl Into<String>) {
        let what = what.into();
        println!("  {:>4.0} s  {what}", self.start.elapsed().as_secs_f64());
        self.said.push(what);
    }

    /// What has to be true. The trial goes on if it is not: the rest may tell why.
    pub(crate) fn check(&mut self, fine: bool, otherwise: impl Into<String>) {
        if !fine {
            let failure = otherwise.into();
            println!(
                "  {:>4.0} s  WRONG: {failure}",
                self.start.elapsed().as_secs_f64()
            );
            self.failures.push(failure);
        }
    }
}

enum Verdict {
    Passed,
    Failed(Vec<String>),
    Skipped(String),
}

struct Ended {
    trial: &'static str,
    verdict: Verdict,
    said: Vec<String>,
    took: Duration,
}

/// All of it.
pub(crate) struct Report {
    start: Instant,
    ended: Vec<Ended>,
    broken_off: Option<String>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            ended: Vec::new(),
            broken_off: None,
        }
    }

    pub(crate) fn begin(trial: &'static str, about: &str) -> Notes {
        println!("{trial}: {about}");
        Notes {
            start: Instant::now(),
            said: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Whether it passed.
    pub(crate) fn end(
        &mut self,
        trial: &'static str,
        mut notes: Notes,
        end: Result<(), Stop>,
    ) -> bool {
        let verdict = match end {
            Ok(()) if notes.failures.is_empty() => Verdict::Passed,
            Ok(()) => Verdict::Failed(notes.failures),
            Err(Stop::Skip(why)) if notes.failures.is_empty() => Verdict::Skipped(why),
            Err(Stop::Skip(why) | Stop::Fail(why)) => {
                notes.check(false, why);
                Verdict::Failed(notes.failures)
            }
        };
        if let Verdict::Skipped(why) = &verdict {
            println!("  SKIPPED: {why}");
        }
        let passed = matches!(verdict, Verdict::Passed);
        let took = notes.start.elapsed();
        self.ended.push(Ended {
            trial,
            verdict,
            said: notes.said,
            took,
        });
        passed
    }

    pub(crate) fn skip(&mut self, trial: &'static str, about: &str, why: &str) {
        let notes = Self::begin(trial, about);
        self.end(trial, notes, Err(Stop::Skip(why.to_owned())));
    }

    /// The rest was not tried.
    pub(crate) fn broken_off(&mut self, why: &str) {
        println!("broken off: {why}");
        self.broken_off = Some(why.to_owned());
    }

    /// The summary, with everything measured once more.
    pub(crate) fn close(self) -> ExitCode {
        println!("\nSummary");
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for ended in &self.ended {
            let word = match &ended.verdict {
                Verdict::Passed => {
                    passed += 1;
                    "passed"
                }
                Verdict::Failed(_) => {
                    failed += 1;
                    "FAILED"
                }
                Verdict::Skipped(_) => {
                    skipped += 1;
                    "SKIPPED"
                }
            };
            let took = ended.took.as_secs_f64();
            println!("{word:<8} {}, {took:.0} s", ended.trial);
            ended
                .said
                .iter()
                .for_each(|said| println!("           {said}"));
            match &ended.verdict {
                Verdict::Passed => {}
                Verdict::Failed(failures) => failures
                    .iter()
                    .for_each(|failure| println!("    WRONG: {failure}")),
                Verdict::Skipped(why) => println!("           {why}"),
            }
        }
        if let Some(why) = &self.broken_off {
            println!("BROKEN OFF: {why}");
        }
        let minutes = self.start.elapsed().as_secs_f64() / 60.0;
        println!("{passed} passed, {failed} failed, {skipped} skipped in {minutes:.1} minutes");
        if failed == 0 && self.broken_off.is_none() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}
