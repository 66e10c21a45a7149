//! What was ordered of the fork server: each child, from its order until it is known to be gone.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

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

/// A child from its order until it is gone and its handle is dropped.
pub(super) struct Ordered {
    /// Told of its birth. None since then.
    pub(super) birth: Option<oneshot::Sender<()>>,
    /// Told of its end. None since then.
    pub(super) fate: Option<oneshot::Sender<Fate>>,
    pub(super) course: Course,
    /// Dropped when the child is gone, such as the permit for its slot.
    pub(super) kept: Box<dyn Any + Send>,
}

/// Which came first, the end of a child or that of its handle, which knows the cause.
#[derive(Debug, Clone, Copy)]
pub(super) enum Course {
    /// Neither has come yet.
    Going,
    /// The child is to end since then, because of this.
    Doomed(Cause, Instant),
    /// It was reaped.
    Reaped(ProcessExit, Usage),
}

impl Ordered {
    /// Whether its start, or its end, was ordered, and the fork server has not told of it yet.
    pub(super) fn is_open(&self) -> bool {
        self.birth.is_some() || matches!(self.course, Course::Doomed(..))
    }
}

impl Debug for Orders {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("Orders")
    }
}

impl Orders {
    /// Ends a child, and everything it has started, because of `cause`. One that has completed its job ends by
    /// itself.
    pub(super) fn end(&self, id: u64, cause: Cause) {
        let reaped = match self.ordered.lock().get_mut(&id) {
            Some(ordered) => match ordered.course {
                Course::Going => {
                    ordered.course = Course::Doomed(cause, Instant::now());
                    None
                }
                Course::Doomed(..) => return,
                Course::Reaped(exit, used) => Some((exit, used)),
            },
            // The fork server has ended, and this child with it.
            None => return,
        };
        match reaped {
            Some((exit, used)) => self.settle(id, cause_of(cause, exit), used),
            None if cause == Cause::Completed => {}
            None => self.kill(id, SendFlags::empty()),
        }
    }

    fn kill(&self, id: u64, flags: SendFlags) {
        // Without the lock on what was ordered: to send may have to wait for a fork server that hangs, and
        // `attend` needs that lock to replace it.
        let control = self.control.lock().clone();
        if let Some(control) = control {
            // If that fails, the fork server is gone, and its children with it.
            send(control.as_fd(), &ForkOrder::Kill(id), &[], flags).ok();
        }
    }

    /// Kills the children that should have ended by themselves for so long. This never waits for a fork server that
    /// hangs: the thread that replaces it calls this.
    pub(super) fn kill_overdue(&self, patience: Duration) {
        let is_overdue = |(id, ordered): (&u64, &Ordered)| match ordered.course {
            Course::Doomed(Cause::Completed, since) => (since.elapsed() > patience).then_some(*id),
            _ => None,
        };
        let overdue: Vec<u64> = self.ordered.lock().iter().filter_map(is_overdue).collect();
        for id in overdue {
            self.kill(id, SendFlags::DONTWAIT);
        }
    }

    /// Keeps this for the child until it is gone, or until something else is kept.
    pub(super) fn keep(&self, id: u64, kept: impl Send + 'static) {
        let mut kept: Box<dyn Any + Send> = Box::new(kept);
        if let Some(ordered) = self.ordered.lock().get_mut(&id) {
            mem::swap(&mut ordered.kept, &mut kept);
        }
        // Without the lock.
        drop(kept);
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
            } => self.note_end(id, exit, Usage { cpu, max_rss_bytes }),
        }
    }

    /// The child was reaped. As long as its handle is there, the cause of that is not known.
    fn note_end(&self, id: u64, exit: ProcessExit, used: Usage) {
        let doomed = match self.ordered.lock().get_mut(&id) {
            Some(ordered) => {
                if let Some(fate) = ordered.fate.take() {
                    fate.send(Fate::Gone(exit)).ok();
                }
                let reaped = Course::Reaped(exit, used);
                mem::replace(&mut ordered.course, reaped)
            }
            None => return,
        };
        match doomed {
            Course::Doomed(cause, _) => self.settle(id, cause, used),
            _ => self.ended.notify_one(),
        }
    }

    /// Both the child and its handle are gone.
    fn settle(&self, id: u64, cause: Cause, used: Usage) {
        self.roster.gone(id, cause, used);
        // What it was kept for is dropped without the lock.
        let _settled = self.ordered.lock().remove(&id);
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

    /// The child is gone, or could not be started, before anyone wanted its end.
    pub(super) fn forget(&self, id: u64, fate: Fate) {
        self.roster.gone(id, Cause::Crashed, Usage::default());
        let ordered = self.ordered.lock().remove(&id);
        if let Some(tell) = ordered.and_then(|mut ordered| ordered.fate.take()) {
            // If the handle was dropped, there is no receiver any more.
            tell.send(fate).ok();
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

/// Why a child has ended that was reaped before its handle was dropped because of `cause`.
fn cause_of(cause: Cause, exit: ProcessExit) -> Cause {
    match (cause, exit) {
        // It had answered already, as far as can be told: it ends like that.
        (Cause::Cancelled, ProcessExit::Signal(KILLED)) => cause,
        (Cause::Cancelled, exit) if exit.is_cpu_limit() => Cause::CpuLimit,
        (Cause::Cancelled, _) => Cause::Crashed,
        (cause, _) => cause,
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;
    use crate::child::protocol::ORDER_MAX_BYTES;
    use crate::ipc::datagram::receive;

    const CHILD: u64 = 7;

    /// With one child, and the fork server's end of the socket.
    fn orders() -> (Orders, OwnedFd) {
        let flags = SocketFlags::NONBLOCK;
        let (here, there) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
        let ordered = Ordered {
            birth: None,
            fate: None,
            course: Course::Going,
            kept: Box::new(()),
        };
        let orders = Orders {
            control: Mutex::new(Some(Arc::new(here))),
            ordered: Mutex::new(HashMap::from([(CHILD, ordered)])),
            next_id: AtomicU64::new(CHILD + 1),
            ended: Notify::new(),
            stage: watch::Sender::new(ForkServerStage::Ready),
            roster: Roster::new(|_| {}),
        };
        orders.roster.expect(CHILD);
        orders.roster.born(CHILD, 4711);
        (orders, there)
    }

    fn order(there: &OwnedFd) -> Option<ForkOrder> {
        let order = receive(there.as_fd(), &mut [0; ORDER_MAX_BYTES]).ok()?;
        order.map(|(order, _)| order)
    }

    fn exited(orders: &Orders) -> Vec<(Cause, u64)> {
        orders.roster.snapshot().exited.into_iter().collect()
    }

    #[test]
    fn a_child_that_has_completed_its_job_is_killed_only_if_it_does_not_end() {
        let (orders, there) = orders();
        orders.end(CHILD, Cause::Completed);
        orders.kill_overdue(Duration::from_hours(1));
        assert!(order(&there).is_none());
        orders.kill_overdue(Duration::ZERO);
        assert!(matches!(order(&there), Some(ForkOrder::Kill(CHILD))));
        orders.note_end(CHILD, ProcessExit::Signal(KILLED), Usage::default());
        assert_eq!(exited(&orders), [(Cause::Completed, 1)]);
    }

    #[test]
    fn the_cause_of_an_end_is_known_when_child_and_handle_are_gone_whichever_is_first() {
        let ends = [
            (
                ProcessExit::Signal(KILLED),
                Cause::Completed,
                Cause::Completed,
            ),
            (
                ProcessExit::Signal(KILLED),
                Cause::Cancelled,
                Cause::Cancelled,
            ),
            (ProcessExit::Signal(KILLED), Cause::Crashed, Cause::Crashed),
            (ProcessExit::Code(0), Cause::Cancelled, Cause::Crashed),
            (ProcessExit::Signal(24), Cause::Cancelled, Cause::CpuLimit),
        ];
        for (exit, cause, counted) in ends {
            let (orders, there) = orders();
            orders.note_end(CHILD, exit, Usage::default());
            assert_eq!(exited(&orders), [], "not before the handle is gone");
            orders.end(CHILD, cause);
            assert_eq!(exited(&orders), [(counted, 1)]);
            assert!(order(&there).is_none(), "it is gone");
        }
    }
}
