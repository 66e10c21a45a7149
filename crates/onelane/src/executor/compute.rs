//! The computation itself, on the calling thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::failure::Failure;
use crate::workload::{Call, Job, Outcome, Reply, Stop, Workloads, chain};

/// Computes `job` on this thread, and survives its panics.
pub fn compute(job: Job, workloads: &Workloads, call: &Call) -> Result<Reply, Failure> {
    // What the workload logs, a panic included, bears the ids of the request.
    let trace = call.request_trace();
    let _span = tracing::error_span!(
        "request",
        request_id = call.request_id(),
        trace_id = trace.trace_id(),
        span_id = trace.span_id(),
    )
    .entered();
    call.spans().enter();
    match catch_unwind(AssertUnwindSafe(|| job.run(workloads, call.clone()))) {
        Ok(Ok(reply)) => Ok(reply),
        // Not read any more: the deadline was answered already, or the client has left.
        Ok(Err(_)) if call.check().is_err() => Err(Failure::DeadlineExceeded),
        Ok(Err(Outcome::Invalid(invalid))) => Err(Failure::Invalid(invalid.to_string())),
        Ok(Err(Outcome::Stopped(Stop::Interrupted))) => Err(Failure::DeadlineExceeded),
        Ok(Err(Outcome::Stopped(Stop::Problem(problem)))) => Err(Failure::Problem(problem)),
        Ok(Err(Outcome::Stopped(Stop::Crashed(why)))) => Err(Failure::Crashed(why)),
        Ok(Err(Outcome::Stopped(Stop::Failed(err)))) => Err(Failure::Failed(chain(&*err))),
        Err(_panic) => Err(Failure::Panicked),
    }
}
