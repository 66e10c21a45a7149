//! More lanes, and more nginx that know nothing of each other: what does it cost that nginx finds an
//! idle lane by asking? Lanes that sleep 100 ms in the mean (exponentially), at 80 % load.

use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand_distr::{Distribution, Exp};
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contenders::lanes;
use crate::contenders::{Running, Terms};
use crate::ideal;
use crate::load::{Arrival, Load, Outcome, poisson};
use crate::rig::figures::{in_ms, quantile};
use crate::rig::nginx::{Limits, Setup};
use crate::rig::usage::Usage;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) lanes: u32,
    pub(crate) nginx: u32,
    pub(crate) run: u64,
    pub(crate) requests: usize,
    /// Not answered with 200.
    pub(crate) failed: usize,
    /// Lanes that were busy when asked, per request.
    pub(crate) hops: f64,
    /// CPU time of all nginx per request.
    pub(crate) nginx_cpu_us: f64,
    /// CPU time of all lanes per request.
    pub(crate) lanes_cpu_us: f64,
    pub(crate) mean_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) ideal_mean_ms: f64,
    pub(crate) ideal_p99_ms: f64,
}

const MEAN_MS: f64 = 100.0;
const LOAD: f64 = 0.8;

pub(crate) fn run(bench: &Bench) -> Vec<Row> {
    let sizes: &[(u32, u32)] = bench.pick(
        &[(2, 1)],
        &[(1, 1), (8, 1), (32, 1), (32, 4)],
        &[
            (1, 1),
            (2, 1),
            (4, 1),
            (8, 1),
            (16, 1),
            (32, 1),
            (64, 1),
            (8, 2),
            (8, 4),
            (64, 2),
            (64, 4),
        ],
    );
    let mut rows = Vec::new();
    for run in 1..=bench.pick(1, 1, 2) {
        for (lanes, nginx) in sizes {
            let row = match measure(bench, *lanes, *nginx, run) {
                Ok(row) => row,
                Err(why) => {
                    bench.say(&format!("growth, {lanes} lanes, {nginx} nginx: {why}"));
                    continue;
                }
            };
            bench.say(&format!(
                "growth, {lanes} lanes, {nginx} nginx: {:.2} hops and {:.0} µs of nginx's CPU per request, mean {:.0} ms (ideal {:.0})",
                row.hops, row.nginx_cpu_us, row.mean_ms, row.ideal_mean_ms
            ));
            rows.push(row);
        }
    }
    rows
}

#[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 requests")]
fn measure(bench: &Bench, lanes: u32, nginx: u32, run: u64) -> Result<Row, String> {
    let mut terms = Terms::slots(lanes);
    terms.limits = Limits::Lifted;
    let running = lanes::start(&bench.tools, terms)?;
    let running = lanes::with_nginx(&bench.tools, Setup::Shipped, terms, running, nginx)?;
    let time = bench.seconds(0.5, 4.0, 4.0);
    let rate = LOAD * f64::from(lanes) * 1000.0 / MEAN_MS;
    let service = Exp::new(1.0 / MEAN_MS).expect("the mean is positive");
    let trace: Vec<Arrival> = poisson(run, rate, move |rng: &mut StdRng| {
        whole(service.sample(rng))
    })
    .take_while(|arrival| arrival.at < time)
    .collect();

    let before = Costs::of(&running, nginx)?;
    let outcomes = play(&running, nginx, &trace);
    let after = Costs::of(&running, nginx)?;

    let requests = outcomes.len() as f64;
    let served: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.status() == 200)
        .collect();
    let responses = in_ms(
        &served
            .iter()
            .map(|outcome| outcome.response)
            .collect::<Vec<_>>(),
    );
    let ideal = in_ms(&ideal::all(&trace, lanes as usize).collect::<Vec<_>>());
    let mean = |ms: &[f64]| ms.iter().sum::<f64>() / ms.len() as f64;
    Ok(Row {
        lanes,
        nginx,
        run,
        requests: outcomes.len(),
        failed: outcomes.len() - served.len(),
        hops: (after.busy - before.busy) / requests,
        nginx_cpu_us: micros(after.nginx.saturating_sub(before.nginx)) / requests,
        lanes_cpu_us: micros(after.lanes.saturating_sub(before.lanes)) / requests,
        mean_ms: mean(&responses),
        p99_ms: quantile(&responses, 0.99),
        ideal_mean_ms: mean(&ideal),
        ideal_p99_ms: quantile(&ideal, 0.99),
    })
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an exponential variable of a mean of milliseconds is positive and small"
)]
fn whole(ms: f64) -> u64 {
    ms.round() as u64
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Every nginx gets its share of the arrivals, in turn.
fn play(running: &Running, nginx: u32, trace: &[Arrival]) -> Vec<Outcome> {
    let nginx = nginx as usize;
    let runtime = tokio::runtime::Runtime::new().expect("a runtime needs a few descriptors");
    runtime.block_on(async {
        let fronts = running.servers.iter().take(nginx).enumerate();
        let mut loads: Vec<_> = fronts
            .map(|(i, front)| {
                let share: Vec<_> = trace.iter().skip(i).step_by(nginx).copied().collect();
                Load::start(&format!("http://{}", front.address()), share)
            })
            .collect();
        let outcomes = futures_util::future::join_all(loads.iter_mut().map(Load::rest)).await;
        outcomes.into_iter().flatten().collect()
    })
}

/// What was spent so far.
struct Costs {
    nginx: Duration,
    lanes: Duration,
    /// Requests that found their lane busy.
    busy: f64,
}

impl Costs {
    fn of(running: &Running, nginx: u32) -> Result<Self, String> {
        let (fronts, lanes) = running.servers.split_at(nginx as usize);
        let cpu = |servers: &[crate::rig::server::Server]| {
            let usages = servers.iter().map(|server| Usage::of_tree(server.pid()));
            usages.sum::<Usage>().cpu
        };
        let busy = running.admins.iter().map(|admin| busy_answers(*admin));
        Ok(Self {
            nginx: cpu(fronts),
            lanes: cpu(lanes),
            busy: busy.sum::<Result<f64, String>>()?,
        })
    }
}

/// How often a lane has answered 403, which it does for nothing else.
fn busy_answers(admin: SocketAddr) -> Result<f64, String> {
    let metrics = minreq::get(format!("http://{admin}/metrics"))
        .send()
        .map_err(|err| format!("no metrics of a lane: {err}"))?;
    let text = metrics.as_str().map_err(|err| err.to_string())?;
    let busy = text
        .lines()
        .filter(|line| line.starts_with("http_requests_total") && line.contains("status=\"403\""))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    Ok(busy.sum())
}
