//! The same trace in the model.

use std::time::Duration;

use onelane_sim::{Balancing, System, simulate};

use crate::LANES;
use crate::load::Arrival;
use crate::nginx::Setup;

/// The response times of the short requests of `trace`, simulated.
pub(crate) fn responses(setup: Setup, seed: u64, trace: &[Arrival]) -> Vec<Duration> {
    let system = System {
        balancing: match setup {
            Setup::Shipped | Setup::Cached => Balancing::Hops,
            Setup::LeastConn => Balancing::LeastConn,
            Setup::RoundRobin => Balancing::RoundRobin,
        },
        ..System::shipped(LANES as usize)
    };
    let arrivals = trace.iter().map(|arrival| onelane_sim::Arrival {
        at: arrival.at,
        service: Duration::from_millis(arrival.sleep_ms),
        patience: None,
    });
    let run = simulate(&system, seed, arrivals);
    let short = run.outcomes.iter().zip(trace);
    short
        .filter(|(_, arrival)| arrival.is_short())
        .map(|(outcome, _)| outcome.response)
        .collect()
}
