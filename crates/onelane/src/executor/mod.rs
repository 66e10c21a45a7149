//! Executors: how one job is computed. They know nothing of HTTP, queues, metrics or settings.

mod answer;
mod fork;
mod pool;
mod remote;
mod supply;
mod threads;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::child::NotReady;
use crate::folder::Place;
use crate::workload::{Call, Job, Outcome, Problem, Record, Reply, Stop, Workloads, chain};

pub use answer::{Answer, Pieces};
pub use fork::Fork;
pub use pool::Pool;
pub use remote::{End, PipeOutlet, Question};
pub use supply::Supply;
pub use threads::{STUCK_AFTER, Threads};

/// One of the ways to compute.
#[derive(Debug)]
pub enum Executor {
    /// On threads of this process.
    Threads(Threads),
    /// In a fresh child each.
    Fork(Fork),
    /// In children that stay.
    Pool(Pool),
}

/// Which request a job is computed for, where, and for how long.
#[derive(Debug)]
pub struct Ticket {
    /// The slot that is taken for it.
    pub slot: usize,
    /// Names the request in the status.
    pub request_id: String,
    /// The longest that the computation may take, including a wait for its process.
    pub limit: Duration,
    /// Where the files of the request are to be.
    pub folder: Place,
    /// Where what the workload records goes to.
    pub record: Arc<dyn Record>,
}

/// Why a job has no answer, or why its answer ends too early.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Failure {
    /// What the caller sent is no input of the workload.
    #[error("{0}")]
    Invalid(String),
    /// It took longer than it may, and was stopped or killed.
    #[error("the computation exceeded its time limit")]
    DeadlineExceeded,
    /// The workload has told the caller why not.
    #[error("{}", .0.title)]
    Problem(Box<Problem>),
    /// The workload failed, and this is why.
    #[error("the computation failed unexpectedly")]
    Failed(String),
    /// The workload panicked.
    #[error("the computation failed unexpectedly")]
    Panicked,
    /// The process that computed it ended, or sent something that is no valid message.
    #[error("the process that computed this failed: {0}")]
    Crashed(String),
    /// No process could be had to compute it.
    #[error("no process could be started for this: {0}")]
    NotStarted(String),
}

impl Failure {
    /// A workload that begins a stream and then answers with something else, or the other way round.
    fn confused() -> Self {
        Self::Failed("it answered with a stream and with something else".to_owned())
    }
}

impl Executor {
    /// Loads the workloads, starts the children that stay, and waits until they are ready. Called once, before
    /// the first job. At once where there is nothing to wait for.
    pub async fn start(&self) -> Result<(), NotReady> {
        match self {
            Self::Threads(threads) => Ok(threads.load().await?),
            Self::Fork(fork) => fork.start().await,
            Self::Pool(pool) => pool.start().await,
        }
    }

    /// Waits until nothing can be computed any more, for good. As a rule that never happens.
    pub async fn failure(&self) -> NotReady {
        match self {
            Self::Threads(_) => pending().await,
            Self::Fork(fork) => fork.failure().await,
            Self::Pool(pool) => pool.failure().await,
        }
    }

    /// Computes `job`. Dropping the future, or the answer before all of it was taken, stops the
    /// computation. `permit` is held until the answer is dropped and the thread or the child is free again,
    /// or gone.
    pub async fn run(
        &self,
        ticket: Ticket,
        job: Job,
        permit: impl Send + 'static,
    ) -> Result<Answer, Failure> {
        match self {
            Self::Threads(threads) => threads.run(ticket, job, permit).await,
            Self::Fork(fork) => fork.run(ticket, job, permit).await,
            Self::Pool(pool) => pool.run(ticket, job, permit).await,
        }
    }

    /// Threads that were given up because they could not be stopped.
    pub fn lost_threads(&self) -> usize {
        match self {
            Self::Threads(threads) => threads.lost(),
            Self::Fork(_) | Self::Pool(_) => 0,
        }
    }
}

/// Computes `job` on this thread, and survives its panics.
pub fn compute(job: Job, workloads: &Workloads, call: &Call) -> Result<Reply, Failure> {
    // What the workload logs, a panic included, bears the id of the request.
    let _span = tracing::error_span!("request", request_id = call.request_id()).entered();
    match catch_unwind(AssertUnwindSafe(|| job.run(workloads, call.clone()))) {
        Ok(Ok(reply)) => Ok(reply),
        // Nobody waits for this: whatever told it to stop has answered already, or the client has left.
        Ok(Err(_)) if call.check().is_err() => Err(Failure::DeadlineExceeded),
        Ok(Err(Outcome::Invalid(invalid))) => Err(Failure::Invalid(invalid.to_string())),
        Ok(Err(Outcome::Stopped(Stop::Interrupted))) => Err(Failure::DeadlineExceeded),
        Ok(Err(Outcome::Stopped(Stop::Problem(problem)))) => Err(Failure::Problem(problem)),
        Ok(Err(Outcome::Stopped(Stop::Crashed(why)))) => Err(Failure::Crashed(why)),
        Ok(Err(Outcome::Stopped(Stop::Failed(err)))) => Err(Failure::Failed(chain(&*err))),
        Err(_panic) => Err(Failure::Panicked),
    }
}
