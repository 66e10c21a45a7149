//! Reaps orphans. A process whose parent has ended becomes a child of the first process in the container,
//! which is this one as a rule, and would stay a zombie until it is reaped.

use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::Pid;

/// Reaps children that have ended, until it comes to one that `is_own`: other code here waits for that
/// one, and has to come first. The next call goes on with the rest.
pub fn reap(is_own: impl Fn(u32) -> bool) {
    while let Some(pid) = next_ended() {
        if is_own(pid.as_raw().unsigned_abs()) {
            return;
        }
        waitpid(pid, Some(WaitPidFlag::WNOHANG)).ok();
    }
}

/// A child that has ended and was not reaped yet; this does not reap it.
fn next_ended() -> Option<Pid> {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::All, look).ok()?.pid()
}
