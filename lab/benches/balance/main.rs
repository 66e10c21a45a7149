//! How near does nginx in front of one-at-a-time lanes come to one ideal central queue?
//!
//! ```text
//! make bench BENCH=balance                #  mix C at load 0.8: about 22 minutes
//! make bench BENCH=balance ARGS="--quick" #  two minutes, rough
//! make bench BENCH=balance ARGS="--lanes 16 --nginx 2 --mix d"
//! ```
//!
//! Real lanes that `/sleep` (so that many of them fit on any machine) stand behind a real nginx
//! with the shipped configuration, then with plain `least_conn`, then with plain round robin, and
//! behind `HAProxy` where that is installed. Each plays the very trace on which the ideal is
//! simulated: same arrivals, same service times. The ideal knows nominal service times only; what a
//! real lane, nginx and the load generator add to each request counts against the real system.
//!
//! Numbers are ratios to the ideal; of a mix of short and long requests, those of the short ones.
//! The median of the runs is given with the smallest and the largest. What that takes is there, too:
//! how many lanes are asked for a request, and the CPU time of what asks them.
//!
//! The same traces are played against the model of `crates/sim/`, too: the ratio to what was measured
//! is its error. The costs of a single request are measured first. Where they are far from those that
//! the model assumes, the machine is busy with something else, and neither half is worth much.

mod costs;
mod report;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use onelane_lab::figures::Times;
use onelane_lab::front::Front;
use onelane_lab::mix::Mix;
use onelane_lab::nginx::{Limits, Setup};
use onelane_lab::stack::{Lane, Stack, ideal, simulated};
use onelane_load::{Arrival, poisson};
use onelane_sim::{Balancing, Cost, System};

use self::report::Cell;

#[derive(Parser)]
struct Options {
    /// What the requests are: a = all 20 ms, b = exponential around 20 ms, c = 95 % 5 ms + 5 % 500 ms,
    /// d = exponential around 100 ms
    #[arg(long, value_enum, default_value = "c")]
    mix: Mix,
    /// Offered work as a share of what the lanes can do
    #[arg(long, default_value_t = 0.8)]
    load: f64,
    /// How many there are
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=256))]
    lanes: u32,
    /// How many nginx share them, without knowing of each other; as many of what it is compared with
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    nginx: u32,
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
        eprintln!("balance: nothing to do outside `make bench BENCH=balance`");
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

/// Every front on every trace, one after the other: they would disturb each other side by side.
async fn compare(options: &Options) -> Result<Vec<Cell>, String> {
    let fronts = fronts()?;
    // No limits: refused requests would be missing among the late ones, which would flatter a front that refuses.
    let lanes = Lane::start(options.lanes as usize, Limits::Lifted)?;
    let cost = costs::measure(&lanes[0]).await?;
    eprintln!("here:      {cost:?}");
    eprintln!("the model: {:?}", Cost::TYPICAL);
    let mut cells = Vec::new();
    for seed in 1..=options.runs {
        let trace = trace(options, seed);
        for (front, program) in &fronts {
            eprint!("run {seed}/{}, {front}: ", options.runs);
            let nginx = options.nginx as usize;
            let stack = Stack::start((*front, program), nginx, Limits::Lifted, &lanes)?;
            let cell = measure(options, seed, &trace, *front, &stack).await?;
            eprintln!("{cell}");
            cells.push(cell);
        }
    }
    Ok(cells)
}

fn fronts() -> Result<Vec<(Front, String)>, String> {
    let nginx = Setup::ALL.map(|setup| {
        let front = Front::Nginx(setup);
        Ok((front, front.program()?))
    });
    let mut fronts = nginx.into_iter().collect::<Result<Vec<_>, String>>()?;
    match Front::Haproxy.program() {
        Ok(program) => fronts.push((Front::Haproxy, program)),
        Err(why) => eprintln!("without HAProxy: {why}"),
    }
    Ok(fronts)
}

fn trace(options: &Options, seed: u64) -> Vec<Arrival> {
    let mix = options.mix;
    let rate = options.load * f64::from(options.lanes) * 1000.0 / mix.mean_ms();
    poisson(seed, rate, move |rng| mix.sleep_ms(rng))
        .take_while(|arrival| arrival.at.as_secs() < options.seconds)
        .collect()
}

async fn measure(
    options: &Options,
    seed: u64,
    trace: &[Arrival],
    front: Front,
    stack: &Stack<'_>,
) -> Result<Cell, String> {
    let played = stack.play(trace).await?;
    let served = || played.with(|status| status == 200);
    let counted = served().filter(|outcome| options.mix.is_counted(&outcome.arrival));
    // Each response time in the order of the trace.
    let counted_of = |responses: &mut dyn Iterator<Item = Duration>| {
        let all = trace.iter().zip(responses);
        Times::of(
            all.filter(|(arrival, _)| options.mix.is_counted(arrival))
                .map(|(_, response)| response),
        )
    };
    let simulated = model(options, front).map(|system| {
        let run = simulated(&system, seed, trace);
        counted_of(&mut run.outcomes.iter().map(|outcome| outcome.response))
    });
    Ok(Cell {
        front,
        requests: played.outcomes.len(),
        failed: played.outcomes.len() - served().count(),
        measured: Times::of(counted.map(|outcome| outcome.response)),
        ideal: counted_of(&mut ideal(trace, options.lanes as usize)),
        simulated,
        tries: played.tries_per_request(),
        cpu_us: played.cpu_us_per_request(),
    })
}

/// None of what the model does not know.
fn model(options: &Options, front: Front) -> Option<System> {
    let balancing = match front {
        Front::Nginx(Setup::Shipped) => Balancing::Hops,
        Front::Nginx(Setup::LeastConn) => Balancing::LeastConn,
        Front::Nginx(Setup::RoundRobin) => Balancing::RoundRobin,
        Front::Nginx(Setup::Cached) | Front::Haproxy => return None,
    };
    Some(System {
        balancing,
        nginx: options.nginx as usize,
        ..System::shipped(options.lanes as usize)
    })
}
