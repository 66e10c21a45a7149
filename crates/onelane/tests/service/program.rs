//! `/program?seconds=…`: starts a program that leaves a process behind and ends at once, waits for so long, and
//! only then asks how it ended.

use std::process::Command;
use std::time::Duration;

use onelane::{Call, Route, Stop, Workload};
use serde::{Deserialize, Serialize};

/// A program that is waited for late.
pub struct Program;

/// How late.
#[derive(Deserialize)]
pub struct Input {
    seconds: u64,
}

/// How the program ended.
#[derive(Serialize)]
pub struct Ended {
    code: Option<i32>,
}

impl Workload for Program {
    const NAME: &'static str = "program";
    const ROUTES: &'static [Route] = &[Route::new("/program")];
    type Input = Input;
    type Output = Ended;

    fn run(&self, Input { seconds }: Input, call: &Call) -> Result<Ended, Stop> {
        let mut program = Command::new("sh")
            .args(["-c", "sleep 0.01 & exit 7"])
            .spawn()?;
        call.sleep(Duration::from_secs(seconds))?;
        let code = program.wait()?.code();
        Ok(Ended { code })
    }
}
