//! The public side: a request becomes a job, passes the gate, is computed and answered.
//!
//! Serves the routes of every workload and, at `/` without a query, the page. How a job is computed is not
//! visible from here. Probes of nginx, at any path, are answered before any of these (`protocol.rs`).

mod answer;
mod handing;
mod headers;
mod input;
mod observe;
mod own;
mod problem;
mod protocol;
mod routes;

use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::sync::Notify;

use crate::executor::{Answer, Executor, Failure, Ticket};
use crate::gate::{Gate, Permit, Refusal, Visitor};
use crate::metrics::Metrics;
use crate::page::Page;
use crate::service::Service;
use crate::workload::{Definition, Job, Route};
use handing::Handing;
use headers::Wishes;
use observe::Progress;
use own::OwnProblem;
use problem::Problem;

pub use observe::observe;
pub use problem::REASONS;
pub use routes::routes;

/// How long somebody who comes now would wait, by recent experience.
pub type Estimate = Box<dyn Fn() -> Duration + Send + Sync>;

/// What every request needs.
pub struct Front {
    /// What there is to ask.
    pub service: &'static Service,
    /// The same for people.
    pub page: Page,
    /// Who may compute now, and where.
    pub admission: Admission,
    /// What happened, in numbers.
    pub metrics: Arc<Metrics>,
    /// Longest wait for a slot, from the request's arrival.
    pub queue_timeout: Duration,
    /// Longest computation.
    pub request_timeout: Duration,
    /// Longest time to hand an answer over.
    pub send_timeout: Duration,
    /// Told when that time was over and a connection is to break.
    pub cut: Notify,
    /// For whoever is told to come back later.
    pub estimated_wait: Estimate,
    /// The name of this machine or container.
    pub host: String,
}

/// What becomes of a job.
pub enum Admission {
    /// It is computed when the gate lets it in.
    Open {
        /// Who may compute now.
        gate: Gate,
        /// Where it is computed.
        executor: Arc<Executor>,
    },
    /// It is not computed here, because of this.
    Refused(Refusal),
}

impl Front {
    /// Has the kernel reset this connection when its client neither reads nor leaves. By then its answer was
    /// taken away long ago, but nobody here can close a connection that has more to say.
    pub fn give_up_in_the_end(&self, connection: &impl AsFd) {
        let limit = self.send_timeout.max(self.request_timeout) + Duration::from_secs(1);
        let milliseconds = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        // Where this cannot be had, such a connection stays longer, and takes no slot.
        set_tcp_user_timeout(connection, milliseconds).ok();
    }

    /// The seconds for a `Retry-After`.
    fn retry_after(&self) -> u64 {
        headers::retry_after((self.estimated_wait)())
    }
}

/// Answers one request. Dropping this future, as happens when the client leaves, gives its place in the
/// queue up or stops its computation.
async fn serve(
    request: HttpRequest,
    body: web::Payload,
    front: web::Data<Front>,
    workload: &'static Definition,
    route: &'static Route,
) -> HttpResponse {
    let mut body = Some(body);
    let served = answer(&request, &mut body, &front, workload, route).await;
    match served {
        Ok(response) => response,
        Err(problem) => {
            if let Some(unread) = body {
                input::discard(&request, unread).await;
            }
            problem.respond(&request)
        }
    }
}

/// One request, from its head to its answer. The body is read when there is a slot, and taken out for that:
/// memory is bounded by slots, whatever arrives.
async fn answer(
    request: &HttpRequest,
    body: &mut Option<web::Payload>,
    front: &web::Data<Front>,
    workload: &'static Definition,
    route: &'static Route,
) -> Result<HttpResponse, Problem> {
    let wishes = Wishes::of(request, front.queue_timeout, front.request_timeout)?;
    let mut source = input::of_head(request, workload, route)?;
    let queue_left = front.queue_timeout.saturating_sub(wishes.arrived.elapsed());
    let refused = |refusal| refused(refusal, front, wishes.hold, queue_left);
    let (gate, executor) = match &front.admission {
        Admission::Open { gate, executor } => (gate, executor),
        Admission::Refused(refusal) => return Err(refused(*refusal)),
    };
    let patience = wishes.hold.unwrap_or(queue_left).min(queue_left);
    let permit = enter(request, &front.metrics, gate, &wishes, patience).await;
    let permit = permit.map_err(refused)?;
    let payload = body.take().expect("nobody else takes it");
    input::read(&mut source, payload, route).await?;
    let job = Job {
        workload: workload.name,
        source,
    };
    let slot = permit.slot;
    let mut computation = Computation::start(request, front, workload.name);
    let limit = wishes.compute_limit;
    let answer = compute(
        request,
        front,
        executor,
        permit,
        job,
        limit,
        &mut computation,
    )
    .await?;
    let computation = watch(request, front, gate, slot, limit, &answer, computation);
    let (service, request_id) = (front.service, headers::request_id(request));
    let hand_out = |length, pieces| {
        let id = request_id.clone();
        let reason = move |failure| problem_of(failure, service, &id).reason();
        Handing::new(length, pieces, computation, Progress::of(request), reason)
    };
    let response = answer::respond(request, answer, hand_out).await;
    response.map_err(|why| failed(why, &request_id))
}

/// Says how long the rest of an answer may take, which is up to the client from here on. The measure of a
/// computation that is not over goes on.
fn watch(
    request: &HttpRequest,
    front: &Front,
    gate: &Gate,
    slot: usize,
    compute_limit: Duration,
    answer: &Answer,
    computation: Computation,
) -> Option<Computation> {
    let is_over = answer.compute.is_some();
    let compute_left = if is_over {
        Duration::ZERO
    } else {
        compute_limit.saturating_sub(computation.start.elapsed())
    };
    let limit = front.send_timeout.max(compute_left);
    gate.due(slot, Instant::now() + limit);
    Progress::of(request).send_limit.set(Some(limit));
    (!is_over).then_some(computation)
}

async fn enter(
    request: &HttpRequest,
    metrics: &Metrics,
    gate: &Gate,
    wishes: &Wishes,
    patience: Duration,
) -> Result<Permit, Refusal> {
    let visitor = Visitor {
        request_id: headers::request_id(request),
        arrived: wishes.arrived,
        patience,
    };
    let permit = gate.enter(visitor).await?;
    let queue = wishes.arrived.elapsed();
    metrics.queue_wait.observe(queue.as_secs_f64());
    Progress::of(request).queue.set(Some(queue));
    Ok(permit)
}

/// What to say to a request that was not let in, although `hold` or else `queue_left` would have let it
/// wait.
fn refused(
    refusal: Refusal,
    front: &Front,
    hold: Option<Duration>,
    queue_left: Duration,
) -> Problem {
    match (refusal, hold) {
        // The balancer asked, and has other lanes to try.
        (Refusal::Closed, Some(_)) => Problem::Busy { leaving: true },
        (Refusal::TimedOut, Some(hold)) if hold < queue_left => Problem::Busy { leaving: false },
        // Too late for any lane.
        (Refusal::TimedOut, _) => Problem::QueueTimeout(front.retry_after()),
        // The balancer tries the shortest queue first: full here is full everywhere.
        (Refusal::Full, _) => Problem::QueueFull(front.retry_after()),
        (Refusal::Closed, None) => Problem::Draining(front.retry_after()),
    }
}

async fn compute(
    request: &HttpRequest,
    front: &Front,
    executor: &Executor,
    permit: Permit,
    job: Job,
    limit: Duration,
    computation: &mut Computation,
) -> Result<Answer, Problem> {
    permit.due(computation.start + limit);
    let request_id = headers::request_id(request);
    let ticket = Ticket {
        slot: permit.slot,
        request_id: request_id.clone(),
        limit,
    };
    let outcome = executor.run(ticket, job, permit).await;
    computation.took = outcome.as_ref().ok().and_then(|answer| answer.compute);
    outcome.map_err(|failure| match failure {
        Failure::NotStarted(_) => Problem::NotStarted(failure, front.retry_after()),
        failure => problem_of(failure, front.service, &request_id),
    })
}

/// What to say of a computation that failed.
fn problem_of(failure: Failure, service: &Service, request_id: &str) -> Problem {
    match failure {
        Failure::Invalid(why) => Problem::BadRequest(why),
        Failure::Problem(problem) => OwnProblem::checked(problem, service)
            .map_or_else(|why| failed(why, request_id), Problem::Own),
        Failure::Failed(why) => failed(why, request_id),
        // The process that computed it has logged where.
        Failure::Panicked => failed("it panicked".to_owned(), request_id),
        failure => Problem::Failed(failure),
    }
}

/// What the caller hears of a workload that failed. Only the log says why.
fn failed(why: String, request_id: &str) -> Problem {
    tracing::error!(request_id, why, "the workload failed");
    Problem::Failed(Failure::Failed(why))
}

/// Measures a computation, however it ends.
struct Computation {
    metrics: Arc<Metrics>,
    workload: &'static str,
    progress: Rc<Progress>,
    start: Instant,
    /// What the workload itself took, if it came to an end.
    took: Option<Duration>,
}

impl Computation {
    fn start(request: &HttpRequest, front: &Front, workload: &'static str) -> Self {
        Self {
            metrics: front.metrics.clone(),
            workload,
            progress: Progress::of(request),
            start: Instant::now(),
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
