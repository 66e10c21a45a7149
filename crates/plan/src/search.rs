//! The fewest lanes that meet a demand.

use std::time::Duration;

use onelane_sim::{Run, System};
use serde::Serialize;

use crate::args::MOST;
use crate::demand::{Demand, mean_tries, median_of};
use crate::units::as_ms;

/// What to expect of a number of lanes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Candidate {
    pub(crate) lanes: usize,
    /// The share of time in which a lane is busy.
    pub(crate) busy: f64,
    #[serde(serialize_with = "as_ms", rename = "wait_p50_ms")]
    pub(crate) wait_p50: Duration,
    #[serde(serialize_with = "as_ms", rename = "wait_p99_ms")]
    pub(crate) wait_p99: Duration,
    #[serde(serialize_with = "as_ms", rename = "response_p99_ms")]
    pub(crate) response_p99: Duration,
    /// Lanes that nginx asks for a request, on average.
    pub(crate) tries: f64,
    pub(crate) meets_target: bool,
}

/// The fewest lanes that are enough, with their neighbours.
pub(crate) fn search(demand: &Demand, nginx: usize) -> Result<(usize, Vec<Candidate>), String> {
    let fewest = fewest(demand, nginx)?;
    let about = [
        fewest - 1,
        fewest,
        fewest + 1,
        fewest + 2,
        fewest + fewest.div_ceil(2) + 2,
    ];
    let able = about.into_iter().filter(|&lanes| is_able(demand, lanes));
    let candidates = able.map(|lanes| {
        let runs = demand.runs(&behind(nginx, lanes));
        Candidate::of(demand, lanes, &runs)
    });
    Ok((fewest, candidates.collect()))
}

/// Shipped, without the limits: they are a consequence of the number of lanes.
pub(crate) fn behind(nginx: usize, lanes: usize) -> System {
    System {
        nginx,
        ..System::shipped(lanes)
    }
}

/// An ideal queue tells first where to begin: it is simulated in no time, and no real one does with
/// fewer lanes.
fn fewest(demand: &Demand, nginx: usize) -> Result<usize, String> {
    let able = (1..=MOST as usize).find(|&lanes| is_able(demand, lanes));
    let able = able.ok_or_else(|| too_many(demand))?;
    let ideal = first(able, |lanes| {
        demand.is_met_by(&demand.runs(&System::ideal(lanes)))
    });
    let real = |lanes| demand.is_met_by(&demand.runs(&behind(nginx, lanes)));
    let fewest = ideal.and_then(|ideal| first(ideal, real));
    fewest.ok_or_else(|| too_many(demand))
}

fn too_many(demand: &Demand) -> String {
    format!(
        "{:.1} lanes would be busy all the time, and {MOST} do not meet the target",
        demand.busy_lanes()
    )
}

/// Whether they do not fall behind for ever.
fn is_able(demand: &Demand, lanes: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
    let lanes = lanes as f64;
    demand.busy_lanes() < lanes
}

/// The smallest number from `from` on that is enough, if being enough does not end.
fn first(from: usize, enough: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut below, mut step) = (from - 1, 1);
    let mut above = loop {
        let lanes = below + step;
        if lanes > MOST as usize {
            return None;
        }
        if enough(lanes) {
            break lanes;
        }
        below = lanes;
        step *= 2;
    };
    while below + 1 < above {
        let middle = usize::midpoint(below, above);
        if enough(middle) {
            above = middle;
        } else {
            below = middle;
        }
    }
    Some(above)
}

impl Candidate {
    fn of(demand: &Demand, lanes: usize, runs: &[Run]) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
        Self {
            lanes,
            busy: demand.busy_lanes() / lanes as f64,
            wait_p50: median_of(runs, 50.0, |outcome| outcome.queued),
            wait_p99: median_of(runs, 99.0, |outcome| outcome.queued),
            response_p99: median_of(runs, 99.0, |outcome| outcome.response),
            tries: mean_tries(runs),
            meets_target: demand.is_met_by(runs),
        }
    }
}
