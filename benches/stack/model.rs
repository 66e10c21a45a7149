//! The same trace in the model.

use std::time::Duration;

use onelane_sim::{Run, System, simulate};

use crate::load::Arrival;

/// The outcomes are in the order of the trace.
pub(crate) fn simulated(system: &System, seed: u64, trace: &[Arrival]) -> Run {
    let arrivals = trace.iter().map(|arrival| onelane_sim::Arrival {
        at: arrival.at,
        service: Duration::from_millis(arrival.sleep_ms),
        patience: None,
    });
    simulate(system, seed, arrivals)
}
