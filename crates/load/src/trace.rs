//! What is asked and when: arrivals that do not depend on the answers.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Exp};

/// One request of a trace: at `at` after the start, occupy a lane for `sleep_ms`.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Since the start.
    pub at: Duration,
    /// How long it occupies a lane.
    pub sleep_ms: u64,
}

impl Arrival {
    /// From here on a request counts as long: well between the 5 ms and the 500 ms of the mix
    /// whose short requests are of interest.
    const LONG_MS: u64 = 250;

    /// Whether it is one of the short requests of a mix.
    pub fn is_short(&self) -> bool {
        self.sleep_ms < Self::LONG_MS
    }

    /// What is asked for, with its query.
    pub fn path(&self) -> String {
        format!("/sleep?ms={}", self.sleep_ms)
    }
}

/// Endless Poisson arrivals: `rate` per second on average, each as long as `sleep_ms` says.
/// The same seed gives the same trace.
pub fn poisson(
    seed: u64,
    rate: f64,
    mut sleep_ms: impl FnMut(&mut StdRng) -> u64,
) -> impl Iterator<Item = Arrival> {
    let mut rng = StdRng::seed_from_u64(seed);
    let gap = Exp::new(rate).expect("a rate is positive");
    let mut at = 0.0;
    std::iter::repeat_with(move || {
        at += gap.sample(&mut rng);
        Arrival {
            at: Duration::from_secs_f64(at),
            sleep_ms: sleep_ms(&mut rng),
        }
    })
}
