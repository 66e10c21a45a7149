//! From one lane to 64, for real: lanes that sleep, so that two cores are enough, behind one, two
//! and four nginx that do not know of each other.

use std::time::Duration;

use futures_util::future::join_all;
use onelane_sim::{System, mean, simulate};
use serde::{Deserialize, Serialize};

use crate::lane::Lane;
use crate::load::{Arrival, Load, Outcome, poisson};
use crate::nginx::{Nginx, Setup};
use crate::rig::usage::Usage;

pub(crate) const LANES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
pub(crate) const NGINX: [usize; 3] = [1, 2, 4];
pub(crate) const LOAD: f64 = 0.8;
/// Exponential, as in the simulated half.
const SERVICE_MS: f64 = 100.0;

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
    /// CPU time of all nginx, by lane asked.
    pub(crate) nginx_us_per_try: f64,
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
    let mut fronts = Vec::new();
    for _ in 0..nginx {
        fronts.push(Nginx::start(program, Setup::Shipped, lanes).await?);
    }
    let trace = trace(lanes.len(), seconds);
    let cpu = || {
        fronts
            .iter()
            .map(|nginx| Usage::of_tree(nginx.pid()).cpu)
            .sum::<Duration>()
    };
    let (asked_before, cpu_before) = (asked(lanes).await?, cpu());
    let outcomes = play(&fronts, &trace).await;
    let tries = asked(lanes).await? - asked_before;
    let cpu = cpu().saturating_sub(cpu_before);
    Ok(Cell::of(lanes.len(), nginx, &trace, &outcomes, tries, cpu))
}

fn trace(lanes: usize, seconds: u64) -> Vec<Arrival> {
    #[expect(clippy::cast_precision_loss, reason = "64 at most")]
    let rate = LOAD * lanes as f64 * 1000.0 / SERVICE_MS;
    let mix = |rng: &mut _| crate::mix::exponential_ms(rng, SERVICE_MS);
    poisson(1, rate, mix)
        .take_while(|arrival| arrival.at.as_secs() < seconds)
        .collect()
}

/// Every nginx gets its share, in turn.
async fn play(fronts: &[Nginx], trace: &[Arrival]) -> Vec<Outcome> {
    let loads = fronts.iter().enumerate().map(|(place, front)| {
        let share = trace.iter().copied().skip(place).step_by(fronts.len());
        let mut load = Load::start(front.base(), share.collect::<Vec<_>>());
        async move { load.rest().await }
    });
    join_all(loads).await.into_iter().flatten().collect()
}

/// Requests that lanes have seen so far, those they sent on included.
async fn asked(lanes: &[Lane]) -> Result<f64, String> {
    let mut sum = 0.0;
    for lane in lanes {
        let metrics = format!("http://{}/metrics", lane.admin);
        let text = async { reqwest::get(metrics).await?.text().await }.await;
        let text = text.map_err(|err| format!("no metrics: {err}"))?;
        let series = text
            .lines()
            .filter(|line| line.starts_with("http_requests_total{"));
        let values = series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        sum += values.sum::<f64>();
    }
    Ok(sum)
}

impl Cell {
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
    fn of(
        lanes: usize,
        nginx: usize,
        trace: &[Arrival],
        outcomes: &[Outcome],
        tries: f64,
        cpu: Duration,
    ) -> Self {
        let served = outcomes.iter().filter(|outcome| outcome.status() == 200);
        let model = System {
            nginx,
            ..System::shipped(lanes)
        };
        let (simulated_mean_ms, simulated_tries) = simulated(&model, trace);
        Self {
            lanes,
            nginx,
            requests: outcomes.len(),
            failed: outcomes.len() - served.clone().count(),
            tries: tries / outcomes.len() as f64,
            mean_ms: ms(mean(served.map(|outcome| outcome.response))),
            nginx_us_per_try: cpu.as_secs_f64() * 1e6 / tries,
            simulated_tries,
            simulated_mean_ms,
            ideal_mean_ms: simulated(&System::ideal(lanes), trace).0,
        }
    }
}

/// The mean response time in ms, and the tries for a request.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
fn simulated(system: &System, trace: &[Arrival]) -> (f64, f64) {
    let arrivals = trace.iter().map(|arrival| onelane_sim::Arrival {
        at: arrival.at,
        service: Duration::from_millis(arrival.sleep_ms),
        patience: None,
    });
    let run = simulate(system, 1, arrivals);
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
