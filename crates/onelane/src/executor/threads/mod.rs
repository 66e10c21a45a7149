//! Computation on threads of this process, one per slot. With one slot: the blocking lane.

mod news;

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Answer, Failure, Supply, Ticket, compute};
use crate::needs::Needs;
use crate::roster::{Cause, Roster};
use crate::workload::{Call, Content, Interrupt, Job, LoadError, Record, Reply, Workloads};
use news::{AnyPermit, Outside, PIECES_WAITING, RunningTask, TaskNews, whole};

/// How long a computation may take to notice that it is to stop. A workload should look at its
/// interrupt every few milliseconds; one that has not looked for so long never will.
pub const STUCK_AFTER: Duration = Duration::from_secs(1);

/// The threads, by slot. They end when this is dropped and their job is done.
pub struct Threads(Arc<SharedThreads>);

impl Debug for Threads {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("Threads")
    }
}

struct SharedThreads {
    /// The way to the thread of each slot.
    senders: Mutex<Vec<mpsc::UnboundedSender<Task>>>,
    /// What is not loaded yet.
    supply: Mutex<Option<Supply>>,
    /// What is.
    workloads: OnceLock<Arc<Workloads>>,
    /// Counts threads that were replaced because they could not be stopped. None if they are not
    /// replaced.
    replace: Option<Roster>,
    /// Threads that were given up and are still computing.
    lost: Arc<AtomicUsize>,
}

struct Task {
    job: Job,
    workloads: Arc<Workloads>,
    call: Call,
    record: Arc<dyn Record>,
    hold: HeldPermit,
    lost: Arc<AtomicUsize>,
    news: mpsc::Sender<TaskNews>,
}

/// Holds the permit for the slot while the thread computes. The permit is taken out by the thread when it
/// is done, and goes with the answer, or by [`SharedThreads::replace`] when it gives the thread up.
#[derive(Clone)]
struct HeldPermit(Arc<Mutex<AnyPermit>>);

impl Threads {
    /// Starts one thread for each slot. A thread that cannot be stopped keeps its slot; with
    /// `replace` it is given up instead, and another one started.
    pub fn start(slots: u32, replace: Option<Roster>, supply: Supply) -> io::Result<Self> {
        let senders = (0..slots).map(|slot| start_one(slot as usize));
        Ok(Self(Arc::new(SharedThreads {
            senders: Mutex::new(senders.collect::<io::Result<_>>()?),
            supply: Mutex::new(Some(supply)),
            workloads: OnceLock::new(),
            replace,
            lost: Arc::default(),
        })))
    }

    /// Loads the workloads. To be called once, before the first job.
    pub async fn load(&self) -> Result<(), LoadError> {
        let supply = self.0.supply.lock().take();
        if let Some(supply) = supply {
            let workloads = Arc::new(supply.get().await?);
            self.0.workloads.set(workloads).ok();
        }
        Ok(())
    }

    /// Threads that were given up and are still computing.
    pub fn lost(&self) -> usize {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Computes `job` on the thread of the slot. Dropping the future, or the answer, stops the
    /// computation. `permit` is held until the answer is dropped and the thread is free.
    pub async fn run(
        &self,
        ticket: Ticket,
        job: Job,
        permit: impl Send + 'static,
    ) -> Result<Answer, Failure> {
        let (tell, news) = mpsc::channel(PIECES_WAITING);
        let call = Call::new(
            ticket.request_id,
            ticket.trace,
            ticket.spans,
            ticket.limit,
            ticket.folder,
        );
        let workloads = self.0.workloads.get();
        let workloads = workloads.expect("the gate opens when they are loaded");
        let task = Task {
            job,
            workloads: workloads.clone(),
            call: call.through(Outside(tell.clone())),
            record: ticket.record,
            hold: HeldPermit(Arc::new(Mutex::new(Some(Box::new(permit))))),
            lost: self.0.lost.clone(),
            news: tell,
        };
        let mut running = RunningTask {
            news,
            deadline: Instant::now().checked_add(ticket.limit),
            _stop: StopOnDrop {
                threads: self.0.clone(),
                slot: ticket.slot,
                interrupt: task.call.flag(),
                hold: task.hold.clone(),
            },
        };
        self.0.senders.lock()[ticket.slot]
            .send(task)
            .expect("a compute thread survives every panic and lives as long as this sender");
        match running.next().await? {
            TaskNews::Whole(head, body, compute, permit) => Ok(Answer {
                head,
                compute: Some(compute),
                length: Some(body.len() as u64),
                pieces: whole(body, permit),
            }),
            TaskNews::Begun(head) => Ok(Answer {
                head,
                compute: None,
                length: None,
                pieces: running.pieces(),
            }),
            TaskNews::Ended { outcome, .. } => Err(outcome.err().unwrap_or_else(Failure::confused)),
            TaskNews::Piece(_) => Err(Failure::confused()),
        }
    }
}

/// Starts a thread that computes what is sent to it, until the sender is dropped.
fn start_one(slot: usize) -> io::Result<mpsc::UnboundedSender<Task>> {
    // Not the channel of std: it wakes the thread while it holds a lock that the thread wants next.
    let (sender, mut tasks) = mpsc::unbounded_channel::<Task>();
    thread::Builder::new()
        .name(format!("lane-{slot}"))
        .spawn(move || iter::from_fn(|| tasks.blocking_recv()).for_each(Task::compute))
        .needs("a thread")?;
    Ok(sender)
}

impl Task {
    fn compute(self) {
        let start = Instant::now();
        let outcome = compute(self.job, &self.workloads, &self.call);
        let took = start.elapsed();
        self.record.record(&self.call.events());
        let permit = self.hold.take();
        if permit.is_none() {
            // This thread had been given up and has finished after all. It ends now.
            self.lost.fetch_sub(1, Ordering::Relaxed);
        }
        let ended = |outcome, permit| TaskNews::Ended {
            outcome,
            _permit: permit,
        };
        let news = match outcome {
            Ok(Reply { head, content }) => match content {
                Content::Whole(body) => TaskNews::Whole(head, body, took, permit),
                Content::Sent => ended(Ok(()), permit),
            },
            Err(failure) => ended(Err(failure), permit),
        };
        // If the client has left, there is no receiver any more, and this frees the slot.
        self.news.blocking_send(news).ok();
    }
}

impl HeldPermit {
    fn take(&self) -> AnyPermit {
        self.0.lock().take()
    }

    fn is_taken(&self) -> bool {
        self.0.lock().is_none()
    }
}

impl SharedThreads {
    /// Puts a new thread in the place of one that does not stop.
    fn replace(&self, slot: usize, hold: &HeldPermit, roster: &Roster) {
        let sender = match start_one(slot) {
            Ok(sender) => sender,
            // The slot stays taken.
            Err(err) => return tracing::error!(%err, slot, "no thread to replace a stuck one"),
        };
        self.lost.fetch_add(1, Ordering::Relaxed);
        let Some(permit) = hold.take() else {
            // It has just stopped by itself.
            self.lost.fetch_sub(1, Ordering::Relaxed);
            return;
        };
        self.senders.lock()[slot] = sender;
        roster.replaced(Cause::Hung);
        tracing::error!(slot, "a computation does not stop; its thread was given up");
        drop(permit);
    }
}

/// Stops the computation however the wait for its answer ends, and has its thread replaced
/// if it does not stop.
struct StopOnDrop {
    threads: Arc<SharedThreads>,
    slot: usize,
    interrupt: Interrupt,
    hold: HeldPermit,
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if self.hold.is_taken() {
            // It is done: to raise its interrupt would wake nothing, and costs as much as a write.
            return;
        }
        self.interrupt.raise();
        if self.threads.replace.is_none() {
            return;
        }
        // Without a runtime the process is ending, and the thread with it.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (threads, slot, hold) = (self.threads.clone(), self.slot, self.hold.clone());
        runtime.spawn(async move {
            sleep(STUCK_AFTER).await;
            if let Some(roster) = threads.replace.as_ref().filter(|_| !hold.is_taken()) {
                threads.replace(slot, &hold, roster);
            }
        });
    }
}

#[cfg(test)]
mod tests;
