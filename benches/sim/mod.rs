//! A model of what is deployed: requests arrive, nginx takes them to lanes, and every lane has a gate.
//! Simulated event by event, so that thousands of lanes fit into a second, and so that lanes need
//! not be there yet to be planned.
//!
//! It knows what decides who waits: nginx's choice of a lane, its rounds and holds, several nginx
//! that do not know of each other, `limit_conn`, the lane's oldest-first queue with its bounds, and
//! what each step costs. It does not know what a busy machine adds: as many CPUs as it takes are
//! assumed, for lanes and nginx alike. `cargo bench --bench balance` tells how far it is off.
//!
//! The same seed gives the same run.

#![allow(
    dead_code,
    unused_imports,
    reason = "each program that includes this folder reads its own part of it"
)]

mod agenda;
mod arrivals;
mod autoscaler;
mod engine;
mod hops;
mod lane;
mod outcome;
mod peers;
mod request;
mod scaling;
mod service;
mod summary;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use arrivals::{Arrival, poisson, step};
pub(crate) use autoscaler::Autoscaler;
pub(crate) use engine::simulate;
pub(crate) use outcome::{Fate, Outcome, Run};
pub(crate) use service::Service;
pub(crate) use summary::{mean, median, quantile};

/// How long a lane may hold a request, by round: `nginx/hops.conf`, held against it by a test.
pub(crate) const HOLDS_MS: [u64; 6] = [5, 20, 80, 320, 1280, 2500];
/// Rounds until nginx gives up: the redirects that it follows.
pub(crate) const ROUNDS: usize = 9;

/// What requests arrive at.
#[derive(Debug, Clone)]
pub(crate) struct System {
    pub(crate) lanes: usize,
    pub(crate) balancing: Balancing,
    /// How many nginx share the lanes, without knowing of each other.
    pub(crate) nginx: usize,
    pub(crate) limits: Limits,
    pub(crate) cost: Cost,
    /// Opens lanes during the run.
    pub(crate) autoscaler: Option<Autoscaler>,
}

/// Who decides which lane takes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Balancing {
    /// One queue for all lanes: the ideal, and what `--mode cluster` has in the kernel.
    Central,
    /// nginx, each lane in turn; the request waits there.
    RoundRobin,
    /// nginx, the lane with the fewest requests; the request waits there.
    LeastConn,
    /// nginx as shipped: `least_conn`, and on to the next lane where one is busy.
    Hops,
}

/// What refuses the surplus.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Of each lane.
    pub(crate) queue_max: usize,
    /// Of each lane, from the request's arrival at nginx.
    pub(crate) queue_timeout: Duration,
    /// Requests in each nginx.
    pub(crate) limit_conn: usize,
}

/// What a request costs beside its computation, in time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// From nginx to a lane, and the same back: the network, and the work at both ends.
    pub(crate) way: Duration,
    /// How much longer a hold lasts than was asked: timers have a resolution.
    pub(crate) timer: Duration,
    /// How much longer a lane is occupied than its computation takes.
    pub(crate) lane: Duration,
}

impl System {
    /// `lanes` lanes behind one nginx as shipped, but for limits: nothing is refused.
    pub(crate) fn shipped(lanes: usize) -> Self {
        Self {
            lanes,
            balancing: Balancing::Hops,
            nginx: 1,
            limits: Limits::NONE,
            cost: Cost::TYPICAL,
            autoscaler: None,
        }
    }

    /// One queue for `lanes` lanes, and no time lost.
    pub(crate) fn ideal(lanes: usize) -> Self {
        Self {
            balancing: Balancing::Central,
            cost: Cost::FREE,
            ..Self::shipped(lanes)
        }
    }
}

impl Limits {
    pub(crate) const NONE: Self = Self {
        queue_max: usize::MAX,
        // Longer than any run, and short enough to be added to any of its moments.
        queue_timeout: Duration::from_secs(1_000_000_000),
        limit_conn: usize::MAX,
    };
}

impl Cost {
    pub(crate) const FREE: Self = Self {
        way: Duration::ZERO,
        timer: Duration::ZERO,
        lane: Duration::ZERO,
    };

    /// On loopback of a machine with time to spare, as `cargo bench --bench balance` measures it.
    pub(crate) const TYPICAL: Self = Self {
        way: Duration::from_micros(50),
        timer: Duration::from_micros(1300),
        lane: Duration::from_micros(300),
    };
}
