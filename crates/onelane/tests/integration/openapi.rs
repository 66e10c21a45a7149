//! The OpenAPI document: what is made of what workloads declare, and where it is.

use reqwest::Method;
use serde_json::{Value, json};

use crate::lane::{self, Lane, onelane, send};

/// What `onelane openapi` prints.
fn document() -> Value {
    let output = onelane().arg("openapi").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a reference leads to.
fn resolved<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    match part["$ref"].as_str() {
        Some(target) => document.pointer(target.trim_start_matches('#')).unwrap(),
        None => part,
    }
}

fn parameter<'a>(operation: &'a Value, name: &str) -> &'a Value {
    let mut parameters = operation["parameters"].as_array().unwrap().iter();
    parameters.find(|it| it["name"] == name).unwrap()
}

#[test]
fn every_route_is_there_by_its_methods_whether_it_is_described_or_not() {
    let routes = onelane().arg("routes").output().unwrap();
    let routes = String::from_utf8(routes.stdout).unwrap();
    let document = document();
    for route in routes.lines() {
        let mut words = route.split(' ');
        let methods = words.next().unwrap().to_lowercase();
        let path = &document["paths"][words.next().unwrap()];
        for method in methods.split(',') {
            let operation = &path[method];
            assert!(operation["operationId"].is_string(), "{route}: {path}");
            assert!(operation["responses"]["400"].is_object(), "{route}");
            let body = resolved(&document, &operation["requestBody"]);
            for word in words.clone().filter(|word| word.contains('/')) {
                let types = body["content"].as_object();
                let types = types.map(|types| types.keys().cloned().collect::<Vec<_>>().join(","));
                assert!(method == "get" || types.as_deref() == Some(word), "{route}");
            }
        }
    }
}

#[test]
fn no_two_operations_have_the_same_name() {
    let document = document();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let mut ids: Vec<_> = operations
        .map(|it| it["operationId"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "{ids:?}");
}

#[test]
fn a_field_is_a_parameter_of_get_and_a_member_of_the_body_of_post() {
    let document = document();
    let number = json!({"type": "integer", "format": "uint64", "minimum": 0, "maximum": u64::MAX});
    let get = parameter(&document["paths"]["/echo"]["get"], "number");
    assert_eq!(get["schema"], number);
    assert_eq!(get["required"], true);
    assert_eq!(get["examples"]["Seven"]["value"], 7);
    let post = &document["paths"]["/echo"]["post"];
    let media = &post["requestBody"]["content"]["application/json"];
    let input = resolved(&document, &media["schema"]);
    assert_eq!(input["properties"]["number"], number);
    assert_eq!(media["examples"]["Seven"]["value"], json!({"number": 7}));
    assert_eq!(post["requestBody"]["required"], true);
    let tone = parameter(&document["paths"]["/echo"]["get"], "tone");
    let tones = resolved(&document, &tone["schema"]);
    assert_eq!(tones["enum"], json!(["plain", "loud"]));
}

#[test]
fn what_may_be_missing_is_never_null_in_a_query() {
    let document = document();
    let fraction = parameter(&document["paths"]["/echo"]["get"], "fraction");
    assert_eq!(fraction["schema"]["type"], "number");
    assert!(fraction["required"].is_null());
}

#[test]
fn a_field_that_a_caller_may_leave_out_is_in_every_answer() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["EchoInput"]["required"], json!(["number"]));
    assert_eq!(schemas["EchoOutput"]["required"], json!(["number", "tone"]));
}

#[test]
fn limits_comments_and_presets_are_part_of_it() {
    let document = document();
    let ms = parameter(&document["paths"]["/sleep"]["get"], "ms");
    assert_eq!(ms["schema"]["maximum"], 3_600_000);
    assert_eq!(ms["description"], "At most an hour.");
    let ms = parameter(&document["paths"]["/block-server"]["get"], "ms");
    assert_eq!(ms["schema"]["default"], 5000);
    assert!(ms["required"].is_null(), "{ms}");
}

#[test]
fn raw_bytes_have_their_types_and_their_limit() {
    let document = document();
    let body = &document["paths"]["/take/bytes"]["post"]["requestBody"];
    let types: Vec<_> = body["content"].as_object().unwrap().keys().collect();
    assert_eq!(types, ["image/png", "text/*"]);
    assert_eq!(body["description"], "At most 8388608 bytes.");
}

#[test]
fn parameters_of_a_path_are_in_the_path_alone() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let (path, methods) = paths
        .iter()
        .find(|(path, _)| path.contains("{id}"))
        .unwrap();
    for (method, operation) in methods.as_object().unwrap() {
        let id = parameter(operation, "id");
        assert_eq!((&id["in"], &id["required"]), (&json!("path"), &json!(true)));
        assert!(operation["responses"]["404"].is_object(), "{method} {path}");
    }
}

#[test]
fn problems_of_a_workload_stand_beside_those_of_the_engine() {
    let document = document();
    let answers = &document["paths"]["/refuse"]["get"]["responses"];
    let reasons = |status: &str| {
        let content = &resolved(&document, &answers[status])["content"];
        let schema = &content["application/problem+json"]["schema"];
        schema["properties"]["reason"]["enum"].as_array().unwrap()
    };
    assert_eq!(*reasons("404"), ["unknown_customer"]);
    assert_eq!(*reasons("422"), ["invalid_order"]);
    assert_eq!(*reasons("504"), ["request_timeout"]);
    let unavailable = reasons("503");
    assert!(
        unavailable.contains(&json!("shop_closed")),
        "{unavailable:?}"
    );
    assert!(
        unavailable.contains(&json!("queue_full")),
        "{unavailable:?}"
    );
}

#[tokio::test]
async fn the_admin_port_has_it_and_a_page_of_it() {
    let lane = lane::start(&[]);
    let told = lane.admin("/openapi.json").await;
    assert_eq!(told.json(), document());
    let page = lane.admin("/openapi").await;
    assert!(page.text.contains("<h1>drills</h1>"), "{}", page.text);
    assert_eq!(lane.get("/openapi.json").await.status, 404);
}

#[tokio::test]
async fn a_service_may_tell_it_to_callers() {
    let mut command = onelane();
    command.env("WITH_PUBLIC_OPENAPI", "1");
    let lane = Lane::run(command);
    assert_eq!(lane.get("/openapi.json").await.json(), document());
    assert!(lane.get("/openapi").await.text.contains("<h1>drills</h1>"));
    let other = send(lane.request(Method::POST, "/openapi.json")).await;
    assert_eq!(other.status, 405);
    assert_eq!(other.header("allow"), Some("GET, HEAD"));
}
