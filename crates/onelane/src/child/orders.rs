//! What was ordered of the fork server: each child, from its order until it is known to be gone.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use parking_lot::Mutex;
use rustix::net::SendFlags;
use tokio::sync::{Notify, oneshot, watch};

use super::protocol::{ForkOrder, ForkServerNews};
use super::{NotReady, ProcessExit};
use crate::ipc::datagram::send;
use crate::roster::{Cause, Roster, Usage};
use crate::workload::LoadError;

/// What became of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The errno says why.
    NotStarted(i32),
    Gone(ProcessExit),
}

/// What a server has ordered of its fork server, and has heard of it. The nursery, the thread that listens to the
/// fork server, and the handles of children share one.
pub(super) struct Orders {
    /// The socket to the fork server. None while there is no such process.
    pub(super) control: Mutex<Option<Arc<OwnedFd>>>,
    pub(super) ordered: Mutex<HashMap<u64, Ordered>>,
    pub(super) next_id: AtomicU64,
    pub(super) ended: Notify,
    pub(super) stage: watch::Sender<ForkServerStage>,
    pub(super) roster: Roster,
}

/// How far the fork server is.
#[derive(Debug, Clone)]
pub(super) enum ForkServerStage {
    /// It does not take orders yet, or again.
    Loading,
    Ready,
    /// It never will.
    Failed(NotReady),
}

/// A child from its order until it is known to be gone.
pub(super) struct Ordered {
    /// Told of its birth. None since then.
    pub(super) birth: Option<oneshot::Sender<()>>,
    pub(super) fate: oneshot::Sender<Fate>,
    /// Why it was ordered to be killed.
    pub(super) doom: Option<Cause>,
    /// Dropped when the child is gone, such as the permit for its slot.
    pub(super) _kept: Box<dyn Any + Send>,
}

impl Ordered {
    /// Whether its start, or its end, was ordered, and the fork server has not told of it yet.
    pub(super) fn is_open(&self) -> bool {
        self.birth.is_some() || self.doom.is_some()
    }
}

impl Debug for Orders {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("Orders")
    }
}

impl Orders {
    /// Ends a child, and everything it has started, because of `cause`.
    pub(super) fn kill(&self, id: u64, cause: Cause) {
        match self.ordered.lock().get_mut(&id) {
            Some(ordered) => ordered.doom = Some(cause),
            // It has ended already.
            None => return,
        }
        // Not in the `if let` below, which would hold the lock while it sends. That may have to wait for
        // a fork server that hangs, and `attend` needs the lock to replace it.
        let control = self.control.lock().clone();
        if let Some(control) = control {
            // If that fails, the fork server is gone, and its children with it.
            send(
                control.as_fd(),
                &ForkOrder::Kill(id),
                &[],
                SendFlags::empty(),
            )
            .ok();
        }
    }

    pub(super) fn note(&self, news: ForkServerNews) {
        match news {
            ForkServerNews::Loaded => drop(self.stage.send_replace(ForkServerStage::Ready)),
            ForkServerNews::NotLoaded(why) => self.fail(LoadError(why)),
            ForkServerNews::Lacking(_) => unreachable!("it is the last"),
            ForkServerNews::Forked { id, pid } => {
                self.roster.born(id, pid);
                if let Some(ordered) = self.ordered.lock().get_mut(&id) {
                    // The handle may be gone, or not care.
                    ordered.birth.take().map(|birth| birth.send(()));
                }
            }
            ForkServerNews::NotForked { id, errno } => self.forget(id, Fate::NotStarted(errno)),
            ForkServerNews::Gone {
                id,
                exit,
                cpu,
                max_rss_bytes,
            } => {
                let used = Usage { cpu, max_rss_bytes };
                self.roster.gone(id, self.cause(id, exit), used);
                self.forget(id, Fate::Gone(exit));
            }
        }
    }

    fn cause(&self, id: u64, exit: ProcessExit) -> Cause {
        let doom = self
            .ordered
            .lock()
            .get(&id)
            .and_then(|ordered| ordered.doom);
        match (doom, exit) {
            (Some(cause), _) => cause,
            (None, exit) if exit.is_cpu_limit() => Cause::CpuLimit,
            (None, _) => Cause::Crashed,
        }
    }

    pub(super) fn fail(&self, why: impl Into<NotReady>) {
        self.stage.send_replace(ForkServerStage::Failed(why.into()));
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(*self.stage.borrow(), ForkServerStage::Failed(_))
    }

    /// The fork server is as good as gone. Returns whether it was ready.
    pub(super) fn lose(&self) -> bool {
        self.stage.send_if_modified(|stage| {
            let was_ready = matches!(stage, ForkServerStage::Ready);
            if was_ready {
                *stage = ForkServerStage::Loading;
            }
            was_ready
        })
    }

    pub(super) fn forget(&self, id: u64, fate: Fate) {
        self.roster.gone(id, Cause::Crashed, Usage::default());
        let ordered = self.ordered.lock().remove(&id);
        if let Some(ordered) = ordered {
            // If the handle was dropped, there is no receiver any more.
            ordered.fate.send(fate).ok();
        }
        self.ended.notify_one();
    }

    /// After the end of the fork server, and so of all children.
    pub(super) fn forget_all(&self) {
        let ids: Vec<u64> = self.ordered.lock().keys().copied().collect();
        for id in ids {
            self.forget(id, Fate::Gone(ProcessExit::Signal(KILLED)));
        }
    }
}

/// The signal that the kernel sends to children whose parent has ended.
const KILLED: i32 = 9;
