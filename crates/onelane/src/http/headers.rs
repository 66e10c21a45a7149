//! Headers of ours: their names, request ids, and how we write numbers.

use std::rc::Rc;
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};

use crate::heads::{X_REQUEST_ID, is_sane_id};
use crate::trace::{Spans, TraceContext, random_id};
use crate::tracer::Tracer;

/// How long a balancer lets a request wait here; what makes it a balancer. With 0 it only looks for a slot.
pub(super) const X_LANE_HOLD_MS: &str = "x-lane-hold-ms";

/// The trace that a balancer begins for a request that comes without one. Its log tells the same.
const X_LANE_TRACE: &str = "x-lane-trace";

/// What the observer has found out about a request: by which ids logs know it.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub(super) request_id: String,
    pub(super) trace: TraceContext,
    /// What is recorded of its computation.
    pub(super) spans: Spans,
}

impl Identity {
    /// The caller's ids as far as they are sane, and new ones.
    pub(super) fn of(headers: &HeaderMap, tracer: &Tracer) -> Self {
        let given = text(headers, X_REQUEST_ID).filter(|id| is_sane_id(id));
        let all = |name| headers.get_all(name).map(HeaderValue::as_bytes);
        let chosen = text(headers, X_LANE_TRACE);
        let (mut parent, mut state) = (all("traceparent"), all("tracestate"));
        let trace = TraceContext::of_request(&mut parent, &mut state, chosen);
        let (trace, spans) = tracer.begin(trace);
        Self {
            request_id: given.map_or_else(random_id, str::to_owned),
            trace,
            spans,
        }
    }

    /// Of an observed request.
    pub(super) fn known(request: &HttpRequest) -> Rc<Self> {
        let extensions = request.extensions();
        extensions.get::<Rc<Self>>().cloned().unwrap_or_default()
    }
}

/// The id of an observed request.
pub(super) fn request_id(request: &HttpRequest) -> String {
    let extensions = request.extensions();
    let identity = extensions.get::<Rc<Identity>>();
    identity.map(|it| it.request_id.clone()).unwrap_or_default()
}

/// The value of a header, if it is text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The value of a `Retry-After` header, in seconds: the estimate, spread by a quarter so that those
/// who were refused together do not come back together, and within 1…30.
pub(super) fn retry_after(estimate: Duration) -> u64 {
    let spread = 0.75 + fastrand::f64() / 2.0;
    // 24 is where the spread ends at 30.
    let seconds = (estimate.as_secs_f64().min(24.0) * spread).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 30"
    )]
    let seconds = seconds as u64;
    seconds
}

/// Milliseconds with three decimals: microseconds, for people.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
