//! Starts this program once more, in another role.

mod briefing;

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

pub use briefing::{Briefing, brief, rehearse};

/// A command that starts this program as `role`, at the head of a process group, so that signals
/// from a terminal reach only the server. The role is told who its parent is, for
/// [`die_with`](crate::guard::die_with), and everything else in its [`Briefing`].
pub fn command(role: &str, stderr: impl Into<Stdio>) -> Command {
    // The program that runs now, even if its file has been replaced since.
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0(
            std::env::args_os()
                .next()
                .as_deref()
                .unwrap_or(OsStr::new("onelane")),
        )
        .arg(role)
        .arg(std::process::id().to_string())
        .process_group(0)
        // The C library of GNU would keep the room of each large body for the next one, in every child. With a
        // limit of its own (in bytes) it gives it back.
        .env("MALLOC_MMAP_THRESHOLD_", "131072")
        .stderr(stderr);
    command
}
