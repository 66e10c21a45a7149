//! Which limits go with a number of lanes, and what they do in an overload.

use std::time::Duration;

use onelane_sim::{Limits, System, poisson, quantile, simulate};
use serde::Serialize;

use crate::demand::{Demand, median_of};
use crate::report::as_ms;
use crate::search::behind;

/// Of the requests at the planned rate, so many may be refused: one in ten thousand.
const LET_IN: f64 = 0.9999;
/// The load at which limits are tried out, as a multiple of what the lanes can do.
const OVERLOAD: f64 = 2.0;
/// Waiting requests that one nginx hands round without becoming the bottleneck: each moves on some 160
/// times a second while its holds are short, and two workers manage some 20 000 (docs/growth.md).
const WAITING: usize = 100;
/// CPU time of nginx for each lane that it asks (docs/growth.md).
const TRY_SECONDS: f64 = 90e-6;
/// What a lane, and nginx, allow as shipped.
const QUEUE_MAX: usize = 10;
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE: usize = 128;

/// Settings of lanes and nginx, and what follows from them.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    /// Of each nginx.
    pub(crate) limit_conn: usize,
    /// `keepalive` of each nginx.
    pub(crate) keepalive: usize,
    /// Of each lane.
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
        let limit_conn = room(demand, nginx, lanes);
        // The waiting are not spread evenly over lanes.
        let waiting = (limit_conn * nginx).saturating_sub(lanes).div_ceil(lanes);
        let queue_max = QUEUE_MAX.max(2 * waiting);
        let limits = Limits {
            queue_max,
            queue_timeout: Limits::NONE.queue_timeout,
            limit_conn,
        };
        let overload = Overload::of(demand, &behind(nginx, lanes), limits);
        // Only for what went wrong: the queue is as short as `limit_conn` makes it.
        let queue_timeout = QUEUE_TIMEOUT.max(whole_seconds(2 * overload.wait_p99));
        Self {
            limit_conn,
            keepalive: KEEPALIVE.max(limit_conn),
            queue_max,
            queue_timeout,
            overload,
        }
    }

    pub(crate) fn as_limits(&self) -> Limits {
        Limits {
            queue_max: self.queue_max,
            queue_timeout: self.queue_timeout,
            limit_conn: self.limit_conn,
        }
    }
}

/// As many as are in each nginx at the planned rate, but for one request in ten thousand; and six
/// for each lane, which keeps lanes busy whatever happens, as long as nginx keeps up with them.
fn room(demand: &Demand, nginx: usize, lanes: usize) -> usize {
    let runs = demand.runs(&behind(nginx, lanes));
    let seen = runs.iter().flat_map(|run| &run.outcomes);
    // `quantile` is for times.
    let with_it = seen.map(|outcome| Duration::from_nanos(outcome.ahead as u64 + 1));
    let most = quantile(LET_IN, with_it).as_nanos();
    let share = |requests: usize| requests.div_ceil(nginx);
    let enough = share(6 * lanes).min(share(lanes) + WAITING);
    usize::try_from(most).unwrap_or(usize::MAX).max(enough)
}

impl Overload {
    fn of(demand: &Demand, system: &System, limits: Limits) -> Self {
        let system = System {
            limits,
            ..system.clone()
        };
        #[expect(clippy::cast_precision_loss, reason = "at most a few thousand")]
        let rate = OVERLOAD * system.lanes as f64 / demand.service.mean().as_secs_f64();
        let arrivals = poisson(1, rate, &demand.service, demand.requests());
        let run = simulate(&system, 1, arrivals);
        let tries: u64 = run
            .outcomes
            .iter()
            .map(|outcome| u64::from(outcome.tries))
            .sum();
        let refused = run
            .outcomes
            .iter()
            .filter(|outcome| outcome.is_refused())
            .count();
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        let (tries, refused, all) = (tries as f64, refused as f64, run.outcomes.len() as f64);
        // While requests arrive: the rest of the run only empties the queue.
        let tries_per_second = tries * rate / all;
        Self {
            refused: refused / all,
            tries_per_second,
            nginx_cpus: tries_per_second * TRY_SECONDS,
            wait_p99: median_of(&[run], 99.0, |outcome| outcome.queued),
        }
    }
}

fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs() + u64::from(time.subsec_nanos() > 0))
}
