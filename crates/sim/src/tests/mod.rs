//! The model against what is known in closed form, and against itself.
//!
//! Tolerances are several standard errors of a mean over so many requests; the seeds are fixed, so
//! a test that passes goes on passing.

#![allow(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "small whole numbers"
)]

mod autoscaler;
mod rules;
mod shipped;
mod theory;

use std::time::Duration;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn service(text: &str) -> Service {
    text.parse().unwrap()
}

fn run(system: &System, load: f64, service: &Service, count: usize) -> Run {
    let rate = load * system.lanes as f64 / service.mean().as_secs_f64();
    simulate(system, 1, poisson(1, rate, service, count))
}

fn mean_wait(run: &Run) -> f64 {
    mean(run.answered().map(|outcome| outcome.queued)).as_secs_f64()
}
