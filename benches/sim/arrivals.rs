//! When requests come: on their own, whatever became of the earlier ones.

use std::iter::repeat_with;
use std::time::Duration;

use fastrand::Rng;

use super::service::{Service, exponential};

/// One request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) at: Duration,
    /// How long it computes.
    pub(crate) service: Duration,
    /// When its client leaves, counted from its arrival; most do not.
    pub(crate) patience: Option<Duration>,
}

/// `count` Poisson arrivals, `rate` a second.
pub(crate) fn poisson(
    seed: u64,
    rate: f64,
    service: &Service,
    count: usize,
) -> impl Iterator<Item = Arrival> {
    step(seed, rate, rate, Duration::ZERO, service).take(count)
}

/// Endless Poisson arrivals, `before` a second until `at`, and `after` a second from then on.
pub(crate) fn step(
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
