//! `/sleep?ms=N`: occupies the lane without using CPU, to measure more lanes than there are cores.

use std::time::Duration;

use super::wait::{Input, Output};
use crate::job::{Interrupt, Interrupted, Route, Workload};

/// An idle wait.
#[derive(Debug)]
pub struct Sleep;

impl Workload for Sleep {
    const NAME: &'static str = "sleep";
    const ROUTES: &'static [Route] = &[Route::new("/sleep")];
    type Input = Input;
    type Output = Output;

    fn run(Input { ms }: Input, interrupt: &Interrupt) -> Result<Output, Interrupted> {
        interrupt.sleep(Duration::from_millis(ms))?;
        Ok(Output { ms })
    }
}
