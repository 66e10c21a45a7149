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

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Arc;

    use parking_lot::Mutex;
    use serde_json::json;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            self.0.lock().write(line)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_fields_of_spans_stand_beside_those_of_the_event() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(SpanFields)
            .event_format(Flat::default())
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let err: &dyn std::error::Error = &fmt::Error;
            let outer = tracing::error_span!("outer", id = "7", page = 1, "a \"name\"" = "\n");
            let _outer = outer.entered();
            let inner = tracing::error_span!("inner", page = 2, half = 0.5, r#type = ?Some("ü"), err, late = tracing::field::Empty);
            let inner = inner.entered();
            inner.record("late", true);
            tracing::error!(status = 200, "done");
        });
        let mut line: Value = serde_json::from_slice(&lines.0.lock()).unwrap();
        let fields = line.as_object_mut().unwrap();
        for own in ["timestamp", "level", "target"] {
            assert!(fields.remove(own).is_some(), "{own}");
        }
        let expected = json!({
            "message": "done",
            "status": 200,
            "page": 2,
            "half": 0.5,
            "type": "Some(\"ü\")",
            "err": fmt::Error.to_string(),
            "late": true,
            "id": "7",
            "a \"name\"": "\n",
        });
        assert_eq!(line, expected);
    }
}
