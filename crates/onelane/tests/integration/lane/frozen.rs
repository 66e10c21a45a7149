//! A thread that does not get on, as if it computed something that never looks at its interrupt:
//! no workload here is as stubborn as that.

use std::fs;
use std::thread;

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// Stands still until this is dropped, by the thread that made it.
pub struct Frozen(Pid);

impl Frozen {
    /// The newest thread of that name.
    pub fn new(process: u64, name: &str) -> Self {
        let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
        let ours = threads.filter_map(|thread| {
            let path = thread.unwrap().path();
            let found = fs::read_to_string(path.join("comm")).unwrap_or_default();
            let tid: i32 = path.file_name()?.to_str()?.parse().ok()?;
            (found.trim() == name).then_some(tid)
        });
        let tid = Pid::from_raw(ours.max().expect("a thread of this name"));
        let allowed = ptrace::seize(tid, Options::empty());
        allowed.expect("a debugger may attach to a child of its own process");
        ptrace::interrupt(tid).unwrap();
        waitpid(tid, Some(WaitPidFlag::__WALL)).unwrap();
        // Should it be killed, it is gone only when its debugger knows.
        thread::spawn(move || while waitpid(tid, Some(WaitPidFlag::__WALL)).is_ok() {});
        Self(tid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let detached = ptrace::detach(self.0, None);
        assert!(matches!(detached, Ok(()) | Err(Errno::ESRCH)));
    }
}
