//! `exec_file`: a program run directly, without a shell in between.
//!
//! The program gets its arguments unchanged: no shell expands, splits or executes them. And a program
//! that does not exist is an error at the start, not exit code 127 of a shell.
//!
//!     cargo run -p onelane --example exec_file

use std::io::{self, ErrorKind};
use std::process::Command;

/// To a shell, each of these would mean something else.
const ARGUMENTS: [&str; 4] = ["$HOME", "*", "two  words", "; exit 1"];

fn main() -> io::Result<()> {
    println!("exec_file: programs run without a shell");

    let mut printf = Command::new("printf");
    run(printf.arg("argument: %s\n").args(ARGUMENTS))?;

    run(&mut Command::new("false"))?;

    match run(&mut Command::new("no-such-program")) {
        Err(err) if err.kind() == ErrorKind::NotFound => println!("not started: {err}"),
        outcome => outcome?,
    }
    Ok(())
}

/// Runs it to its end. What it prints is kept in memory, so it should be known to be little; `exec`
/// shows how to set a limit.
fn run(command: &mut Command) -> io::Result<()> {
    println!("run {command:?}");
    let output = command.output()?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    println!("{}", output.status);
    Ok(())
}
