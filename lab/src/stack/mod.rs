//! Real lanes, what balances requests among them, and a load on both, for real and in the model: what
//! the benches of balancing have in common.

mod lane;
mod model;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use onelane_load::{Arrival, Load, Outcome};
use tempfile::TempDir;

use crate::front::Front;
use crate::nginx::Limits;
use crate::server::Server;
use crate::usage::Usage;

pub use lane::Lane;
pub use model::{ideal, simulated};

/// Several fronts, which know nothing of each other, in front of the same lanes.
pub struct Stack<'a> {
    lanes: &'a [Lane],
    fronts: Vec<Server>,
    /// Their configurations.
    _dirs: Vec<TempDir>,
}

/// What became of a trace.
pub struct Played {
    /// Of all requests, in no order.
    pub outcomes: Vec<Outcome>,
    /// Lanes asked.
    pub tries: f64,
    /// CPU time of all fronts.
    pub cpu: Duration,
}

impl<'a> Stack<'a> {
    /// Returns once a request gets through each of them.
    pub fn start(
        (front, program): (Front, &str),
        count: usize,
        limits: Limits,
        lanes: &'a [Lane],
    ) -> Result<Self, String> {
        let addresses: Vec<SocketAddr> = lanes.iter().map(Lane::address).collect();
        let started = (0..count).map(|_| front.start(program, limits, &addresses));
        let started: Vec<_> = started.collect::<Result<_, _>>()?;
        let (fronts, dirs) = started.into_iter().unzip();
        Ok(Self {
            lanes,
            fronts,
            _dirs: dirs,
        })
    }

    /// Every front gets its share of the requests, in turn.
    pub async fn play(&self, trace: &[Arrival]) -> Result<Played, String> {
        let (tries_before, cpu_before) = (self.tries().await?, self.cpu());
        let loads = self.fronts.iter().enumerate().map(|(place, front)| {
            let base = format!("http://{}", front.address());
            let share = trace.iter().copied().skip(place).step_by(self.fronts.len());
            let mut load = Load::start(&base, share.collect::<Vec<_>>());
            async move { load.rest().await }
        });
        let outcomes = join_all(loads).await.into_iter().flatten().collect();
        Ok(Played {
            outcomes,
            tries: self.tries().await? - tries_before,
            cpu: self.cpu().saturating_sub(cpu_before),
        })
    }

    /// Requests that lanes have seen so far, those they sent on included.
    async fn tries(&self) -> Result<f64, String> {
        let mut sum = 0.0;
        for lane in self.lanes {
            sum += lane.requests().await?;
        }
        Ok(sum)
    }

    fn cpu(&self) -> Duration {
        let usages = self.fronts.iter().map(|front| Usage::of_tree(front.pid()));
        usages.map(|usage| usage.cpu).sum()
    }
}

impl Played {
    /// Lanes asked for a request, on average.
    pub fn tries_per_request(&self) -> f64 {
        self.tries / count(&self.outcomes)
    }

    /// CPU time of all fronts for a request, in microseconds.
    pub fn cpu_us_per_request(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / count(&self.outcomes)
    }

    /// The outcomes with such a status.
    pub fn with(&self, is_meant: fn(u16) -> bool) -> impl Iterator<Item = &Outcome> {
        let outcomes = self.outcomes.iter();
        outcomes.filter(move |outcome| is_meant(outcome.status()))
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn count(outcomes: &[Outcome]) -> f64 {
    outcomes.len() as f64
}
