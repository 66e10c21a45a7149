//! Signals that are blocked or ignored from the start, because the process that starts the server does so.
//!
//! Elsewhere a service that was started by a program with SIGTERM blocked could not be stopped, and one whose
//! starter ignores SIGCHLD took the end of its children for a failure. Right is to serve and stop as ever.

use std::process::Command;

use rstest::rstest;

use super::attempt::{Attempt, Outcome, server};
use crate::faults::skip;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};

#[rstest]
fn whatever_it_inherits_it_serves_and_stops(
    #[values("--block-signal", "--ignore-signal")] how: &str,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let can = Command::new("env").args([how, "true"]).status();
    if !can.is_ok_and(|status| status.success()) {
        return skip("there is no env with --block-signal and --ignore-signal");
    }
    let server = server(mode);
    let mut command = Command::new("env");
    command.arg(how);
    command.arg(server.get_program()).args(server.get_args());
    let attempt = Attempt::new(command, |mut command| command.spawn().unwrap());
    assert_eq!(attempt.outcome(), Ok(Outcome::Served));
}
