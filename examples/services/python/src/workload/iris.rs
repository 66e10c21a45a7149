//! `POST /iris` with four lengths: which species of iris is it? The program that stays, `iris.py`, knows.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::Command;

use onelane::{Body, Call, Coprocess, Load, Reason, Route, Stop, Workload};
use serde::{Deserialize, Serialize};

/// The model, in a program for each slot.
#[derive(Debug)]
pub struct Iris {
    python: Coprocess,
}

/// The program, which is a part of this one.
const PROGRAM: &str = include_str!("iris.py");
/// It is replaced then, whatever it may have piled up meanwhile.
const REQUESTS: u32 = 10_000;
/// Or then. It begins with 130.
const MEMORY_MIB: u64 = 256;

const NO_IRIS: Reason = Reason::new(422, "no_iris", "This is no iris");

impl Load for Iris {
    type Settings = ();

    fn load((): ()) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut command = Command::new("python3");
        command.args(["-u", "-c", PROGRAM]);
        // A slot is one CPU.
        command
            .env("OPENBLAS_NUM_THREADS", "1")
            .env("OMP_NUM_THREADS", "1");
        let python = Coprocess::lines(command).ready("ready");
        Ok(Self {
            python: python.requests(REQUESTS).memory_mib(MEMORY_MIB),
        })
    }

    fn coprocess(&self) -> Option<&Coprocess> {
        Some(&self.python)
    }
}

/// Which iris has these lengths, in centimetres?
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Input {
    sepal_length: f64,
    sepal_width: f64,
    petal_length: f64,
    petal_width: f64,
}

/// What the model takes it for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Output {
    species: String,
    probabilities: BTreeMap<String, f64>,
}

/// What the program says.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Said {
    Known(Output),
    /// And why.
    Refused {
        refused: String,
    },
}

impl Workload for Iris {
    const NAME: &'static str = "iris";
    const ROUTES: &'static [Route] = &[Route::post("/iris", Body::JSON)];
    const REASONS: &'static [Reason] = &[NO_IRIS];
    type Input = Input;
    type Output = Output;

    #[cfg(feature = "openapi")]
    fn schemas() -> Option<onelane::Schemas> {
        Some(onelane::Schemas::of::<Input, Output>())
    }

    fn run(&self, input: Input, call: &Call) -> Result<Output, Stop> {
        match self.python.ask(call, &input)? {
            Said::Known(output) => Ok(output),
            Said::Refused { refused } => Err(NO_IRIS.detail(refused).into()),
        }
    }
}

#[cfg(test)]
mod tests;
