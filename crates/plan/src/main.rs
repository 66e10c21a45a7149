//! `onelane-plan`: how many lanes does this load need? A program of its own, because a lane has no
//! use for it.
//!
//! ```text
//! onelane-plan --rate 120 --service 95%:5ms,5%:500ms --wait p99:500ms
//! onelane-plan --rate 0.5 --service 20s --cpu 5% --wait p90:10s
//! docker compose logs app | onelane-plan --log - --response p99:2s
//! ```
//!
//! It tries numbers of lanes in the model of `crates/sim/`, and says what it found in words for
//! people or, with `--json`, in numbers for programs.

mod args;
mod demand;
mod limits;
mod log;
mod report;
mod rise;
mod search;
mod signals;
mod steady;
mod trial;
mod units;

use std::process::ExitCode;

use clap::Parser;

use self::args::Args;
use self::demand::Demand;
use self::limits::Settings;
use self::report::Plan;
use self::signals::Signals;
use self::trial::Trial;

/// `EX_DATAERR` of sysexits.h: the arguments are well formed, and lead to no plan.
const NO_PLAN: u8 = 65;

fn main() -> ExitCode {
    let args = Args::parse();
    match plan(&args) {
        Ok(plan) if args.json => println!("{}", plan.to_json()),
        Ok(plan) => print!("{plan}"),
        Err(message) => {
            eprintln!("onelane-plan: {message}");
            return ExitCode::from(NO_PLAN);
        }
    }
    ExitCode::SUCCESS
}

fn plan(args: &Args) -> Result<Plan, String> {
    let nginx = args.nginx as usize;
    let autoscaler = args.autoscaler()?;
    let demand = Demand::of(args)?;
    let (lanes, candidates) = search::search(&demand, nginx)?;
    let settings = Settings::of(&demand, nginx, lanes);
    let trial = Trial {
        demand: &demand,
        limits: settings.as_limits(),
        nginx,
        enough: lanes,
        from_rate: args.from.unwrap_or(demand::rounded(demand.rate / 4.0)),
    };
    let signals = Signals::of(&trial, autoscaler);
    Ok(Plan {
        requests_per_second: demand.rate,
        service: demand.service.to_string(),
        service_mean: demand.service.mean(),
        cpu_share: args.cpu,
        target: demand.target(),
        nginx,
        lanes,
        candidates,
        settings,
        max_replicas: autoscaler.max,
        cpu_target_percent: args.cpu_target,
        cpu_request_millis: args.cpu_request,
        signals,
    })
}
