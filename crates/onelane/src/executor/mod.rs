//! Executors: how one job is computed. They know nothing of HTTP, queues, metrics or settings.

mod answer;
mod compute;
mod failure;
mod fork;
mod pool;
mod remote;
mod supply;
mod threads;
mod ticket;

use std::future::pending;

use crate::child::NotReady;
use crate::workload::Job;

pub use answer::{Answer, Pieces};
pub use compute::compute;
pub use failure::Failure;
pub use fork::Fork;
pub use pool::Pool;
pub use remote::{JobEnd, PipeOutlet, Question};
pub use supply::Supply;
pub use threads::{STUCK_AFTER, Threads};
pub use ticket::Ticket;

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
