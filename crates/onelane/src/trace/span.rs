//! A span of a workload's own.

#[cfg(feature = "otlp")]
use super::recorded::{OpenSpan, Spans};
#[cfg(not(feature = "otlp"))]
use super::unrecorded::{OpenSpan, Spans};
use super::{AttributeValue, TraceContext};

/// A part of a computation, from [`Call::span`](crate::Call::span) until this is dropped.
///
/// It is recorded where the program has the feature `otlp` and somebody collects traces, if this trace is one of those
/// that are sampled. Otherwise all of this does nothing.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    context: TraceContext,
    spans: Spans,
    open: OpenSpan,
}

impl Span {
    /// A span below the one of `context`.
    pub(crate) fn open(name: &'static str, context: &TraceContext, spans: &Spans) -> Self {
        let (open, context) = spans.open(name, context);
        let spans = spans.clone();
        Self {
            context,
            spans,
            open,
        }
    }

    /// Adds an attribute, or sets it anew. A span has 16 at most; more are counted, and lost.
    pub fn set_attribute(&self, key: &'static str, value: impl Into<AttributeValue>) {
        self.open.set_attribute(key, value.into());
    }

    /// Says that this part has failed, and why.
    pub fn set_error(&self, why: &str) {
        self.open.set_error(why);
    }

    /// A part of this part.
    pub fn span(&self, name: &'static str) -> Self {
        Self::open(name, &self.context, &self.spans)
    }

    /// The place of this span in the trace, to be passed on to another service that is asked meanwhile.
    pub fn trace(&self) -> &TraceContext {
        &self.context
    }
}
