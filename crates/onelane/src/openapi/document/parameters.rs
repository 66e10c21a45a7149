//! What a caller says in the path, the query and the headers.

use form_urlencoded::parse;
use serde_json::{Value, json};

use super::described::reference;
use super::examples;
use super::operation::Operation;
use crate::workload::{BodyKind, Method};

/// All of them. Where a body has the fields of the input, the query is left out, although it may have some of them.
pub(super) fn of(operation: &Operation) -> Vec<Value> {
    let path = operation.path_parameters();
    let mut all: Vec<_> = path.map(|name| in_path(operation, name)).collect();
    let is_raw = matches!(operation.route.body.kind, BodyKind::Raw(_));
    if is_raw || !operation.has_body() {
        all.extend(in_query(operation));
    }
    all.extend(headers(operation).map(|name| reference("parameters", name)));
    all
}

fn in_path(operation: &Operation, name: &str) -> Value {
    let found = operation.fields().find(|(field, ..)| *field == name);
    let schema = found.map_or_else(
        || json!({ "type": "string" }),
        |(_, schema, _)| schema.clone(),
    );
    parameter(operation, name, "path", true, schema)
}

fn in_query(operation: &Operation) -> Vec<Value> {
    let fields = operation.fields();
    let fields = fields.filter(|(name, ..)| !operation.is_in_path(name));
    let fields: Vec<_> = fields
        .map(|(name, schema, is_required)| {
            let mut schema = schema.clone();
            let mut preset = parse(operation.route.preset.as_bytes());
            if let Some((_, value)) = preset.find(|(field, _)| field == name) {
                schema["default"] = examples::typed(&schema, &value);
            }
            parameter(operation, name, "query", is_required, schema)
        })
        .collect();
    match &operation.described.input {
        // One of several shapes: its fields are not the same in all of them.
        Some(input) if input.get("properties").is_none() && is_one_of_several(input) => {
            let mut input = parameter(operation, "input", "query", false, input.clone());
            input["style"] = "form".into();
            input["explode"] = true.into();
            vec![input]
        }
        _ => fields,
    }
}

fn is_one_of_several(input: &Value) -> bool {
    ["oneOf", "anyOf", "$ref"]
        .iter()
        .any(|word| input.get(word).is_some())
}

fn parameter(
    operation: &Operation,
    name: &str,
    place: &str,
    is_required: bool,
    mut schema: Value,
) -> Value {
    never_null(&mut schema);
    let mut parameter = json!({ "name": name, "in": place });
    if let Some(members) = schema.as_object_mut()
        && let Some(description) = members.shift_remove("description")
    {
        parameter["description"] = description;
    }
    if is_required {
        parameter["required"] = true.into();
    }
    let examples = examples::of_parameter(operation, name, &schema);
    parameter["schema"] = schema;
    if let Some(examples) = examples {
        parameter["examples"] = examples;
    }
    parameter
}

/// Nothing in a URL is null: what is not there is left out.
fn never_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|of| of != "null");
        if let [of] = types.as_slice() {
            schema["type"] = of.clone();
        }
    }
    if let Some(any) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        any.retain(|of| of["type"] != "null");
        if let [Value::Object(only)] = any.as_slice() {
            let only = only.clone();
            let members = schema.as_object_mut().expect("it has a member");
            members.shift_remove("anyOf");
            members.extend(only);
        }
    }
    if schema["default"].is_null()
        && let Some(members) = schema.as_object_mut()
    {
        members.shift_remove("default");
    }
}

fn headers(operation: &Operation) -> impl Iterator<Item = &'static str> {
    let repeats = operation.method != Method::Get;
    let is_kept = !repeats && operation.route.max_age > 0;
    let own = ["X-Timeout", "X-Request-Id"].into_iter();
    let own = own.chain(repeats.then_some("Idempotency-Key"));
    own.chain(is_kept.then_some("If-None-Match"))
}
