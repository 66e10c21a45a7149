//! Executors: how one job is computed. They know nothing of HTTP, queues, metrics or settings.

mod fork;
mod pool;
mod remote;
mod threads;

use std::error::Error;
use std::iter::successors;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::child::NeverReady;
use crate::workload::{Answer, Call, Job, Problem, Record, Stop};

pub use fork::Fork;
pub use pool::Pool;
pub use remote::{Question, Reply};
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
    /// Where what the workload records goes to.
    pub record: Arc<dyn Record>,
}

/// Why a job has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Failure {
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

impl Executor {
    /// Starts the children that stay, and waits until they are ready. Called once, before the first
    /// job.
    pub async fn start(&self) -> Result<(), NeverReady> {
        match self {
            Self::Threads(_) | Self::Fork(_) => Ok(()),
            Self::Pool(pool) => pool.start().await,
        }
    }

    /// Computes `job`. Dropping the future stops the computation. `permit` is held until the thread or
    /// the child is free again, or gone, which may be later than the return.
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
pub fn compute(job: Job, call: &Call) -> Result<Answer, Failure> {
    // What the workload logs, a panic included, bears the id of the request.
    let _span = tracing::error_span!("request", request_id = call.request_id()).entered();
    let declared = job.workload.series;
    let start = Instant::now();
    let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| job.run(call))) else {
        return Err(Failure::Panicked);
    };
    let compute = start.elapsed();
    if let Some(mistake) = call.mistake(declared) {
        return Err(Failure::Failed(mistake));
    }
    match outcome {
        Ok(fields) => Ok(Answer {
            fields,
            compute,
            pid: std::process::id(),
        }),
        // Nobody waits for this: whatever told it to stop has answered already, or the client has left.
        Err(Stop::Interrupted) => Err(Failure::DeadlineExceeded),
        Err(Stop::Problem(problem)) => Err(Failure::Problem(problem)),
        Err(Stop::Failed(err)) => Err(Failure::Failed(chain(&*err))),
    }
}

/// An error with its causes, in one line.
fn chain(err: &dyn Error) -> String {
    let causes = successors(err.source(), |&cause| cause.source());
    let causes = causes.map(|cause| format!(": {cause}"));
    format!("{err}{}", causes.collect::<String>())
}
