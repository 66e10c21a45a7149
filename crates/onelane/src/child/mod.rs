//! Child processes: how they are started, spoken to, watched and ended.
//!
//! [`Nursery`] is for children that compute: it starts a fork server, a process with a single thread, which
//! forks them. That takes less time than to start the smallest program (docs/architecture.md tells more).
//! Processes that live long are this program once more, in another role ([`reexec`](crate::reexec)).
//!
//! In either case the child is the head of a process group, gets no descriptors but the ones meant
//! for it, and dies with its parent. What parent and child say to each other is not decided here.

mod fork_server;
mod handle;
mod nursery;
mod orders;
pub mod orphans;
mod pipe;
mod protocol;
mod ready;

use std::fmt::{self, Display, Formatter};
use std::io;

use rustix::process::{Signal, WaitStatus};
use serde::{Deserialize, Serialize};

pub use fork_server::{ChildPipes, give_up, serve};
pub use handle::ChildHandle;
pub use nursery::Nursery;
pub use ready::{NeverReady, NotReady};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessExit {
    /// By itself, with this code.
    Code(i32),
    /// Killed by this signal.
    Signal(i32),
}

impl ProcessExit {
    fn of(status: WaitStatus) -> Self {
        match status.terminating_signal() {
            Some(signal) => Self::Signal(signal),
            None => Self::Code(status.exit_status().unwrap_or_default()),
        }
    }

    /// Whether the kernel killed it because of [`limit_cpu`](crate::guard::limit_cpu).
    pub fn is_cpu_limit(self) -> bool {
        self == Self::Signal(Signal::XCPU.as_raw())
    }
}

impl Display for ProcessExit {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "code {code}"),
            Self::Signal(signal) => write!(formatter, "signal {signal}"),
        }
    }
}

/// Why a child gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ChildLost {
    /// There was no room for another process, or for its pipes.
    #[error("no child could be started: {0}")]
    NotStarted(io::Error),
    /// It ended before it answered.
    #[error("the child ended with {0}")]
    Ended(ProcessExit),
    /// It sent something that is no valid answer.
    #[error("the child sent nonsense: {0}")]
    Garbled(io::Error),
}
