//! The OpenAPI document of a service: what it can be asked and what it answers, for machines.
//!
//! It is made from what the workloads declare: their routes, examples and reasons, and the schemas of their inputs and
//! outputs (`Workload::schemas`). What all services have in common is in `components.json` and `problems.rs`.

mod answers;
mod body;
mod described;
mod examples;
mod operation;
mod parameters;
mod problems;
mod words;

use serde_json::{Map, Value, json};

use self::described::Described;
use self::operation::Operation;
use crate::service::Service;

/// The headers, parameters and schemas of every service.
const COMPONENTS: &str = include_str!("components.json");

const DESCRIPTION: &str = "Every error is `application/problem+json` (RFC 9457) with a `reason` for machines. HEAD is \
    answered wherever GET is, and OPTIONS tells the methods of a path.";

/// The document, on many lines.
pub(super) fn document(service: &Service) -> String {
    format!("{:#}\n", value(service))
}

fn value(service: &Service) -> Value {
    let mut components = serde_json::from_str(COMPONENTS).expect("it is JSON");
    answers::add_problems(&mut components);
    let paths = paths(service, &mut components);
    let names = service.workloads.iter();
    let tags: Vec<_> = names.map(|of| json!({ "name": of.name })).collect();
    json!({
        "openapi": "3.1.0",
        "info": { "title": service.name, "version": service.version, "description": DESCRIPTION },
        "tags": tags,
        // It is the deployment that wants a key, or does not.
        "security": [{}, { "ApiKey": [] }, { "Bearer": [] }],
        "paths": paths,
        "components": components,
    })
}

/// Every path with its methods, in the order of their declaration.
fn paths(service: &Service, components: &mut Value) -> Map<String, Value> {
    let mut paths = Map::new();
    for workload in &service.workloads {
        let described = Described::of(workload, components);
        for route in workload.routes {
            let path = paths.entry(route.path).or_insert_with(|| json!({}));
            for method in route.methods {
                let operation = Operation {
                    workload,
                    route,
                    method: *method,
                    described: &described,
                };
                path[method.name().to_ascii_lowercase()] = words::of(&operation, components);
            }
        }
    }
    paths
}
