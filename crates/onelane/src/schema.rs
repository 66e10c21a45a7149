//! The role that prints what every workload takes and answers, as one JSON document.

use serde_json::{Map, Value, json};

use crate::service::Service;
use crate::workload::{Definition, Route};

/// An object with a member for each workload. Those that do not describe themselves have their routes and
/// nothing else.
pub fn document(service: &Service) -> String {
    let workloads = service.workloads.iter();
    let document: Map<_, _> = workloads
        .map(|workload| (workload.name.to_owned(), described(workload)))
        .collect();
    format!("{:#}\n", Value::Object(document))
}

fn described(workload: &Definition) -> Value {
    let routes: Vec<_> = workload.routes.iter().map(declared).collect();
    let mut members = json!({ "routes": routes });
    if let Some(schemas) = (workload.schemas)() {
        members["input"] = schemas.input.to_value();
        if let Some(output) = schemas.output {
            members["output"] = output.to_value();
        }
    }
    members
}

fn declared(route: &Route) -> Value {
    let methods: Vec<_> = route.methods.iter().map(|method| method.name()).collect();
    let mut members = json!({ "path": route.path, "methods": methods });
    let types = route.body.kind.types();
    if !types.is_empty() {
        members["body"] = json!({ "types": types, "limit": route.body.limit });
    }
    members
}
