//! Computation on threads of this process, one per slot. With one slot: the blocking lane.

use std::any::Any;
use std::fmt::{self, Debug, Formatter};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::mpsc as news;
use tokio::time::{sleep, timeout};

use super::{Answer, Failure, Pieces, Supply, Ticket, compute};
use crate::roster::{Cause, Roster};
use crate::workload::{
    Call, Content, Head, Interrupt, Job, LoadError, Outlet, PIECE_BYTES, Record, Reply, Workloads,
};

/// How long a computation may take to notice that it is to stop. A workload should look at its
/// interrupt every few milliseconds; one that has not looked for so long never will.
pub const STUCK_AFTER: Duration = Duration::from_secs(1);

/// How many pieces of a streamed answer wait for a caller that reads slowly, before the computation waits,
/// too.
const PIECES_WAITING: usize = 2;

/// The threads, by slot. They end when this is dropped and their job is done.
pub struct Threads(Arc<Shared>);

impl Debug for Threads {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("Threads")
    }
}

struct Shared {
    /// The way to the thread of each slot.
    senders: Mutex<Vec<mpsc::Sender<Task>>>,
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
    hold: Hold,
    lost: Arc<AtomicUsize>,
    news: news::Sender<News>,
}

/// What a thread tells about its task: all at once, or a beginning, pieces, and an end.
enum News {
    Whole(Head, Bytes, Duration, Permit),
    Begun(Head),
    Piece(Bytes),
    Ended {
        outcome: Result<(), Failure>,
        _permit: Permit,
    },
}

/// The permit for the slot. None if it was taken away.
type Permit = Option<Box<dyn Any + Send>>;

/// Holds the permit for the slot while the thread computes. The permit is taken out by the thread when it
/// is done, and goes with the answer, or by [`Shared::replace`] when it gives the thread up.
#[derive(Clone)]
struct Hold(Arc<Mutex<Permit>>);

impl Threads {
    /// Starts one thread for each slot. A thread that cannot be stopped keeps its slot; with
    /// `replace` it is given up instead, and another one started.
    pub fn start(slots: u32, replace: Option<Roster>, supply: Supply) -> io::Result<Self> {
        let senders = (0..slots).map(|slot| start_one(slot as usize));
        Ok(Self(Arc::new(Shared {
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
        let (tell, news) = news::channel(PIECES_WAITING);
        let call = Call::new(ticket.request_id, ticket.limit);
        let workloads = self.0.workloads.get();
        let workloads = workloads.expect("the gate opens when they are loaded");
        let task = Task {
            job,
            workloads: workloads.clone(),
            call: call.through(Outside(tell.clone())),
            record: ticket.record,
            hold: Hold(Arc::new(Mutex::new(Some(Box::new(permit))))),
            lost: self.0.lost.clone(),
            news: tell,
        };
        let mut running = Running {
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
            News::Whole(head, body, compute, permit) => Ok(Answer {
                head,
                compute: Some(compute),
                length: Some(body.len() as u64),
                pieces: whole(body, permit),
            }),
            News::Begun(head) => Ok(Answer {
                head,
                compute: None,
                length: None,
                pieces: running.pieces(),
            }),
            News::Ended { outcome, .. } => Err(outcome.err().unwrap_or_else(Failure::confused)),
            News::Piece(_) => Err(Failure::confused()),
        }
    }
}

/// A body that is there, in pieces that fit a buffer. Its slot is free when it is dropped.
fn whole(body: Bytes, permit: Permit) -> Pieces {
    let rest = (body, permit);
    Box::pin(stream::unfold(rest, async |(mut body, permit)| {
        let piece = body.split_to(body.len().min(PIECE_BYTES));
        (!piece.is_empty()).then_some((Ok(piece), (body, permit)))
    }))
}

/// A task as the one sees it who waits for its answer.
struct Running {
    news: news::Receiver<News>,
    /// None where it is too far away to have a date.
    deadline: Option<Instant>,
    _stop: StopOnDrop,
}

impl Running {
    async fn next(&mut self) -> Result<News, Failure> {
        let news = self.news.recv();
        let news = match self.deadline {
            None => news.await,
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                let news = timeout(left, news).await;
                news.map_err(|_| Failure::DeadlineExceeded)?
            }
        };
        Ok(news.expect("a compute thread tells of the end of every task"))
    }

    /// The pieces of a stream that has begun. It ends early with an error.
    fn pieces(self) -> Pieces {
        Box::pin(stream::unfold(Some(self), async |running| {
            let mut running = running?;
            match running.next().await {
                Ok(News::Piece(piece)) => Some((Ok(piece), Some(running))),
                Ok(News::Ended { outcome, .. }) => Some((Err(outcome.err()?), None)),
                Err(failure) => Some((Err(failure), None)),
                Ok(News::Whole(..) | News::Begun(_)) => Some((Err(Failure::confused()), None)),
            }
        }))
    }
}

/// The way of a streamed answer out of a thread.
struct Outside(news::Sender<News>);

impl Outside {
    fn tell(&self, news: News) -> io::Result<()> {
        let told = self.0.blocking_send(news);
        told.map_err(|_| io::Error::new(ErrorKind::BrokenPipe, "nobody wants the answer any more"))
    }
}

impl Outlet for Outside {
    fn begin(&mut self, head: Head) -> io::Result<()> {
        self.tell(News::Begun(head))
    }

    fn send(&mut self, piece: Bytes) -> io::Result<()> {
        self.tell(News::Piece(piece))
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
        let start = Instant::now();
        let outcome = compute(self.job, &self.workloads, &self.call);
        let took = start.elapsed();
        self.record.record(&self.call.events());
        let permit = self.hold.take();
        if permit.is_none() {
            // This thread had been given up and has finished after all. It ends now.
            self.lost.fetch_sub(1, Ordering::Relaxed);
        }
        let ended = |outcome, permit| News::Ended {
            outcome,
            _permit: permit,
        };
        let news = match outcome {
            Ok(Reply { head, content }) => match content {
                Content::Whole(body) => News::Whole(head, body, took, permit),
                Content::Sent => ended(Ok(()), permit),
            },
            Err(failure) => ended(Err(failure), permit),
        };
        // If the client has left, there is no receiver any more, and this frees the slot.
        self.news.blocking_send(news).ok();
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

    use serde_json::Map;
    use tokio::runtime;

    use super::*;
    use crate::drill::{DEMO, FAULTS};
    use crate::workload::{Definition, Event, Source};

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

    async fn start(replace: Option<Roster>) -> Threads {
        let drills: Vec<&Definition> = DEMO.iter().chain(FAULTS).collect();
        let workloads = Workloads::load(&drills, &Map::new(), || Ok(())).unwrap();
        let supply = Supply::new(move || Ok(workloads), true);
        let threads = Threads::start(1, replace, supply).unwrap();
        threads.load().await.unwrap();
        threads
    }

    fn ticket(limit: Duration) -> Ticket {
        Ticket {
            slot: 0,
            request_id: String::new(),
            limit,
            record: Arc::new(Nowhere),
        }
    }

    fn job((workload, query): (&'static str, &str)) -> Job {
        let source = Source::query(query);
        Job { workload, source }
    }

    #[tokio::test]
    async fn a_job_past_its_limit_fails_and_its_thread_stops() {
        let threads = start(None).await;
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
        let threads = start(None).await;
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
        let runtime = runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.unwrap();
        let threads = runtime.block_on(start(Some(Roster::new(|_| {}))));
        let permit = Arc::new(());
        let run = threads.run(ticket(Duration::MAX), job(OBEDIENT), permit.clone());
        let mut run = Box::pin(run);
        runtime.block_on(async {
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
        let threads = start(None).await;
        for _ in 0..2 {
            let outcome = threads.run(ticket(Duration::MAX), job(PANICKING), ()).await;
            assert_eq!(outcome.unwrap_err(), Failure::Panicked);
        }
    }

    #[tokio::test]
    async fn a_thread_that_does_not_stop_is_replaced_and_counted_until_it_does() {
        let roster = Roster::new(|_| {});
        let threads = start(Some(roster.clone())).await;
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
