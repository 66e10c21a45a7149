//! `POST /run?script=…` with bytes: has a shell run a script, whose standard input they are. For what becomes of
//! programs.

use std::process::Command;
use std::time::Duration;

use onelane::{Body, Call, Program, Reason, Reply, Route, Stop, Workload};
use serde::Deserialize;

/// Any program.
pub struct Run;

const NO_GOOD: Reason = Reason::new(422, "no_good", "The program did not like it");

/// More than any test sends.
const BODY_MAX: usize = 64 << 20;

/// What to run, and with which limits.
#[derive(Deserialize)]
pub struct Input {
    script: String,
    #[serde(default)]
    program: Option<String>,
    #[serde(default)]
    stream: bool,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    cpu_seconds: Option<u64>,
    #[serde(default)]
    memory_mib: Option<u64>,
    #[serde(default)]
    file_mib: Option<u64>,
}

impl Workload for Run {
    const NAME: &'static str = "run";
    const ROUTES: &'static [Route] = &[Route::post("/run", Body::raw(&["*/*"]).limit(BODY_MAX))];
    const REASONS: &'static [Reason] = &[NO_GOOD];
    type Input = Input;
    type Output = Reply;

    fn run(&self, input: Input, call: &Call) -> Result<Reply, Stop> {
        let mut shell = Command::new(input.program.as_deref().unwrap_or("sh"));
        shell.args(["-c", &input.script]);
        let mut program = call.program(shell).accept(1).refuse(2, NO_GOOD);
        program = with(program, input.limit, Program::limit);
        let seconds = input.cpu_seconds.map(Duration::from_secs);
        program = with(program, seconds, Program::cpu_time);
        program = with(program, input.memory_mib, Program::memory_mib);
        program = with(program, input.file_mib, Program::file_mib);
        if input.stream {
            return program.stream(Reply::bytes("text/plain", ""));
        }
        let output = program.output()?;
        let code = output.code.to_string();
        Ok(Reply::bytes("text/plain", output.stdout).header("X-Code", code))
    }
}

fn with<'a, T>(
    program: Program<'a>,
    limit: Option<T>,
    set: fn(Program<'a>, T) -> Program<'a>,
) -> Program<'a> {
    match limit {
        Some(limit) => set(program, limit),
        None => program,
    }
}
