//! `/print?bytes=…&to=…`: prints so many bytes in lines of a hundred, past every log. For what becomes of that.

use std::io::{Write, stderr, stdout};

use onelane::{Call, Route, Stop, Workload};
use serde::{Deserialize, Serialize};

/// Lines that are no events.
pub struct Print;

/// How many bytes, and where to.
#[derive(Serialize, Deserialize)]
pub struct Input {
    bytes: usize,
    to: Output,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Output {
    Stdout,
    Stderr,
}

/// A line that can be told from any other, with its end.
const LINE: usize = 100;

impl Workload for Print {
    const NAME: &'static str = "print";
    const ROUTES: &'static [Route] = &[Route::new("/print")];
    type Input = Input;
    type Output = ();

    fn run(&self, Input { bytes, to }: Input, _: &Call) -> Result<(), Stop> {
        let line = format!("{:<width$}\n", "printed", width = LINE - 1);
        for _ in 0..bytes / LINE {
            match to {
                Output::Stdout => stdout().write_all(line.as_bytes())?,
                Output::Stderr => stderr().write_all(line.as_bytes())?,
            }
        }
        Ok(())
    }
}
