//! Computation on threads of this process, one per slot. With one slot: the blocking lane.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Failure;
use crate::job::{Answer, Interrupt, Job};

/// The threads, by slot. They end when this is dropped and their job is done.
#[derive(Debug)]
pub struct Threads(Vec<mpsc::Sender<Task>>);

struct Task {
    job: Job,
    interrupt: Interrupt,
    /// Proof that the slot is taken; dropped when the thread is really free again.
    permit: Box<dyn Any + Send>,
    reply: oneshot::Sender<Result<Answer, Failure>>,
}

impl Threads {
    /// Starts one thread for each slot.
    pub fn start(slots: u32) -> io::Result<Self> {
        let start_one = |slot| {
            let (sender, tasks) = mpsc::channel();
            thread::Builder::new()
                .name(format!("lane-{slot}"))
                .spawn(move || tasks.into_iter().for_each(Task::compute))?;
            Ok(sender)
        };
        (0..slots)
            .map(start_one)
            .collect::<io::Result<_>>()
            .map(Self)
    }

    /// Computes `job` on the thread of `slot`, for at most `limit`. Dropping the future stops the
    /// computation. `permit` is held until the thread is free, which may be later than the return.
    pub async fn run(
        &self,
        slot: usize,
        job: Job,
        limit: Duration,
        permit: impl Send + 'static,
    ) -> Result<Answer, Failure> {
        let interrupt = Interrupt::default();
        let _stop = interrupt.raise_on_drop();
        let (reply, answer) = oneshot::channel();
        let task = Task {
            job,
            interrupt,
            permit: Box::new(permit),
            reply,
        };
        self.0[slot]
            .send(task)
            .expect("a compute thread survives every panic and lives as long as this sender");
        match timeout(limit, answer).await {
            Ok(outcome) => outcome.expect("a compute thread replies to every task"),
            Err(_) => Err(Failure::DeadlineExceeded),
        }
    }
}

impl Task {
    fn compute(self) {
        let start = Instant::now();
        let Self {
            job,
            interrupt,
            permit,
            reply,
        } = self;
        let outcome = match catch_unwind(AssertUnwindSafe(|| job.run(&interrupt))) {
            Ok(Ok(fields)) => Ok(Answer {
                fields,
                compute: start.elapsed(),
            }),
            // Whoever raised the interrupt has its own answer already.
            Ok(Err(_interrupted)) => Err(Failure::DeadlineExceeded),
            Err(_panic) => Err(Failure::Panicked),
        };
        drop(permit);
        // Nobody listens any more where the client left.
        reply.send(outcome).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::job::{Definition, Interrupted, Route, Workload};

    struct Obedient;
    struct Panicking;

    #[derive(Serialize, Deserialize)]
    struct Nothing {}

    impl Workload for Obedient {
        const NAME: &'static str = "obedient";
        const ROUTES: &'static [Route] = &[];
        type Input = Nothing;
        type Output = ();
        fn run(_: Nothing, interrupt: &Interrupt) -> Result<(), Interrupted> {
            interrupt.sleep(Duration::from_hours(1))
        }
    }

    impl Workload for Panicking {
        const NAME: &'static str = "panicking";
        const ROUTES: &'static [Route] = &[];
        type Input = Nothing;
        type Output = ();
        fn run(_: Nothing, _: &Interrupt) -> Result<(), Interrupted> {
            panic!("on purpose");
        }
    }

    static OBEDIENT: Definition = Definition::of::<Obedient>();
    static PANICKING: Definition = Definition::of::<Panicking>();

    fn job(definition: &'static Definition) -> Job {
        definition.job_from_query("").unwrap()
    }

    #[tokio::test]
    async fn a_job_past_its_limit_fails_and_its_thread_stops() {
        let threads = Threads::start(1).unwrap();
        let permit = Arc::new(());
        let outcome = threads
            .run(0, job(&OBEDIENT), Duration::from_millis(10), permit.clone())
            .await;
        assert_eq!(outcome.unwrap_err(), Failure::DeadlineExceeded);
        while Arc::strong_count(&permit) > 1 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn dropping_the_future_stops_the_computation() {
        let threads = Threads::start(1).unwrap();
        let permit = Arc::new(());
        let run = threads.run(0, job(&OBEDIENT), Duration::MAX, permit.clone());
        timeout(Duration::from_millis(10), run).await.unwrap_err();
        while Arc::strong_count(&permit) > 1 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_and_the_thread_goes_on() {
        let threads = Threads::start(1).unwrap();
        for _ in 0..2 {
            let outcome = threads.run(0, job(&PANICKING), Duration::MAX, ()).await;
            assert_eq!(outcome.unwrap_err(), Failure::Panicked);
        }
    }
}
