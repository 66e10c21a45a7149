//! What an executor and a computing child say to each other.

use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Failure, Ticket};
use crate::child::{Child, Lost};
use crate::roster::{Cause, Usage};
use crate::workload::{Answer, Event, Job, Parcel};

/// To the child.
#[derive(Debug, Serialize, Deserialize)]
pub enum Question {
    /// Asks whether the child is ready. The reply is `null`.
    Ready,
    /// Asks for the answer to a job.
    Job(Parcel),
}

/// From the child, about a job.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The answer, or why there is none.
    pub outcome: Result<Answer, Failure>,
    /// What the child has used in its life so far.
    pub used: Usage,
    /// What the workload has recorded meanwhile.
    pub events: Vec<Event>,
}

/// Has `child` compute `job`. The error tells what to say to the caller, and why the child has to
/// end.
pub(super) async fn compute(
    child: &mut Child,
    job: Job,
    ticket: Ticket,
) -> Result<Reply, (Failure, Cause)> {
    let question = Question::Job(job.pack(ticket.request_id, ticket.limit));
    match timeout(ticket.limit, child.ask::<Reply>(&question)).await {
        Ok(Ok(reply)) => {
            ticket.record.record(&reply.events);
            Ok(reply)
        }
        Ok(Err(lost)) => Err(match lost {
            Lost::NotStarted(err) => (Failure::NotStarted(err.to_string()), Cause::Crashed),
            Lost::Ended(exit) if exit.is_cpu_limit() => {
                (Failure::DeadlineExceeded, Cause::CpuLimit)
            }
            Lost::Ended(exit) => (Failure::Crashed(exit.to_string()), Cause::Crashed),
            Lost::Garbled(err) => (Failure::Crashed(err.to_string()), Cause::Garbled),
        }),
        Err(_) => Err((Failure::DeadlineExceeded, Cause::Deadline)),
    }
}
