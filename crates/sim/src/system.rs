//! What is deployed: how many of what, who decides, what refuses, and what each step costs.

use std::time::Duration;

use crate::autoscaler::Autoscaler;

/// What requests arrive at.
#[derive(Debug, Clone)]
pub struct System {
    /// Each computes one request at a time.
    pub lanes: usize,
    /// How requests find their lane.
    pub balancing: Balancing,
    /// How many nginx share the lanes, without knowing of each other.
    pub nginx: usize,
    /// When requests are refused.
    pub limits: Limits,
    /// What the way to a lane and back takes.
    pub cost: Cost,
    /// Opens lanes during the run.
    pub autoscaler: Option<Autoscaler>,
}

/// Who decides which lane takes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balancing {
    /// One queue for all lanes: the ideal, and what `--mode cluster` has in the kernel.
    Central,
    /// nginx, each lane in turn; the request waits there.
    RoundRobin,
    /// nginx, the lane with the fewest requests; the request waits there.
    LeastConn,
    /// nginx as shipped: `least_conn`, and on to the next lane where one is busy.
    Hops,
}

/// What refuses the surplus: lanes do. nginx lets in what its memory holds, which is more than ever
/// waits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests that wait in one lane.
    pub queue_max: usize,
    /// How long, from the request's arrival at nginx.
    pub queue_timeout: Duration,
}

/// What a request costs beside its computation, in time.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// From nginx to a lane, and the same back: the network, and the work at both ends.
    pub way: Duration,
    /// How much longer a hold lasts than was asked: timers have a resolution.
    pub timer: Duration,
    /// How much longer a lane is occupied than its computation takes.
    pub lane: Duration,
}

impl System {
    /// `lanes` lanes behind one nginx as shipped, but for limits: nothing is refused.
    pub fn shipped(lanes: usize) -> Self {
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
    pub fn ideal(lanes: usize) -> Self {
        Self {
            balancing: Balancing::Central,
            cost: Cost::FREE,
            ..Self::shipped(lanes)
        }
    }
}

impl Limits {
    /// A lane's own, unless told otherwise; a test holds them against the engine.
    pub const SHIPPED: Self = Self {
        queue_max: 10,
        queue_timeout: Duration::from_secs(10),
    };

    /// Nothing is refused.
    pub const NONE: Self = Self {
        queue_max: usize::MAX,
        // Longer than any run, and short enough to be added to any of its moments.
        queue_timeout: Duration::from_secs(1_000_000_000),
    };
}

impl Cost {
    /// The ideal: a request takes nothing but its computation.
    pub const FREE: Self = Self {
        way: Duration::ZERO,
        timer: Duration::ZERO,
        lane: Duration::ZERO,
    };

    /// On loopback of a machine with time to spare, as `make bench BENCH=balance` measures it.
    pub const TYPICAL: Self = Self {
        way: Duration::from_micros(50),
        timer: Duration::from_micros(1300),
        lane: Duration::from_micros(300),
    };
}
