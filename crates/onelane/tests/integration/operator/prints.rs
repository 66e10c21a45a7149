//! Elsewhere: `program config | head -1` ends with a panic message, or a program hangs for ever because it writes a
//! mistake in its settings to a pipe that is not read. Right: a reader that stops has read enough; what cannot be
//! printed is an error in one line; and a process that has to end does so.

use std::fs::File;
use std::io::{Write, pipe};
use std::process::{Command, Stdio};
use std::time::Instant;

use rstest::rstest;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::lane::{PATIENCE, onelane};

fn command(role: &str) -> Command {
    let mut command = onelane();
    command.arg(role).stdin(Stdio::null());
    command
}

#[rstest]
fn a_reader_that_stops_has_read_enough(
    #[values("config", "routes", "examples", "--help", "--version")] role: &str,
) {
    let (_, broken) = pipe().unwrap();
    let output = command(role).stdout(broken).output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(0));
}

#[rstest]
fn what_cannot_be_printed_is_an_error(#[values("config", "routes", "examples")] role: &str) {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = command(role).stdout(full).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("drills: cannot print: "), "{stderr}");
    assert_eq!((stderr.lines().count(), output.status.code()), (1, Some(1)));
}

#[rstest]
#[case::a_bad_setting("config", 78)]
#[case::a_bad_setting_of_a_server("serve", 78)]
#[case::a_bad_setting_of_a_probe("probe", 78)]
#[case::a_bad_flag("nope", 2)]
fn a_mistake_that_is_not_read_ends_the_process_all_the_same(#[case] role: &str, #[case] code: i32) {
    let (_unread, mut stderr) = pipe().unwrap();
    let flags = fcntl_getfl(&stderr).unwrap();
    fcntl_setfl(&stderr, flags | OFlags::NONBLOCK).unwrap();
    while stderr.write(&[b'x'; 4096]).is_ok() {}
    fcntl_setfl(&stderr, flags).unwrap();
    let mut command = command(role);
    let mut child = command
        .env("ONELANE_SLOTS", "many")
        .stderr(stderr)
        .spawn()
        .unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    assert_eq!(status.code(), Some(code));
}
