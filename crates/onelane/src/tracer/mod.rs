//! Which requests are traced, and how their spans reach a collector: by OTLP over HTTP, from a thread with a bounded
//! queue that no request ever waits for. Without the feature `otlp` none is, and none does.

#[cfg(not(feature = "otlp"))]
mod absent;
#[cfg(feature = "otlp")]
mod client;
#[cfg(feature = "otlp")]
mod data;
#[cfg(feature = "otlp")]
mod export;
#[cfg(feature = "otlp")]
mod exporting;
#[cfg(feature = "otlp")]
mod queue;

#[cfg(not(feature = "otlp"))]
pub use absent::Tracer;
#[cfg(feature = "otlp")]
pub use data::RequestSpans;
#[cfg(feature = "otlp")]
pub use exporting::Tracer;
