//! Ways in which requests can be long.

use onelane_load::Arrival;
use rand::RngExt;
use rand::rngs::StdRng;
use rand_distr::{Distribution, Exp};

/// One of them.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Mix {
    /// All alike: any balancer that spreads evenly does well.
    A,
    /// Exponential: the textbook's service time.
    B,
    /// Few long among many short: one wrong choice of a lane costs a hundred service times.
    C,
    /// Exponential, and long: what hops cost is fixed, so a service of such requests hardly notices.
    D,
}

impl Mix {
    /// For a table.
    pub fn describe(self) -> &'static str {
        match self {
            Self::A => "A: all 20 ms",
            Self::B => "B: exponential, mean 20 ms",
            Self::C => "C: 95 % 5 ms, 5 % 500 ms",
            Self::D => "D: exponential, mean 100 ms",
        }
    }

    /// The mean length of a request.
    pub fn mean_ms(self) -> f64 {
        match self {
            Self::A | Self::B => 20.0,
            Self::C => 0.95 * 5.0 + 0.05 * 500.0,
            Self::D => 100.0,
        }
    }

    /// Whether requests of this length are those that the figures are about: of a mix of both, the
    /// short ones. The long ones hardly notice where they queue.
    pub fn is_counted(self, arrival: &Arrival) -> bool {
        !matches!(self, Self::C) || arrival.is_short()
    }

    /// The length of the next request.
    pub fn sleep_ms(self, rng: &mut StdRng) -> u64 {
        match self {
            Self::A => 20,
            Self::B | Self::D => exponential_ms(rng, self.mean_ms()),
            Self::C => {
                if rng.random_bool(0.05) {
                    500
                } else {
                    5
                }
            }
        }
    }
}

/// Whole milliseconds, because that is what a lane can be asked for.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an exponential variable of a mean of milliseconds is positive and small"
)]
fn exponential_ms(rng: &mut StdRng, mean_ms: f64) -> u64 {
    let exponential = Exp::new(1.0 / mean_ms).expect("the mean is positive");
    exponential.sample(rng).round() as u64
}
