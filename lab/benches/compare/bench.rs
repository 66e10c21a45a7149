//! What all scenarios need: the tools, how long to measure, and who turned out to be absent.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use onelane_lab::client::get;
use onelane_lab::nginx::Setup;

use crate::contenders::tools::Tools;
use crate::contenders::{Contender, Running, Terms, Work};
use crate::results::{Machine, Results};
use crate::scenarios::Scenario;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Effort {
    /// Whether it works at all.
    Smoke,
    Quick,
    Full,
}

pub(crate) struct Bench {
    pub(crate) tools: Tools,
    pub(crate) effort: Effort,
    start: Instant,
    /// As it was at the start: results change the tree.
    machine: Machine,
    absent: RefCell<BTreeMap<String, String>>,
    commands: RefCell<BTreeMap<String, Vec<String>>>,
}

/// Whether it does what it is asked to do, and for as long: else it would look fast.
fn honest(running: &Running, work: Work) -> Result<(), String> {
    // The scenario looks at the pictures.
    if work == Work::Thumbnails {
        return Ok(());
    }
    let work = Duration::from_millis(20);
    for path in ["/sleep?ms=20", "/wait?ms=20"] {
        let start = Instant::now();
        let answer = get(running.address, path, Duration::from_secs(10));
        if answer != Ok(200) || start.elapsed() < work {
            return Err(format!(
                "{path} is answered with {answer:?} after {:?}",
                start.elapsed()
            ));
        }
    }
    Ok(())
}

impl Bench {
    pub(crate) fn new(onelane: Option<PathBuf>, effort: Effort) -> Result<Self, String> {
        let name = match effort {
            Effort::Smoke => "smoke",
            Effort::Quick => "quick",
            Effort::Full => "full",
        };
        Ok(Self {
            tools: Tools::find(onelane, effort != Effort::Smoke)?,
            effort,
            start: Instant::now(),
            machine: Machine::this(name),
            absent: RefCell::default(),
            commands: RefCell::default(),
        })
    }

    /// By effort: smoke, quick, full.
    pub(crate) fn pick<T>(&self, smoke: T, quick: T, full: T) -> T {
        match self.effort {
            Effort::Smoke => smoke,
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }

    pub(crate) fn seconds(&self, smoke: f64, quick: f64, full: f64) -> Duration {
        Duration::from_secs_f64(self.pick(smoke, quick, full))
    }

    /// Everyone; of those, one of each kind of ours where it only matters whether the bench works.
    pub(crate) fn contenders(&self) -> Vec<Contender> {
        let few = [
            Contender::Mode("blocking"),
            Contender::Mode("cluster"),
            Contender::Lanes(Setup::Shipped),
        ];
        self.pick(few.to_vec(), Contender::all(), Contender::all())
    }

    /// None if this machine cannot start it, which is noted.
    pub(crate) fn start(&self, contender: Contender, terms: Terms) -> Option<Running> {
        let name = terms.work.of(contender);
        if self.absent.borrow().contains_key(&name) {
            return None;
        }
        // Once more, because another program may have taken the port that was free.
        let running = contender
            .start(&self.tools, terms)
            .or_else(|_| contender.start(&self.tools, terms))
            .and_then(|running| {
                if !self.commands.borrow().contains_key(&name) {
                    honest(&running, terms.work)?;
                }
                Ok(running)
            });
        match running {
            Ok(running) => {
                let mut commands = self.commands.borrow_mut();
                commands.entry(name).or_insert_with(|| running.commands());
                Some(running)
            }
            Err(why) => {
                self.exclude(&name, why);
                None
            }
        }
    }

    /// Marks a contender as absent, so that it is not started any more.
    pub(crate) fn exclude(&self, name: &str, why: String) {
        self.say(&format!("{name} is ABSENT: {why}"));
        self.absent.borrow_mut().insert(name.to_owned(), why);
    }

    /// Prints what was found just now, for the user who watches.
    pub(crate) fn say(&self, what: &str) {
        eprintln!("[{:4} s] {what}", self.start.elapsed().as_secs());
    }

    /// Notes how a scenario was measured: with all the others, or by itself.
    pub(crate) fn describe(&self, results: &mut Results, scenario: Scenario, by_itself: bool) {
        let machine = self.machine.clone();
        if by_itself {
            results.later.insert(scenario.to_string(), machine);
        } else {
            results.later.remove(&scenario.to_string());
            results.machine = machine;
        }
        results.versions = self.tools.versions();
        results.absent = self.absent.borrow().clone();
        results.commands.extend(self.commands.borrow().clone());
    }
}
