//! A user that has no processes yet: root may have any number of them, and others of a user would count, too.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Resource, getpid, getrlimit, getuid};

use super::process::Process;
use crate::lane::onelane;

/// Beyond the users of common systems and of containers.
const FIRST_UID: u32 = 1 << 30;

pub struct FreshUser {
    /// None if the test itself does not run as root: then it is the user of the test.
    uid: Option<u32>,
}

impl FreshUser {
    /// None, with a message, where only root may run the program.
    pub fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(FIRST_UID);
        if !getuid().is_root() {
            return Some(Self { uid: None });
        }
        let ours = getpid().as_raw_pid().cast_unsigned() * 64;
        let uid = ours + NEXT.fetch_add(1, Ordering::Relaxed);
        let user = Self { uid: Some(uid) };
        if user.be(onelane()).arg("--version").output().is_err() {
            super::skip("only root may run the program where it is");
            return None;
        }
        Some(user)
    }

    /// The same command, run by this user.
    pub fn be(&self, mut command: Command) -> Command {
        if let Some(uid) = self.uid {
            command.uid(uid);
        }
        command
    }

    /// Lets `starter`, a process of this user, start no more once the user has so many processes. `None` lifts
    /// the limit.
    pub fn limit_processes(&self, starter: Process, count: Option<u64>) {
        let any = getrlimit(Resource::Nproc).current;
        let limit = count
            .or(any)
            .map_or("unlimited".to_owned(), |count| count.to_string());
        // Only the same user may set it: even root may lack the right in a container.
        let mut command = self.be(Command::new("prlimit"));
        let pid = starter.id().to_string();
        command.args(["--pid", &pid, &format!("--nproc={limit}:")]);
        assert!(command.status().unwrap().success());
    }
}
