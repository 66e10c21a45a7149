//! The fields of a span as parts of a JSON object. Every request has a span, and few say anything in it: so this makes
//! no objects, but text that [`Flat`](super::flat::Flat) reads when there is something to write.

use std::fmt::{self, Debug};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

/// Writes each field as `,"name":value`.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpanFields;

impl<'writer> FormatFields<'writer> for SpanFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut members = Members(writer, Ok(()));
        fields.record(&mut members);
        members.1
    }

    fn add_fields(
        &self,
        current: &'writer mut FormattedFields<Self>,
        fields: &Record<'_>,
    ) -> fmt::Result {
        self.format_fields(current.as_writer(), fields)
    }
}

/// Without the mark of a name that is a keyword.
fn name(field: &Field) -> &'static str {
    field.name().trim_start_matches("r#")
}

/// The object that they are.
pub(super) fn object(members: &str) -> String {
    format!("{{{}}}", members.trim_start_matches(','))
}

struct Members<'a>(Writer<'a>, fmt::Result);

impl Members<'_> {
    fn put(&mut self, field: &Field, value: impl Serialize) {
        let value = serde_json::to_string(&value).map_err(|_| fmt::Error);
        let put = value.and_then(|value| write!(self.0, ",{:?}:{value}", name(field)));
        self.1 = self.1.and(put);
    }
}

impl Visit for Members<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}"));
    }
}
