//! What does it cost to say no? Several times more arrives than the lanes can do, each request a second
//! long: how much useful work is done all the same, after how long are the others refused, and what
//! does that take of nginx?
//!
//! ```text
//! make bench BENCH=overload # three minutes
//! make bench BENCH=overload ARGS="--lanes 6 --loads 3 --seconds 10"
//! ```
//!
//! Limits are as shipped. The same arrivals are played against the model of `crates/sim/`: behind the
//! slash.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use onelane_lab::figures::Times;
use onelane_lab::front::Front;
use onelane_lab::nginx::{Limits, Setup};
use onelane_lab::stack::{Lane, Played, Stack, simulated};
use onelane_load::{Arrival, goodput, poisson};
use onelane_sim::System;

const SERVICE: Duration = Duration::from_secs(1);

#[derive(Parser)]
struct Options {
    /// How many lanes there are
    #[arg(long, value_delimiter = ',', default_values_t = [6, 48], value_parser = clap::value_parser!(u32).range(1..=256))]
    lanes: Vec<u32>,
    /// What arrives, as a multiple of what they can do
    #[arg(long, value_delimiter = ',', default_values_t = [3.0, 10.0])]
    loads: Vec<f64>,
    /// How long it arrives
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(2..))]
    seconds: u64,
    /// Given by `cargo bench` and absent under `cargo test`, which is no place for a long run
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was measured, or simulated, of one overload.
struct Figures {
    goodput: f64,
    refused: usize,
    refusals: Times,
    /// Lanes asked for a request.
    tries: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    if !options.bench {
        eprintln!("overload: nothing to do outside `make bench BENCH=overload`");
        return ExitCode::SUCCESS;
    }
    match play(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("overload: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn play(options: &Options) -> Result<(), String> {
    let front = Front::Nginx(Setup::Shipped);
    let program = front.program()?;
    let most = options.lanes.iter().max().copied().unwrap_or(0);
    let started = Lane::start(most as usize, Limits::Kept)?;
    println!(
        "| lanes | load | requests | goodput | refused | after, ms, median | p99 | neither | lanes asked for a request | nginx CPU, µs for a request | for a refusal |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for &lanes in &options.lanes {
        for &load in &options.loads {
            let time = Duration::from_secs(options.seconds);
            let trace = trace(f64::from(lanes) * load, time);
            let stack = Stack::start(
                (front, &program),
                1,
                Limits::Kept,
                &started[..lanes as usize],
            )?;
            let played = stack.play(&trace).await?;
            row(lanes, load, &played, &trace, time);
        }
    }
    Ok(())
}

fn trace(rate: f64, time: Duration) -> Vec<Arrival> {
    let sleep_ms = u64::try_from(SERVICE.as_millis()).expect("a second has few milliseconds");
    poisson(1, rate, |_| sleep_ms)
        .take_while(|arrival| arrival.at < time)
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
fn row(lanes: u32, load: f64, played: &Played, trace: &[Arrival], time: Duration) {
    // 429: nginx itself, because all of them come from one client.
    let refused = || played.with(|status| matches!(status, 429 | 503));
    let measured = Figures {
        goodput: goodput(&played.outcomes, lanes, time),
        refused: refused().count(),
        refusals: Times::of(refused().map(|outcome| outcome.response)),
        tries: played.tries_per_request(),
    };
    let model = model(lanes, trace, time);
    let both = |figure: fn(&Figures) -> f64, digits: usize| {
        format!(
            "{:.digits$} / {:.digits$}",
            figure(&measured),
            figure(&model)
        )
    };
    let neither = played
        .with(|status| !matches!(status, 200 | 429 | 503))
        .count();
    println!(
        "| {lanes} | × {load} | {} | {} % | {} | {} | {} | {neither} | {} | {:.0} | {:.0} |",
        trace.len(),
        both(|figures| figures.goodput * 100.0, 1),
        both(|figures| figures.refused as f64, 0),
        both(|figures| figures.refusals.p50, 1),
        both(|figures| figures.refusals.p99, 1),
        both(|figures| figures.tries, 1),
        played.cpu_us_per_request(),
        // All that it did, for those who are served, too.
        played.cpu.as_secs_f64() * 1e6 / measured.refused as f64,
    );
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
fn model(lanes: u32, trace: &[Arrival], time: Duration) -> Figures {
    let system = System {
        limits: onelane_sim::Limits::SHIPPED,
        ..System::shipped(lanes as usize)
    };
    let run = simulated(&system, 1, trace);
    let served = run.answered();
    let in_time = served.filter(|outcome| outcome.arrived + outcome.response < time);
    let work = SERVICE.as_secs_f64() * in_time.count() as f64;
    let refused = || run.outcomes.iter().filter(|outcome| outcome.is_refused());
    let tries: u64 = run.outcomes.iter().map(|it| u64::from(it.tries)).sum();
    Figures {
        goodput: work / (f64::from(lanes) * time.as_secs_f64()),
        refused: refused().count(),
        refusals: Times::of(refused().map(|outcome| outcome.response)),
        tries: tries as f64 / trace.len() as f64,
    }
}
