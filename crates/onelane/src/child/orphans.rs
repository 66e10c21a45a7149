//! What the first process of a container owes to the others there: to reap those whose parents are
//! gone. They become its children, and would be zombies for as long as it lives.

use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::Pid;

/// Reaps all children that have ended, except where `is_own` says of a process id that somebody
/// here waits for it: then the rest is for the next call.
pub fn reap(is_own: impl Fn(u32) -> bool) {
    while let Some(pid) = next_ended() {
        if is_own(pid.as_raw().unsigned_abs()) {
            return;
        }
        waitpid(pid, Some(WaitPidFlag::WNOHANG)).ok();
    }
}

/// Any child that has ended, left as it is.
fn next_ended() -> Option<Pid> {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::All, look).ok()?.pid()
}
