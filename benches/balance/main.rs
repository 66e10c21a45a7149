//! How near does nginx in front of one-at-a-time lanes come to one ideal central queue?
//!
//! ```text
//! cargo bench --bench balance                          # mix C at load 0.8: about 16 minutes
//! cargo bench --bench balance -- --quick               # one minute and a half, rough
//! cargo bench --bench balance -- --mix b --load 0.95
//! ```
//!
//! Real lanes that `/sleep` (so that six of them fit on any machine) stand behind a real nginx
//! with the shipped configuration, then with plain `least_conn`, then with plain round robin.
//! Each plays the very trace on which the ideal is simulated: same arrivals, same service times.
//! The ideal knows nominal service times only; what a real lane, nginx and the load generator
//! add to each request counts against the real system.
//!
//! Numbers are ratios to the ideal, for short requests; the long ones hardly notice where they
//! queue. The median of the runs is given with the smallest and the largest.
//!
//! The same traces are played against the model of `crates/sim/`, too: the ratio to what was measured
//! is its error. The costs of a single request are measured first. Where they are far from those that
//! the model assumes, the machine is busy with something else, and neither half is worth much.

mod costs;
mod ideal;
#[allow(dead_code, reason = "the bench of growth asks more of it")]
mod lane;
#[path = "../load/mod.rs"]
mod load;
mod mix;
mod model;
#[allow(dead_code, reason = "the bench of growth asks more of it")]
mod nginx;
mod report;
#[path = "../rig/mod.rs"]
mod rig;

use std::process::ExitCode;

use clap::Parser;
use onelane_sim::Cost;

use self::lane::Lane;
use self::load::{Arrival, Load, poisson};
use self::mix::Mix;
use self::nginx::{Nginx, Setup};
use self::report::{Cell, Short};

const LANES: u32 = 6;

#[derive(Parser)]
struct Options {
    /// What the requests are: a = all 20 ms, b = exponential around 20 ms, c = 95 % 5 ms + 5 % 500 ms
    #[arg(long, value_enum, default_value = "c")]
    mix: Mix,
    /// Offered work as a share of what the lanes can do
    #[arg(long, default_value_t = 0.8)]
    load: f64,
    /// Runs, each with its own seed
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// How long requests arrive in each run
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Two runs of 15 s
    #[arg(long, conflicts_with_all = ["runs", "seconds"])]
    quick: bool,
    /// Given by `cargo bench` and absent under `cargo test`, which is no place for a long run
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut options = Options::parse();
    if options.quick {
        (options.runs, options.seconds) = (2, 15);
    }
    if !options.bench {
        eprintln!("balance: nothing to do outside `cargo bench --bench balance`");
        return ExitCode::SUCCESS;
    }
    match compare(&options).await {
        Ok(cells) => {
            report::print(&options, &cells);
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("balance: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Every set-up on every trace, one after the other: they would disturb each other side by side.
async fn compare(options: &Options) -> Result<Vec<Cell>, String> {
    let nginx = nginx::program()?;
    let lanes = (0..LANES)
        .map(|_| Lane::start())
        .collect::<Result<Vec<_>, _>>()?;
    let cost = costs::measure(&lanes[0]).await?;
    eprintln!("here:      {cost:?}");
    eprintln!("the model: {:?}", Cost::TYPICAL);
    let mut cells = Vec::new();
    for seed in 1..=options.runs {
        let trace = trace(options, seed);
        let ideal = Short::of(ideal::responses(&trace, LANES as usize));
        for setup in Setup::ALL {
            eprint!("run {seed}/{}, {setup}: ", options.runs);
            let simulated = model::responses(setup, seed, &trace);
            let cell = Cell {
                simulated: Short::of(simulated.into_iter()),
                ..measure(&nginx, setup, &lanes, &trace, ideal).await?
            };
            eprintln!("{cell}");
            cells.push(cell);
        }
    }
    Ok(cells)
}

fn trace(options: &Options, seed: u64) -> Vec<Arrival> {
    let mix = options.mix;
    let rate = options.load * f64::from(LANES) * 1000.0 / mix.mean_ms();
    poisson(seed, rate, move |rng| mix.sleep_ms(rng))
        .take_while(|arrival| arrival.at.as_secs() < options.seconds)
        .collect()
}

async fn measure(
    program: &str,
    setup: Setup,
    lanes: &[Lane],
    trace: &[Arrival],
    ideal: Short,
) -> Result<Cell, String> {
    let nginx = Nginx::start(program, setup, lanes).await?;
    let outcomes = Load::start(nginx.base(), trace.to_vec()).rest().await;
    let (served, failed): (Vec<_>, Vec<_>) =
        outcomes.iter().partition(|outcome| outcome.status() == 200);
    let short = served
        .into_iter()
        .filter(|outcome| outcome.arrival.is_short())
        .map(|outcome| outcome.response);
    Ok(Cell {
        setup,
        requests: outcomes.len(),
        failed: failed.len(),
        ideal,
        short: Short::of(short),
        simulated: ideal,
    })
}
