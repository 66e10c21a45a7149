//! What is to be served, and how well.

use std::time::Duration;

use onelane_sim::{Arrival, Outcome, Run, Service, System, median, poisson, quantile, simulate};

use crate::args::{Args, Quantile};
use crate::log;

/// Runs of each system, each with its own seed; the figures are their medians.
pub(crate) const SEEDS: u64 = 5;

/// How long the planned rate is simulated with an autoscaler: from 20 lanes to 2 it takes five minutes of patience,
/// and seven of a quarter each.
pub(crate) const STEADY_TIME: Duration = Duration::from_mins(15);

/// Requests that fit into the memory of a laptop: they take 1.5 GB.
const MOST: f64 = 4e6;

#[derive(Debug)]
pub(crate) struct Demand {
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) service: Service,
    pub(crate) wait: Option<Quantile>,
    pub(crate) response: Option<Quantile>,
}

impl Demand {
    pub(crate) fn of(args: &Args) -> Result<Self, String> {
        let (service, busiest) = match (&args.service, &args.log) {
            (Some(service), _) => (service.clone(), None),
            (None, Some(path)) => {
                let log = log::read(path)?;
                (Service::seen(log.times), log.busiest)
            }
            (None, None) => return Err("--service or --log is needed".to_owned()),
        };
        let rate = args.rate.or(busiest);
        let demand = Self {
            rate: rounded(
                rate.ok_or("the log is too short to tell a rate (three minutes): add --rate")?,
            ),
            service,
            wait: args.wait,
            response: args.response,
        };
        demand.check()?;
        Ok(demand)
    }

    /// In words.
    pub(crate) fn target(&self) -> String {
        let words = |target: Option<Quantile>, verb| {
            let Quantile { percent, time } = target?;
            Some(format!("{percent} % {verb} {time:?} at most"))
        };
        let targets = [
            words(self.wait, "wait"),
            words(self.response, "are answered within"),
        ];
        let targets: Vec<_> = targets.into_iter().flatten().collect();
        targets.join(", ")
    }

    /// Lanes that are busy all the time, on average.
    pub(crate) fn busy_lanes(&self) -> f64 {
        self.rate * self.service.mean().as_secs_f64()
    }

    /// Most of a run is as good as any other; its beginning, with an empty queue, is not.
    pub(crate) fn arrivals(&self, seed: u64) -> impl Iterator<Item = Arrival> {
        poisson(seed, self.rate, &self.service, self.requests())
    }

    pub(crate) fn runs(&self, system: &System) -> Vec<Run> {
        let run = |seed| {
            let mut run = simulate(system, seed, self.arrivals(seed));
            run.outcomes.drain(..self.requests() / 10);
            run
        };
        (1..=SEEDS).map(run).collect()
    }

    /// Four hundred beyond the quantile, as far as patience goes.
    pub(crate) fn requests(&self) -> usize {
        let targets = [self.wait, self.response].into_iter().flatten();
        let most = targets.map(|target| target.percent).fold(0.0, f64::max);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 99.9 %"
        )]
        let requests = (400.0 / (1.0 - most / 100.0)) as usize;
        requests.clamp(4_000, 200_000)
    }

    /// Whether the median run keeps to the target.
    pub(crate) fn is_met_by(&self, runs: &[Run]) -> bool {
        let met = |target: Option<Quantile>, figure: fn(&Outcome) -> Duration| {
            target.is_none_or(|target| median_of(runs, target.percent, figure) <= target.time)
        };
        met(self.wait, |outcome| outcome.queued) && met(self.response, |outcome| outcome.response)
    }

    /// Whether an answer came later than any of them should.
    pub(crate) fn is_late(&self, outcome: &Outcome) -> bool {
        let late = |target: Option<Quantile>, time| target.is_some_and(|target| time > target.time);
        outcome.is_answered()
            && (late(self.wait, outcome.queued) || late(self.response, outcome.response))
    }

    /// Whether it can be simulated, and met by some number of lanes: computing alone may take too long.
    fn check(&self) -> Result<(), String> {
        if self.rate * STEADY_TIME.as_secs_f64() > MOST {
            return Err(format!(
                "more than {MOST} requests in a quarter of an hour: plan for a part of them"
            ));
        }
        let Some(target) = self.response else {
            return Ok(());
        };
        let times = self.service.samples(1).take(100_000);
        let computing = quantile(target.percent / 100.0, times);
        if computing < target.time {
            return Ok(());
        }
        Err(format!(
            "no number of lanes answers {} % within {:?}: to compute takes {computing:.1?} alone",
            target.percent, target.time
        ))
    }
}

/// Four decimals are more than a plan can have.
pub(crate) fn rounded(rate: f64) -> f64 {
    (rate * 1e4).round() / 1e4
}

/// Lanes that nginx asks for a request, on average.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
pub(crate) fn mean_tries(runs: &[Run]) -> f64 {
    let all = || runs.iter().flat_map(|run| &run.outcomes);
    let tries: u64 = all().map(|outcome| u64::from(outcome.tries)).sum();
    tries as f64 / all().count() as f64
}

/// The median over runs of a quantile in each.
pub(crate) fn median_of(
    runs: &[Run],
    percent: f64,
    figure: impl Fn(&Outcome) -> Duration + Copy,
) -> Duration {
    let quantiles = runs.iter().map(|run| {
        let figures = run.answered().map(figure);
        quantile(percent / 100.0, figures).as_secs_f64()
    });
    Duration::from_secs_f64(median(quantiles))
}
