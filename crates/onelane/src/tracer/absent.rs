//! The same as `exporting.rs` in a program without the feature `otlp`.
#![expect(clippy::unused_self, reason = "the one that exports has a use for it")]

use crate::trace::{Spans, TraceContext};

/// Traces no request.
#[derive(Debug, Clone, Default)]
pub struct Tracer;

impl Tracer {
    pub fn begin(&self, context: TraceContext) -> (TraceContext, Spans) {
        (context, Spans)
    }
}
