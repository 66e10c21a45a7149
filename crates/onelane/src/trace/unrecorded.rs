//! The same as `recorded.rs` in a program without the feature `otlp`: nothing.
#![expect(clippy::unused_self, reason = "those that record have a use for it")]

use super::{AttributeValue, TraceContext};

/// No spans.
#[derive(Debug, Clone, Default)]
pub struct Spans;

/// No id.
#[derive(Debug, Default)]
pub struct ComputeId;

/// What they come to.
#[derive(Debug, Clone, Default)]
pub struct SpanReport;

/// No span.
#[derive(Debug)]
pub(super) struct OpenSpan;

impl Spans {
    pub fn below(_: ComputeId) -> Self {
        Self
    }

    pub fn compute_id(&self) -> ComputeId {
        ComputeId
    }

    /// The request's own, because no other span is known anywhere.
    pub fn context(&self, request: &TraceContext) -> TraceContext {
        request.clone()
    }

    pub fn enter(&self) {}

    pub fn set_attribute(&self, _: &'static str, _: AttributeValue) {}

    pub fn report(&self) -> SpanReport {
        SpanReport
    }

    pub fn merge(&self, _: &SpanReport) {}

    pub(super) fn open(&self, _: &'static str, below: &TraceContext) -> (OpenSpan, TraceContext) {
        (OpenSpan, below.clone())
    }
}

impl OpenSpan {
    pub(super) fn set_attribute(&self, _: &'static str, _: AttributeValue) {}

    pub(super) fn set_error(&self, _: &str) {}
}
