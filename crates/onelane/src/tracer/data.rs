//! From what is recorded of a request to what is exported of it.

use std::borrow::Cow;
use std::str::FromStr;
use std::time::UNIX_EPOCH;

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::trace::{AttributeValue, SpanRecord, TraceContext};

/// The spans of a request that has its answer.
#[derive(Debug)]
pub struct RequestSpans {
    /// The place of the first one in its trace.
    pub context: TraceContext,
    /// Whether the first one is a request of a caller's, and not a step on the way of one.
    pub is_served: bool,
    /// The first one is the request as a whole.
    pub spans: Vec<SpanRecord>,
    /// How many more there were.
    pub lost: u32,
}

impl RequestSpans {
    /// The same for the exporter.
    pub(super) fn export(
        self,
        scope: &InstrumentationScope,
    ) -> impl Iterator<Item = SpanData> + use<'_> {
        let trace = TraceId::from_hex(self.context.trace_id()).unwrap_or(TraceId::INVALID);
        let state = TraceState::from_str(self.context.tracestate()).unwrap_or(TraceState::NONE);
        let has_caller = self.context.parent_id().is_some();
        let spans = self.spans.into_iter().enumerate();
        spans.map(move |(at, span)| {
            let id = SpanId::from_bytes(span.id.to_be_bytes());
            let is_first = at == 0;
            let sampled = TraceFlags::SAMPLED;
            SpanData {
                span_context: SpanContext::new(trace, id, sampled, false, state.clone()),
                parent_span_id: SpanId::from_bytes(span.parent.to_be_bytes()),
                parent_span_is_remote: is_first && has_caller,
                span_kind: if is_first && self.is_served {
                    SpanKind::Server
                } else {
                    SpanKind::Internal
                },
                name: span.name,
                start_time: UNIX_EPOCH + span.start,
                end_time: UNIX_EPOCH + span.start + span.took,
                attributes: span.attributes.known.into_iter().map(attribute).collect(),
                dropped_attributes_count: span.attributes.lost,
                events: SpanEvents::default(),
                links: SpanLinks::default(),
                status: span.error.map_or(Status::Unset, Status::error),
                instrumentation_scope: scope.clone(),
            }
        })
    }
}

fn attribute((key, value): (Cow<'static, str>, AttributeValue)) -> KeyValue {
    let value = match value {
        AttributeValue::Text(text) => Value::String(text.into()),
        AttributeValue::Whole(number) => Value::I64(number),
        AttributeValue::Number(number) => Value::F64(number),
        AttributeValue::Truth(truth) => Value::Bool(truth),
    };
    KeyValue::new(key, value)
}
