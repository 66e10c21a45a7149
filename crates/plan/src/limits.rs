//! Which limits go with a number of lanes, and what they do in an overload.

use std::iter::successors;
use std::time::Duration;

use onelane_sim::{Limits, Run, System, poisson, simulate};
use serde::Serialize;

use crate::demand::{Demand, mean_tries, median_of};
use crate::search::behind;
use crate::units::as_ms;

/// Of the requests at the planned rate, so many may be refused.
const REFUSED: f64 = 1e-4;
/// The load at which limits are tried out, as a multiple of what the lanes can do.
const OVERLOAD: f64 = 2.0;
/// CPU time of nginx for each lane that it asks (lab/growth.md).
const TRY_SECONDS: f64 = 60e-6;
/// More than that is no queue any more.
const LONGEST_QUEUE: usize = 1000;

/// Settings of each lane, and what follows from them. nginx needs none: nothing in it goes with the
/// number of lanes.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    pub(crate) queue_max: usize,
    #[serde(serialize_with = "as_ms", rename = "queue_timeout_ms")]
    pub(crate) queue_timeout: Duration,
    pub(crate) overload: Overload,
}

/// At twice what the lanes can do.
#[derive(Debug, Serialize)]
pub(crate) struct Overload {
    pub(crate) refused: f64,
    #[serde(serialize_with = "as_ms", rename = "wait_p99_ms")]
    pub(crate) wait_p99: Duration,
    /// Lanes that all nginx ask in a second, and what that costs them.
    pub(crate) tries_per_second: f64,
    pub(crate) nginx_cpus: f64,
}

impl Settings {
    pub(crate) fn of(demand: &Demand, nginx: usize, lanes: usize) -> Self {
        let system = behind(nginx, lanes);
        let queue_max = room(demand, &system);
        let overload = Overload::of(demand, &with_room(&system, queue_max));
        // Only for what went wrong: the queue is as short as `queue_max` makes it.
        let queue_timeout = Limits::SHIPPED
            .queue_timeout
            .max(whole_seconds(2 * overload.wait_p99));
        Self {
            queue_max,
            queue_timeout,
            overload,
        }
    }

    pub(crate) fn as_limits(&self) -> Limits {
        Limits {
            queue_max: self.queue_max,
            queue_timeout: self.queue_timeout,
        }
    }
}

/// As shipped, or so much more that the ordinary peaks of the planned rate find room.
fn room(demand: &Demand, system: &System) -> usize {
    let longer = |queue_max: &usize| (*queue_max < LONGEST_QUEUE).then_some(2 * queue_max);
    let mut lengths = successors(Some(Limits::SHIPPED.queue_max), longer);
    let is_enough = |queue_max: &usize| {
        let runs = demand.runs(&with_room(system, *queue_max));
        refused(&runs) <= REFUSED
    };
    lengths.find(is_enough).unwrap_or(LONGEST_QUEUE)
}

fn with_room(system: &System, queue_max: usize) -> System {
    let limits = Limits {
        queue_max,
        ..Limits::NONE
    };
    System {
        limits,
        ..system.clone()
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn refused(runs: &[Run]) -> f64 {
    let all = || runs.iter().flat_map(|run| &run.outcomes);
    let refused = all().filter(|outcome| outcome.is_refused());
    refused.count() as f64 / all().count() as f64
}

impl Overload {
    fn of(demand: &Demand, system: &System) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
        let rate = OVERLOAD * system.lanes as f64 / demand.service.mean().as_secs_f64();
        let arrivals = poisson(1, rate, &demand.service, demand.requests());
        let runs = [simulate(system, 1, arrivals)];
        // While requests arrive: the rest of the run only empties the queue.
        let tries_per_second = mean_tries(&runs) * rate;
        Self {
            refused: refused(&runs),
            tries_per_second,
            nginx_cpus: tries_per_second * TRY_SECONDS,
            wait_p99: median_of(&runs, 99.0, |outcome| outcome.queued),
        }
    }
}

fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0))
}
