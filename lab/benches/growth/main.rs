//! What does hopping cost as lanes grow?
//!
//! ```text
//! make bench BENCH=growth                   # about 15 minutes
//! make bench BENCH=growth ARGS="--quick"    # two or three
//! make bench BENCH=growth ARGS="--simulate" # the model alone; what was measured stays as it is
//! ```
//!
//! Up to 64 lanes for real, behind one, two and four nginx, with the model beside it on the same
//! arrivals; then in the model alone, up to 4096. Writes the tables of `lab/growth.md`, its plot,
//! and `lab/growth.json`. With --quick it only prints them.

mod chart;
mod document;
mod measured;
mod simulated;

use std::process::ExitCode;

use clap::Parser;
use onelane_lab::nginx::Limits;
use onelane_lab::stack::Lane;
use onelane_stack::nginx::program;
use serde::Serialize;

#[derive(Parser)]
struct Options {
    /// How long requests arrive in each measurement
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Fewer numbers of lanes, 4 s each, nothing written
    #[arg(long, conflicts_with = "seconds")]
    quick: bool,
    /// Measure nothing: take that from lab/growth.json
    #[arg(long, conflicts_with_all = ["seconds", "quick"])]
    simulate: bool,
    /// Given by `cargo bench` and absent under `cargo test`, which is no place for a long run
    #[arg(long, hide = true)]
    bench: bool,
}

/// Everything that was found.
#[derive(Serialize)]
struct Results {
    measured: Vec<measured::Cell>,
    simulated: Vec<simulated::Cell>,
    overload: Vec<simulated::Overload>,
    thousand: Vec<(String, simulated::Cell)>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    if !options.bench {
        eprintln!("growth: nothing to do outside `make bench BENCH=growth`");
        return ExitCode::SUCCESS;
    }
    match study(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("growth: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn study(options: &Options) -> Result<(), String> {
    let most = if options.quick { 64 } else { usize::MAX };
    let measured = match options {
        Options { simulate: true, .. } => document::measured_before()?,
        Options { quick: true, .. } => measure(&[1, 8, 64], 4).await?,
        _ => measure(&measured::LANES, options.seconds).await?,
    };
    let results = Results {
        measured,
        simulated: simulated::growth(most, |cell| eprintln!("simulated: {cell:?}")),
        overload: simulated::overload(most),
        thousand: if options.quick {
            Vec::new()
        } else {
            simulated::shared_or_divided()
        },
    };
    println!("{}", document::tables(&results));
    if options.quick {
        Ok(())
    } else {
        document::write(&results)
    }
}

async fn measure(lanes: &[usize], seconds: u64) -> Result<Vec<measured::Cell>, String> {
    let program = program()?;
    let most = lanes.iter().max().copied().unwrap_or(0);
    let started = Lane::start(most, Limits::Lifted)?;
    let mut cells = Vec::new();
    for &lanes in lanes {
        for nginx in measured::NGINX {
            let cell = measured::measure(&program, &started[..lanes], nginx, seconds).await?;
            eprintln!("measured: {cell:?}");
            cells.push(cell);
        }
    }
    Ok(cells)
}
