//! The same trace in the model.

use std::time::Duration;

use onelane_load::Arrival;
use onelane_sim::{Run, System, simulate};

/// The response time of each request at the ideal: one queue for all lanes, the oldest request first, taken by
/// whichever lane is free (M/G/n), and no time lost on the way.
pub fn ideal(trace: &[Arrival], lanes: usize) -> impl Iterator<Item = Duration> {
    let run = simulated(&System::ideal(lanes), 0, trace);
    run.outcomes.into_iter().map(|outcome| outcome.response)
}

/// The outcomes are in the order of the trace.
pub fn simulated(system: &System, seed: u64, trace: &[Arrival]) -> Run {
    let arrivals = trace.iter().map(|arrival| onelane_sim::Arrival {
        at: arrival.at,
        service: Duration::from_millis(arrival.sleep_ms),
        patience: None,
    });
    simulate(system, seed, arrivals)
}
