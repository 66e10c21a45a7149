//! The public side: a request becomes a job, passes the gate, is computed and answered.
//!
//! Serves the routes of every workload (GET, HEAD and POST; OPTIONS tells these) and, at `/` without a query,
//! the page.
//! How a job is computed is not visible from here. Probes of nginx, at any path, are answered before any
//! of these (`protocol.rs`).

mod cors;
mod headers;
mod input;
mod observe;
mod own;
mod problem;
mod protocol;

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::guard::{self, Guard, GuardContext};
use actix_web::http::Method;
use actix_web::http::header::{ALLOW, ContentType};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use crate::config::Origins;
use crate::executor::{Executor, Failure, Ticket};
use crate::gate::{Gate, Permit, Refusal, Visitor};
use crate::metrics::Metrics;
use crate::page::Page;
use crate::service::Service;
use crate::workload::{Answer, Definition, Job, Route};
use headers::Wishes;
use observe::Progress;
use own::OwnProblem;
use problem::{ALLOWED, Problem};

pub use observe::observe;
pub use problem::REASONS;

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
    /// For whoever is told to come back later.
    pub estimated_wait: Estimate,
    /// Sites whose pages may read answers.
    pub cors_origins: Origins,
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
    /// The seconds for a `Retry-After`.
    fn retry_after(&self) -> u64 {
        headers::retry_after((self.estimated_wait)())
    }
}

/// Registers every public route.
pub fn routes(app: &mut web::ServiceConfig, service: &'static Service) {
    app.service(web::resource("/").guard(asks_for_page).to(show_page));
    for (workload, route) in service.routes() {
        app.service(resource(workload, route));
    }
    app.default_service(web::to(async |request: HttpRequest| {
        Problem::NotFound.respond(&request)
    }));
}

fn resource(workload: &'static Definition, route: &'static Route) -> actix_web::Resource {
    let allowed = guard::Any(guard::Get()).or(guard::Head()).or(guard::Post());
    let handle = move |request: HttpRequest, body: web::Payload, front: web::Data<Front>| async move {
        match serve(&request, body, &front, workload, route).await {
            Ok(response) => response,
            Err(problem) => problem.respond(&request),
        }
    };
    web::resource(route.path)
        .route(web::route().guard(allowed).to(handle))
        .default_service(web::to(async |request: HttpRequest| {
            if request.method() == Method::OPTIONS {
                return HttpResponse::NoContent()
                    .insert_header((ALLOW, ALLOWED))
                    .finish();
            }
            Problem::MethodNotAllowed.respond(&request)
        }))
}

async fn show_page(front: web::Data<Front>) -> HttpResponse {
    front.page.show()
}

fn asks_for_page(request: &GuardContext<'_>) -> bool {
    let reads = guard::Any(guard::Get()).or(guard::Head());
    reads.check(request) && request.head().uri.query().unwrap_or_default().is_empty()
}

/// One request, from its bytes to its answer. Dropping this future, as happens when the client
/// leaves, gives its place in the queue up or stops its computation.
async fn serve(
    request: &HttpRequest,
    body: web::Payload,
    front: &Front,
    workload: &'static Definition,
    route: &'static Route,
) -> Result<HttpResponse, Problem> {
    let wishes = Wishes::of(request, front.queue_timeout, front.request_timeout)?;
    let job = input::job(request, body, workload, route).await?;
    let queue_left = front.queue_timeout.saturating_sub(wishes.arrived.elapsed());
    let refused = |refusal| refused(refusal, front, wishes.hold, queue_left);
    let answer = match &front.admission {
        Admission::Open { gate, executor } => {
            let patience = wishes.hold.unwrap_or(queue_left).min(queue_left);
            let permit = enter(request, &front.metrics, gate, &wishes, patience).await;
            let permit = permit.map_err(refused)?;
            compute(request, front, executor, permit, job, wishes.compute_limit).await?
        }
        Admission::Refused(refusal) => return Err(refused(*refusal)),
    };
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(body_of(answer, &front.host)))
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
) -> Result<Answer, Problem> {
    let mut computation = Computation {
        front,
        workload: job.workload.name,
        progress: Progress::of(request),
        start: Instant::now(),
        took: None,
    };
    permit.due(computation.start + limit);
    let request_id = headers::request_id(request);
    let ticket = Ticket {
        slot: permit.slot,
        request_id: request_id.clone(),
        limit,
    };
    let outcome = executor.run(ticket, job, permit).await;
    computation.took = outcome.as_ref().ok().map(|answer| answer.compute);
    outcome.map_err(|failure| match failure {
        Failure::NotStarted(_) => Problem::NotStarted(failure, front.retry_after()),
        Failure::Problem(problem) => OwnProblem::checked(problem, front.service)
            .map_or_else(|why| failed(why, &request_id), Problem::Own),
        Failure::Failed(why) => failed(why, &request_id),
        // The process that computed it has logged where.
        Failure::Panicked => failed("it panicked".to_owned(), &request_id),
        _ => Problem::Failed(failure),
    })
}

/// What the caller hears of a workload that failed. Only the log says why.
fn failed(why: String, request_id: &str) -> Problem {
    tracing::error!(request_id, why, "the workload failed");
    Problem::Failed(Failure::Failed(why))
}

/// Observed when it ends, which is when it is dropped: a client that leaves ends it, too, and a lane
/// whose clients all leave must not look like one that is stuck.
struct Computation<'a> {
    front: &'a Front,
    workload: &'static str,
    progress: Rc<Progress>,
    start: Instant,
    /// What the workload itself took, if it came to an end.
    took: Option<Duration>,
}

impl Drop for Computation<'_> {
    fn drop(&mut self) {
        let took = self.took.unwrap_or_else(|| self.start.elapsed());
        self.progress.compute.set(Some(took));
        let compute = &self.front.metrics.compute;
        let compute = compute.with_label_values(&[self.workload]);
        compute.observe(took.as_secs_f64());
    }
}

/// The workload's own fields, then what every answer tells.
fn body_of(answer: Answer, host: &str) -> String {
    let mut fields: Map<String, Value> = answer.fields;
    fields.insert(
        "elapsed_ms".to_owned(),
        headers::milliseconds(answer.compute).into(),
    );
    fields.insert("pid".to_owned(), answer.pid.into());
    fields.insert("host".to_owned(), host.into());
    // A line of its own in a terminal.
    format!("{}\n", Value::Object(fields))
}
