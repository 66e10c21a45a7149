use serde_json::{Value, json};

use crate::lane::onelane;

/// What `onelane schema` prints.
fn document() -> Value {
    let output = onelane().arg("schema").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_workload_tells_its_routes_and_what_it_takes_and_answers() {
    let echo = &document()["echo"];
    let route = |path| json!({"path": path, "methods": ["GET", "POST"], "body": {"types": ["application/json"], "limit": 1 << 20}});
    assert_eq!(echo["routes"], json!([route("/echo"), route("/")]));
    let number = json!({"type": "integer", "format": "uint64", "minimum": 0});
    assert_eq!(echo["input"]["properties"]["number"], number);
    assert_eq!(echo["output"]["properties"]["number"], number);
    let tones = &echo["input"]["$defs"]["Tone"]["enum"];
    assert_eq!(*tones, json!(["plain", "loud"]));
}

#[test]
fn a_field_that_a_caller_may_leave_out_is_in_every_answer() {
    let document = document();
    let required = |side: &str| &document["echo"][side]["required"];
    assert_eq!(*required("input"), json!(["number"]));
    assert_eq!(*required("output"), json!(["number", "tone"]));
}

#[test]
fn limits_and_comments_are_part_of_it() {
    let ms = &document()["sleep"]["input"]["properties"]["ms"];
    assert_eq!(ms["maximum"], 3_600_000);
    assert_eq!(ms["description"], "At most an hour.");
}

#[test]
fn one_that_does_not_describe_itself_is_there_by_its_routes() {
    let document = document();
    let members = document["take-bytes"].as_object().unwrap();
    assert_eq!(members.keys().collect::<Vec<_>>(), ["routes"]);
    let body = json!({"types": ["image/png", "text/*"], "limit": 8 << 20});
    assert_eq!(members["routes"][0]["body"], body);
    assert_eq!(members["routes"][0]["methods"], json!(["POST"]));
}
