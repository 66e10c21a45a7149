//! All that the document says of an operation.

use serde_json::{Value, json};

use super::operation::Operation;
use super::{answers, body, parameters};

/// What is said of it; what several operations have in common becomes a component.
pub(super) fn of(operation: &Operation, components: &mut Value) -> Value {
    let described = operation.described;
    let mut words = json!({ "operationId": operation.id(), "tags": [operation.workload.name] });
    if described.input.is_none() {
        // Then any fields seem right. Programs that ask at random leave it out.
        words["x-undescribed"] = true.into();
    }
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            words[name] = value;
        }
    };
    add("summary", described.summary.clone().map(Value::from));
    add(
        "description",
        described.description.clone().map(Value::from),
    );
    add("parameters", Some(parameters::of(operation).into()));
    add("requestBody", body::of(operation, components));
    add("responses", Some(answers::of(operation, components)));
    words
}
