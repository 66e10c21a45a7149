//! `/sleep?ms=N`: occupies the lane without using CPU, to measure more lanes than there are cores.

use std::time::Duration;

use super::fields::{Done, Milliseconds};
#[cfg(feature = "openapi")]
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

    #[cfg(feature = "openapi")]
    fn schemas() -> Option<Schemas> {
        let schemas = Schemas::of::<Self::Input, Self::Output>();
        Some(schemas.summary("Sleeps: it occupies a lane, but no CPU."))
    }

    fn run(&self, input: Milliseconds, call: &Call) -> Result<Done, Stop> {
        call.sleep(Duration::from_millis(input.ms))?;
        Ok(input.into())
    }
}
