//! `/stubborn?ms=N`: takes a given time and never looks at its interrupt, as a call into a library that
//! knows of none.

use std::thread;
use std::time::Duration;

use super::fields::{Done, Milliseconds};
use crate::workload::{Call, Route, Stop, Workload};

/// A computation that cannot be stopped.
#[derive(Debug)]
pub struct Stubborn;

impl Workload for Stubborn {
    const NAME: &'static str = "stubborn";
    const ROUTES: &'static [Route] = &[Route::new("/stubborn")];
    type Input = Milliseconds;
    type Output = Done;

    fn run(&self, input: Milliseconds, _: &Call) -> Result<Done, Stop> {
        thread::sleep(Duration::from_millis(input.ms));
        Ok(input.into())
    }
}
