//! `/panic`: fails in the way of a bug. The caller gets 500, and the lane goes on.

use super::fields::Nothing;
use crate::workload::{Call, Route, Stop, Workload};

/// A panic.
#[derive(Debug)]
pub struct Panic;

impl Workload for Panic {
    const NAME: &'static str = "panic";
    const ROUTES: &'static [Route] = &[Route::new("/panic")];
    type Input = Nothing;
    type Output = Nothing;

    fn run(&self, _: Nothing, _: &Call) -> Result<Nothing, Stop> {
        panic!("a drill");
    }
}
