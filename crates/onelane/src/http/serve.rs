//! One request, from its head to its answer.

use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};

use super::computation::{Computation, compute, failed, problem_of};
use super::front::{Admission, Front};
use super::handing::Handing;
use super::headers::Identity;
use super::portion::Portion;
use super::problem::HttpProblem;
use super::progress::Progress;
use super::wishes::Wishes;
use super::{answer, headers, input, kept};
use crate::executor::{Answer, Executor};
use crate::folder::Folder;
use crate::gate::{Gate, Permit, QueuePlace, Refusal, Visitor};
use crate::workload::{Definition, Job, Route, Source};

/// Answers one request. Dropping this future, as happens when the client leaves, gives its place in the
/// queue up or stops its computation.
pub(super) async fn serve(
    request: HttpRequest,
    body: web::Payload,
    front: web::Data<Front>,
    workload: &'static Definition,
    route: &'static Route,
) -> HttpResponse {
    let asked = Asked {
        request: &request,
        front: &front,
        workload,
        route,
    };
    let mut body = Some(body);
    match asked.answer(&mut body).await {
        Ok(response) => response,
        Err(problem) => {
            if let Some(unread) = body {
                input::discard(&request, unread).await;
            }
            problem.respond(&request)
        }
    }
}

/// A request, and what it is about.
struct Asked<'a> {
    request: &'a HttpRequest,
    front: &'a web::Data<Front>,
    workload: &'static Definition,
    route: &'static Route,
}

impl Asked<'_> {
    /// The body is read when there is a slot, and taken out for that: memory is bounded by slots.
    async fn answer(&self, body: &mut Option<web::Payload>) -> Result<HttpResponse, HttpProblem> {
        let front = self.front;
        let wishes = Wishes::of(self.request, front)?;
        let portion = Portion::of(self.request.headers());
        let kept = front.kept(&portion);
        let mut source = input::of_head(self.request, self.workload, self.route, &portion)?;
        let (gate, executor) = match &front.admission {
            Admission::Open { gate, executor } => (gate, executor),
            Admission::Refused(refusal) => return Err(refused(*refusal, front, &wishes)),
        };
        let permit = match kept {
            Some(permit) => permit,
            None => self.enter(gate, &wishes).await?,
        };
        if portion == Portion::Head {
            return Ok(kept::send_the_rest(front.kept.as_ref(), permit));
        }
        let queue = wishes.arrived.elapsed();
        front.metrics.queue_wait.observe(queue.as_secs_f64());
        let progress = Progress::of(self.request);
        progress.queue.set(Some(queue));
        progress.slot_since.set(Some(Instant::now()));
        let payload = body.take().expect("it is taken once");
        let folder = input::read(&mut source, self.request, payload, self.route, front).await?;
        let limit = wishes.compute_limit;
        let hold = (folder, permit);
        let answer = self.compute(gate, executor, hold, source, limit).await;
        answer.map_err(|problem| match (problem, wishes.hold) {
            // Another lane may have a process for it.
            (HttpProblem::NotStarted(..), Some(_)) => HttpProblem::Busy,
            (problem, _) => problem,
        })
    }

    async fn enter(&self, gate: &Gate, wishes: &Wishes) -> Result<Permit, HttpProblem> {
        let queue_left = wishes.queue_left;
        let visitor = Visitor {
            request_id: headers::request_id(self.request),
            arrived: wishes.arrived,
            patience: wishes
                .hold
                .map_or(queue_left, |hold| hold.time.min(queue_left)),
            place: wishes.hold.map_or(QueuePlace::New, |hold| hold.place),
            goes_on: wishes.goes_on,
        };
        let permit = gate.enter(visitor).await;
        permit.map_err(|refusal| refused(refusal, self.front, wishes))
    }

    async fn compute(
        &self,
        gate: &Gate,
        executor: &Executor,
        hold: (Folder, Permit),
        source: Source,
        limit: Duration,
    ) -> Result<HttpResponse, HttpProblem> {
        let (request, front) = (self.request, self.front);
        let job = Job {
            workload: self.workload.name,
            source,
        };
        let slot = hold.1.slot;
        let mut computation = Computation::start(request, front, job.workload, slot);
        let answer = compute(request, front, executor, hold, job, limit, &mut computation).await?;
        let computation = watch(request, front, gate, slot, limit, &answer, computation);
        let (service, identity) = (front.service, Identity::known(request));
        let hand_out = |length, pieces| {
            let id = identity.clone();
            let reason = move |failure| problem_of(failure, service, &id).reason();
            Handing::new(length, pieces, computation, Progress::of(request), reason)
        };
        let response = answer::respond(request, answer, hand_out).await;
        response.map_err(|why| failed(why, &identity))
    }
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

/// What to say to a request that was not let in, although it would have waited.
fn refused(refusal: Refusal, front: &Front, wishes: &Wishes) -> HttpProblem {
    match (refusal, wishes.hold) {
        // The balancer asked, and has other lanes to try.
        (Refusal::Closed | Refusal::Starting, Some(_)) => HttpProblem::Busy,
        (Refusal::Starting, None) => HttpProblem::Starting(front.retry_after()),
        (Refusal::TimedOut, _) if wishes.goes_on => HttpProblem::Busy,
        // Too late for any lane.
        (Refusal::TimedOut, _) => HttpProblem::QueueTimeout(front.retry_after()),
        // Other lanes may have a queue.
        (Refusal::Full, Some(_)) if front.queue_max == 0 => HttpProblem::Busy,
        // The balancer has looked at other lanes, and this queue is the shortest: full here is full
        // everywhere.
        (Refusal::Full, _) => HttpProblem::QueueFull(front.retry_after()),
        (Refusal::Closed, None) => HttpProblem::Draining(front.retry_after()),
    }
}
