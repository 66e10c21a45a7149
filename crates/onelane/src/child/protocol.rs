//! The messages between a server and its fork server. Each is one datagram; descriptors are attached
//! to it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ProcessExit;

/// From the server. It gives each child a number, because the kernel reuses process ids.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum ForkOrder {
    /// Fork a child. The child's ends of both pipes are attached, the one for jobs first.
    Fork(u64),
    /// Kill this child and all that it has started.
    Kill(u64),
}

/// The longest order. The fork server has a copy of its stack for each child: it should be small.
pub(super) const ORDER_MAX_BYTES: usize = 64;

/// From the fork server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum ForkServerNews {
    /// It takes orders now. Nothing else comes before.
    Loaded,
    /// It never will, because of this.
    NotLoaded(String),
    /// It never will, for want of this.
    Lacking(String),
    /// The child with this number was born.
    Forked { id: u64, pid: u32 },
    /// That one could not be born.
    NotForked { id: u64, errno: i32 },
    /// That one was reaped.
    Gone {
        id: u64,
        exit: ProcessExit,
        cpu: Duration,
        /// That of the largest child so far, which may have been another one.
        max_rss_bytes: u64,
    },
}

/// The longest text in a message: in JSON it may be six times as long, and a datagram is not endless.
pub(super) const TEXT_MAX_BYTES: usize = 1024;
