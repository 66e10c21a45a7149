//! The planned rate for a quarter of an hour, with enough lanes to begin with: does the autoscaler
//! leave them?

use std::time::Duration;

use onelane_sim::{Autoscaler, Outcome, Run, median, poisson, simulate};
use serde::Serialize;

use crate::demand::{Demand, STEADY_TIME, median_of};
use crate::trial::Trial;
use crate::units::as_ms;

/// When the number of lanes is looked at.
const MARKS: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_mins(5),
    Duration::from_mins(10),
    STEADY_TIME,
];
/// Requests count from here on: before, the autoscaler takes no lane away.
const BEGIN: Duration = Duration::from_mins(5);
/// When it reads and looks is a matter of chance.
const SEEDS: u64 = 3;
/// A larger share is more than one unlucky moment.
const REFUSED: f64 = 0.001;

/// The medians of several runs.
#[derive(Debug, Serialize)]
pub(crate) struct Steady {
    /// After 0, 5, 10 and 15 minutes.
    pub(crate) lanes: [usize; 4],
    /// A share of the requests.
    pub(crate) refused: f64,
    #[serde(serialize_with = "as_ms", rename = "wait_p99_ms")]
    pub(crate) wait_p99: Duration,
    pub(crate) meets_target: bool,
}

impl Steady {
    pub(crate) fn of(trial: &Trial, autoscaler: Autoscaler) -> Self {
        let lanes = trial.enough.clamp(autoscaler.min, autoscaler.max);
        let system = trial.system(autoscaler, lanes);
        let Demand { rate, service, .. } = trial.demand;
        let run = |seed| {
            let arrivals = poisson(seed, *rate, service, usize::MAX);
            let mut run = simulate(&system, seed, arrivals.take_while(|it| it.at < STEADY_TIME));
            run.outcomes.retain(|outcome| outcome.arrived >= BEGIN);
            run
        };
        let runs: Vec<Run> = (1..=SEEDS).map(run).collect();
        let refused = median(runs.iter().map(refused));
        Self {
            lanes: MARKS.map(|mark| middle(runs.iter().map(|run| lanes_at(run, mark)))),
            refused,
            wait_p99: median_of(&runs, 99.0, |outcome| outcome.queued),
            meets_target: refused <= REFUSED && trial.demand.is_met_by(&runs),
        }
    }

    pub(crate) fn is_as_good_as(&self, other: &Self) -> bool {
        let figures = |it: &Self| (!it.meets_target, it.refused, it.wait_p99);
        self.meets_target || figures(self) <= figures(other)
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
fn refused(run: &Run) -> f64 {
    let refused = run.outcomes.iter().filter(|it| Outcome::is_refused(it));
    refused.count() as f64 / run.outcomes.len().max(1) as f64
}

/// How many the autoscaler wanted.
fn lanes_at(run: &Run, time: Duration) -> usize {
    let until = run.replicas.iter().take_while(|(at, _)| *at <= time);
    until.last().map_or(0, |(_, lanes)| *lanes)
}

fn middle(values: impl Iterator<Item = usize>) -> usize {
    let mut values: Vec<usize> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}
