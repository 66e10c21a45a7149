//! When requests come: on their own, whatever became of the earlier ones.

use std::iter::repeat_with;
use std::time::Duration;

use fastrand::Rng;

use crate::service::{Service, exponential};

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// When it comes to nginx, from the beginning of the run.
    pub at: Duration,
    /// How long it computes.
    pub service: Duration,
    /// When its client leaves, counted from its arrival; most do not.
    pub patience: Option<Duration>,
}

/// `count` Poisson arrivals, `rate` a second.
pub fn poisson(
    seed: u64,
    rate: f64,
    service: &Service,
    count: usize,
) -> impl Iterator<Item = Arrival> {
    step(seed, rate, rate, Duration::ZERO, service).take(count)
}

/// Endless Poisson arrivals, `before` a second until `at`, and `after` a second from then on.
pub fn step(
    seed: u64,
    before: f64,
    after: f64,
    at: Duration,
    service: &Service,
) -> impl Iterator<Item = Arrival> {
    let mut rng = Rng::with_seed(seed);
    // In units of expected arrivals, so that a gap may begin before the step and end after it.
    let (mut expected, until_step) = (0.0, before * at.as_secs_f64());
    repeat_with(move || {
        expected += exponential(&mut rng);
        let seconds = if expected < until_step {
            expected / before
        } else {
            at.as_secs_f64() + (expected - until_step) / after
        };
        Arrival {
            at: Duration::from_secs_f64(seconds),
            service: service.sample(&mut rng),
            patience: None,
        }
    })
}
