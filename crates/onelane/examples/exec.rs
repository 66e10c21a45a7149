//! `exec`: a shell pipeline whose output is collected, up to a limit.
//!
//! The shell starts more processes than the one we know. All of them are in the process group that
//! it heads, so that none is left when they are killed for saying too much.
//!
//!     cargo run -p onelane --example exec [FOLDER]

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, copy, sink};
use tokio::process::Command;

/// As much as is kept of what a script prints.
const OUTPUT_MAX_BYTES: usize = 64 * 1024;

/// What is not the script's own text is given to it as `$1`: there the shell interprets nothing.
const COUNT_FILES: &str = r#"find "$1" -type f | wc -l"#;
/// Two processes that would never end.
const ENDLESS: &str = "yes | cat";

#[derive(Debug)]
enum Outcome {
    Ended(ExitStatus, String),
    /// It had printed more than the limit.
    Killed,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    println!("exec: scripts in a shell, with {OUTPUT_MAX_BYTES} bytes of output at most");
    let folder = env::args_os().nth(1).unwrap_or_else(|| OsString::from("."));
    for script in [COUNT_FILES, ENDLESS] {
        println!("$ {script}");
        match exec(script, &folder).await? {
            Outcome::Ended(status, output) => println!("{}\n{status}", output.trim()),
            Outcome::Killed => println!("too much output: killed, and all that it had started"),
        }
    }
    Ok(())
}

/// Runs `script` with `argument` as its `$1`.
async fn exec(script: &str, argument: &OsStr) -> io::Result<Outcome> {
    let mut shell = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let group = shell.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    let group = group.expect("it was not waited for yet");
    let mut stdout = shell.stdout.take().expect("it was spawned with a pipe");

    let mut output = Vec::new();
    let limit = OUTPUT_MAX_BYTES as u64 + 1;
    (&mut stdout).take(limit).read_to_end(&mut output).await?;
    let killed = output.len() > OUTPUT_MAX_BYTES;
    if killed {
        // The shell was not waited for yet: the number is still that of its group.
        kill_process_group(group, Signal::KILL)?;
        // This ends when no process is left that has the pipe open for writing.
        copy(&mut stdout, &mut sink()).await?;
    }
    let status = shell.wait().await?;
    Ok(if killed {
        Outcome::Killed
    } else {
        Outcome::Ended(status, String::from_utf8_lossy(&output).into_owned())
    })
}
