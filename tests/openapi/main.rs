//! The OpenAPI document: whether it is one, and whether one lane answers as it says. `tests/deploy/openapi.rs` asks the
//! same through nginx, `tests/service/openapi.rs` whether the document is up to date.
//!
//! schemathesis and the validator are Python packages. Where they cannot be had, the tests say that they are skipped and
//! pass; with CI=true they fail.

use std::path::PathBuf;
use std::process::Stdio;

use onelane_rig::Lane;
use onelane_stack::{conforms, python_packages};
use onelane_tree::root;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const BINARY: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

fn document() -> PathBuf {
    root().join("openapi.json")
}

/// What is wrong with a document, a line each; nothing where the validator cannot be had.
async fn faults(document: &str) -> Option<String> {
    let tools = python_packages("tests/openapi/requirements.txt")?;
    let mut validate = Command::new("python3")
        .arg(root().join("tests/openapi/validate.py"))
        .env("PYTHONPATH", tools)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the script has found a Python");
    let mut input = validate.stdin.take().expect("it is piped");
    input
        .write_all(document.as_bytes())
        .await
        .expect("it reads");
    drop(input);
    let output = validate.wait_with_output().await.expect("it ends");
    assert!(output.status.success(), "validate.py failed");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn the_document_is_valid() {
    let text = std::fs::read_to_string(document()).unwrap();
    let Some(found) = faults(&text).await else {
        return;
    };
    assert_eq!(found, "");
    let broken = text.replace("\"responses\": {", "\"response\": {");
    let found = faults(&broken).await.expect("it was there");
    assert_ne!(found, "", "the validator finds nothing");
}

/// The reasons of a status in the document; none if it does not have the status.
fn reasons(document: &Value, status: &str) -> Vec<String> {
    let answer = &document["components"]["responses"][format!("Problem{status}")];
    let schema = &answer["content"]["application/problem+json"]["schema"];
    let reasons = schema["properties"]["reason"]["enum"].as_array();
    let reasons = reasons.into_iter().flatten();
    reasons
        .map(|reason| reason.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn errors_of_nginx_and_of_the_docs_are_those_of_the_document() {
    let read = |file: &str| std::fs::read_to_string(root().join(file)).unwrap();
    let document: Value = serde_json::from_str(&read("openapi.json")).unwrap();
    let has = |status: &str, reason: &str| reasons(&document, status).iter().any(|of| of == reason);

    let problems = read("nginx/problems.conf");
    let (_, map) = problems.split_once("$problem_reason {").unwrap();
    let lines = map.split('}').next().unwrap().lines();
    let of_nginx = lines.filter_map(|line| line.trim().trim_end_matches(';').split_once(' '));
    let of_nginx =
        of_nginx.filter(|(status, reason)| *status != "default" && !reason.starts_with('$'));
    let mut tried = 0;
    for (status, reason) in of_nginx {
        assert!(has(status, reason), "nginx: {status} {reason}");
        tried += 1;
    }

    for row in read("docs/api.md").lines() {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [statuses, names, _] = cells[..] else {
            continue;
        };
        if !statuses.starts_with(|digit: char| digit.is_ascii_digit()) || !names.starts_with('`') {
            continue;
        }
        for name in names.split(", ").map(|name| name.trim_matches('`')) {
            let mut statuses = statuses.split(", ");
            assert!(statuses.any(|status| has(status, name)), "{name}: {row}");
            tried += 1;
        }
    }
    assert!(tried > 25, "{tried} errors were found");
}

#[tokio::test]
async fn a_lane_answers_as_the_document_says() {
    let lane = Lane::run(onelane_rig::command(BINARY));
    conforms(&document(), &format!("http://{}", lane.listen)).await;
}
