//! Requests that are made from an OpenAPI document, and answers that are held against it, by schemathesis.

use std::path::Path;
use std::process::Output;

use onelane_tree::root;
use serde_json::Value;
use tokio::process::Command;

use crate::python::python_packages;

/// Requests of each kind for each operation. More find more, and take longer.
const EXAMPLES: &str = "10";

/// Asks the server at `base` all sorts of right and wrong questions: each answer has a status, headers and a body that
/// `document` has for it, wrong questions are refused, and none is answered 5xx.
pub async fn conforms(document: &Path, base: &str) {
    let Some(tools) = python_packages("tests/openapi/requirements.txt") else {
        return;
    };
    let output = run(&tools, document, base).await;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{base}: {said}");
    // It also ends well where it has made no request.
    assert!(said.contains("Fuzzing (in"), "{said}");
}

/// Leaves out the operations of workloads that do not describe their fields: any would seem right.
fn undescribed(document: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(document).expect("there is a document");
    let document: Value = serde_json::from_str(&text).expect("it is JSON");
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(_, path)| path.as_object().into_iter().flatten());
    let left_out = operations.filter(|(_, operation)| operation["x-undescribed"] == true);
    let ids = left_out.filter_map(|(_, operation)| operation["operationId"].as_str());
    ids.flat_map(|id| ["--exclude-operation-id".to_owned(), id.to_owned()])
        .collect()
}

async fn run(tools: &str, document: &Path, base: &str) -> Output {
    // It leaves files where it works.
    let folder = tempfile::tempdir().expect("there is room");
    let mut command = Command::new("python3");
    command
        .arg(format!("{tools}/bin/schemathesis"))
        .args(["--no-color", "run", "--url", base])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", EXAMPLES, "--seed", "1"])
        .arg("--continue-on-failure")
        // An answer of the service or the page: no document can say that this depends on whether there is a query.
        .args(["--exclude-path", "/"])
        .args(undescribed(document))
        .arg(document)
        .env("PYTHONPATH", tools)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("SCHEMATHESIS_HOOKS", root().join("tests/openapi/hooks.py"))
        .current_dir(folder.path());
    command.output().await.expect("there is a Python")
}
