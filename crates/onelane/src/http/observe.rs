//! The outermost middleware: whatever happens to a request is counted, logged and labelled here,
//! once, and nowhere else. A request whose client leaves is dropped in the middle; the observation
//! then ends with status 499. Only a probe of nginx leaves no trace, as long as all is well.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};

use super::headers::{RequestId, X_REQUEST_ID, milliseconds};
use super::problem::{BUSY, GONE, Reason};
use super::protocol::{self, Sender};
use super::{Front, cors};

/// What nginx made the customary status for "the client closed the connection first".
const CLIENT_GONE: u16 = 499;

/// How far a request has come; its handler writes, the observer reads.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// From its arrival to its slot.
    pub(super) queue: Cell<Option<Duration>>,
    /// On its slot.
    pub(super) compute: Cell<Option<Duration>>,
}

impl Progress {
    /// The progress of an observed request.
    pub(super) fn of(request: &HttpRequest) -> Rc<Self> {
        let extensions = request.extensions();
        extensions.get::<Rc<Self>>().cloned().unwrap_or_default()
    }
}

/// Observes one request from its head to its response.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let sender = Sender::of(request.headers());
    if sender == Sender::Probe {
        // Every other second from each nginx: figures and logs are about requests.
        let response = request.into_response(protocol::fits());
        return Ok(response.map_into_right_body());
    }
    let observation = Observation::begin(&request);
    match answer(request, sender, next).await {
        Ok(mut response) => {
            observation.end(&mut response);
            Ok(response)
        }
        Err(err) => {
            let status = err.as_response_error().status_code();
            observation.record(status.as_u16(), None, 0);
            Err(err)
        }
    }
}

/// What the route answers, if we understand who passed the request on.
async fn answer<B>(
    request: ServiceRequest,
    sender: Sender,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error>
where
    B: MessageBody + 'static,
{
    if let Some(problem) = sender.problem() {
        let response = problem.respond(request.request());
        return Ok(request.into_response(response).map_into_right_body());
    }
    let response = next.call(request).await?;
    Ok(response.map_into_left_body())
}

struct Observation {
    front: web::Data<Front>,
    start: Instant,
    progress: Rc<Progress>,
    id: RequestId,
    method: Method,
    /// The pattern of the route: bounded, unlike paths.
    route: String,
    uri: String,
    client: String,
    user_agent: Option<String>,
    recorded: Cell<bool>,
}

impl Observation {
    fn begin(request: &ServiceRequest) -> Self {
        let front = request
            .app_data::<web::Data<Front>>()
            .expect("every app that is observed has a front")
            .clone();
        front.metrics.in_flight.inc();
        let id = RequestId::of(request.headers());
        let progress = Rc::<Progress>::default();
        request.extensions_mut().insert(id.clone());
        request.extensions_mut().insert(progress.clone());
        let user_agent = request.headers().get(USER_AGENT);
        Self {
            front,
            start: Instant::now(),
            progress,
            id,
            method: request.method().clone(),
            route: request.match_pattern().unwrap_or_else(|| "none".to_owned()),
            uri: request.uri().to_string(),
            // Whatever the proxy in front says; nothing is decided by it.
            client: request
                .connection_info()
                .realip_remote_addr()
                .unwrap_or_default()
                .to_owned(),
            user_agent: user_agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into()),
            recorded: Cell::new(false),
        }
    }

    fn end(self, response: &mut ServiceResponse<impl MessageBody>) {
        let bytes = match response.response().body().size() {
            BodySize::Sized(bytes) => bytes,
            BodySize::None | BodySize::Stream => 0,
        };
        let extensions = response.response().extensions();
        let reason = extensions.get::<Reason>().map(|reason| reason.0);
        drop(extensions);
        self.record(response.status().as_u16(), reason, bytes);
        self.label(response.headers_mut());
        let request = response.request().clone();
        let answer = response.headers_mut();
        cors::label(answer, request.headers(), &self.front.cors_origins);
    }

    /// The headers that every answer has.
    fn label(&self, headers: &mut HeaderMap) {
        let mut set = |name, value: String| {
            let value = HeaderValue::from_str(&value).expect("host names and numbers are ASCII");
            headers.insert(HeaderName::from_static(name), value);
        };
        set(X_REQUEST_ID, self.id.0.clone());
        set(
            "x-served-by",
            format!("{}/{}", self.front.host, std::process::id()),
        );
        let timings = [
            ("queue", self.progress.queue.get()),
            ("compute", self.progress.compute.get()),
        ];
        let known = timings
            .into_iter()
            .filter_map(|(name, time)| Some(format!("{name};dur={}", milliseconds(time?))));
        let server_timing = known.collect::<Vec<_>>().join(", ");
        if !server_timing.is_empty() {
            set("server-timing", server_timing);
        }
    }

    fn record(&self, status: u16, reason: Option<&'static str>, bytes: u64) {
        self.recorded.set(true);
        let metrics = &self.front.metrics;
        let took = self.start.elapsed();
        metrics.in_flight.dec();
        metrics
            .requests
            .with_label_values(&[
                self.route.as_str(),
                method_label(&self.method),
                &status.to_string(),
            ])
            .inc();
        // A hop is no answer: the request goes on elsewhere.
        if reason != Some(BUSY) {
            let duration = &metrics.request_duration;
            let duration = duration.with_label_values(&[self.route.as_str()]);
            duration.observe(took.as_secs_f64());
        }
        if let Some(reason) = reason {
            metrics.rejected.with_label_values(&[reason]).inc();
        }
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    request_id = self.id.0,
                    method = self.method.as_str(),
                    uri = self.uri,
                    status,
                    reason,
                    bytes,
                    duration_ms = milliseconds(took),
                    queue_ms = self.progress.queue.get().map(milliseconds),
                    compute_ms = self.progress.compute.get().map(milliseconds),
                    client = self.client,
                    user_agent = self.user_agent,
                    "request"
                )
            };
        }
        // A hop on the way to another lane: the balancer logs the request as a whole.
        if reason == Some(BUSY) {
            log!(debug);
        } else {
            log!(info);
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.recorded.get() {
            self.record(CLIENT_GONE, Some(GONE), 0);
        }
    }
}

/// Methods are free text: all that no route takes share one label.
fn method_label(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS | Method::POST => method.as_str(),
        _ => "other",
    }
}
