//! What does one request cost in each mode, when the work itself is nothing?
//!
//! ```text
//! make bench BENCH=modes                # about three minutes, and the static build before it
//! make bench BENCH=modes ARGS="--quick" # one round, rough
//! ```
//!
//! Every mode of the static release binary answers `/fast`, first over one connection (latency),
//! then over eight (throughput). Beside them, in the same rounds: starting a small static program
//! and waiting for its end, without any server, which is the least that a process per request can
//! cost; and Node.js with `child_process.fork` for each request, if it is there. Each figure is the median
//! over the rounds, with the smallest and the largest.
//!
//! CPU time is that of the whole machine meanwhile, less that of this process, so that no process escapes: nothing
//! else should run.

mod bare;
mod round;
mod table;

use std::process::ExitCode;

use clap::Parser;
use onelane_lab::release;

use self::bare::Noop;
use self::round::{Subject, Trial};

#[derive(Parser)]
struct Options {
    /// Rounds, in each of which everything is measured once
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// One round
    #[arg(long, conflicts_with = "rounds")]
    quick: bool,
    /// Given by `cargo bench` and absent under `cargo test`, which is no place for a long run
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.quick {
        options.rounds = 1;
    }
    if !options.bench {
        eprintln!("modes: nothing to do outside `make bench BENCH=modes`");
        return ExitCode::SUCCESS;
    }
    match measure(options.rounds) {
        Ok(trials) => {
            table::print(options.rounds, &trials);
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("modes: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Everything once in each round, so that a noisy minute is everybody's.
fn measure(rounds: u32) -> Result<Vec<Trial>, String> {
    let binary = release::build()?;
    let noop = Noop::compile()?;
    let mut trials = Vec::new();
    for round in 1..=rounds {
        for subject in Subject::all() {
            match subject.measure(&binary, &noop) {
                Ok(trial) => {
                    eprintln!("round {round}/{rounds}, {subject}: {trial}");
                    trials.push(trial);
                }
                Err(why) if subject.may_be_absent() => eprintln!("{subject}: absent, {why}"),
                Err(why) => return Err(format!("{subject}: {why}")),
            }
        }
    }
    Ok(trials)
}
