//! A fresh child process for every job: nothing of one request is left for the next.

use super::{Failure, Ticket, remote};
use crate::child::Nursery;
use crate::roster::Cause;
use crate::workload::{Answer, Job};

/// Children that compute one job and end.
#[derive(Debug)]
pub struct Fork(Nursery);

impl Fork {
    /// An executor that gets its children from `nursery`.
    pub fn new(nursery: Nursery) -> Self {
        Self(nursery)
    }

    /// Computes `job` in a child that is killed when its time is over or the future is dropped.
    /// `permit` is held until the child has been reaped.
    pub async fn run(
        &self,
        ticket: Ticket,
        job: Job,
        permit: impl Send + 'static,
    ) -> Result<Answer, Failure> {
        let started = self.0.fork(permit);
        let mut child = started.map_err(|err| Failure::NotStarted(err.to_string()))?;
        child.occupy(ticket.slot, &ticket.request_id);
        match remote::compute(&mut child, job, ticket).await {
            Ok(reply) => {
                child.end(Cause::Completed);
                reply.outcome
            }
            Err((failure, cause)) => {
                child.end(cause);
                Err(failure)
            }
        }
    }
}
