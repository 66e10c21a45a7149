//! `openapi.json`, which `make openapi` writes: whether it is up to date, and whether its limits are those of the
//! workloads. Without the feature `openapi` the program has nothing but this file, which may be old then.

use onelane::testing;
use serde_json::Value;

use crate::{BINARY, flags, printed};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

fn file() -> String {
    std::fs::read_to_string(FILE).expect("`make openapi` writes it")
}

#[cfg(feature = "openapi")]
#[test]
fn the_document_is_that_of_the_workloads() {
    let is_current = printed(&["openapi"]) == file();
    assert!(is_current, "openapi.json is out of date: make openapi");
}

#[test]
fn the_admin_port_has_the_document_and_the_public_port_has_not() {
    let service = testing::start_with(BINARY, &flags("blocking"));
    let told = minreq::get(format!("{}/openapi.json", service.admin_url()));
    assert_eq!(told.send().unwrap().as_str().unwrap(), file());
    assert_eq!(service.get("/openapi.json").status, 404);
}

/// What a limit in the document leads to, for each number that has one in a query.
#[cfg(feature = "openapi")]
#[test]
fn the_largest_number_of_the_document_is_taken_and_a_larger_one_is_not() {
    let service = testing::start_with(BINARY, &flags("blocking"));
    let document: Value = serde_json::from_str(&file()).unwrap();
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let parameters = operations["get"]["parameters"].as_array();
        for parameter in parameters.into_iter().flatten() {
            let Some(largest) = parameter["schema"]["maximum"].as_u64() else {
                continue;
            };
            let name = parameter["name"].as_str().unwrap();
            let status = |number: u128| {
                let asked = service.request("GET", &format!("{path}?{name}={number}"));
                // The largest may be a long computation.
                asked.header("X-Timeout", "0.01").send().status
            };
            let (largest, larger) = (u128::from(largest), u128::from(largest) + 1);
            assert_ne!(status(largest), 400, "{path}: {name}={largest}");
            assert_eq!(status(larger), 400, "{path}: {name}={larger}");
            tried += 1;
        }
    }
    assert!(
        tried > 0 || !file().contains("\"maximum\""),
        "no limit was tried"
    );
}
