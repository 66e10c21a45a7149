//! `/exit?code=N`: ends the process that computes it, as a foreign library might.

use serde::Deserialize;

use super::fields::Nothing;
use crate::workload::{Call, Route, Stop, Workload};

/// An end without an answer.
#[derive(Debug)]
pub struct Exit;

/// How it ends.
#[derive(Debug, Deserialize)]
pub struct Input {
    code: u8,
}

impl Workload for Exit {
    const NAME: &'static str = "exit";
    const ROUTES: &'static [Route] = &[Route::new("/exit")];
    type Input = Input;
    type Output = Nothing;

    fn run(&self, Input { code }: Input, _: &Call) -> Result<Nothing, Stop> {
        std::process::exit(code.into());
    }
}
