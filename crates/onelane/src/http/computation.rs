//! One computation, from its slot to its answer or its failure, and the time that it takes.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;

use super::front::Front;
use super::headers::Identity;
use super::own::OwnProblem;
use super::problem::HttpProblem;
use super::progress::Progress;
use crate::executor::{Answer, Executor, Failure, Ticket};
use crate::folder::Folder;
use crate::gate::Permit;
use crate::metrics::Metrics;
use crate::service::Service;
use crate::workload::Job;

/// Has `job` computed on the slot of `permit`, within `limit`, with its files in `folder`. `computation` measures
/// it.
pub(super) async fn compute(
    request: &HttpRequest,
    front: &Front,
    executor: &Executor,
    (folder, permit): (Folder, Permit),
    job: Job,
    limit: Duration,
    computation: &mut Computation,
) -> Result<Answer, HttpProblem> {
    permit.due(computation.start + limit);
    let identity = Identity::known(request);
    let ticket = Ticket {
        slot: permit.slot,
        request_id: identity.request_id.clone(),
        trace: identity.trace.clone(),
        spans: identity.spans.clone(),
        limit,
        folder: folder.place().clone(),
        record: front.metrics.clone(),
    };
    // The folder goes first: what the next request writes may need its room.
    let outcome = executor.run(ticket, job, (folder, permit)).await;
    computation.took = outcome.as_ref().ok().and_then(|answer| answer.compute);
    outcome.map_err(|failure| match failure {
        Failure::NotStarted(_) => HttpProblem::NotStarted(failure, front.retry_after()),
        failure => problem_of(failure, front.service, &identity),
    })
}

/// What to say of a computation that failed.
pub(super) fn problem_of(failure: Failure, service: &Service, of: &Identity) -> HttpProblem {
    match failure {
        Failure::Invalid(why) => HttpProblem::BadRequest(why),
        Failure::Problem(problem) => OwnProblem::checked(problem, service)
            .map_or_else(|why| failed(why, of), HttpProblem::Own),
        Failure::Failed(why) => failed(why, of),
        // The process that computed it has logged where.
        Failure::Panicked => failed("it panicked".to_owned(), of),
        failure => HttpProblem::Failed(failure),
    }
}

/// What the caller hears of a workload that failed. Only the log says why.
pub(super) fn failed(why: String, of: &Identity) -> HttpProblem {
    let (trace_id, span_id) = (of.trace.trace_id(), of.trace.span_id());
    let request_id = &of.request_id;
    tracing::error!(request_id, trace_id, span_id, why, "the workload failed");
    HttpProblem::Failed(Failure::Failed(why))
}

/// Measures a computation, however it ends.
pub(super) struct Computation {
    metrics: Arc<Metrics>,
    workload: &'static str,
    progress: Rc<Progress>,
    pub(super) start: Instant,
    /// What the workload itself took, if it came to an end.
    took: Option<Duration>,
}

impl Computation {
    pub(super) fn start(
        request: &HttpRequest,
        front: &Front,
        workload: &'static str,
        slot: usize,
    ) -> Self {
        let (progress, start) = (Progress::of(request), Instant::now());
        progress.compute_since.set(Some((slot, start)));
        Self {
            metrics: front.metrics.clone(),
            workload,
            progress,
            start,
            took: None,
        }
    }
}

impl Drop for Computation {
    fn drop(&mut self) {
        let took = self.took.unwrap_or_else(|| self.start.elapsed());
        self.progress.compute.set(Some(took));
        let compute = self.metrics.compute.with_label_values(&[self.workload]);
        compute.observe(took.as_secs_f64());
    }
}
