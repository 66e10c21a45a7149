//! Reaps orphans. A process whose parent has ended becomes a child of the first process in the container,
//! which is this one as a rule, and would stay a zombie until it is reaped.

use std::time::Duration;

use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::Pid;
use tokio::time::sleep;

/// How often [`reap_adopted`] looks.
const LOOK: Duration = Duration::from_secs(1);

/// Reaps children that have ended, until it comes to one that `is_own`: other code here waits for that
/// one, and has to come first. The next call goes on with the rest.
pub fn reap(is_own: impl Fn(u32) -> bool) {
    while let Some(pid) = next_ended(WaitPidFlag::empty()) {
        if is_own(pid.as_raw().unsigned_abs()) {
            return;
        }
        waitpid(pid, Some(WaitPidFlag::WNOHANG)).ok();
    }
}

/// Reaps orphans and nothing else, for ever, if the main thread of a process polls this and starts no processes.
/// To the kernel a child belongs to the thread that has started it, and an orphan to the main thread of the
/// process that it falls to. So what a workload starts on another thread is left to that workload.
pub async fn reap_adopted() {
    let own = WaitPidFlag::__WNOTHREAD;
    loop {
        sleep(LOOK).await;
        if next_ended(own).is_some() {
            // If a thread ends before its children they come here, too. A thread that waits for one of them has had
            // the time by now.
            sleep(LOOK).await;
            while let Some(pid) = next_ended(own) {
                waitpid(pid, Some(WaitPidFlag::WNOHANG | own)).ok();
            }
        }
    }
}

/// A child that has ended and was not reaped yet; this does not reap it.
fn next_ended(more: WaitPidFlag) -> Option<Pid> {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::All, look | more).ok()?.pid()
}
