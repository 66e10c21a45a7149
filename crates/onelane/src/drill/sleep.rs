//! `/sleep?ms=N`: occupies the lane without using CPU, to measure more lanes than there are cores.

use std::time::Duration;

use super::fields::{Done, Milliseconds};
#[cfg(feature = "schema")]
use crate::workload::Schemas;
use crate::workload::{Call, Example, Route, Stop, Workload};

/// An idle wait.
#[derive(Debug)]
pub struct Sleep;

impl Workload for Sleep {
    const NAME: &'static str = "sleep";
    const ROUTES: &'static [Route] =
        &[Route::new("/sleep")
            .examples(&[Example::new("Two seconds of sleep", "ms=2000")
                .note("It occupies a lane, but no CPU.")])];
    type Input = Milliseconds;
    type Output = Done;

    #[cfg(feature = "schema")]
    fn schemas() -> Option<Schemas> {
        Some(Schemas::of::<Self::Input, Self::Output>())
    }

    fn run(&self, input: Milliseconds, call: &Call) -> Result<Done, Stop> {
        call.sleep(Duration::from_millis(input.ms))?;
        Ok(input.into())
    }
}
