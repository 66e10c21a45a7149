//! Arrivals that do not wait for answers, at six workers or lanes: how near does each come to one
//! ideal central queue on the very same arrivals? And when more arrives than they can do: how
//! many requests are refused, how fast, and how much useful work is still done?
//!
//! Workers sleep instead of computing, so that six of them fit on any machine. Up to full load,
//! contenders are measured three or four side by side, on the same arrivals at the same moments, while
//! the machine is mostly idle; in a threefold overload, one after the other.

use std::time::Duration;

use onelane_lab::figures::Times;
use onelane_lab::mix::Mix;
use onelane_lab::nginx::{Limits, Setup};
use onelane_lab::stack::ideal;
use onelane_load::{Arrival, Load, Outcome, goodput, poisson};
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};

use crate::bench::Bench;
use crate::contenders::{Contender, Terms};

pub(crate) const LANES: u32 = 6;

/// In an overload, clients who have waited so long leave.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) contender: String,
    pub(crate) mix: char,
    /// Arriving work as a share of what six lanes can do.
    pub(crate) load: f64,
    pub(crate) run: u64,
    pub(crate) requests: usize,
    /// Answered with 200.
    pub(crate) served: usize,
    /// Answered with anything else.
    pub(crate) refused: usize,
    /// Without any answer, most of them because the client left.
    pub(crate) lost: usize,
    pub(crate) short: Times,
    pub(crate) long: Times,
    pub(crate) ideal_short: Times,
    pub(crate) ideal_long: Times,
    pub(crate) refusals: Times,
    /// Work served before the last arrival, as a share of what six lanes can do in that time.
    pub(crate) goodput: f64,
}

/// What arrives.
#[derive(Clone, Copy)]
struct Cell {
    mix: Mix,
    name: char,
    load: f64,
    seed: u64,
    time: Duration,
}

impl Cell {
    fn trace(self) -> Vec<Arrival> {
        let Self {
            mix, seed, time, ..
        } = self;
        let rate = self.load * f64::from(LANES) * 1000.0 / mix.mean_ms();
        poisson(seed, rate, move |rng: &mut StdRng| mix.sleep_ms(rng))
            .take_while(|arrival| arrival.at < time)
            .collect()
    }

    fn overloads(self) -> bool {
        self.load > 1.0
    }
}

/// Side by side: those whose only difference is how they balance, then the central queues, and so on.
fn groups() -> [Vec<Contender>; 4] {
    let modes = |modes: [&'static str; 2]| modes.map(Contender::Mode).to_vec();
    [
        Setup::ALL.map(Contender::Lanes).to_vec(),
        [modes(["cluster", "pool"]), vec![Contender::Haproxy]].concat(),
        [modes(["fork", "threads"]), vec![Contender::Node("cluster")]].concat(),
        vec![
            Contender::Gunicorn,
            Contender::Uwsgi,
            Contender::PhpFpm,
            Contender::Fcgiwrap,
        ],
    ]
}

/// What the groups play side by side: mix, load, seeds, seconds.
type Plan = (Mix, char, f64, u64, f64);

/// The load that the targets are about is worth most.
const TYPICAL: Plan = (Mix::C, 'C', 0.8, 5, 20.0);
const QUICK: Plan = (Mix::C, 'C', 0.8, 1, 6.0);
const SMOKE: Plan = (Mix::C, 'C', 0.8, 1, 0.5);
const FULL: [Plan; 6] = [
    TYPICAL,
    (Mix::C, 'C', 0.5, 2, 8.0),
    (Mix::C, 'C', 0.95, 2, 8.0),
    (Mix::B, 'B', 0.5, 2, 8.0),
    (Mix::B, 'B', 0.8, 2, 8.0),
    (Mix::B, 'B', 0.95, 2, 8.0),
];
/// Beyond what the contenders can do: a little, and three times as much.
const OVERLOAD: [Plan; 4] = [
    (Mix::C, 'C', 1.2, 2, 8.0),
    (Mix::B, 'B', 1.2, 2, 8.0),
    (Mix::C, 'C', 3.0, 2, 5.0),
    (Mix::B, 'B', 3.0, 1, 5.0),
];
const QUICK_OVERLOAD: Plan = (Mix::C, 'C', 3.0, 1, 6.0);
const SMOKE_OVERLOAD: Plan = (Mix::C, 'C', 3.0, 1, 0.5);

pub(crate) fn run(bench: &Bench) -> Vec<Row> {
    let groups = groups();
    let everyone = groups.concat();
    let telling = [&groups[0][..2], &groups[1][..1]].concat();
    let mut rows = Vec::new();
    let mut play = |plan: Plan, contenders: &[Contender]| {
        let (mix, name, load, seeds, seconds) = plan;
        for seed in 1..=seeds {
            let time = Duration::from_secs_f64(seconds);
            let cell = Cell {
                mix,
                name,
                load,
                seed,
                time,
            };
            rows.extend(side_by_side(bench, cell, contenders));
        }
    };
    for plan in bench.pick(&[SMOKE][..], &[QUICK], &FULL) {
        for group in bench.pick(&groups[..2], &groups, &groups) {
            play(*plan, group);
        }
    }
    for plan in bench.pick(&[SMOKE_OVERLOAD][..], &[QUICK_OVERLOAD], &OVERLOAD) {
        let contenders = bench.pick(&telling[..1], &telling, &everyone);
        for group in contenders.chunks(if plan.2 < 2.0 { 3 } else { 1 }) {
            play(*plan, group);
        }
    }
    rows
}

/// All of them play the same trace at the same time, each by itself.
fn side_by_side(bench: &Bench, cell: Cell, contenders: &[Contender]) -> Vec<Row> {
    let mut terms = Terms::slots(LANES);
    if !cell.overloads() {
        terms.limits = Limits::Lifted;
    }
    let running: Vec<_> = contenders
        .iter()
        .filter_map(|contender| Some((*contender, bench.start(*contender, terms)?)))
        .collect();
    let trace = cell.trace();
    let patience = if cell.overloads() {
        PATIENCE
    } else {
        Duration::from_mins(1)
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime needs a few descriptors");
    let outcomes = runtime.block_on(async {
        let mut loads: Vec<_> = running
            .iter()
            .map(|(_, running)| {
                let base = format!("http://{}", running.address);
                Load::with_patience(patience, &base, trace.clone())
            })
            .collect();
        futures_util::future::join_all(loads.iter_mut().map(Load::rest)).await
    });
    let rows = running.iter().zip(&outcomes);
    rows.map(|((contender, _), outcomes)| {
        let row = row(*contender, cell, &trace, outcomes);
        bench.say(&format!(
            "queue {} {}, {contender}: short mean {:.0} ms (×{:.2}), p99 {:.0} ms (×{:.2}), {} refused, {} lost",
            row.mix, row.load, row.short.mean, row.short.mean / row.ideal_short.mean,
            row.short.p99, row.short.p99 / row.ideal_short.p99, row.refused, row.lost
        ));
        row
    })
    .collect()
}

fn row(contender: Contender, cell: Cell, trace: &[Arrival], outcomes: &[Outcome]) -> Row {
    let with = |wanted: fn(u16) -> bool| outcomes.iter().filter(move |o| wanted(o.status()));
    let served = || with(|status| status == 200);
    let refused = || with(|status| status != 200 && status != 0);
    let measured = |short| {
        let of_length = served().filter(move |outcome| outcome.arrival.is_short() == short);
        Times::of(of_length.map(|outcome| outcome.response))
    };
    let at_best: Vec<_> = ideal(trace, LANES as usize).collect();
    let ideal = |short| {
        let of_length = trace
            .iter()
            .zip(&at_best)
            .filter(move |(arrival, _)| arrival.is_short() == short);
        Times::of(of_length.map(|(_, response)| *response))
    };
    Row {
        contender: contender.to_string(),
        mix: cell.name,
        load: cell.load,
        run: cell.seed,
        requests: outcomes.len(),
        served: served().count(),
        refused: refused().count(),
        lost: with(|status| status == 0).count(),
        short: measured(true),
        long: measured(false),
        ideal_short: ideal(true),
        ideal_long: ideal(false),
        refusals: Times::of(refused().map(|outcome| outcome.response)),
        goodput: goodput(outcomes, LANES, cell.time),
    }
}
