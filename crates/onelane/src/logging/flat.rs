//! An event as one JSON object. The fields of the spans around it stand beside its own, so that every
//! line has the id of its request in the same place.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::fields::{self, SpanFields};

/// Writes the objects.
pub(super) struct Flat(Format<Json>);

impl Default for Flat {
    fn default() -> Self {
        let format = Format::default().json().flatten_event(true);
        Self(format.with_current_span(false).with_span_list(false))
    }
}

impl<S> FormatEvent<S, SpanFields> for Flat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, SpanFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(spans) = context.event_scope() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        let mut all = object(&line)?;
        for span in spans {
            let extensions = span.extensions();
            if let Some(more) = extensions.get::<FormattedFields<SpanFields>>() {
                for (name, value) in object(&fields::object(&more.fields))? {
                    // What is said closest to the event counts.
                    all.entry(name).or_insert(value);
                }
            }
        }
        writeln!(writer, "{}", Value::Object(all))
    }
}

fn object(text: &str) -> Result<Map<String, Value>, fmt::Error> {
    serde_json::from_str(text).map_err(|_| fmt::Error)
}
