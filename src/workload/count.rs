//! `/count?to=N`: counts to N, one by one.

use std::hint::black_box;

use serde::{Deserialize, Serialize};

use onelane::{Call, Route, Stop, Workload, at_most};

/// A loop with almost nothing in it: the hardest case for cheap interruption.
#[derive(Debug)]
pub struct Count;

/// Some minutes of counting, far beyond any sensible `request_timeout`.
const MAX_TO: u64 = 1_000_000_000_000;

/// Additions between two looks at the interrupt: a microsecond or so, against a fraction of a
/// nanosecond for each look saved.
const STRIDE: u64 = 4096;

/// Count to a number.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Input {
    /// At most 10¹².
    #[cfg_attr(feature = "openapi", schemars(range(max = MAX_TO)))]
    #[serde(deserialize_with = "at_most::<_, MAX_TO>")]
    pub to: u64,
}

/// Where the count ended.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Output {
    count: u64,
}

impl Workload for Count {
    const NAME: &'static str = "count";
    const ROUTES: &'static [Route] = &[Route::new("/count")];
    type Input = Input;
    type Output = Output;

    #[cfg(feature = "openapi")]
    fn schemas() -> Option<onelane::Schemas> {
        Some(onelane::Schemas::of::<Input, Output>())
    }

    fn run(&self, Input { to }: Input, call: &Call) -> Result<Output, Stop> {
        let mut count = 0;
        while count < to {
            call.check()?;
            for _ in 0..STRIDE.min(to - count) {
                // Without this the compiler would know the sum and skip the counting.
                count = black_box(count + 1);
            }
        }
        Ok(Output { count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_to_the_very_number() {
        for to in [0, 1, STRIDE - 1, STRIDE, STRIDE + 1, 3 * STRIDE + 7] {
            let output = Count.run(Input { to }, &Call::default()).unwrap();
            assert_eq!(output.count, to);
        }
    }
}
