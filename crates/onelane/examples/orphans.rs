//! `orphans`: what becomes of a child when its parent is killed, with and without the guard.
//!
//! No process can catch SIGKILL, so a parent that gets it cannot end its children. Without a guard they
//! live on with another parent; with the guard, which every process of the engine sets up first thing,
//! the kernel ends them.
//!
//!     cargo run -p onelane --example orphans

use std::io::{self, BufRead, BufReader, Write, stdout};
use std::process::{Child, Command, Stdio, id};
use std::thread::sleep;
use std::time::Duration;
use std::{env, fs};

use rustix::process::{
    Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal,
};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().collect();
    match &arguments[..] {
        [_, role, _, guarded] if role == "parent" => be_parent(guarded),
        [_, role, parent, guarded] if role == "child" => {
            be_child(parent.parse().map_err(io::Error::other)?, guarded == "true")
        }
        _ => {
            println!("orphans: the parent of a child is killed");
            watch(false)?;
            watch(true)
        }
    }
}

/// Kills a parent, and sees what its child does.
fn watch(guarded: bool) -> io::Result<()> {
    println!("{} the guard", if guarded { "with" } else { "without" });
    let mut command = again("parent", &guarded.to_string())?;
    let mut parent = command.stdout(Stdio::piped()).spawn()?;
    // The child has it, too: it ends when both are gone.
    let stdout = parent.stdout.take().expect("it was spawned with a pipe");
    let mut lines = BufReader::new(stdout).lines();

    let child = lines.next().expect("the child tells its number")?;
    println!("  parent {}, child {child}", parent.id());
    parent.kill()?;
    println!("  parent killed: {}", parent.wait()?);
    match lines.next() {
        None => println!("  the child is gone, too"),
        Some(line) => {
            println!("  the child lives on: {}", line?);
            end(&child)?;
        }
    }
    Ok(())
}

/// Kills a child that has outlived its parent; no other process would.
fn end(child: &str) -> io::Result<()> {
    let pid = child.parse().ok().and_then(Pid::from_raw);
    kill_process(pid.expect("it told a number"), Signal::KILL)?;
    Ok(())
}

/// This program once more, in another role, which is told who its parent is.
fn again(role: &str, guarded: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args([role, &id().to_string(), guarded]);
    Ok(command)
}

/// The guard: has the kernel kill this process when its parent ends, unless that was too fast.
fn die_with(parent: i32) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid().map(Pid::as_raw_pid) != Some(parent) {
        return Err(io::Error::other("the parent is gone"));
    }
    Ok(())
}

/// The role that is killed.
fn be_parent(guarded: &str) -> io::Result<()> {
    let mut child: Child = again("child", guarded)?.spawn()?;
    child.wait().map(|_| ())
}

/// The role that is left: tells who it is, and who its next parent is.
fn be_child(parent: i32, guarded: bool) -> io::Result<()> {
    if guarded {
        die_with(parent)?;
    }
    say(&getpid().as_raw_pid().to_string())?;
    let ppid = || getppid().map_or(0, Pid::as_raw_pid);
    while ppid() == parent {
        sleep(Duration::from_millis(1));
    }
    let name = fs::read_to_string(format!("/proc/{}/comm", ppid())).unwrap_or_default();
    say(&format!("its parent is now {} {}", ppid(), name.trim()))?;
    loop {
        sleep(Duration::from_secs(1));
    }
}

/// To the pipe that it was given, at once.
fn say(line: &str) -> io::Result<()> {
    writeln!(stdout(), "{line}")?;
    stdout().flush()
}
