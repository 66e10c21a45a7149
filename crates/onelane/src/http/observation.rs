//! What is known of a request while it is observed, and what is counted, logged and labelled of it.

use std::cell::Cell;
use std::fmt::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, web};

use super::front::Front;
use super::headers::{Identity, milliseconds};
use super::progress::Progress;
use super::reason::{ASKED, BUSY, GONE};
use crate::heads::X_REQUEST_ID;

/// Where the line of a request says that it comes from: queries of logs may rely on it.
const TARGET: &str = "onelane::http::observe";

/// What nginx made the customary status for "the client closed the connection first".
pub(super) const CLIENT_GONE: u16 = 499;

/// The figures and the line of the log that a request leaves, once, however it ends.
pub(super) struct Observation {
    pub(super) front: web::Data<Front>,
    pub(super) start: Instant,
    pub(super) progress: Rc<Progress>,
    pub(super) identity: Rc<Identity>,
    pub(super) method: Method,
    /// The pattern of the route: bounded, unlike paths.
    pub(super) route: String,
    pub(super) uri: String,
    pub(super) client: String,
    pub(super) user_agent: Option<String>,
    #[cfg(feature = "otlp")]
    pub(super) scheme: String,
    recorded: Cell<bool>,
}

impl Observation {
    pub(super) fn begin(request: &ServiceRequest) -> Self {
        let front = request
            .app_data::<web::Data<Front>>()
            .expect("every app that is observed has a front")
            .clone();
        front.metrics.in_flight.inc();
        let identity = Rc::new(Identity::of(request.headers(), &front.tracer));
        let progress = Rc::<Progress>::default();
        request.extensions_mut().insert(identity.clone());
        request.extensions_mut().insert(progress.clone());
        let user_agent = request.headers().get(USER_AGENT);
        Self {
            front,
            start: Instant::now(),
            progress,
            identity,
            method: request.method().clone(),
            route: request.match_pattern().unwrap_or_else(|| "none".to_owned()),
            uri: request.uri().to_string(),
            // As the proxy in front says; nothing is decided by it.
            client: request
                .connection_info()
                .realip_remote_addr()
                .unwrap_or_default()
                .to_owned(),
            user_agent: user_agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into()),
            #[cfg(feature = "otlp")]
            scheme: request.connection_info().scheme().to_owned(),
            recorded: Cell::new(false),
        }
    }

    /// Whether its answer keeps a slot until the client has it.
    pub(super) fn keeps_slot(&self) -> bool {
        self.progress.send_limit.get().is_some()
    }

    /// The headers that every answer has.
    pub(super) fn label(&self, headers: &mut HeaderMap) {
        let mut set = |name, value| headers.insert(HeaderName::from_static(name), value);
        let text = |text| HeaderValue::from_str(text).expect("ids and numbers are ASCII");
        set(X_REQUEST_ID, text(&self.identity.request_id));
        set("x-served-by", self.front.served_by.clone());
        let mut server_timing = String::new();
        for (name, time) in [
            ("queue", self.progress.queue.get()),
            ("compute", self.progress.compute.get()),
        ] {
            let Some(time) = time else { continue };
            if !server_timing.is_empty() {
                server_timing.push_str(", ");
            }
            let milliseconds = milliseconds(time);
            write!(server_timing, "{name};dur={milliseconds}").expect("a String takes all");
        }
        if !server_timing.is_empty() {
            set("server-timing", text(&server_timing));
        }
    }

    pub(super) fn record(&self, status: u16, reason: Option<&'static str>, bytes: u64) {
        self.recorded.set(true);
        let metrics = &self.front.metrics;
        let took = self.start.elapsed();
        metrics.in_flight.dec();
        // The request counts when it comes again, with its body.
        if reason != Some(ASKED) {
            self.count(status, reason, took);
        }
        #[cfg(feature = "otlp")]
        self.trace(status, reason, bytes);
        let trace = &self.identity.trace;
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    target: TARGET,
                    request_id = self.identity.request_id,
                    trace_id = trace.trace_id(),
                    span_id = trace.span_id(),
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
pub(super) fn method_label(method: &Method, status: u16) -> &str {
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
