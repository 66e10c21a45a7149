//! `/wait?ms=N` and `/block-server`: keeps the CPU busy for a given time.

use std::time::{Duration, Instant};

use super::fields::{Done, Milliseconds};
#[cfg(feature = "openapi")]
use crate::workload::Schemas;
use crate::workload::{Call, Example, Route, Stop, Workload};

/// A busy wait.
#[derive(Debug)]
pub struct Wait;

impl Workload for Wait {
    const NAME: &'static str = "wait";
    const ROUTES: &'static [Route] = &[
        Route::new("/wait").examples(&[Example::new("Twelve at once", "ms=300")
            .times(12)
            .note("0.3 s of work each.")]),
        Route::new("/block-server").preset("ms=5000"),
    ];
    type Input = Milliseconds;
    type Output = Done;

    #[cfg(feature = "openapi")]
    fn schemas() -> Option<Schemas> {
        let schemas = Schemas::of::<Self::Input, Self::Output>();
        Some(schemas.summary("Keeps the CPU busy."))
    }

    fn run(&self, input: Milliseconds, call: &Call) -> Result<Done, Stop> {
        let end = Instant::now() + Duration::from_millis(input.ms);
        while Instant::now() < end {
            call.check()?;
        }
        Ok(input.into())
    }
}
