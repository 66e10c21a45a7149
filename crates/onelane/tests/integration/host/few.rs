//! Few threads and processes, and few descriptors, from the start.
//!
//! Elsewhere a server without a thread for its probes said that it is ready, and no probe got through. Right is to
//! serve all the same, or to end before that and say why.

use std::process::Command;

use rstest::rstest;

use super::attempt::{Attempt, Outcome, server};
use crate::faults::FreshUser;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};

#[rstest]
#[case::processes("nproc", &[1, 2, 3, 4, 5, 6, 7, 9])]
#[case::descriptors("nofile", &[5, 9, 20, 24, 27, 63, 64])]
fn with_a_few_a_server_serves_or_says_why_not(
    #[case] what: &str,
    #[case] limits: &[u32],
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let mut served = 0;
    for limit in limits {
        // A new one each time: of the last one something may be left for a moment.
        let Some(user) = FreshUser::new() else {
            return;
        };
        let server = server(mode);
        let mut command = Command::new("prlimit");
        command.arg(format!("--{what}={limit}"));
        command.arg(server.get_program()).args(server.get_args());
        let command = user.be(command);
        let attempt = Attempt::new(command, |mut command| command.spawn().unwrap());
        let clear = "drills: cannot start: ";
        match attempt.outcome() {
            Ok(Outcome::Served) => served += 1,
            Ok(Outcome::Refused(line)) => assert!(line.starts_with(clear), "{limit}: {line}"),
            // What is only scarce is tried several times.
            Err(why) => assert!(
                why.starts_with(&format!("exit status: 3: {clear}")),
                "{limit}: {why}"
            ),
        }
    }
    assert!(served > 0, "the last of them is enough");
}
