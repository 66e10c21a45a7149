//! `openapi.json`, which `make openapi` writes: whether it is up to date, and whether its limits are those of the
//! workloads. Without the feature `openapi` the program has nothing but this file.

use onelane::testing;
use serde_json::Value;

use crate::{BINARY, flags, printed};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

fn file() -> String {
    std::fs::read_to_string(FILE).expect("`make openapi` writes it")
}

#[test]
fn the_document_is_that_of_the_workloads() {
    let is_current = printed(&["openapi"]) == file();
    assert!(is_current, "openapi.json is out of date: make openapi");
}

#[test]
fn the_admin_port_has_the_document() {
    let service = testing::start_with(BINARY, &flags("blocking"));
    let told = minreq::get(format!("{}/openapi.json", service.admin_url()));
    assert_eq!(told.send().unwrap().as_str().unwrap(), file());
}

/// A query with all that has to be in it, by its examples, but not the field of this name; none if it is not known what
/// to send.
fn beside(parameters: &[Value], name: &str) -> Option<String> {
    let others = parameters
        .iter()
        .filter(|it| it["required"] == true && it["name"] != name);
    let fields = others.map(|it| {
        let example = it["examples"].as_object()?.values().next()?;
        let value = example["value"].to_string();
        Some(format!(
            "{}={}&",
            it["name"].as_str()?,
            value.trim_matches('"')
        ))
    });
    fields.collect()
}

/// What a limit in the document leads to, for each number that has one in a query.
#[test]
fn the_largest_number_of_the_document_is_taken_and_a_larger_one_is_not() {
    let service = testing::start_with(BINARY, &flags("blocking"));
    let document: Value = serde_json::from_str(&file()).unwrap();
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let parameters = operations["get"]["parameters"].as_array();
        let parameters = parameters.map_or(&[][..], Vec::as_slice);
        for parameter in parameters.iter().filter(|it| it["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            let largest = parameter["schema"]["maximum"].as_u64();
            let (Some(largest), Some(fields)) = (largest, beside(parameters, name)) else {
                continue;
            };
            let status = |number: u128| {
                let asked = service.request("GET", &format!("{path}?{fields}{name}={number}"));
                // The largest may be a long computation.
                asked.header("X-Timeout", "0.01").send().status
            };
            let (largest, larger) = (u128::from(largest), u128::from(largest) + 1);
            assert_ne!(status(largest), 400, "{path}: {name}={largest}");
            assert_eq!(status(larger), 400, "{path}: {name}={larger}");
            tried += 1;
        }
    }
    let samples_are_there = document["paths"]["/count"].is_object();
    assert!(tried > 0 || !samples_are_there, "no limit was tried");
}
