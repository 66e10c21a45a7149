//! `/fast`: trivial work, which needs the lane like everything else.

use serde::{Deserialize, Serialize};

use crate::job::{Interrupt, Interrupted, Route, Workload};

/// No work at all: what remains is the cost of a request.
#[derive(Debug)]
pub struct Fast;

/// Nothing.
#[derive(Debug, Serialize, Deserialize)]
pub struct Input {}

/// A sign of life.
#[derive(Debug, Serialize)]
pub struct Output {
    ok: bool,
}

impl Workload for Fast {
    const NAME: &'static str = "fast";
    const ROUTES: &'static [Route] = &[Route::new("/fast"), Route::new("/fast-one")];
    type Input = Input;
    type Output = Output;

    fn run(_: Input, _: &Interrupt) -> Result<Output, Interrupted> {
        Ok(Output { ok: true })
    }
}
