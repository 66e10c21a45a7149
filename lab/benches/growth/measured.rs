//! From one lane to 64, for real: lanes that sleep, so that two cores are enough, behind one, two
//! and four nginx that do not know of each other. Requests are as in the simulated half.

use std::time::Duration;

use onelane_lab::front::Front;
use onelane_lab::mix::Mix;
use onelane_lab::nginx::{Limits, Setup};
use onelane_lab::stack::{Lane, Played, Stack, simulated};
use onelane_load::{Arrival, poisson};
use onelane_sim::{System, mean};
use serde::{Deserialize, Serialize};

pub(crate) const LANES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
pub(crate) const NGINX: [usize; 3] = [1, 2, 4];
pub(crate) const LOAD: f64 = 0.8;

/// One measurement, and the model on the same arrivals.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) lanes: usize,
    pub(crate) nginx: usize,
    pub(crate) requests: usize,
    pub(crate) failed: usize,
    /// Lanes asked for a request.
    pub(crate) tries: f64,
    pub(crate) mean_ms: f64,
    /// CPU time of all nginx for a request.
    pub(crate) nginx_us: f64,
    pub(crate) simulated_tries: f64,
    pub(crate) simulated_mean_ms: f64,
    pub(crate) ideal_mean_ms: f64,
}

pub(crate) async fn measure(
    program: &str,
    lanes: &[Lane],
    nginx: usize,
    seconds: u64,
) -> Result<Cell, String> {
    let front = (Front::Nginx(Setup::Shipped), program);
    let stack = Stack::start(front, nginx, Limits::Lifted, lanes)?;
    let trace = trace(lanes.len(), seconds);
    let played = stack.play(&trace).await?;
    Ok(Cell::of(lanes.len(), nginx, &trace, &played))
}

fn trace(lanes: usize, seconds: u64) -> Vec<Arrival> {
    #[expect(clippy::cast_precision_loss, reason = "64 at most")]
    let rate = LOAD * lanes as f64 * 1000.0 / Mix::D.mean_ms();
    poisson(1, rate, |rng| Mix::D.sleep_ms(rng))
        .take_while(|arrival| arrival.at.as_secs() < seconds)
        .collect()
}

impl Cell {
    fn of(lanes: usize, nginx: usize, trace: &[Arrival], played: &Played) -> Self {
        let served = || played.with(|status| status == 200);
        let model = System {
            nginx,
            ..System::shipped(lanes)
        };
        let (simulated_mean_ms, simulated_tries) = simulate(&model, trace);
        Self {
            lanes,
            nginx,
            requests: played.outcomes.len(),
            failed: played.outcomes.len() - served().count(),
            tries: played.tries_per_request(),
            mean_ms: ms(mean(served().map(|outcome| outcome.response))),
            nginx_us: played.cpu_us_per_request(),
            simulated_tries,
            simulated_mean_ms,
            ideal_mean_ms: simulate(&System::ideal(lanes), trace).0,
        }
    }

    /// How far the model's mean response time is off: 0.01 if it is longer by 1 %.
    pub(crate) fn error(&self) -> f64 {
        self.simulated_mean_ms / self.mean_ms - 1.0
    }
}

/// The mean response time in ms, and the tries for a request.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
fn simulate(system: &System, trace: &[Arrival]) -> (f64, f64) {
    let run = simulated(system, 1, trace);
    let tries: u64 = run
        .outcomes
        .iter()
        .map(|outcome| u64::from(outcome.tries))
        .sum();
    let mean = mean(run.answered().map(|outcome| outcome.response));
    (ms(mean), tries as f64 / trace.len() as f64)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
