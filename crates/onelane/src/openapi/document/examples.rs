//! The declared examples, as the values of parameters and as bodies.

use form_urlencoded::parse;
use serde_json::{Map, Value, json};

use super::operation::Operation;
use crate::workload::{BodyKind, Example};

/// A text of a query as the JSON that it stands for.
pub(super) fn typed(schema: &Value, text: &str) -> Value {
    let is_text = match &schema["type"] {
        Value::String(of) => of == "string",
        Value::Array(types) => types.iter().any(|of| of == "string"),
        // A name out of a few.
        _ => true,
    };
    let value = (!is_text).then(|| serde_json::from_str(text).ok());
    value.flatten().unwrap_or_else(|| text.into())
}

/// The values that a parameter has in the examples; none if it has none.
pub(super) fn of_parameter(operation: &Operation, name: &str, schema: &Value) -> Option<Value> {
    let values = operation.route.examples.iter().filter_map(|example| {
        let mut fields = parse(example.query.as_bytes());
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(entry(example, &typed(schema, &value)))
    });
    some(values.collect())
}

/// The bodies of the examples; none if they have none.
pub(super) fn of_body(operation: &Operation) -> Option<Value> {
    let examples = operation.route.examples.iter();
    let values = examples.filter_map(|example| {
        let value = match operation.route.body.kind {
            BodyKind::Json if !example.body.is_empty() => {
                serde_json::from_str(example.body).ok()?
            }
            BodyKind::Form if !example.body.is_empty() => fields(operation, example.body),
            BodyKind::Json | BodyKind::Form => fields(operation, example.query),
            _ => return None,
        };
        Some(entry(example, &value))
    });
    some(values.collect())
}

/// What a query string says, as an object.
fn fields(operation: &Operation, query: &str) -> Value {
    let pairs = parse(query.as_bytes()).filter(|(name, _)| !operation.is_in_path(name));
    let typed = pairs.map(|(name, text)| {
        let field = operation.fields().find(|(field, ..)| *field == name);
        let value = field.map_or_else(|| (*text).into(), |(_, schema, _)| typed(schema, &text));
        (name.into_owned(), value)
    });
    typed.collect::<Map<_, _>>().into()
}

/// The name and the content of an example in a document.
fn entry(example: &Example, value: &Value) -> (String, Value) {
    let name = match example.label {
        "" => "Example",
        label => label,
    };
    let mut content = json!({ "value": value });
    if !example.note.is_empty() {
        content["description"] = example.note.into();
    }
    (name.to_owned(), content)
}

fn some(examples: Map<String, Value>) -> Option<Value> {
    (!examples.is_empty()).then(|| examples.into())
}
