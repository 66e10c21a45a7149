//! For the tests of a service: starts the real program and asks it, without an `async` in sight.
//!
//! Behind the feature `testing`, which belongs under `[dev-dependencies]`, so that the program itself does
//! not get it. A test in `tests/`:
//!
//! ```no_run
//! # macro_rules! env { ($variable:literal) => { "target/debug/thumbnail" } }
//! # fn test() {
//! let service = onelane::testing::start(env!("CARGO_BIN_EXE_thumbnail"));
//! let answer = service.get("/prime?number=7");
//! assert_eq!(answer.json()["prime"], true);
//! # }
//! ```
//!
//! Every failure panics: a program that does not start, a connection that breaks.

mod answer;
mod log;
mod request;
mod running;

use std::env;
use std::ffi::OsStr;
use std::process::Command;

pub use answer::Answer;
pub use request::Request;
pub use running::Running;

/// Starts the program of a service on ports that the system chooses, and waits until it is ready.
pub fn start(binary: impl AsRef<OsStr>) -> Running {
    start_with(binary, &[])
}

/// The same with flags: `&["--mode", "fork"]`. Its addresses are in its log, which has to stay JSON and at
/// least at `info`.
pub fn start_with(binary: impl AsRef<OsStr>, flags: &[&str]) -> Running {
    let mut program = command(binary);
    program.args(flags);
    Running::start(program)
}

/// The program of a service, for one of its other roles, such as `config`. No setting is inherited: what
/// the person who runs a test has in the environment does not decide what comes of it.
pub fn command(binary: impl AsRef<OsStr>) -> Command {
    let mut program = Command::new(binary);
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("ONELANE_") {
            program.env_remove(name);
        }
    }
    program
}
