//! Computation on threads of this process, one per slot. With one slot: the blocking lane.

use std::any::Any;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::{Failure, Ticket, compute};
use crate::roster::{Cause, Roster};
use crate::workload::{Answer, Call, Interrupt, Job, Record};

/// How long a computation may take to notice that it is to stop. A workload should look at its
/// interrupt every few milliseconds; one that has not looked for so long never will.
pub const STUCK_AFTER: Duration = Duration::from_secs(1);

/// The threads, by slot. They end when this is dropped and their job is done.
#[derive(Debug)]
pub struct Threads(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The way to the thread of each slot.
    senders: Mutex<Vec<mpsc::Sender<Task>>>,
    /// Counts threads that were replaced because they could not be stopped. None if they are not
    /// replaced.
    replace: Option<Roster>,
    /// Threads that were given up and are still computing.
    lost: Arc<AtomicUsize>,
}

struct Task {
    job: Job,
    call: Call,
    record: Arc<dyn Record>,
    hold: Hold,
    lost: Arc<AtomicUsize>,
    reply: oneshot::Sender<Result<Answer, Failure>>,
}

/// Holds the permit for the slot. The slot becomes free when the permit is taken out: by the thread
/// when it is done, or by [`Shared::replace`] when it gives the thread up.
#[derive(Clone)]
struct Hold(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

impl Threads {
    /// Starts one thread for each slot. A thread that cannot be stopped keeps its slot; with
    /// `replace` it is given up instead, and another one started.
    pub fn start(slots: u32, replace: Option<Roster>) -> io::Result<Self> {
        let senders = (0..slots).map(|slot| start_one(slot as usize));
        Ok(Self(Arc::new(Shared {
            senders: Mutex::new(senders.collect::<io::Result<_>>()?),
            replace,
            lost: Arc::default(),
        })))
    }

    /// Threads that were given up and are still computing.
    pub fn lost(&self) -> usize {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Computes `job` on the thread of the slot. Dropping the future stops the computation.
    /// `permit` is held until the thread is free, which may be later than the return.
    pub async fn run(
        &self,
        ticket: Ticket,
        job: Job,
        permit: impl Send + 'static,
    ) -> Result<Answer, Failure> {
        let (reply, answer) = oneshot::channel();
        let task = Task {
            job,
            call: Call::new(ticket.request_id, ticket.limit),
            record: ticket.record,
            hold: Hold(Arc::new(Mutex::new(Some(Box::new(permit))))),
            lost: self.0.lost.clone(),
            reply,
        };
        let _stop = StopOnDrop {
            threads: self.0.clone(),
            slot: ticket.slot,
            interrupt: task.call.flag(),
            hold: task.hold.clone(),
        };
        self.0.senders.lock()[ticket.slot]
            .send(task)
            .expect("a compute thread survives every panic and lives as long as this sender");
        match timeout(ticket.limit, answer).await {
            Ok(outcome) => outcome.expect("a compute thread replies to every task"),
            Err(_) => Err(Failure::DeadlineExceeded),
        }
    }
}

/// Starts a thread that computes what is sent to it, until the sender is dropped.
fn start_one(slot: usize) -> io::Result<mpsc::Sender<Task>> {
    let (sender, tasks) = mpsc::channel();
    thread::Builder::new()
        .name(format!("lane-{slot}"))
        .spawn(move || tasks.into_iter().for_each(Task::compute))?;
    Ok(sender)
}

impl Task {
    fn compute(self) {
        let outcome = compute(self.job, &self.call);
        self.record.record(&self.call.events());
        if self.hold.take().is_none() {
            // This thread had been given up and has finished after all. It ends now.
            self.lost.fetch_sub(1, Ordering::Relaxed);
        }
        // If the client has left, there is no receiver any more.
        self.reply.send(outcome).ok();
    }
}

impl Hold {
    fn take(&self) -> Option<Box<dyn Any + Send>> {
        self.0.lock().take()
    }

    fn is_taken(&self) -> bool {
        self.0.lock().is_none()
    }
}

impl Shared {
    /// Puts a new thread in the place of one that does not stop.
    fn replace(&self, slot: usize, hold: &Hold, roster: &Roster) {
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

/// Stops the computation when the wait for its answer ends, in whatever way, and has its thread replaced
/// if it does not stop.
struct StopOnDrop {
    threads: Arc<Shared>,
    slot: usize,
    interrupt: Interrupt,
    hold: Hold,
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
mod tests {
    use std::sync::Arc;

    use tokio::runtime;

    use super::*;
    use crate::drill::{DEMO, FAULTS};
    use crate::workload::{Event, Source};

    #[derive(Debug)]
    struct Nowhere;

    impl Record for Nowhere {
        fn record(&self, _: &[Event]) {}
    }

    /// Ends as soon as it is to stop.
    const OBEDIENT: (&str, &str) = ("sleep", "ms=3600000");
    const PANICKING: (&str, &str) = ("panic", "");
    /// Ends long after it was given up, which is a second after its limit.
    const STUBBORN: (&str, &str) = ("stubborn", "ms=3000");

    fn ticket(limit: Duration) -> Ticket {
        Ticket {
            slot: 0,
            request_id: String::new(),
            limit,
            record: Arc::new(Nowhere),
        }
    }

    fn job((drill, query): (&str, &str)) -> Job {
        let mut drills = DEMO.iter().chain(FAULTS);
        let drill = drills.find(|definition| definition.name == drill);
        drill.unwrap().job(Source::Query(query.to_owned())).unwrap()
    }

    #[tokio::test]
    async fn a_job_past_its_limit_fails_and_its_thread_stops() {
        let threads = Threads::start(1, None).unwrap();
        let permit = Arc::new(());
        let outcome = threads
            .run(
                ticket(Duration::from_millis(10)),
                job(OBEDIENT),
                permit.clone(),
            )
            .await;
        assert_eq!(outcome.unwrap_err(), Failure::DeadlineExceeded);
        while Arc::strong_count(&permit) > 1 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn dropping_the_future_stops_the_computation() {
        let threads = Threads::start(1, None).unwrap();
        let permit = Arc::new(());
        let run = threads.run(ticket(Duration::MAX), job(OBEDIENT), permit.clone());
        timeout(Duration::from_millis(10), run).await.unwrap_err();
        while Arc::strong_count(&permit) > 1 {
            tokio::task::yield_now().await;
        }
    }

    /// As at the end of the process, when a thread's runtime may be gone before its requests are.
    #[test]
    fn a_future_may_be_dropped_where_there_is_no_runtime_any_more() {
        let threads = Threads::start(1, Some(Roster::new(|_| {}))).unwrap();
        let permit = Arc::new(());
        let run = threads.run(ticket(Duration::MAX), job(OBEDIENT), permit.clone());
        let mut run = Box::pin(run);
        let runtime = runtime::Builder::new_current_thread().enable_time().build();
        runtime.unwrap().block_on(async {
            let started = timeout(Duration::from_millis(10), run.as_mut());
            started.await.unwrap_err();
        });
        drop(run);
        while Arc::strong_count(&permit) > 1 {
            thread::yield_now();
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_and_the_thread_goes_on() {
        let threads = Threads::start(1, None).unwrap();
        for _ in 0..2 {
            let outcome = threads.run(ticket(Duration::MAX), job(PANICKING), ()).await;
            assert_eq!(outcome.unwrap_err(), Failure::Panicked);
        }
    }

    #[tokio::test]
    async fn a_thread_that_does_not_stop_is_replaced_and_counted_until_it_does() {
        let roster = Roster::new(|_| {});
        let threads = Threads::start(1, Some(roster.clone())).unwrap();
        let permit = Arc::new(());
        let short = ticket(Duration::from_millis(10));
        let outcome = threads.run(short, job(STUBBORN), permit.clone()).await;
        assert_eq!(outcome.unwrap_err(), Failure::DeadlineExceeded);
        while Arc::strong_count(&permit) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(threads.lost(), 1);
        assert_eq!(roster.snapshot().replaced[&Cause::Hung], 1);
        let next = threads.run(ticket(Duration::from_hours(1)), job(PANICKING), ());
        assert_eq!(next.await.unwrap_err(), Failure::Panicked);
        while threads.lost() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
