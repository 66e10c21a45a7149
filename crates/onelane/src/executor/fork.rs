//! A fresh child process for every job: nothing of one request is left for the next.

use super::remote::{self, Employed};
use super::{Answer, Failure, Ticket};
use crate::child::{ChildHandle, NotReady, Nursery};
use crate::roster::{Cause, Usage};
use crate::workload::Job;

/// Children that compute one job and end.
#[derive(Debug)]
pub struct Fork(Nursery);

impl Fork {
    /// An executor that gets its children from `nursery`.
    pub fn new(nursery: Nursery) -> Self {
        Self(nursery)
    }

    /// Waits until children can be had.
    pub async fn start(&self) -> Result<(), NotReady> {
        self.0.ready().await
    }

    /// Waits until there will be none any more.
    pub async fn failure(&self) -> NotReady {
        self.0.failure().await
    }

    /// Computes `job` in a child that is killed when its time is over, or when the future or the answer is
    /// dropped. `permit` is held until the child has been reaped.
    pub async fn run(
        &self,
        ticket: Ticket,
        job: Job,
        permit: impl Send + 'static,
    ) -> Result<Answer, Failure> {
        let started = self.0.fork(permit);
        let child = started.map_err(|err| Failure::NotStarted(err.to_string()))?;
        let limit = ticket.limit;
        remote::compute(child, job, ticket, limit).await
    }
}

impl Employed for ChildHandle {
    fn child(&mut self) -> &mut ChildHandle {
        self
    }

    fn done(self, _: Usage, _: bool) {
        self.end(Cause::Completed);
    }

    fn failed(self, cause: Cause) {
        self.end(cause);
    }
}
