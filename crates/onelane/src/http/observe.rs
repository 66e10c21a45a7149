//! The outermost middleware: whatever happens to a request is counted, logged and labelled here,
//! once, and nowhere else. It ends with the last byte of the body. A request whose client leaves is dropped
//! in the middle; the observation then ends with status 499, or with the one that was sent. Only a probe of
//! nginx leaves no trace, as long as all is well.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::rt::spawn;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::connection::{Conversation, Exchange};
use super::headers::{RequestId, milliseconds};
use super::kept::ASKED;
use super::problem::{BUSY, GONE, Problem, Reason, SEND_TIMEOUT};
use super::protocol::{self, Sender};
use super::{Front, cors};
use crate::heads::X_REQUEST_ID;
use crate::workload::PIECE_BYTES;

/// What nginx made the customary status for "the client closed the connection first".
const CLIENT_GONE: u16 = 499;

/// How far a request has come; its handler writes, the observer reads.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// From its arrival to its slot.
    pub(super) queue: Cell<Option<Duration>>,
    /// On its slot.
    pub(super) compute: Cell<Option<Duration>>,
    /// How long its answer may take on its way to the client, from its head on.
    pub(super) send_limit: Cell<Option<Duration>>,
    /// Why its body ends too early, which the status no longer tells.
    pub(super) broken: Cell<Option<&'static str>>,
}

impl Progress {
    /// The progress of an observed request.
    pub(super) fn of(request: &HttpRequest) -> Rc<Self> {
        let extensions = request.extensions();
        extensions.get::<Rc<Self>>().cloned().unwrap_or_default()
    }
}

/// Observes one request from its head to the end of its response.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let sender = Sender::of(request.headers());
    let of_balancer = matches!(sender, Sender::Balancer | Sender::Probe);
    let conversation = request.conn_data::<Rc<Conversation>>().cloned();
    let exchange = Exchange::begin(conversation.as_ref(), request.headers(), of_balancer);
    let refused = conversation.as_ref().and_then(|it| it.talk.take_refused());
    if sender == Sender::Probe {
        // Every other second from each nginx: figures and logs are about requests.
        let response = request.into_response(protocol::fits());
        return Ok(response.map_body(|_, body| Observed::new(body, exchange, None, 0, None)));
    }
    let mut observation = Observation::begin(&request);
    let answer = match refused {
        None => answer(request, sender, next).await,
        Some(refused) => {
            observation.method = refused.method;
            observation.uri = refused.target;
            let response = Problem::BadHead(refused.fault).respond(request.request());
            Ok(request.into_response(response))
        }
    };
    match answer {
        Ok(mut response) => {
            observation.label(response.headers_mut());
            if let Some(it) = conversation.as_ref().filter(|_| !observation.keeps_slot()) {
                it.hand_over();
            }
            let asked = response.request().clone();
            let talk = conversation.as_ref().map(|it| &it.talk);
            let ends = talk.is_some_and(|talk| talk.ends())
                || conversation.as_ref().is_some_and(|it| it.leaves())
                || *observation.front.leaving.borrow()
                // An upgrade, too: actix ends such a connection, but says that it becomes another one.
                || asked.head().connection_type() != ConnectionType::KeepAlive;
            if ends {
                let head = response.response_mut().head_mut();
                head.set_connection_type(ConnectionType::Close);
                talk.inspect(|talk| talk.end());
            }
            let origins = &observation.front.cors_origins;
            cors::label(response.headers_mut(), asked.headers(), origins);
            let status = response.status().as_u16();
            let extensions = response.response().extensions();
            let reason = extensions.get::<Reason>().map(|reason| reason.0);
            drop(extensions);
            Ok(response.map_body(|_, body| {
                Observed::new(body, exchange, Some(observation), status, reason)
            }))
        }
        Err(err) => {
            let status = err.as_response_error().status_code();
            observation.record(status.as_u16(), None, 0);
            Err(err)
        }
    }
}

/// What the route answers, if we understand who passed the request on.
async fn answer(
    request: ServiceRequest,
    sender: Sender,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse, Error> {
    if let Some(problem) = sender.problem() {
        let response = problem.respond(request.request());
        return Ok(request.into_response(response));
    }
    let response = next.call(request).await?;
    Ok(response.map_into_boxed_body())
}

/// A body whose end is the end of the observation. It ends at a limit, too: a client that reads slowly, or
/// not at all, keeps neither a slot nor memory beyond it.
struct Observed {
    size: BodySize,
    /// None once it is over.
    watched: Rc<RefCell<Option<Watched>>>,
    limit: Option<JoinHandle<()>>,
    /// Ends with this body.
    _exchange: Exchange,
}

/// A body on its way to the client.
struct Watched {
    body: BoxBody,
    /// None for a probe.
    observation: Option<Observation>,
    status: u16,
    reason: Option<&'static str>,
    /// That were taken so far.
    bytes: u64,
    /// Who waits for more.
    reader: Option<Waker>,
}

impl Observed {
    fn new(
        body: BoxBody,
        exchange: Exchange,
        observation: Option<Observation>,
        status: u16,
        reason: Option<&'static str>,
    ) -> Self {
        let size = body.size();
        let limit = observation
            .as_ref()
            .and_then(|it| it.progress.send_limit.get());
        let watched = Rc::new(RefCell::new(Some(Watched {
            body,
            observation,
            status,
            reason,
            bytes: 0,
            reader: None,
        })));
        let mut observed = Self {
            size,
            watched,
            limit: None,
            _exchange: exchange,
        };
        match size {
            // Nobody asks for the pieces of such a body.
            BodySize::None | BodySize::Sized(0) => observed.end(None),
            // A small one is in the kernel's buffer at once.
            BodySize::Sized(bytes) if bytes <= PIECE_BYTES as u64 => {}
            BodySize::Sized(_) | BodySize::Stream => {
                let watched = observed.watched.clone();
                observed.limit = limit.map(|limit| spawn(cut_after(limit, watched)));
            }
        }
        observed
    }

    fn end(&self, broken: Option<&'static str>) {
        if let Some(watched) = self.watched.take() {
            watched.end(broken);
        }
    }
}

impl Watched {
    /// Ends the observation, because of `broken` if there was more to come.
    fn end(self, broken: Option<&'static str>) {
        // First, so that the time of a computation is known.
        drop(self.body);
        if let Some(observation) = self.observation {
            let broken = observation.progress.broken.get().or(broken);
            observation.record(self.status, broken.or(self.reason), self.bytes);
        }
    }
}

/// Takes the body of a client away that does not take it in time.
async fn cut_after(limit: Duration, watched: Rc<RefCell<Option<Watched>>>) {
    sleep(limit).await;
    if let Some(mut watched) = watched.take() {
        if let Some(observation) = &watched.observation {
            observation.front.cut.notify_waiters();
        }
        let reader = watched.reader.take();
        watched.end(Some(SEND_TIMEOUT));
        if let Some(reader) = reader {
            // Nothing else tells it that nothing more comes.
            reader.wake();
        }
    }
}

impl MessageBody for Observed {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let piece = match &mut *self.watched.borrow_mut() {
            Some(watched) => {
                let Poll::Ready(piece) = Pin::new(&mut watched.body).poll_next(context) else {
                    watched.reader = Some(context.waker().clone());
                    return Poll::Pending;
                };
                if let Some(Ok(piece)) = &piece {
                    watched.bytes += piece.len() as u64;
                    return Poll::Ready(Some(Ok(piece.clone())));
                }
                piece
            }
            None => Some(Err(SEND_TIMEOUT.into())),
        };
        self.end(None);
        Poll::Ready(piece)
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if let Some(limit) = &self.limit {
            limit.abort();
        }
        self.end(Some(GONE));
    }
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

    /// Whether its answer keeps a slot until the client has it.
    fn keeps_slot(&self) -> bool {
        self.progress.send_limit.get().is_some()
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
        // A request without its body is none yet.
        if reason != Some(ASKED) {
            self.count(status, reason, took);
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
        // A hop, on the way to another lane or to this one: the balancer logs the request as a whole.
        if matches!(reason, Some(BUSY | ASKED)) {
            log!(debug);
        } else {
            log!(info);
        }
    }

    fn count(&self, status: u16, reason: Option<&'static str>, took: Duration) {
        let metrics = &self.front.metrics;
        metrics
            .requests
            .with_label_values(&[
                self.route.as_str(),
                method_label(&self.method, status),
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
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        if !self.recorded.get() {
            self.record(CLIENT_GONE, Some(GONE), 0);
        }
    }
}

/// Methods are free text: all that a route does not take share one label.
fn method_label(method: &Method, status: u16) -> &str {
    match *method {
        _ if status == StatusCode::METHOD_NOT_ALLOWED => "other",
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS => method.as_str(),
        _ => "other",
    }
}
