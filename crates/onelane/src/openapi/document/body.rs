//! The body of a request: its types, its limit, and what is in it.

use serde_json::{Map, Value, json};

use super::described::reference;
use super::examples;
use super::operation::Operation;
use crate::workload::BodyKind;

/// None where a body means nothing.
pub(super) fn of(operation: &Operation, components: &mut Value) -> Option<Value> {
    if !operation.has_body() {
        return None;
    }
    let body = operation.route.body;
    let media = media(operation, components);
    let types = body.kind.types().iter();
    let content: Map<_, _> = types.map(|of| ((*of).to_owned(), media.clone())).collect();
    Some(json!({
        "description": format!("At most {} bytes.", body.limit),
        "required": is_required(operation),
        "content": content,
    }))
}

/// A request without a body has its fields in the query.
fn is_required(operation: &Operation) -> bool {
    let mut fields = operation.fields();
    let has_to = fields.any(|(name, _, is_required)| is_required && !operation.is_in_path(name));
    match operation.route.body.kind {
        BodyKind::None => false,
        BodyKind::Json | BodyKind::Form => has_to,
        // What becomes of no bytes is up to the workload; its caller has some.
        BodyKind::Raw(_) => true,
        #[cfg(feature = "multipart")]
        BodyKind::Multipart(files) => has_to || !files.required.is_empty(),
    }
}

/// What is said of each of its types.
fn media(operation: &Operation, components: &mut Value) -> Value {
    let mut media = json!({});
    match operation.route.body.kind {
        BodyKind::None | BodyKind::Raw(_) => {}
        BodyKind::Json | BodyKind::Form => {
            media["schema"] = fields(operation, components);
            if let Some(examples) = examples::of_body(operation) {
                media["examples"] = examples;
            }
        }
        #[cfg(feature = "multipart")]
        BodyKind::Multipart(files) => {
            media["schema"] = with_files(object(operation), &files);
        }
    }
    media
}

/// The schema of a body that has the fields of the input: a component, if all of them are in there.
fn fields(operation: &Operation, components: &mut Value) -> Value {
    let object = object(operation);
    let may_differ =
        operation.path_parameters().next().is_some() || !operation.route.preset.is_empty();
    if operation.described.input.is_none() || may_differ {
        return object;
    }
    let name = format!("{}Input", operation.described.name);
    components["schemas"][&name] = object;
    reference("schemas", &name)
}

/// The input without what stands in the path.
fn object(operation: &Operation) -> Value {
    let mut object = match &operation.described.input {
        Some(input) if input["type"] != "null" => input.clone(),
        _ => json!({ "type": "object" }),
    };
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, _| !operation.is_in_path(name));
    }
    if let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) {
        let is_there = |name: &Value| name.as_str().is_some_and(|name| operation.is_in_path(name));
        required.retain(|name| !is_there(name));
    }
    object
}

/// A form with its files, as far as they are known: more may be there.
#[cfg(feature = "multipart")]
fn with_files(mut form: Value, files: &crate::workload::Files) -> Value {
    for name in files.required {
        let mut file = json!({ "type": "string", "contentMediaType": "application/octet-stream" });
        if files.limit < usize::MAX {
            file["description"] = format!("At most {} bytes.", files.limit).into();
        }
        form["properties"][*name] = file;
        match form.get_mut("required").and_then(Value::as_array_mut) {
            Some(required) => required.push((*name).into()),
            None => form["required"] = json!([name]),
        }
    }
    form
}
