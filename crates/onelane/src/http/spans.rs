//! The spans of a request: itself, its time in the queue and on its slot, and what its workload has added. Their names and
//! attributes are those of OpenTelemetry's conventions for HTTP servers, where there are some.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use actix_web::http::Method;

use super::observation::{CLIENT_GONE, Observation, method_label};
use super::reason::{ASKED, BUSY, GONE};
use crate::trace::{AttributeValue, Attributes, SpanRecord, SpanReport};
use crate::tracer::RequestSpans;

/// How a request ended.
#[derive(Clone, Copy)]
struct End {
    status: u16,
    reason: Option<&'static str>,
    bytes: u64,
    /// Now.
    at: (Instant, Duration),
}

impl Observation {
    /// Has the spans of this request exported, if its trace is sampled.
    pub(super) fn trace(&self, status: u16, reason: Option<&'static str>, bytes: u64) {
        let Some(compute_id) = self.identity.spans.compute_id() else {
            return;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let end = End {
            status,
            reason,
            bytes,
            at: (Instant::now(), now.unwrap_or_default()),
        };
        let mut report = self.identity.spans.report();
        let request = self.request_span(end);
        let id = request.id;
        let mut spans = vec![request];
        spans.extend(self.queue_span(id, end));
        spans.extend(self.compute_span((compute_id, id), &mut report, end));
        spans.append(&mut report.spans);
        self.front.tracer.export(RequestSpans {
            context: self.identity.trace.clone(),
            is_served: !end.is_hop(),
            spans,
            lost: report.lost,
        });
    }

    fn request_span(&self, end: End) -> SpanRecord {
        let trace = &self.identity.trace;
        let name = match end.reason {
            Some(reason @ (BUSY | ASKED)) => reason.to_owned(),
            _ => self.name(end),
        };
        SpanRecord {
            name: name.into(),
            id: number(trace.span_id()),
            parent: trace.parent_id().map_or(0, number),
            start: end.when(self.start),
            took: self.start.elapsed(),
            attributes: self.attributes(end),
            error: end.failure(),
        }
    }

    /// Bounded, unlike paths.
    fn name(&self, end: End) -> String {
        let method = match method_label(&self.method, end.status) {
            "other" => "HTTP",
            method => method,
        };
        match self.route.as_str() {
            "none" => method.to_owned(),
            route => format!("{method} {route}"),
        }
    }

    fn attributes(&self, end: End) -> Attributes {
        let mut known = Attributes::default();
        let mut set = |key, value: AttributeValue| known.set(key, value);
        if is_standard(&self.method) {
            set("http.request.method", self.method.as_str().into());
        } else {
            set("http.request.method", "_OTHER".into());
            set("http.request.method_original", self.method.as_str().into());
        }
        let (path, query) = match self.uri.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.uri.as_str(), None),
        };
        set("url.scheme", self.scheme.as_str().into());
        set("url.path", path.into());
        if let Some(query) = query {
            set("url.query", query.into());
        }
        if self.route != "none" {
            set("http.route", self.route.as_str().into());
        }
        if end.status != CLIENT_GONE {
            set("http.response.status_code", u32::from(end.status).into());
            set("http.response.body.size", end.bytes.into());
        }
        if let Some(reason) = end.reason {
            set("onelane.reason", reason.into());
        }
        if let Some(failure) = end.failure() {
            set("error.type", failure.into());
        }
        set("client.address", self.client.as_str().into());
        if let Some(agent) = &self.user_agent {
            set("user_agent.original", agent.as_str().into());
        }
        set(
            "onelane.request_id",
            self.identity.request_id.as_str().into(),
        );
        known
    }

    /// From its arrival, at nginx if that said so, to its slot.
    fn queue_span(&self, parent: u64, end: End) -> Option<SpanRecord> {
        let took = self.progress.queue.get()?;
        let slot_since = self.progress.slot_since.get()?;
        Some(SpanRecord {
            name: "queue".into(),
            id: fastrand::u64(1..),
            parent,
            start: end.when(slot_since).saturating_sub(took),
            took,
            attributes: Attributes::default(),
            error: None,
        })
    }

    fn compute_span(
        &self,
        (id, parent): (u64, u64),
        report: &mut SpanReport,
        end: End,
    ) -> Option<SpanRecord> {
        let (slot, since) = self.progress.compute_since.get()?;
        let took = self.progress.compute.get();
        let mut attributes = std::mem::take(&mut report.attributes);
        // Beside those of the workload, which are bounded already.
        attributes.known.push(("onelane.slot".into(), slot.into()));
        if report.pid != 0 {
            attributes
                .known
                .push(("process.pid".into(), report.pid.into()));
        }
        Some(SpanRecord {
            name: "compute".into(),
            id,
            parent,
            start: end.when(since),
            took: took.unwrap_or_else(|| since.elapsed()),
            attributes,
            error: end.failure(),
        })
    }
}

impl End {
    /// The time of day of an instant.
    fn when(self, instant: Instant) -> Duration {
        let (now, since_epoch) = self.at;
        since_epoch.saturating_sub(now.saturating_duration_since(instant))
    }

    /// A step on the way of a request, of which the balancer knows more.
    fn is_hop(self) -> bool {
        matches!(self.reason, Some(BUSY | ASKED))
    }

    /// Why it failed, if that is a fault of the service: not of its caller, and none of a client that has left.
    fn failure(self) -> Option<String> {
        match self.reason {
            Some(GONE) => None,
            _ if self.is_hop() => None,
            Some(reason) if self.status >= 500 || self.status < 400 => Some(reason.to_owned()),
            None if self.status >= 500 => Some(self.status.to_string()),
            _ => None,
        }
    }
}

fn number(id: &str) -> u64 {
    u64::from_str_radix(id, 16).unwrap_or_default()
}

/// The methods that OpenTelemetry knows.
fn is_standard(method: &Method) -> bool {
    const STANDARD: [Method; 9] = [
        Method::CONNECT,
        Method::DELETE,
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::PATCH,
        Method::POST,
        Method::PUT,
        Method::TRACE,
    ];
    STANDARD.contains(method)
}
