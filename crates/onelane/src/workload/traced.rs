//! What a workload knows of the trace of its request, and adds to it.

use super::call::Call;
use crate::trace::{AttributeValue, Span, TraceContext};

impl Call {
    /// The place of this computation in the trace of its request (W3C Trace Context), to be passed on to another
    /// service that is asked: as the headers `traceparent` and, where it is not empty, `tracestate`. In a unit test it is
    /// the beginning of a new trace.
    ///
    /// ```
    /// let call = onelane::Call::default();
    /// let header = format!("traceparent: {}", call.trace().traceparent());
    /// # assert!(header.starts_with("traceparent: 00-"));
    /// ```
    pub fn trace(&self) -> TraceContext {
        self.spans().context(self.request_trace())
    }

    /// Begins a part of the computation, which ends when it is dropped. It is a span of the trace where traces are
    /// exported (the feature `otlp`), and nothing elsewhere. A computation has 64 at most; more are counted, and
    /// lost.
    ///
    /// ```
    /// # fn decode() -> u32 { 7 }
    /// # let call = onelane::Call::default();
    /// let pixels = {
    ///     let span = call.span("decode");
    ///     let pixels = decode();
    ///     span.set_attribute("image.pixels", pixels);
    ///     pixels
    /// };
    /// # assert_eq!(pixels, 7);
    /// ```
    pub fn span(&self, name: &'static str) -> Span {
        Span::open(name, &self.trace(), self.spans())
    }

    /// Adds an attribute to the span of the computation itself, or sets it anew. It has 16 of a workload's own at most.
    pub fn set_attribute(&self, key: &'static str, value: impl Into<AttributeValue>) {
        self.spans().set_attribute(key, value.into());
    }
}
