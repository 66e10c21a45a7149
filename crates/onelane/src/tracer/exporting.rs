//! The tracer of a process that serves.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};
use prometheus::IntCounterVec;
use tokio::time::timeout;

use super::data::RequestSpans;
use super::export;
use super::queue::SpanQueue;
use crate::config::{RootSampler, Traces};
use crate::service::Service;
use crate::trace::{Spans, TraceContext};

/// Says which requests are traced, and takes their spans. The default one traces none. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<Arc<Exporting>>);

#[derive(Debug)]
struct Exporting {
    sampler: Sampler,
    queue: Arc<SpanQueue>,
}

impl Tracer {
    /// Exports from now on, on a thread of its own. `who` is the service, its mode and its host; `lost` counts what
    /// could not be exported. Where there is no thread for it, no request is traced.
    pub fn start(traces: &Traces, who: (&Service, &str, &str), lost: &IntCounterVec) -> Self {
        Self::try_start(traces, who, lost).unwrap_or_else(|err| {
            tracing::error!(%err, "nothing exports traces");
            Self::default()
        })
    }

    fn try_start(
        traces: &Traces,
        who: (&Service, &str, &str),
        lost: &IntCounterVec,
    ) -> io::Result<Self> {
        let exporter = export::exporter(traces, who).map_err(io::Error::other)?;
        let queue = Arc::new(SpanQueue::new(traces, lost));
        let exporting = queue.clone();
        let thread = thread::Builder::new().name("spans".to_owned());
        thread.spawn(move || export::run(&exporting, &exporter))?;
        let sampler = sampler(traces);
        Ok(Self(Some(Arc::new(Exporting { sampler, queue }))))
    }

    /// Decides whether the trace of a new request is sampled, so that it is said to others, and its spans recorded.
    pub fn begin(&self, context: TraceContext) -> (TraceContext, Spans) {
        let Some(exporting) = &self.0 else {
            return (context, Spans::default());
        };
        let is_sampled = exporting.samples(&context);
        let spans = if is_sampled {
            Spans::recorded()
        } else {
            Spans::default()
        };
        (context.sampled(is_sampled), spans)
    }

    /// Has the spans of a request exported, or counts them as lost.
    pub fn export(&self, request: RequestSpans) {
        if let Some(exporting) = &self.0 {
            exporting.queue.push(request);
        }
    }

    /// Takes no more, and waits until all is exported, for so long.
    pub async fn finish(&self, limit: Duration) {
        if let Some(exporting) = &self.0 {
            exporting.queue.end();
            timeout(limit, exporting.queue.finished()).await.ok();
        }
    }
}

impl Exporting {
    fn samples(&self, context: &TraceContext) -> bool {
        let trace = TraceId::from_hex(context.trace_id()).unwrap_or(TraceId::INVALID);
        let parent = context.parent_id().map(|parent| {
            let span = SpanId::from_hex(parent).unwrap_or(SpanId::INVALID);
            let flags = TraceFlags::default().with_sampled(context.is_sampled());
            let parent = SpanContext::new(trace, span, flags, true, TraceState::NONE);
            Context::new().with_remote_span_context(parent)
        });
        let server = SpanKind::Server;
        let sampled = self
            .sampler
            .should_sample(parent.as_ref(), trace, "", &server, &[], &[]);
        sampled.decision == SamplingDecision::RecordAndSample
    }
}

fn sampler(traces: &Traces) -> Sampler {
    let root = match traces.root {
        RootSampler::All => Sampler::AlwaysOn,
        RootSampler::None => Sampler::AlwaysOff,
        RootSampler::Ratio(ratio) => Sampler::TraceIdRatioBased(ratio),
    };
    if traces.parent_based {
        Sampler::ParentBased(Box::new(root))
    } else {
        root
    }
}
