//! The same as `exporting.rs` in a program without the feature `otlp`.

use std::time::Duration;

use crate::trace::{Spans, TraceContext};

/// Traces no request.
#[derive(Debug, Clone, Default)]
pub struct Tracer;

impl Tracer {
    pub fn begin(&self, context: TraceContext) -> (TraceContext, Spans) {
        (context, Spans)
    }

    pub async fn finish(&self, _: Duration) {}
}
