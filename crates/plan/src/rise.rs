//! A sudden rise of the load, and the autoscaler that has to notice it.

use std::time::Duration;

use onelane_sim::{Autoscaler, Outcome, Run, median, simulate, step};
use serde::Serialize;

use crate::trial::Trial;

/// Before it, for the autoscaler to settle.
const BEFORE: Duration = Duration::from_mins(1);
/// After it; the autoscaler is done in half of that, or it never is.
const AFTER: Duration = Duration::from_mins(5);
/// When it reads, and what DNS remembers, is a matter of chance.
const SEEDS: u64 = 9;

/// What happens in the five minutes after the rise: the median of several, and the worst.
#[derive(Debug, Serialize)]
pub(crate) struct Rise {
    pub(crate) from_rate: f64,
    /// When the load rises.
    pub(crate) lanes_before: usize,
    /// Five minutes later.
    pub(crate) lanes_after: usize,
    /// Until nginx knows as many lanes as are needed; none if that never happens.
    #[serde(rename = "enough_after_seconds")]
    pub(crate) enough_after: Option<Spread>,
    /// Shares of the requests in these five minutes.
    pub(crate) refused: Spread,
    /// Answered, but later than the target allows.
    pub(crate) late: Spread,
    /// How long some were refused.
    pub(crate) refusing_seconds: Spread,
}

/// Over runs.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) worst: f64,
}

impl Rise {
    pub(crate) fn of(trial: &Trial, autoscaler: Autoscaler) -> Self {
        let Trial {
            demand, from_rate, ..
        } = *trial;
        let busy = from_rate * demand.service.mean().as_secs_f64();
        let system = trial.system(autoscaler, autoscaler.settled(busy));
        let runs: Vec<Run> = (1..=SEEDS)
            .map(|seed| {
                let arrivals = step(seed, from_rate, demand.rate, BEFORE, &demand.service);
                simulate(
                    &system,
                    seed,
                    arrivals.take_while(|arrival| arrival.at < BEFORE + AFTER),
                )
            })
            .collect();
        let over_runs = |figure: &dyn Fn(&Run) -> f64| Spread::of(runs.iter().map(figure));
        let enough_after = over_runs(&|run| until(run, trial.enough));
        Self {
            from_rate,
            lanes_before: system.lanes,
            lanes_after: runs
                .iter()
                .filter_map(|run| run.lanes.last())
                .map(|(_, lanes)| *lanes)
                .min()
                .unwrap_or(0),
            enough_after: enough_after.worst.is_finite().then_some(enough_after),
            refused: over_runs(&|run| share(run, Outcome::is_refused)),
            late: over_runs(&|run| share(run, |outcome| demand.is_late(outcome))),
            refusing_seconds: over_runs(&refusing),
        }
    }

    /// The share of the requests that got less than they should.
    pub(crate) fn lost(&self) -> f64 {
        self.refused.median + self.late.median
    }
}

impl Spread {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        Self {
            median: median(values.clone()),
            worst: values.fold(0.0, f64::max),
        }
    }
}

/// Seconds from the rise until there are `enough` lanes.
fn until(run: &Run, enough: usize) -> f64 {
    let when = run.lanes.iter().find(|(_, lanes)| *lanes >= enough);
    when.map_or(f64::INFINITY, |(when, _)| {
        when.saturating_sub(BEFORE).as_secs_f64()
    })
}

fn after(run: &Run) -> impl Iterator<Item = &Outcome> {
    run.outcomes
        .iter()
        .filter(|outcome| outcome.arrived >= BEFORE)
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
fn share(run: &Run, is_meant: impl Fn(&Outcome) -> bool) -> f64 {
    let all = after(run).count().max(1);
    after(run).filter(|outcome| is_meant(outcome)).count() as f64 / all as f64
}

/// Seconds from the rise until the last refusal.
fn refusing(run: &Run) -> f64 {
    let last = after(run).filter(|outcome| outcome.is_refused()).last();
    last.map_or(0.0, |outcome| {
        outcome.arrived.saturating_sub(BEFORE).as_secs_f64()
    })
}
