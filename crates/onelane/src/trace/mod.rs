//! Traces: which one a request belongs to (W3C Trace Context), and what its workload adds to it. This is always
//! there; spans are recorded with the feature `otlp` only, and exported by [`crate::tracer`].

mod attribute;
mod context;
#[cfg(feature = "otlp")]
mod lost;
#[cfg(feature = "otlp")]
mod recorded;
mod span;
#[cfg(not(feature = "otlp"))]
mod unrecorded;

pub use attribute::AttributeValue;
pub use context::TraceContext;
pub(crate) use context::random_id;
#[cfg(feature = "otlp")]
pub use lost::{LOST, NOT_EXPORTED, QUEUE_FULL, TOO_MANY};
#[cfg(feature = "otlp")]
pub use recorded::{Attributes, ComputeId, SpanRecord, SpanReport, Spans};
pub use span::Span;
#[cfg(not(feature = "otlp"))]
pub use unrecorded::{ComputeId, SpanReport, Spans};
