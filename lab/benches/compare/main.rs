//! Why lanes behind a balancer, measured: every mode of onelane, lanes behind nginx, the Node.js
//! designs that this began with, and what people would use instead, in the same scenarios: a long request beside short
//! ones, arrivals that do not wait, a trivial request, footprint, faults, thumbnails, questions that are asked again; and
//! for onelane's own modes above all, large bodies and a busy machine.
//!
//! ```text
//! make compare          # some minutes, rough
//! make compare FULL=1   # half an hour, and as long again for growth, a bench of its own
//! make bench BENCH=compare ARGS="--only cost,queue"
//! make bench BENCH=compare ARGS="--report" # only writes the document again
//! ```
//!
//! Results go to `lab/comparison.json`, and from there into `lab/comparison.md` and its plots, of
//! which only the findings at the top are written by hand. Scenarios that are left out keep the results
//! that are there. `cargo test --bench compare`, in `lab`, runs a little of everything, and writes nothing.

mod bench;
mod contenders;
mod report;
mod results;
mod scenarios;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use onelane_lab::release;

use self::bench::{Bench, Effort};
use self::results::Results;
use self::scenarios::Scenario;

#[derive(Parser)]
struct Options {
    /// As long as figures for a document need
    #[arg(long)]
    full: bool,
    /// Only these scenarios
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Measure nothing
    #[arg(long)]
    report: bool,
    /// This program instead of a static release build
    #[arg(long)]
    onelane: Option<PathBuf>,
    /// Given by `cargo bench`; without it, everything is tried for a moment
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("compare: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), String> {
    let effort = match (options.bench, options.full) {
        (false, _) => Effort::Smoke,
        (true, false) => Effort::Quick,
        (true, true) => Effort::Full,
    };
    let smoke = effort == Effort::Smoke;
    let mut results = if smoke {
        Results::default()
    } else {
        Results::load()?
    };
    if !options.report {
        let onelane = match options.onelane {
            None if smoke => Some(release::build_to_try()?),
            given => given,
        };
        let bench = Bench::new(onelane, effort)?;
        for scenario in Scenario::chosen(&options.only) {
            scenario.run(&bench, &mut results);
            bench.describe(&mut results, scenario, !options.only.is_empty());
            // Whatever is measured is kept, even if the rest is not waited for.
            if !smoke {
                results.save()?;
            }
        }
    }
    if smoke {
        return report::check(&results);
    }
    report::write(&results)
}
