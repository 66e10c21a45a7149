//! A user of whom no other process is known, because root may have as many as it wants.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Resource, getpid, getrlimit, getuid};

use super::process::Process;
use crate::lane::onelane;

/// Beyond the users of common systems and of containers.
const FIRST_UID: u32 = 1 << 30;

pub struct Somebody {
    /// None where we are nobody special ourselves.
    uid: Option<u32>,
}

impl Somebody {
    /// None, and said so, where nobody else may run the program.
    pub fn new() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(FIRST_UID);
        if !getuid().is_root() {
            return Some(Self { uid: None });
        }
        let ours = getpid().as_raw_pid().cast_unsigned() * 64;
        let uid = ours + NEXT.fetch_add(1, Ordering::Relaxed);
        let somebody = Self { uid: Some(uid) };
        if somebody.be(onelane()).arg("--version").output().is_err() {
            super::skip("nobody but root may run the program where it is");
            return None;
        }
        Some(somebody)
    }

    /// The same command, run by them.
    pub fn be(&self, mut command: Command) -> Command {
        if let Some(uid) = self.uid {
            command.uid(uid);
        }
        command
    }

    /// Has `starter`, a process of theirs, start no more as soon as they have so many; none for any
    /// number.
    pub fn limit_processes(&self, starter: Process, count: Option<u64>) {
        let any = getrlimit(Resource::Nproc).current;
        let limit = count
            .or(any)
            .map_or("unlimited".to_owned(), |count| count.to_string());
        // Nobody else may, not even every root.
        let mut command = self.be(Command::new("prlimit"));
        let pid = starter.id().to_string();
        command.args(["--pid", &pid, &format!("--nproc={limit}:")]);
        assert!(command.status().unwrap().success());
    }
}
