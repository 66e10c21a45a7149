//! The thread that exports.

use std::sync::Arc;

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SpanExporter;

use super::client::PlainHttp;
use super::queue::SpanQueue;
use crate::config::Traces;
use crate::service::{ENGINE_VERSION, Service};

/// What exports, and for whom. Which process that is stands in each span of a computation.
pub(super) fn exporter(
    traces: &Traces,
    (service, mode, host): (&Service, &str, &str),
) -> Result<opentelemetry_otlp::SpanExporter, ExporterBuildError> {
    let client = PlainHttp {
        timeout: traces.timeout,
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(&traces.endpoint)
        .with_timeout(traces.timeout);
    let mut exporter = exporter.build()?;
    let known = [
        ("service.name", service.name),
        ("service.version", service.version),
        ("host.name", host),
        ("onelane.mode", mode),
    ];
    let known = known.map(|(key, value)| KeyValue::new(key, value.to_owned()));
    let resource = Resource::builder_empty()
        .with_attributes(known)
        .with_detector(Box::new(TelemetryResourceDetector))
        // Later ones count.
        .with_detector(Box::new(EnvResourceDetector::new()));
    let resource = match &traces.service_name {
        Some(name) => resource.with_service_name(name.clone()),
        None => resource,
    };
    exporter.set_resource(&resource.build());
    Ok(exporter)
}

/// Exports until there is no more to come.
pub(super) fn run(queue: &Arc<SpanQueue>, exporter: &impl SpanExporter) {
    let scope = InstrumentationScope::builder("onelane").with_version(ENGINE_VERSION);
    let scope = scope.build();
    // Only the first failure in a row is logged.
    let mut fails = false;
    while let Some(batch) = queue.next() {
        let spans: Vec<_> = batch
            .into_iter()
            .flat_map(|request| request.export(&scope))
            .collect();
        let count = spans.len();
        if fails && queue.ends() {
            // Nor will it take these in the last moment.
            queue.not_exported(count);
            continue;
        }
        let outcome = futures_executor::block_on(exporter.export(spans));
        let failed = std::mem::replace(&mut fails, outcome.is_err());
        match outcome {
            Ok(()) if failed => tracing::info!("the collector takes spans again"),
            Ok(()) => {}
            Err(err) => {
                queue.not_exported(count);
                if !failed {
                    tracing::warn!(%err, "the collector takes no spans");
                }
            }
        }
    }
    queue.finish();
}
