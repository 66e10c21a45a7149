//! What is asked of everyone: one file per scenario.

pub(crate) mod again;
pub(crate) mod bodies;
pub(crate) mod busy;
pub(crate) mod cost;
pub(crate) mod demonstration;
pub(crate) mod faults;
pub(crate) mod footprint;
pub(crate) mod queue;
pub(crate) mod thumbnails;

use std::fmt;

use clap::ValueEnum;
use onelane_lab::nginx::Setup;

use crate::bench::Bench;
use crate::contenders::Contender;
use crate::results::Results;

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Scenario {
    /// A long request, and ten short ones meanwhile
    Demonstration,
    /// Arrivals that do not wait, against the ideal queue
    Queue,
    /// A trivial request: latency, throughput, CPU
    Cost,
    /// Memory, processes, time to the first answer
    Footprint,
    /// Workers that are killed or hang, clients that leave, stops
    Faults,
    /// Real work: small pictures of large ones
    Thumbnails,
    /// The same questions more than once, with and without a cache
    Again,
    /// Large bodies, in and out
    Bodies,
    /// A trivial request while all CPUs compute something else
    Busy,
}

/// Those that differ in more than in how nginx chooses a lane.
fn unlike(bench: &Bench) -> impl Iterator<Item = Contender> {
    let like = [Setup::LeastConn, Setup::RoundRobin].map(Contender::Lanes);
    let all = bench.contenders().into_iter();
    all.filter(move |contender| !like.contains(contender))
}

impl fmt::Display for Scenario {
    /// As `--only` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.expect("none is hidden").get_name())
    }
}

impl Scenario {
    const ALL: [Self; 9] = [
        Self::Demonstration,
        Self::Queue,
        Self::Cost,
        Self::Footprint,
        Self::Faults,
        Self::Thumbnails,
        Self::Again,
        Self::Bodies,
        Self::Busy,
    ];

    /// All, unless some are named.
    pub(crate) fn chosen(only: &[Self]) -> Vec<Self> {
        if only.is_empty() {
            return Self::ALL.to_vec();
        }
        only.to_vec()
    }

    pub(crate) fn run(self, bench: &Bench, results: &mut Results) {
        match self {
            Self::Demonstration => results.demonstration = demonstration::run(bench),
            Self::Queue => results.queue = queue::run(bench),
            Self::Cost => results.cost = cost::run(bench),
            Self::Footprint => results.footprint = footprint::run(bench),
            Self::Faults => results.faults = faults::run(bench),
            Self::Thumbnails => results.thumbnails = thumbnails::run(bench),
            Self::Again => results.again = again::run(bench),
            Self::Bodies => results.bodies = bodies::run(bench),
            Self::Busy => results.busy = busy::run(bench),
        }
    }
}
