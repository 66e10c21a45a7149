//! `/prime?number=N`: is N a prime? The demonstration of a request that needs a whole CPU.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use onelane::{Call, Example, Interrupted, Route, Stop, Workload};

/// Trial division by 2, 3 and every 6k±1.
#[derive(Debug)]
pub struct Prime;

/// Is this number a prime?
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Input {
    /// Any integer from 0 to 2^64−1.
    pub number: u64,
    /// How far to search; `far` unless the caller says otherwise.
    #[serde(default)]
    pub method: Method,
}

/// How far the divisors go.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Up to N/5: right, and deliberately wasteful. 29355126551 takes 2·10⁹ divisions.
    #[default]
    Far,
    /// Up to √N, as one would.
    Sqrt,
}

/// The verdict.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Output {
    number: u64,
    prime: bool,
    /// The smallest divisor above 1 of a composite number.
    #[serde(skip_serializing_if = "Option::is_none")]
    divisor: Option<u64>,
}

impl Workload for Prime {
    const NAME: &'static str = "prime";
    const ROUTES: &'static [Route] = &[
        Route::new("/prime")
            // It is true for ever. A mistake in this file should not be.
            .fresh_for(Duration::from_hours(24))
            .examples(&[
                Example::new("Is 29355126551 a prime?", "number=29355126551")
                    .note("Seconds of work, by dividing: it keeps a lane busy."),
                Example::new("Is 7 a prime?", "number=7")
                    .note("No work at all. How long it takes depends on who is in front of it."),
            ]),
        Route::new("/"),
    ];
    type Input = Input;
    type Output = Output;

    #[cfg(feature = "openapi")]
    fn schemas() -> Option<onelane::Schemas> {
        Some(onelane::Schemas::of::<Input, Output>())
    }

    fn run(&self, Input { number, method }: Input, call: &Call) -> Result<Output, Stop> {
        let limit = match method {
            Method::Far => number / 5,
            Method::Sqrt => number.isqrt(),
        };
        let divisor = smallest_divisor(number, limit, call)?;
        Ok(Output {
            number,
            prime: number > 1 && divisor.is_none(),
            divisor,
        })
    }
}

/// The smallest divisor of `number` between 2 and `limit`. 2 and 3 are tried whatever the limit
/// is, so that a limit of N/5 is enough for every N: a composite that they do not divide is at
/// least 5 times its largest proper divisor.
fn smallest_divisor(number: u64, limit: u64, call: &Call) -> Result<Option<u64>, Interrupted> {
    for small in [2, 3] {
        if number > small && number.is_multiple_of(small) {
            return Ok(Some(small));
        }
    }
    let mut candidate = 5;
    while candidate <= limit {
        call.check()?;
        if number.is_multiple_of(candidate) {
            return Ok(Some(candidate));
        }
        if number.is_multiple_of(candidate + 2) {
            return Ok(Some(candidate + 2));
        }
        candidate += 6;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_prime(number: u64, method: Method) -> bool {
        let input = Input { number, method };
        Prime.run(input, &Call::default()).unwrap().prime
    }

    #[test]
    fn both_methods_agree_with_the_sieve() {
        let mut composite = vec![false; 10_000];
        composite[..2].fill(true);
        for number in 2..composite.len() {
            for multiple in (number * number..composite.len()).step_by(number) {
                composite[multiple] = true;
            }
            for method in [Method::Far, Method::Sqrt] {
                assert_eq!(
                    is_prime(number as u64, method),
                    !composite[number],
                    "{number} by {method:?}"
                );
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_have_answers() {
        for (number, prime) in [(0, false), (1, false), (2, true), (u64::MAX, false)] {
            assert_eq!(is_prime(number, Method::Far), prime, "{number}");
        }
    }

    #[test]
    fn an_interrupted_search_stops() {
        let call = Call::default();
        call.interrupt();
        let input = Input {
            number: 29_355_126_551,
            method: Method::Far,
        };
        assert!(matches!(Prime.run(input, &call), Err(Stop::Interrupted)));
    }
}
