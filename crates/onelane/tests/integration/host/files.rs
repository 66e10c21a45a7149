//! Parts of the file system that are not there, or cannot be written to.
//!
//! Elsewhere a server needed a place for temporary files, a home, or /proc, and said so in the middle of a
//! request. Right is to do without, or to end before the first one with a line that names what is missing.

use std::process::Command;

use rstest::rstest;

use super::attempt::{Attempt, Outcome, server};
use crate::faults::skip;
use crate::lane::Mode::{self, Blocking, Cluster, Fork, Pool, Threads};

/// A command for a server that sees the file system after `change`; no other process does. None, with a message,
/// where that is not allowed.
fn changed(change: &str, mode: Mode) -> Option<Command> {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]);
        command
    };
    if !unshare(change)
        .status()
        .is_ok_and(|status| status.success())
    {
        skip("nothing may be mounted, not even for oneself");
        return None;
    }
    let server = server(mode);
    let mut command = unshare(&format!("{change} && exec env -i \"$0\" \"$@\""));
    command.arg(server.get_program()).args(server.get_args());
    Some(command)
}

/// What is lacking, and which kinds of modes notice.
#[rstest]
#[case::only_files_to_read("mount -o remount,bind,ro /", None)]
#[case::no_temporary_files("mount -t tmpfs -o ro none /tmp", None)]
#[case::no_sys("mount -t tmpfs none /sys", None)]
#[case::no_proc("mount -t tmpfs none /proc", Some("/proc/"))]
#[case::no_devices("mount -t tmpfs none /dev", Some("/dev/null"))]
fn without_a_part_of_the_file_system_a_server_serves_or_says_what_is_missing(
    #[case] change: &str,
    #[case] what_children_need: Option<&str>,
    #[values(Blocking, Threads, Fork, Pool, Cluster)] mode: Mode,
) {
    let Some(command) = changed(change, mode) else {
        return;
    };
    let attempt = Attempt::new(command, |mut command| command.spawn().unwrap());
    let outcome = attempt.outcome().unwrap();
    match what_children_need.filter(|_| matches!(mode, Fork | Pool | Cluster)) {
        None => assert_eq!(outcome, Outcome::Served),
        Some(what) => {
            let Outcome::Refused(line) = outcome else {
                panic!("it serves without {what}")
            };
            let is_clear = line.starts_with("drills: cannot start: ") && line.contains(what);
            assert!(is_clear, "{line}");
        }
    }
}
